"""From the registry to what the workers enforce: every agreement as Terms.

All that a worker needs is put in, the future included, so that an end, an expired accreditation
or the next version bites on time without anybody compiling again. Time itself changes one
thing only: what ended long ago is forgotten.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements.accreditations import Accreditation, accreditations
from tashika_server.agreements.act import ACCREDITATION, CORRESPONDING, Clause, notification_clause
from tashika_server.agreements.agreement_record import Agreement, Version, agreements
from tashika_server.agreements.credential_record import credentials_under
from tashika_server.agreements.holders import holders
from tashika_server.agreements.notifications import Notification, notifications
from tashika_server.agreements.parties import Verifier, find_verifier, verifiers
from tashika_server.agreements.period import Period, gaps
from tashika_server.agreements.scope import Scope
from tashika_server.agreements.suspension_record import Suspension, suspensions
from tashika_server.agreements.terms import (
    Credential,
    CredentialKind,
    Environment,
    Halt,
    HaltKind,
    Method,
    Terms,
)

__all__ = ["compile_terms", "compile_verifiers", "forgotten_at"]

REMEMBERED = timedelta(days=90)
"""How long what has ended is compiled on, so that a refusal can say that it has ended."""
NEVER = datetime.max.replace(tzinfo=UTC)


class _OfVerifier(Protocol):
    @property
    def verifier(self) -> str: ...


T = TypeVar("T", bound=_OfVerifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dossier:
    """What the registry says of one verifier."""

    verifier: Verifier
    agreements: Sequence[Agreement]
    notifications: Sequence[Notification]
    accreditations: Sequence[Accreditation]
    suspensions: Sequence[Suspension]
    proofs: Mapping[str, Sequence[Credential]]
    """The credentials of each agreement."""

    def unnotified(self, family: Family, within: Period) -> tuple[Period, ...]:
        """List when no notification for a family is in force."""
        return gaps((e.period for e in self.notifications if e.family is family), within)


def compile_terms(connection: Connection, at: datetime) -> tuple[Terms, ...]:
    """Compile every version of every activated agreement that counts now, later, or did lately.

    Reads each table once; ordered by the ids of verifiers, and of agreements for each.
    """
    return tuple(chain.from_iterable(compile_verifiers(connection, at).values()))


def compile_verifiers(
    connection: Connection, at: datetime, only: str | None = None
) -> dict[str, tuple[Terms, ...]]:
    """Compile verifier by verifier, in the order of their ids; all of them, or one."""
    recent = at - REMEMBERED
    return {
        dossier.verifier.id: tuple(
            _terms(agreement, piece, dossier, recent)
            for agreement in dossier.agreements
            if agreement.activated_at is not None
            for piece in agreement.timeline()
            if piece[1].end is None or piece[1].end > recent
        )
        for dossier in _dossiers(connection, recent, only)
    }


def forgotten_at(compiled: Iterable[Terms]) -> datetime:
    """Tell when time alone would compile this otherwise: when something in it is forgotten."""
    return min((end + REMEMBERED for each in compiled for end in _ends(each)), default=NEVER)


def _ends(terms: Terms) -> Iterator[datetime]:
    halts = (each.until for each in terms.halts if each.kind is HaltKind.SUSPENSION)
    credentials = (each.revoked_at or each.valid_to for each in terms.credentials)
    return (end for end in (terms.valid_to, *halts, *credentials) if end is not None)


def _terms(
    agreement: Agreement, piece: tuple[Version, Period], dossier: _Dossier, recent: datetime
) -> Terms:
    version, period = piece
    scope = version.scope
    halts = tuple(_suspended(dossier.suspensions, recent))
    if agreement.environment is Environment.PRODUCTION:
        for find in (_unnotified, _uncoupled, _unaccredited):
            halts += tuple(find(dossier, scope, period))
    return Terms(
        agreement=agreement.id,
        version=version.number,
        verifier=agreement.verifier,
        environment=agreement.environment,
        valid_from=period.start,
        valid_to=period.end,
        grants=scope.grants,
        credentials=tuple(
            each
            for each in dossier.proofs[agreement.id]
            if scope.path_tokens or each.kind is not CredentialKind.PATH_TOKEN
        ),
        rate=scope.rate,
        burst=scope.burst,
        max_cert_ids=scope.max_cert_ids,
        daily=scope.daily,
        networks=scope.networks,
        signed_required=scope.signed_required,
        receipts=scope.receipts,
        halts=halts,
    )


# --- Halts ----------------------------------------------------------------------------------


def _suspended(suspended: Iterable[Suspension], recent: datetime) -> Iterator[Halt]:
    for each in suspended:
        if each.until is None or each.until > max(each.since, recent):
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


def _unnotified(dossier: _Dossier, scope: Scope, period: Period) -> Iterator[Halt]:
    """Stop each family wherever no notification of it covers the time."""
    for family in sorted(scope.families):
        if clause := notification_clause(dossier.verifier.category, family):
            for gap in dossier.unnotified(family, period):
                yield _gap_halt(HaltKind.NOTIFICATION, gap, clause, dossier.verifier, family)


def _uncoupled(dossier: _Dossier, scope: Scope, period: Period) -> Iterator[Halt]:
    """Stop corresponding numbers wherever it is no verifier of user authentication too."""
    if any(grant.method is Method.CORRESPONDING for grant in scope.grants):
        for gap in dossier.unnotified(Family.USER_AUTH, period):
            halt = _gap_halt(
                HaltKind.NOTIFICATION, gap, CORRESPONDING, dossier.verifier, Family.SIGNATURE
            )
            yield replace(halt, method=Method.CORRESPONDING)


def _unaccredited(dossier: _Dossier, scope: Scope, period: Period) -> Iterator[Halt]:
    """Stop all that the Act speaks of wherever no accreditation is in force."""
    if not dossier.verifier.facts.accredited:
        return
    covered = [term for each in dossier.accreditations if (term := each.in_force)]
    for gap in gaps(covered, period):
        for family in sorted(scope.families - {Family.OTHER}):
            yield _gap_halt(HaltKind.ACCREDITATION, gap, ACCREDITATION, dossier.verifier, family)


def _gap_halt(
    kind: HaltKind, gap: Period, clause: Clause, verifier: Verifier, family: Family
) -> Halt:
    article = str(clause.at(verifier.act))
    return Halt(kind=kind, since=gap.start, until=gap.end, family=family, article=article)


# --- Reading --------------------------------------------------------------------------------


def _dossiers(connection: Connection, recent: datetime, only: str | None) -> Iterator[_Dossier]:
    agreed = _by_verifier(agreements(connection, only))
    notified = _by_verifier(notifications(connection, only))
    accredited = _by_verifier(accreditations(connection, only))
    suspended = _by_verifier(suspensions(connection, only))
    proofs = _proofs(connection, recent, only)
    for each in verifiers(connection) if only is None else (find_verifier(connection, only),):
        yield _Dossier(
            verifier=each,
            agreements=agreed[each.id],
            notifications=notified[each.id],
            accreditations=accredited[each.id],
            suspensions=suspended[each.id],
            proofs=proofs,
        )


def _proofs(
    connection: Connection, recent: datetime, only: str | None
) -> Mapping[str, Sequence[Credential]]:
    """Group the credentials by agreement; none lasts longer than its holder may ask."""
    admitted = {each.id: each for each in holders(connection, only)}
    proofs: dict[str, list[Credential]] = defaultdict(list)
    for each in credentials_under(connection, only):
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
