"""A responder whose answers are billed, before a disk that fails on order.

with till(tmp_path) as shop, Wire(shop.port) as wire: ...
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from support import asking
from support.asking import AT, HttpMessage, live, open_counter
from support.clock import FakeClock
from support.journal import NODE, FrailDisk, Inline
from tashika.pki.response import BasicResponse, ResponseStatus, parse_response
from tashika_server.agreements.gate import Permit
from tashika_server.agreements.terms import Environment, Method, Purpose
from tashika_server.durable import Durability
from tashika_server.issuer import Issuer
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.journal import MIN_SEGMENT_BYTES, Journal
from tashika_server.metering.meter import Meter
from tashika_server.metering.reading import Cursor, State, read_page
from tashika_server.metering.repeats import Repeats
from tashika_server.metering.syncing import InCall, Syncing
from tashika_server.metering.usage import Delivery, Usage
from tashika_server.responder.admission import Asker, Leave


class Everybody:
    """Lets all through under one agreement."""

    def __init__(self, permit: Permit) -> None:
        self.permit = permit

    def name(self, _asker: Asker, *, at: datetime) -> str:
        return f"{self.permit.verifier} at {at}"

    def admit(self, *_: object, at: datetime) -> Leave:
        del at
        return Leave(self.permit)


class Watching(FrailDisk):
    """Tells when a sync begins."""

    def __init__(self) -> None:
        super().__init__()
        self.before_sync: Callable[[], object] = lambda: None

    def sync(self, file: int) -> None:
        self.before_sync()
        super().sync(file)


@dataclass(kw_only=True)
class Books:
    """The journals of one directory, and what writes them."""

    root: Path
    disk: Watching
    repeats: Repeats
    fingerprints: dict[str, bytes]
    again_after: timedelta

    def group(self, make_syncing: Callable[[], Syncing] = InCall) -> GroupCommit:
        return GroupCommit(
            self._begin,
            clock=FakeClock(AT),
            make_syncing=make_syncing,
            again_after=self.again_after,
        )

    def meter(self, group: GroupCommit) -> Meter:
        return Meter(
            group=group, master=bytes(32), fingerprints=self.fingerprints, repeats=self.repeats
        )

    def read(self) -> Iterator[Usage]:
        """Read every journal to its end, as the office does."""
        for stream in self.root.iterdir():
            cursor, state = Cursor(), State.MORE
            while stream.is_dir() and state is State.MORE:
                page = read_page(stream, cursor)
                yield from page.usages
                cursor, state = page.cursor, page.state

    def deliveries(self) -> Counter[Delivery]:
        return Counter(each.delivery for each in self.read())

    def _begin(self) -> Journal:
        return Journal.begin(
            self.root,
            node=NODE,
            durability=Durability.DISK,
            disk=self.disk,
            executor=Inline(),
            segment_bytes=4 * MIN_SEGMENT_BYTES,
            at=AT,
        )


@contextmanager
def open_books(
    directory: Path, *issuers: Issuer, again_after: timedelta = timedelta(milliseconds=20)
) -> Iterator[Books]:
    repeats = Repeats.open(directory, entries=1024)
    yield Books(
        root=directory / "journal",
        disk=Watching(),
        repeats=repeats,
        fingerprints={each.name: each.identity.fingerprint for each in issuers},
        again_after=again_after,
    )
    repeats.close()


@dataclass
class Till:
    """A live responder under one agreement."""

    port: int
    books: Books
    counter: asking.Counter

    @property
    def disk(self) -> Watching:
        return self.books.disk

    def deliveries(self) -> Counter[Delivery]:
        return self.books.deliveries()


@contextmanager
def till(directory: Path, *, before_sync: Callable[[], object] = lambda: None) -> Iterator[Till]:
    counter = open_counter(directory)
    with open_books(directory, counter.issuer) as books:
        books.disk.before_sync = before_sync
        desk = replace(counter.desk, admission=Everybody(permit_for(counter.issuer)))
        with live(desk, group=books.group, meter=books.meter) as port:
            yield Till(port, books, counter)


def permit_for(issuer: Issuer) -> Permit:
    return Permit(
        verifier="V-000001",
        agreement="A-000001",
        version=1,
        credential="C-000001",
        holder=None,
        environment=Environment.PRODUCTION,
        family=issuer.family,
        issuer=issuer.name,
        method=Method.OCSP,
        purpose=Purpose.CURRENT_STATUS,
    )


def outcome(message: HttpMessage | None) -> int | ResponseStatus:
    """Say of how many certificates something was said, or why of none."""
    assert message
    read = parse_response(message.body)
    return len(read.responses) if isinstance(read, BasicResponse) else read.status
