"""From the registry to what the workers enforce: every agreement as Terms.

All that a worker needs is put in, the future included, so that an end, an expired accreditation
or the next version bites on time without anybody compiling again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements.accreditations import Accreditation, accreditations
from tashika_server.agreements.act import ACCREDITATION, notification_clause
from tashika_server.agreements.agreement_record import Agreement, Version, agreements
from tashika_server.agreements.credential_record import credentials
from tashika_server.agreements.holders import holders
from tashika_server.agreements.notifications import Notification, notifications
from tashika_server.agreements.parties import Verifier, verifiers
from tashika_server.agreements.period import Period, gaps
from tashika_server.agreements.suspension_record import Suspension, suspensions
from tashika_server.agreements.terms import (
    Credential,
    CredentialKind,
    Environment,
    Grant,
    Halt,
    HaltKind,
    Method,
    Terms,
)

__all__ = ["compile_terms"]

REMEMBERED = timedelta(days=90)
"""How long what has ended is compiled on, so that a refusal can say that it has ended."""


class _OfVerifier(Protocol):
    @property
    def verifier(self) -> str: ...


T = TypeVar("T", bound=_OfVerifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What the registry says of one verifier."""

    verifier: Verifier
    notifications: Sequence[Notification]
    accreditations: Sequence[Accreditation]
    suspensions: Sequence[Suspension]


def compile_terms(connection: Connection, at: datetime) -> tuple[Terms, ...]:
    """Compile every version of every activated agreement that counts now, later, or did lately.

    Reads each table once; ordered by the ids.
    """
    recent = at - REMEMBERED
    standings = _standings(connection, recent)
    proofs = _proofs(connection, recent)
    return tuple(
        _terms(agreement, piece, standings[agreement.verifier], proofs[agreement.id], at)
        for agreement in agreements(connection)
        if agreement.activated_at is not None
        for piece in agreement.timeline()
        if piece[1].end is None or piece[1].end > recent
    )


def _terms(
    agreement: Agreement,
    piece: tuple[Version, Period],
    standing: _Standing,
    proofs: Sequence[Credential],
    at: datetime,
) -> Terms:
    version, period = piece
    scope = version.scope
    halts = tuple(_suspended(standing))
    grants = scope.grants
    if agreement.environment is Environment.PRODUCTION:
        halts += tuple(_unnotified(standing, scope.families, period))
        halts += tuple(_unaccredited(standing, scope.families, period))
        grants = tuple(each for each in grants if _is_for(standing, each, at))
    return Terms(
        agreement=agreement.id,
        version=version.number,
        verifier=agreement.verifier,
        environment=agreement.environment,
        valid_from=period.start,
        valid_to=period.end,
        grants=grants,
        credentials=tuple(
            each
            for each in proofs
            if scope.path_tokens or each.kind is not CredentialKind.PATH_TOKEN
        ),
        rate=scope.rate,
        burst=scope.burst,
        max_cert_ids=scope.max_cert_ids,
        daily=scope.daily,
        networks=scope.networks,
        signed_required=scope.signed_required,
        halts=halts,
    )


def _is_for(standing: _Standing, grant: Grant, at: datetime) -> bool:
    """Corresponding numbers are only for who is a verifier of user authentication too."""
    return grant.method is not Method.CORRESPONDING or any(
        each.family is Family.USER_AUTH and each.period.covers(at)
        for each in standing.notifications
    )


# --- Halts ----------------------------------------------------------------------------------


def _suspended(standing: _Standing) -> Iterator[Halt]:
    for each in standing.suspensions:
        if each.until is None or each.until > each.since:
            yield Halt(
                kind=HaltKind.SUSPENSION,
                since=each.since,
                until=each.until,
                family=each.family,
                holder=each.holder,
                ground=each.ground,
                article=each.article,
                id=each.id,
            )


def _unnotified(standing: _Standing, families: Iterable[Family], period: Period) -> Iterator[Halt]:
    """Stop a family wherever no notification covers the time."""
    for family in sorted(families):
        clause = notification_clause(standing.verifier.category, family)
        if clause is None:
            continue
        covered = [each.period for each in standing.notifications if each.family is family]
        for gap in gaps(covered, period):
            yield Halt(
                kind=HaltKind.NOTIFICATION,
                since=gap.start,
                until=gap.end,
                family=family,
                article=str(clause.at(standing.verifier.act)),
            )


def _unaccredited(
    standing: _Standing, families: Iterable[Family], period: Period
) -> Iterator[Halt]:
    """Stop all that the Act speaks of wherever no accreditation is in force."""
    if not standing.verifier.facts.accredited:
        return
    covered = [term for each in standing.accreditations if (term := each.in_force)]
    for gap in gaps(covered, period):
        for family in sorted(set(families) - {Family.OTHER}):
            yield Halt(
                kind=HaltKind.ACCREDITATION,
                since=gap.start,
                until=gap.end,
                family=family,
                article=str(ACCREDITATION.at(standing.verifier.act)),
            )


# --- Reading --------------------------------------------------------------------------------


def _standings(connection: Connection, recent: datetime) -> dict[str, _Standing]:
    notified = _by_verifier(notifications(connection))
    accredited = _by_verifier(accreditations(connection))
    suspended = _by_verifier(
        each for each in suspensions(connection) if each.until is None or each.until > recent
    )
    return {
        each.id: _Standing(
            verifier=each,
            notifications=notified[each.id],
            accreditations=accredited[each.id],
            suspensions=suspended[each.id],
        )
        for each in verifiers(connection)
    }


def _proofs(connection: Connection, recent: datetime) -> Mapping[str, Sequence[Credential]]:
    """Group the credentials by agreement; none lasts longer than its holder may ask."""
    admitted = {each.id: each for each in holders(connection)}
    proofs: dict[str, list[Credential]] = defaultdict(list)
    for each in credentials(connection):
        its = each.credential
        life: Period | None = Period(its.valid_from, its.valid_to)
        if its.holder is not None:
            life = admitted[its.holder].period.common(Period(its.valid_from, its.valid_to))
        if life is not None and life.end is not None and (its.revoked_at or life.end) > recent:
            kept = replace(its, valid_from=life.start, valid_to=life.end)
            proofs[each.agreement].append(kept)
    return proofs


def _by_verifier(records: Iterable[T]) -> dict[str, list[T]]:
    grouped: dict[str, list[T]] = defaultdict(list)
    for each in records:
        grouped[each.verifier].append(each)
    return grouped
