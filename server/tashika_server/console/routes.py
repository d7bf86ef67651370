"""The one table of the management API: method, path, for whom, and the function that does it.

Everything else follows from it: what is dispatched, who is let in, the OpenAPI document. A
route that is for nobody in particular cannot be written down.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, cast

from tashika_server.agreements import registry
from tashika_server.agreements.registry import (
    IssueCredential,
    Issued,
    Proposal,
    Resume,
    Suspend,
    Suspension,
)
from tashika_server.book import Change
from tashika_server.console import views
from tashika_server.console.operators import Role, find_operator, operators
from tashika_server.console.verbs import Verb
from tashika_server.console.visit import describe, log_in, log_out, who_am_i
from tashika_server.policy import Guarded

__all__ = ["ROUTES", "Route"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the table."""

    method: str
    path: str
    roles: frozenset[Role | None]
    """Who may; None is a caller who is not logged in."""
    verb: Verb

    def __post_init__(self) -> None:
        if not self.roles:
            raise TypeError(f"{self.method} {self.path} is for nobody: give it roles")


# --- What may need a second person ----------------------------------------------------------


def issue(
    change: Change, order: IssueCredential, two_person: Collection[Guarded]
) -> Issued | Proposal:
    """Issue a credential, or propose it; a token is in the reply this once."""
    return cast("Issued | Proposal", registry.submit(change, order, two_person=two_person))


def suspend(
    change: Change, order: Suspend, two_person: Collection[Guarded]
) -> Suspension | Proposal:
    """Stop provision of one family, or propose it."""
    return cast("Suspension | Proposal", registry.submit(change, order, two_person=two_person))


def resume(
    change: Change, suspension_id: str, *, reason: str, two_person: Collection[Guarded]
) -> Suspension | Proposal:
    """Provide again, or propose it."""
    order = Resume(suspension=suspension_id, reason=reason)
    return cast("Suspension | Proposal", registry.submit(change, order, two_person=two_person))


# --- The table ------------------------------------------------------------------------------

STRANGERS = frozenset({None})
READERS = frozenset(Role)
OVERSEERS = frozenset({Role.REGISTRAR, Role.AUDITOR})
KEEPERS = frozenset({Role.REGISTRAR})
EVERYONE = READERS | STRANGERS

_GET, _POST, _PATCH, _DELETE = "GET", "POST", "PATCH", "DELETE"
_V, _A, _C = (
    "/verifiers/{verifier_id}",
    "/agreements/{agreement_id}",
    "/credentials/{credential_id}",
)
_S, _P = "/suspensions/{suspension_id}", "/proposals/{proposal_id}"

_TABLE: tuple[tuple[str, str, Collection[Role | None], Callable[..., Any]], ...] = (
    (_GET, "/openapi.json", EVERYONE, describe),
    (_POST, "/sessions", EVERYONE, log_in),
    (_GET, "/sessions/current", READERS, who_am_i),
    (_DELETE, "/sessions/current", READERS, log_out),
    (_GET, "/verifiers", READERS, registry.verifiers),
    (_POST, "/verifiers", KEEPERS, registry.add_verifier),
    (_GET, _V, READERS, views.show_verifier),
    (_PATCH, _V, KEEPERS, registry.change_verifier),
    (_POST, f"{_V}/end", KEEPERS, registry.end_verifier),
    (_POST, f"{_V}/notifications", KEEPERS, registry.add_notification),
    (_POST, f"{_V}/notifications/withdraw", KEEPERS, registry.withdraw_notification),
    (_POST, f"{_V}/accreditations", KEEPERS, registry.add_accreditation),
    (_POST, f"{_V}/accreditations/revoke", KEEPERS, registry.revoke_accreditation),
    (_POST, f"{_V}/holders", KEEPERS, registry.admit_holder),
    (_POST, "/holders/{holder_id}/dismiss", KEEPERS, registry.dismiss_holder),
    (_POST, f"{_V}/agreements", KEEPERS, registry.add_agreement),
    (_GET, "/agreements", READERS, views.list_agreements),
    (_GET, _A, READERS, views.show_agreement),
    (_POST, f"{_A}/versions", KEEPERS, registry.change_agreement),
    (_POST, f"{_A}/steps", KEEPERS, registry.advance_agreement),
    (_POST, f"{_A}/end", KEEPERS, registry.end_agreement),
    (_GET, "/credentials", OVERSEERS, registry.credentials),
    (_POST, "/credentials", KEEPERS, issue),
    (_GET, _C, OVERSEERS, registry.find_credential),
    (_PATCH, _C, KEEPERS, registry.change_credential),
    (_POST, f"{_C}/end", KEEPERS, registry.end_credential),
    (_POST, f"{_C}/bar", KEEPERS, registry.bar_certificate),
    (_GET, "/suspensions", READERS, registry.suspensions),
    (_POST, "/suspensions", KEEPERS, suspend),
    (_GET, _S, READERS, registry.find_suspension),
    (_POST, f"{_S}/resume", KEEPERS, resume),
    (_GET, "/compromises", READERS, registry.compromises),
    (_GET, "/compromises/{compromise_id}", READERS, registry.find_compromise),
    (_GET, "/proposals", OVERSEERS, registry.proposals),
    (_GET, _P, OVERSEERS, registry.find_proposal),
    (_POST, f"{_P}/approve", KEEPERS, registry.approve),
    (_POST, f"{_P}/reject", KEEPERS, registry.reject),
    (_GET, "/notices", READERS, views.ending_soon),
    (_GET, "/audit", OVERSEERS, views.audit),
    (_GET, "/operators", OVERSEERS, operators),
    (_GET, "/operators/{operator_id}", OVERSEERS, find_operator),
)

ROUTES = tuple(
    Route(method=method, path=f"/v1{path}", roles=frozenset(roles), verb=Verb.of(act, path))
    for method, path, roles, act in _TABLE
)
