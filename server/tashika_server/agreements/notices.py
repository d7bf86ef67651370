"""What runs out soon: warnings ahead for accreditations, agreements and credentials."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from tashika_server.agreements.accreditations import accreditations
from tashika_server.agreements.agreement_record import agreements
from tashika_server.agreements.credential_record import credentials
from tashika_server.agreements.lifecycle import State
from tashika_server.agreements.parties import verifiers
from tashika_server.agreements.period import Period, gaps

__all__ = ["AHEAD", "Notice", "notices"]

AHEAD = timedelta(days=90)
"""A renewal of an accreditation takes months; warn early enough to ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that ends: what, whose, and when."""

    subject: str
    verifier: str
    what: str
    ends: datetime


def notices(connection: Connection, at: datetime, *, ahead: timedelta = AHEAD) -> list[Notice]:
    """List what ends within `ahead`, and accreditations that have lapsed; the nearest first."""
    found = [
        *_accreditations(connection, at, at + ahead),
        *_agreements(connection, at, at + ahead),
        *_credentials(connection, at, at + ahead),
    ]
    return sorted(found, key=lambda each: (each.ends, each.subject))


def _accreditations(connection: Connection, at: datetime, until: datetime) -> Iterator[Notice]:
    """Find the first moment, of those that matter, that no term of a verifier covers."""
    terms = defaultdict(list)
    for each in accreditations(connection):
        if each.in_force:
            terms[each.verifier].append(each.in_force)
    for verifier in verifiers(connection):
        if verifier.ended_at is None and (its := terms[verifier.id]):
            begun = min(term.start for term in its)
            for gap in gaps(its, Period(begun, max(until, begun + AHEAD))):
                if gap.end is None or at < gap.end:
                    yield _notice(verifier.id, verifier.id, "accreditation", gap.start)
                    break


def _agreements(connection: Connection, at: datetime, until: datetime) -> Iterator[Notice]:
    for each in agreements(connection):
        if each.stage is State.ACTIVE:
            end = each.timeline()[-1][1].end
            if end is not None and at < end <= until:
                yield _notice(each.id, each.verifier, "agreement", end)


def _credentials(connection: Connection, at: datetime, until: datetime) -> Iterator[Notice]:
    active = {e.id: e.verifier for e in agreements(connection) if e.stage is State.ACTIVE}
    for each in credentials(connection):
        its = each.credential
        if each.agreement in active and its.revoked_at is None and at < its.valid_to <= until:
            yield _notice(its.id, active[each.agreement], "credential", its.valid_to)


def _notice(subject: str, verifier: str, what: str, ends: datetime) -> Notice:
    return Notice(subject=subject, verifier=verifier, what=what, ends=ends)
