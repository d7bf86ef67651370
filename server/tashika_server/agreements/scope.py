"""What an agreement allows: which information, how much of it, from where, shown by what.

Values and their rules; the agreement that has the scope is in `agreement`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from tashika.pki.profile import Family
from tashika_server.agreements.act import provision_clause
from tashika_server.agreements.errors import BadScope, NotEntitled
from tashika_server.agreements.parties import Verifier
from tashika_server.agreements.terms import Grant, Method, Network

__all__ = ["MOST", "Issuers", "Line", "Scope", "demand_sound"]

MOST = 1_000_000_000
"""No limit is set higher: ten statuses a day for each living person of Japan, and to spare."""
Line = tuple[Family, Method]
"""What two agreements of one verifier may not both grant at one time."""
Issuers = Mapping[str, Family]
"""The issuers of the configuration: name and family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The content of one version of an agreement. Its limits are on by default."""

    grants: tuple[Grant, ...]
    networks: tuple[Network, ...] = ()
    """Where questions may come from; empty is anywhere."""
    rate: float = 10.0
    """Statuses a second."""
    burst: int = 50
    """Statuses at once."""
    daily: int | None = 100_000
    """Statuses a day of Japan; None is no cap."""
    max_cert_ids: int = 16
    """Certificates in one question."""
    signed_required: bool = False
    """Whether questions over OCSP must be signed."""
    path_tokens: bool = False
    """Whether a token may stand in the URL, where logs of others can see it."""
    receipts: bool = False
    """Whether answers over OCSP say where they stand in the journal."""

    @property
    def families(self) -> frozenset[Family]:
        """The families it grants anything of."""
        return frozenset(grant.family for grant in self.grants)

    @property
    def lines(self) -> frozenset[Line]:
        """What it grants, leaving out issuers and purposes."""
        return frozenset((grant.family, grant.method) for grant in self.grants)


def demand_sound(scope: Scope, verifier: Verifier, issuers: Issuers) -> None:
    """Raise BadScope for what makes no sense, NotEntitled for what the Act does not give."""
    _demand_lines(scope)
    for grant in scope.grants:
        _demand_served(grant, issuers)
    _demand_limits(scope)
    verifier.demand(scope.families)
    for grant in scope.grants:
        if grant.method is Method.CORRESPONDING:
            _demand_corresponding(grant, verifier)


def _demand_lines(scope: Scope) -> None:
    if not scope.grants:
        raise BadScope(
            "the agreement grants nothing",
            rule="an agreement fixes the range of information",
            remedy="give at least one family and method",
        )
    if len(scope.lines) < len(scope.grants):
        raise BadScope(
            "a family and method is granted twice",
            rule="one line for one family and method",
            remedy="join the two lines",
        )
    for grant in scope.grants:
        if not grant.purposes or grant.issuers == frozenset():
            raise BadScope(
                f"the grant of {grant.family} by {grant.method} has no purpose or no issuer",
                rule="a line that allows nothing is left out",
                remedy="name at least one purpose, and issuers or none for all",
            )


def _demand_served(grant: Grant, issuers: Issuers) -> None:
    served = sorted(name for name, family in issuers.items() if family is grant.family)
    for name in sorted((grant.issuers or frozenset()).difference(served)):
        nearest = get_close_matches(name, served, n=1)
        those = f"name {' or '.join(served)}, or none" if served else "name none"
        raise BadScope(
            f"no issuer of family {grant.family} is called {name!r}",
            rule="a grant names issuers of the configuration",
            remedy=f"did you mean {nearest[0]!r}?" if nearest else f"{those} for all there are",
        )


def _demand_limits(scope: Scope) -> None:
    daily = scope.max_cert_ids if scope.daily is None else scope.daily
    fits = 1 <= scope.max_cert_ids <= min(scope.burst, daily)
    if not (fits and 0 < scope.rate <= MOST and max(scope.burst, daily) <= MOST):
        raise BadScope(
            f"rate {scope.rate:g}, burst {scope.burst}, daily {scope.daily} and "
            f"{scope.max_cert_ids} certificates a question do not go together",
            rule="a rate above 0, room for one full question in the burst and in the day, "
            f"and nothing above {MOST}",
            remedy="raise the burst or the daily cap, or lower the certificates a question",
        )


def _demand_corresponding(grant: Grant, verifier: Verifier) -> None:
    clause = provision_clause(Family.SIGNATURE, Method.CORRESPONDING)
    if grant.family is not Family.SIGNATURE:
        raise BadScope(
            f"corresponding numbers are not provided as {grant.family} information",
            rule=verifier.cite("they are provided with the signature information", clause),
            remedy="grant them for the family signature; that covers both directions",
        )
    if Family.USER_AUTH not in verifier.facts.families:
        raise NotEntitled(
            f"{verifier.id} is a party of category {verifier.category}, "
            "which may not be given corresponding numbers",
            rule=verifier.cite(
                "only to verifiers of signatures and of user authentication", clause
            ),
            remedy="leave the line out",
        )
