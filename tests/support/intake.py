"""A machine with workers and an office: journals by `support.journal`, a book to take them into."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, insert, select

from support.clock import FakeClock
from support.journal import AT, NODE, FrailDisk, Worker, read_all
from tashika_server.agreements.act import Category
from tashika_server.book import Book, BookUnreachable, Entry, tables
from tashika_server.book.accounts import journal_node, month
from tashika_server.book.trail import entries
from tashika_server.metering import alarms, streams
from tashika_server.metering.alarms import Alarm
from tashika_server.metering.counting import Like
from tashika_server.metering.ingest import Ingester, IngestParts
from tashika_server.metering.record import CHECKSUM, SLOT_BYTES, seed
from tashika_server.metering.recount import Span, extents, recount
from tashika_server.metering.segment import segment_path
from tashika_server.metering.settling import Settlement, settle
from tashika_server.metering.streams import Segment, Stream
from tashika_server.metering.totals import totals
from tashika_server.metering.usage import Usage

HOUR = 3_600_000_000
ALWAYS = Span(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def register(book: Book, verifiers: int = 3) -> None:
    """Have V-000001 and so on, each with an agreement of the same number."""
    for number in range(1, verifiers + 1):
        add_party(book, number)


def add_party(book: Book, number: int) -> None:
    """Add a verifier and its agreement by the tables alone: other tests see to the registry."""
    rest = {"rate": 1, "burst": 1, "max_cert_ids": 1, "signed_required": False}
    with book.writing(actor="sato", at=AT) as change:
        party = {"name": f"Bank {number}", "category": Category.ACCREDITED_VERIFIER}
        change.insert(tables.verifier, {**party, "act_version": "2013", "registered_at": AT})
        draft = {"verifier_id": number, "environment": "production", "stage": "draft"}
        change.insert(tables.agreement, draft)
        version = {"agreement_id": number, "number": 1, "valid_from": AT, "networks": []}
        more = insert(tables.agreement_version).values(**version, **rest, path_tokens=False)
        change.connection.execute(more)


def usages(worker: Worker) -> list[Usage]:
    """Read what a worker's present stream says."""
    return read_all(worker.root / worker.name)[0]


def counts(usages: list[Usage]) -> Counter[Like]:
    """Count as a child would."""
    return Counter(
        Like(each.at // HOUR, each.context, each.standing, each.occasion, each.delivery)
        for each in usages
    )


@dataclass
class Machine:
    """One machine's journals and what its office makes of them."""

    book: Book
    journal: Path
    node: str = NODE
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT))

    def worker(self, **named: Any) -> Worker:
        return Worker(self.journal, FrailDisk(), **named)

    def ingester(self, book: Any = None) -> Ingester:
        book = book or self.book
        parts = IngestParts(book=book, journal=self.journal, node=self.node, clock=self.clock)
        return Ingester(parts)

    def take_in(self) -> int:
        """As an office does that has just been started."""
        return self.ingester().take_in()

    def settle(self, how: Settlement, number: int = 1, reason: str = "seen to") -> Alarm:
        with self.book.writing(actor="sato", at=self.clock.now()) as change:
            return settle(change, self.journal, number, how, node=self.node, reason=reason)

    def freeze(self, *months: str) -> None:
        """Have months frozen, by their rows alone: other tests close months."""
        at, rest = self.clock.now(), dict.fromkeys(("list_yen", "waived_yen", "due_yen"), 0)
        with self.book.writing(actor="suzuki", at=at) as change:
            for each in months:
                frozen = {"frozen_at": at, "frozen_by": "suzuki", "caught_up_to": at}
                more = {"provisions": 0, "digest": bytes(32), "billable": "{}"}
                change.connection.execute(insert(month).values(id=each, **frozen, **rest, **more))

    # --- What the book says -------------------------------------------------------------------

    def see(self, query: Callable[[Connection], Any]) -> Any:
        with self.book.reading() as connection:
            return query(connection)

    @property
    def counted(self) -> Counter[Like]:
        def read(connection: Connection) -> Counter[Like]:
            return Counter({Like(*each[:-1]): each.answers for each in totals(connection)})

        return self.see(read)

    def recount(self, span: Span = ALWAYS) -> Counter[Like]:
        found = self.see(lambda connection: extents(connection, [self.journal], span))
        return recount(found, span)

    @property
    def streams(self) -> tuple[Stream, ...]:
        return self.see(streams.streams)

    @property
    def stream(self) -> Stream:
        """The only one."""
        (only,) = self.streams
        return only

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.see(lambda connection: tuple(streams.segments(connection)))

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return self.see(alarms.alarms)

    @property
    def read_to(self) -> datetime | None:
        return self.see(lambda connection: connection.scalar(select(journal_node.c.read_to)))

    def trail(self, action: str) -> list[Entry]:
        return self.see(
            lambda connection: [each for each in entries(connection) if each.action == action]
        )


class FailingBook:
    """A book whose next writing transactions fail, as it says: whether they were kept or not."""

    def __init__(self, book: Book, *kept: bool) -> None:
        self._book, self._kept = book, list(kept)
        self.reading = book.reading

    @contextmanager
    def writing(self, **named: Any) -> Iterator[Any]:
        lost = BookUnreachable("the connection broke")
        if not self._kept:
            with self._book.writing(**named) as change:
                yield change
        elif self._kept.pop(0):
            with self._book.writing(**named) as change:
                yield change
            raise lost
        else:
            with self._book.writing(**named) as change:
                yield change
                raise lost


# --- Harm -------------------------------------------------------------------------------------


def own_segment(worker: Worker, number: int = 1) -> Path:
    return segment_path(worker.root / worker.name, number)


def spoil(path: Path, place: int) -> None:
    """Turn a bit of a slot."""
    data = bytearray(path.read_bytes())
    data[place * SLOT_BYTES + 30] ^= 1
    path.write_bytes(data)


def forge(path: Path, place: int, change: Callable[[bytearray], None]) -> None:
    """Alter a slot so that its checksum holds."""
    data = bytearray(path.read_bytes())
    slot = bytearray(data[place * SLOT_BYTES : (place + 1) * SLOT_BYTES])
    change(slot)
    begun = seed(bytes.fromhex(path.parent.name), int(path.stem))
    slot[-CHECKSUM.size :] = CHECKSUM.pack(crc32(slot[: -CHECKSUM.size], begun))
    data[place * SLOT_BYTES : (place + 1) * SLOT_BYTES] = slot
    path.write_bytes(data)
