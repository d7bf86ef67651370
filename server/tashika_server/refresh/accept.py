"""The numbered checks between a file from the network and the index.

An AcceptedCrl has passed all that can be seen in one file and the mark of its predecessor.
The last check, `guards.check_bounds`, needs the difference as well and comes right after `diff`.
"""

from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, timedelta

from tashika.pki.crl_head import CrlHead
from tashika_server.index import Mark
from tashika_server.refresh.cell import Cell
from tashika_server.refresh.fetch import Fetched
from tashika_server.refresh.heads import (
    MAX_SKEW,
    check_base,
    check_critical,
    check_issuer,
    check_next_update,
    check_number,
    check_scope,
    check_signature,
    check_this_update,
)
from tashika_server.refresh.hearing import Listed, hearing
from tashika_server.refresh.messages import Order
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Kind, Source

__all__ = ["AcceptedCrl", "Reading", "ReadingLimits", "accept"]

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)
"""The dates that the index can hold; a zero date is no date (T7)."""
_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingLimits:
    """How much of a CRL is read, and how long (T30); a cell has limits of its own."""

    max_entries: int = 100_000_000
    """Twice the revoked certificates of a nation."""
    patience: timedelta = timedelta(minutes=15)
    """By the clock, for 50 M entries on a busy core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one file is read with."""

    cell: Cell
    room: Room
    limits: ReadingLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCrl:
    """A CRL that speaks for its partition; only accept makes one."""

    number: int
    base: int | None
    """Where it is a delta, the number of the oldest complete CRL that it can follow."""
    this_update: datetime
    next_update: datetime
    freshest: str | None
    listed: Listed = field(repr=False)
    """Sorted by serial; with the room it ends."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("an AcceptedCrl comes from accept() only")


def accept(
    fetched: Fetched,
    source: Source,
    mark: Mark | None,
    reading: Reading,
    *,
    kind: Kind = Kind.COMPLETE,
    at: datetime,
) -> AcceptedCrl:
    """Check one CRL against its source and the mark of the last one; raises NotTaken, NotNews.

    1. It is a version 2 CRL in DER (its size was counted while it was fetched).
    2. It names this issuer and this key (T14): all generations of a CA share one name.
    3. The issuer's key, which may sign CRLs, has signed it. No entry is read before (T30).
    4. Its scope is this partition and every certificate and reason in it (RFC 5280 5.2.5).
    5. No critical extension is unknown, neither in the list nor in an entry.
    6. It has a number, greater than the last one's (RFC 5280 5.2.3).
    7. thisUpdate is not in the future and not before the last one's.
    8. nextUpdate is there and ahead, and not too far from thisUpdate (T11).
    9. It is complete, or a delta to what the index has (RFC 5280 5.2.4), as was asked for.
    10. Its entries have credible dates (T7), legal reasons and no serial twice.

    The head and the entries are read in a process apart (T28); only the outermost frame, which
    the signature is verified by, is read in this one.
    """
    with (
        fetched.path.open("rb") as file,
        hearing(reading.cell, file, reading.room, patience=reading.limits.patience) as heard,
    ):
        head = heard.head()
        signer = source.partition.crl_issuer or source.issuer.certificate
        check_issuer(head, signer)
        check_signature(file, signer)
        check_scope(head, source)
        check_critical(head)
        number = check_number(head, mark, kind, fetched.sha256)
        check_this_update(head, mark, at)
        next_update = check_next_update(head, at, source.issuer.bounds.max_validity)
        check_base(head, mark, kind)
        return AcceptedCrl(
            number=number,
            base=head.base_number,
            this_update=head.this_update,
            next_update=next_update,
            freshest=next(iter(head.freshest), None),
            listed=heard.listed(_order(head, source, kind, reading.limits, at)),
            seal=_SEAL,
        )


def _order(head: CrlHead, source: Source, kind: Kind, limits: ReadingLimits, at: datetime) -> Order:
    begin = max(EARLIEST, source.issuer.certificate.not_valid_before_utc)
    indirect = head.scope is not None and head.scope.indirect
    return Order(
        begin=int(begin.timestamp()),
        end=int(min(LATEST, at + MAX_SKEW).timestamp()),
        max_entries=limits.max_entries,
        is_delta=kind is Kind.DELTA,
        other_issuer=source.issuer.identity.name.hex() if indirect else None,
    )
