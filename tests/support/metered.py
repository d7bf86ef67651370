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
from tashika.pki.profile import Family
from tashika.pki.response import BasicResponse, ResponseStatus, parse_response
from tashika_server.agreements.gate import Permit
from tashika_server.agreements.terms import Environment, Method, Purpose
from tashika_server.durable import Durability
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.journal import MIN_SEGMENT_BYTES, Journal
from tashika_server.metering.meter import Meter
from tashika_server.metering.reading import Cursor, State, read_page
from tashika_server.metering.repeats import Repeats
from tashika_server.metering.usage import Delivery
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


@dataclass
class Till:
    port: int
    disk: Watching
    root: Path
    counter: asking.Counter

    def deliveries(self) -> Counter[Delivery]:
        """Read every journal to its end, as the office does."""
        found: Counter[Delivery] = Counter()
        for stream in self.root.iterdir():
            cursor, state = Cursor(), State.MORE
            while stream.is_dir() and state is State.MORE:
                page = read_page(stream, cursor)
                found.update(each.delivery for each in page.usages)
                cursor, state = page.cursor, page.state
        return found


@contextmanager
def till(
    directory: Path,
    *,
    again_after: timedelta = timedelta(milliseconds=20),
    before_sync: Callable[[], object] = lambda: None,
) -> Iterator[Till]:
    counter, disk, root = open_counter(directory), Watching(), directory / "journal"
    disk.before_sync = before_sync
    permit = Permit(
        verifier="V-000001",
        agreement="A-000001",
        version=1,
        credential="C-000001",
        holder=None,
        environment=Environment.PRODUCTION,
        family=Family.USER_AUTH,
        issuer=counter.issuer.name,
        method=Method.OCSP,
        purpose=Purpose.CURRENT_STATUS,
    )

    def begin() -> Journal:
        return Journal.begin(
            root,
            node=NODE,
            durability=Durability.DISK,
            disk=disk,
            executor=Inline(),
            segment_bytes=4 * MIN_SEGMENT_BYTES,
            at=AT,
        )

    def group() -> GroupCommit:
        return GroupCommit(begin, clock=FakeClock(AT), again_after=again_after)

    repeats = Repeats.open(directory, entries=1024)
    fingerprints = {counter.issuer.name: counter.issuer.identity.fingerprint}
    desk = replace(counter.desk, admission=Everybody(permit))
    metered = live(
        desk,
        group=group,
        meter=lambda own: Meter(
            group=own, master=bytes(32), fingerprints=fingerprints, repeats=repeats
        ),
    )
    with metered as port:
        yield Till(port, disk, root, counter)
    repeats.close()


def outcome(message: HttpMessage | None) -> int | ResponseStatus:
    """Say of how many certificates something was said, or why of none."""
    assert message
    read = parse_response(message.body)
    return len(read.responses) if isinstance(read, BasicResponse) else read.status
