"""Events go by rule with one entry in the ledger; whatever is said of later is said as before."""

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.crls import DAY, HOUR
from support.dying import run
from support.remembered import A, B, Memory, held, revoked
from tashika_server.book import Book, open_book
from tashika_server.book.trail import entries
from tashika_server.history import purging
from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import What
from tashika_server.history.purging import purge_events
from tashika_server.history.story import Story
from tashika_server.index import Entry, IndexWriter
from tashika_server.issuer import Retention, Retentions

KEEP = 10 * DAY
SERIALS = range(12)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


@pytest.fixture
def book(tmp_path: Path, sqlite_template: Path) -> Iterator[Book]:
    shutil.copy(sqlite_template, tmp_path / "book.sqlite")
    opened = open_book(f"sqlite:///{tmp_path / 'book.sqlite'}")
    yield opened
    opened.close()


def rules(memory: Memory) -> Retentions:
    own = {memory.fingerprint: Retention(keep=KEEP, basis="2013 35")}
    return Retentions(usual=Retention(keep=1000 * KEEP, basis="usual"), own=own)


def forget(memory: Memory, book: Book, *, before: datetime) -> int:
    file = memory.directory / "history.sqlite"
    return purge_events(book, file, rules(memory), actor="office:here", at=before + KEEP)


def entered(book: Book) -> list[str]:
    with book.reading() as connection:
        return [each.after or "" for each in entries(connection) if each.action == "history.purge"]


def a_life(memory: Memory, writer: IndexWriter) -> list[datetime]:
    """Hold, release, revoke and lapse at random; returns the moments of change."""
    chance = random.Random(7)
    listed: dict[int, Entry] = {}
    moments = [memory.publish(writer, A), memory.publish(writer, B)]
    for _ in range(24):
        for serial in chance.sample(SERIALS, 3):
            before = listed.pop(serial, None)
            if before is None or chance.random() < 0.4:
                made = chance.choice((held, revoked))
                listed[serial] = made(serial, at=memory.clock.now())
        moments.append(memory.publish(writer, A, *listed.values()))
    return moments


def answers(memory: Memory, writer: IndexWriter, moments: list[datetime]) -> list[Entry | None]:
    stories = [memory.story(serial, writer) for serial in SERIALS]
    return [story.known_at(at).entry for story in stories for at in moments]


def test_of_later_moments_everything_is_said_as_before(memory: Memory, book: Book):
    with memory.writing() as writer:
        moments = a_life(memory, writer)
        floor = moments[16] + HOUR / 2
        later = [at for at in moments if at >= floor]
        said = answers(memory, writer, later)
        gone = forget(memory, book, before=floor)
        assert gone > 5
        assert answers(memory, writer, later) == said
        for serial in SERIALS:
            story = memory.story(serial, writer)
            with pytest.raises(NotRemembered, match="its time was over"):
                story.known_at(floor - HOUR)
            with pytest.raises(NotRemembered, match="its time was over"):
                story.in_force_at(floor - HOUR, known=later[-1])
        assert forget(memory, book, before=floor) == 0
    (entry,) = entered(book)
    assert '"basis":"2013 35"' in entry
    assert f'"events":{gone}' in entry


def test_what_is_still_listed_stays_and_what_was_released_goes(memory: Memory, book: Book):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(1), held(2), revoked(3))
        end = memory.publish(writer, A, revoked(2), revoked(3))
        memory.publish(writer, A, revoked(3), held(4))
        assert forget(memory, book, before=end + HOUR / 2) == 2
        whats = [[each.what for each in memory.story(n, writer).events] for n in range(1, 5)]
        assert whats == [[], [What.HELD, What.REVOKED, What.LAPSED], [What.REVOKED], [What.HELD]]


def test_what_an_issuer_may_not_do_stays(tmp_path: Path, book: Book):
    """Its revocations are kept beyond expiry, and one is listed no more all the same."""
    memory = Memory(tmp_path, keeps=True)
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, revoked(1))
        end = memory.publish(writer, A)
        assert forget(memory, book, before=end + DAY) == 0
        assert [each.illegal for each in memory.story(1, writer).events] == [False, True]
    assert entered(book) == []


def publications(memory: Memory) -> int:
    with sqlite3.connect(memory.directory / "history.sqlite") as tables:
        found: int = tables.execute("SELECT count(*) FROM publication").fetchone()[0]
    return found


def test_publications_do_not_grow_without_end(memory: Memory, book: Book):
    """A partition has thousands a year; what nobody needs of them goes after its time."""
    with memory.writing() as writer:
        memory.publish(writer, A)
        memory.publish(writer, B)
        memory.publish(writer, A, revoked(1))
        for _ in range(20):
            memory.publish(writer, A, revoked(1))
        end = memory.clock.now() + HOUR / 2
        later = [memory.publish(writer, A, revoked(1)), memory.publish(writer, A, held(2))]
        said = [memory.story(n, writer).known_at(at).entry for n in (1, 2) for at in later]
        assert publications(memory) == 25
        assert forget(memory, book, before=end) == 0
        assert publications(memory) == 5  # the first of both, one that an event names, and later
        assert said == [memory.story(n, writer).known_at(at).entry for n in (1, 2) for at in later]
    assert entered(book) == []
    with memory.writing() as writer:  # in step, so no new epoch begins
        assert memory.story(1, writer).known_at(later[0]).entry == revoked(1)
        forget(memory, book, before=memory.clock.now() + DAY)
    with memory.writing() as writer:
        assert memory.story(1, writer).known_at(memory.clock.now() + 2 * DAY).entry is None
        assert publications(memory) == 3  # the newest of all too


def test_a_history_that_is_not_there_is_not_made(memory: Memory, book: Book):
    assert forget(memory, book, before=memory.clock.now()) == 0
    assert not (memory.directory / "history.sqlite").exists()


# --- The end of the process, at every step ------------------------------------------------------

STEPS = ["_forget", "record_once"]


def purge_until(directory: Path, step: str, when: str, at: datetime) -> None:
    """Purge, and die by SIGKILL before or after a step."""
    book = open_book(f"sqlite:///{directory / 'book.sqlite'}")
    real = getattr(purging, step)

    def broken(*args: Any, **named: Any) -> None:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(purging, step, broken)
    memory = Memory(directory)
    purge_events(book, directory / "history.sqlite", rules(memory), actor="office:here", at=at)


def purge_a_part(directory: Path, at: datetime) -> None:
    """Purge by parts of some five events, and die by SIGKILL when the second part begins."""
    book = open_book(f"sqlite:///{directory / 'book.sqlite'}")
    real, calls = purging.writing, iter(range(9))

    def broken(*args: Any) -> Any:
        if next(calls) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)

    purging.writing, purging.AT_ONCE = broken, 5
    memory = Memory(directory)
    purge_events(book, directory / "history.sqlite", rules(memory), actor="office:here", at=at)


def all_released_but_two(memory: Memory) -> datetime:
    """Hold all, release all but one, and hold one again; returns when all were released."""
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, *map(held, SERIALS))
        end = memory.publish(writer, A, held(3)) + HOUR / 2
        memory.publish(writer, A, held(3), held(5))
    return end


def test_a_kill_between_two_parts_keeps_the_floor_and_enters_each_part(memory: Memory, book: Book):
    end = all_released_but_two(memory)
    assert run(purge_a_part, memory.directory, end + KEEP) == -signal.SIGKILL
    with pytest.raises(NotRemembered, match="its time was over"):
        memory.story(11).known_at(end - HOUR)
    assert known(memory.story(11)) == [What.HELD, What.RELEASED]
    forget(memory, book, before=end + timedelta(seconds=1))
    assert known(memory.story(11)) == []
    events = [int(each.split('"events":')[1].rstrip("}")) for each in entered(book)]
    assert (len(events), sum(events)) == (2, 22)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_of_a_purge_loses_nothing_and_enters_one_entry(
    memory: Memory, book: Book, step: str, when: str
):
    end = all_released_but_two(memory)
    assert run(purge_until, memory.directory, step, when, end + KEEP) == -signal.SIGKILL
    forget(memory, book, before=end)
    (entry,) = entered(book)
    assert '"events":22' in entry
    assert known(memory.story(3)) == [What.HELD]
    assert known(memory.story(5)) == [What.HELD]
    assert known(memory.story(7)) == []


def known(story: Story) -> list[What]:
    return [each.what for each in story.events]
