"""From the journals into the book: every answer counts once, whoever reads, dies or reads again.

    roster  ->  streams  ->  pages  ->  a transaction each: cursor, totals, segments, alarm

A page is read outside of any transaction. What makes it count once is the transaction's first
statement: it moves the stream's cursor from where the page began to where it ends, or finds that
somebody else has moved it (`streams.advance`). So several may do this at once, and nothing is
remembered but what the book has kept. What could be read only in part counts not at all (T39).

Not for telling what is wrong with a journal (`reading`), nor for what to do then (`settling`).
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tashika_server.book import Book, BookRefuses, Change
from tashika_server.clock import Clock
from tashika_server.log import get_log
from tashika_server.metering.alarms import Alarm, Doubt, open_alarm
from tashika_server.metering.contexts import Stranger
from tashika_server.metering.counting import Counted, count_page
from tashika_server.metering.ending import Harm
from tashika_server.metering.enrolment import enrol_streams
from tashika_server.metering.lateness import tell_of_late
from tashika_server.metering.leaves import Leaf, asking, keep_leaves, leaves_of, read_again
from tashika_server.metering.reading import Closed, State
from tashika_server.metering.streams import (
    FINISHED,
    Outlook,
    Overtaken,
    Segment,
    Stream,
    advance,
    close_segment,
    end_stream,
    to_read,
)
from tashika_server.metering.totals import add_totals
from tashika_server.metering.usage import instant

__all__ = ["IngestParts", "Ingester"]

log = get_log()

ROSTER_EVERY = timedelta(seconds=10)
"""How often the roster is read, and the book told so, while it has not changed."""

_OUTLOOKS = {State.ENDED: Outlook.ENDED, State.DEAD: Outlook.DEAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestParts:
    """What the ingest works with."""

    book: Book
    journal: Path
    """The directory of this machine's journals."""
    node: str
    """The name of this machine, which no other with the same book has."""
    clock: Clock

    @property
    def actor(self) -> str:
        """Who the trail says it was."""
        return f"intake:{self.node}"


class Ingester:
    """Takes in one machine's journals. Not for two threads; any number of them may be at work."""

    def __init__(self, parts: IngestParts) -> None:
        self._parts = parts
        self._listed: frozenset[str] = frozenset()
        self._roster: tuple[int, int] | None = None
        """How the roster's file looked when it was last read."""
        self._read_at = datetime.min.replace(tzinfo=UTC)
        self._unreadable: dict[str, str] = {}

    def take_in(self) -> int:
        """Take in all that is known by now; returns how many answers. Raises OSError, BookError.

        A stream that cannot be read, or that the book refuses, is tried again next time, as if
        nothing of it had been read; the others do not wait for it.
        """
        self._look_at_roster()
        with self._parts.book.reading() as connection:
            found = to_read(connection, self._parts.node, self._listed)
        return sum(map(self._try, found))

    def _look_at_roster(self) -> None:
        parts, roster = self._parts, _looks(self._parts.journal / "roster")
        at = parts.clock.now()
        if roster == self._roster and self._read_at <= at < self._read_at + ROSTER_EVERY:
            return
        self._listed, raised = enrol_streams(
            parts.book, parts.journal, node=parts.node, actor=parts.actor, at=at
        )
        _tell(*raised)
        self._roster, self._read_at = roster, at

    def _try(self, stream: Stream) -> int:
        taken, told = 0, self._unreadable.pop(stream.id, None)
        try:
            taken = self._follow(stream)
        except (OSError, BookRefuses) as wrong:
            self._unreadable[stream.id] = str(wrong)
            if told != str(wrong):
                log.warning("journal_unreadable", stream=stream.id, reason=str(wrong))
        else:
            if told:
                log.info("journal_readable_again", stream=stream.id)
        return taken

    def _follow(self, stream: Stream) -> int:
        """Take in, page by page, what there is of a stream."""
        taken, state = 0, State.MORE
        while state is State.MORE:
            page = count_page(self._parts.journal / stream.id, stream.cursor)
            after = _after(stream, page)
            if after == stream and not page.damage:
                break
            try:
                self._keep(stream, page, after)
            except Overtaken:
                break  # whoever was quicker goes on with it
            except Stranger as stranger:
                self._stop(stream, stranger)
                break
            taken, state, stream = taken + page.counts.total(), page.state, after
        return taken

    def _keep(self, before: Stream, page: Counted, after: Stream) -> None:
        """Take in a page, whole or not at all; raises Overtaken, Stranger, OSError."""
        leaves = self._leaves(before, page, after)
        with self._change() as change:
            # First of all: who finds the cursor elsewhere has nothing to add.
            advance(change.connection, before, after)
            counted = add_totals(change.connection, before.id, page.counts)
            keep_leaves(
                change.connection, before.id, (each for each in leaves if each.context in counted)
            )
            raised = tell_of_late(
                change, before.id, (like for like in page.counts if like.context in counted)
            )
            for closed in page.closed:
                close_segment(change, _segment(after, closed))
            if after.outlook in FINISHED:
                end_stream(change, after, page.unknown)
            if page.damage:
                harm, at, detail = page.damage.harm, page.damage.at, page.damage.detail
                raised += (open_alarm(change, harm, before.id, at=at, detail=detail),)
        _tell(*raised)

    def _leaves(self, before: Stream, page: Counted, after: Stream) -> tuple[Leaf, ...]:
        """Make the leaves of a page, if any: read again answer by answer, which takes a while."""
        with self._parts.book.reading() as connection:
            among = asking(connection, {like.context for like in page.counts})
        if not among:
            return ()
        directory = self._parts.journal / before.id
        return leaves_of(before.id, read_again(directory, before.cursor, after.cursor), among)

    def _stop(self, stream: Stream, stranger: Stranger) -> None:
        with self._change() as change:
            raised = open_alarm(
                change, Doubt.STRANGER, stream.id, at=stream.cursor, detail=str(stranger)
            )
        _tell(raised)

    def _change(self) -> AbstractContextManager[Change]:
        return self._parts.book.writing(actor=self._parts.actor, at=self._parts.clock.now())


def _after(stream: Stream, page: Counted) -> Stream:
    """Say where a stream stands once a page of it is taken in."""
    until = [stream.caught_up_to] if stream.caught_up_to else []
    if page.caught_up_to:
        until.append(instant(page.caught_up_to))
    outlook = _OUTLOOKS.get(page.state, Outlook.OPEN)
    if page.damage and page.damage.harm is Harm.MISSING:
        outlook = Outlook.MISSING
    return replace(
        stream, cursor=page.cursor, outlook=outlook, caught_up_to=max(until, default=None)
    )


def _segment(stream: Stream, closed: Closed) -> Segment:
    return Segment(
        stream=stream.id,
        number=closed.number,
        first=closed.first,
        records=closed.usages,
        digest=closed.digest,
        # The page may go on to later records than the segment's: this is late enough.
        ended_at=stream.caught_up_to or stream.started_at,
    )


def _looks(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def _tell(*raised: Alarm | None) -> None:
    for alarm in filter(None, raised):
        log.error("journal_alarm", id=alarm.id, kind=alarm.kind, stream=alarm.stream)
