"""What was known and what was in force at any moment, whatever happens in between."""

import os
import random
import signal
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from support.crls import AT, DAY, HOUR
from support.dying import run
from support.remembered import A, B, Memory, held, mark, revoked
from tashika.pki.profile import Family
from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import What
from tashika_server.history.telling import Teller
from tashika_server.index import (
    Changes,
    Entry,
    FeedMark,
    IndexWriter,
    Publication,
    Pushed,
    RegisterMark,
    edit,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def whats(memory: Memory, serial: int, writer: IndexWriter) -> list[What]:
    return [each.what for each in memory.story(serial, writer).events]


def known(memory: Memory, serial: int, at: datetime, writer: IndexWriter) -> Entry | None:
    return memory.story(serial, writer).known_at(at).entry


# --- What was known -----------------------------------------------------------------------------


def test_t21_a_hold_that_is_released_is_good_before_held_between_and_good_after(memory: Memory):
    with memory.writing() as writer:
        start = memory.publish(writer, A)
        memory.publish(writer, B)
        hold = memory.publish(writer, A, held(7))
        release = memory.publish(writer, A)
        assert known(memory, 7, hold - MINUTE, writer) is None
        assert known(memory, 7, hold, writer) == held(7)
        assert known(memory, 7, release - MINUTE, writer) == held(7)
        assert known(memory, 7, release, writer) is None
        assert whats(memory, 7, writer) == [What.HELD, What.RELEASED]
        with pytest.raises(NotRemembered, match="partition B"):
            known(memory, 7, start, writer)


def test_a_hold_that_becomes_a_revocation_keeps_the_first_date_where_the_source_does(
    memory: Memory,
):
    first, later = AT - 3 * DAY, AT + 2 * HOUR
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(7, at=first), held(8, at=first))
        end = memory.publish(writer, A, revoked(7, at=first), revoked(8, at=later))
        kept, moved = (memory.story(serial, writer) for serial in (7, 8))
    assert kept.in_force_at(first, known=end) == revoked(7, at=first)
    assert moved.in_force_at(first, known=end) == held(8, at=first)
    assert moved.in_force_at(later, known=end) == revoked(8, at=later)
    assert kept.in_force_at(first - MINUTE, known=end) is None


def test_what_was_in_force_is_not_what_was_known(memory: Memory):
    """Revoked with a date of yesterday: known from today on, in force since yesterday."""
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        before = memory.clock.now()
        after = memory.publish(writer, A, revoked(7, at=AT - DAY))
        story = memory.story(7, writer)
    assert story.known_at(before).entry is None
    assert story.in_force_at(AT, known=before) is None
    assert story.in_force_at(AT, known=after) == revoked(7, at=AT - DAY)


def test_a_release_counts_from_the_crl_that_lists_it_no_more_and_a_lapse_never(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(7), revoked(8))
        end = memory.publish(writer, A)
        released, lapsed = (memory.story(serial, writer) for serial in (7, 8))
    assert released.in_force_at(end - MINUTE, known=end) == held(7)
    assert released.in_force_at(end, known=end) is None
    assert lapsed.in_force_at(end, known=end) == revoked(8)
    assert lapsed.known_at(end).entry is None


def test_a_correction_takes_the_place_of_what_was_wrong(memory: Memory):
    wrong, right = AT - 5 * DAY, AT - 2 * DAY
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        first = memory.publish(writer, A, revoked(7, at=wrong))
        end = memory.publish(writer, A, revoked(7, at=right))
        story = memory.story(7, writer)
    assert story.in_force_at(wrong, known=first) == revoked(7, at=wrong)
    assert story.in_force_at(wrong, known=end) is None
    assert story.in_force_at(right, known=end) == revoked(7, at=right)


def test_a_baseline_is_not_copied_until_an_entry_of_it_changes(memory: Memory):
    with memory.writing() as writer:
        begin = memory.publish(writer, A, *map(revoked, range(500)))
        memory.publish(writer, B, revoked(1000))
        count = "SELECT count(*) FROM event"
        assert isinstance(writer.historian, Teller)
        assert writer.historian._connection.execute(count).fetchone() == (0,)
        change = memory.publish(writer, A, *map(revoked, range(1, 500)))
        assert writer.historian._connection.execute(count).fetchone() == (2,)
        assert whats(memory, 0, writer) == [What.BASELINE, What.LAPSED]
        assert known(memory, 0, begin, writer) == revoked(0)
        assert known(memory, 0, change, writer) is None
        assert known(memory, 1, begin, writer) == revoked(1)
        assert known(memory, 1, change, writer) == revoked(1)
        for serial in (0, 1):
            with pytest.raises(NotRemembered, match="the first came"):
                known(memory, serial, begin - MINUTE, writer)


def test_t15_while_a_partition_has_not_come_nothing_is_absent(memory: Memory):
    with memory.writing() as writer:
        at = memory.publish(writer, A, revoked(1))
        assert known(memory, 1, at, writer) == revoked(1)
        with pytest.raises(NotRemembered, match="none has come"):
            known(memory, 2, at, writer)


def test_t19_of_a_serial_that_nothing_lists_nothing_was_known(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            at = memory.publish(writer, name, revoked(1 if name == A else 2))
        for serial in (3, 2**63, 2**159 - 1):
            assert known(memory, serial, at, writer) is None
            assert memory.story(serial, writer).events == ()


@pytest.mark.parametrize("serial", [0, 2**63 - 1, 2**63, 2**127 + 5, 2**159 - 1])
def test_serials_of_any_size_are_remembered(memory: Memory, serial: int):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(serial))
        memory.publish(writer, A)
        assert whats(memory, serial, writer) == [What.HELD, What.RELEASED]


def test_an_invalidity_date_and_a_large_one_are_kept(memory: Memory):
    entry = Entry(7, AT - DAY, None, datetime(2105, 12, 31, tzinfo=AT.tzinfo))
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, entry)
        at = memory.publish(writer, A, entry, revoked(8))
        assert known(memory, 7, at, writer) == entry


def test_t37_the_midnight_of_the_first_of_april_in_japan_parts_before_from_after(memory: Memory):
    midnight = datetime.fromisoformat("2026-04-01T00:00+09:00")
    memory.clock.at = midnight - 3 * HOUR
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        assert memory.publish(writer, A, held(7)) == midnight
        assert known(memory, 7, midnight - timedelta(microseconds=1), writer) is None
        assert known(memory, 7, midnight, writer) == held(7)


def test_a_clock_that_steps_back_does_not_change_the_order(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(7))
        memory.clock.at -= DAY
        memory.publish(writer, A)
        times = [each.known_at for each in memory.story(7, writer).events]
        assert times == sorted(times)
        assert known(memory, 7, times[-1], writer) is None


def test_a_random_year_is_remembered_as_it_was(memory: Memory):
    """The oracle: the listing of both partitions after each publication."""
    dice = random.Random(2026)
    listings: dict[str, dict[int, Entry]] = {A: {}, B: {}}
    past: list[tuple[datetime, dict[int, Entry]]] = []
    with memory.writing() as writer:
        for turn in range(60):
            name = A if turn == 0 else B if turn == 1 else dice.choice([A, B])
            listing = listings[name]
            for serial in dice.sample(range(0 if name == A else 20, 20 if name == A else 40), 4):
                made = dice.choice([held, revoked])
                listing.pop(serial, None)
                if dice.random() < 0.6:
                    listing[serial] = made(serial, at=AT - dice.randrange(9) * DAY)
            at = memory.publish(writer, name, *listing.values())
            past.append((at, {**listings[A], **listings[B]}))
        for serial in range(40):
            story = memory.story(serial, writer)
            for at, listed in past[1:]:
                assert story.known_at(at + MINUTE).entry == listed.get(serial)


# --- Alarms -------------------------------------------------------------------------------------


def test_t21_the_release_of_a_signature_hold_is_alarmed_without_its_serial(tmp_path: Path):
    memory = Memory(tmp_path, family=Family.SIGNATURE)
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(77_123), held(77_124))
        with capture_logs() as logs:
            memory.publish(writer, A)
        assert memory.story(77_123, writer).events[-1].illegal
    (alarm,) = [each for each in logs if each["event"] == "illegal_transition"]
    assert alarm["transition"] == "signature-hold-released"
    assert (alarm["certificates"], alarm["log_level"]) == (2, "error")
    assert "77" not in str({**alarm, "issuer": "", "partition": ""})


def test_t21_a_revocation_that_vanishes_or_returns_is_alarmed(tmp_path: Path):
    memory = Memory(tmp_path, keeps=True)
    with memory.writing() as writer, capture_logs() as logs:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, revoked(7))
        memory.publish(writer, A)
        memory.publish(writer, A, held(7))
    assert [each["transition"] for each in logs if each["event"] == "illegal_transition"] == [
        "revoked-vanished",
        "lapsed-returned",
    ]


# --- Partitions that come and go ----------------------------------------------------------------


def test_a_partition_that_goes_takes_its_entries_along_and_comes_back_whole(memory: Memory):
    with memory.writing() as writer:
        memory.publish(writer, A, revoked(1))
        listed = memory.publish(writer, B, revoked(2), held(3))
    memory.partitions = [A]
    gone = memory.clock.advance(HOUR)
    with memory.writing() as writer:
        assert known(memory, 2, listed, writer) == revoked(2)
        assert known(memory, 2, gone, writer) is None
        assert known(memory, 1, gone, writer) == revoked(1)
        assert whats(memory, 3, writer) == [What.BASELINE, What.DROPPED]
    memory.partitions = [A, B]
    with memory.writing() as writer:
        back = memory.publish(writer, B, revoked(2), revoked(4))
        assert known(memory, 2, back, writer) == revoked(2)
        assert known(memory, 2, gone, writer) is None
        assert known(memory, 4, back, writer) == revoked(4)
        with pytest.raises(NotRemembered, match="partition B"):
            known(memory, 4, gone + MINUTE, writer)


def test_a_new_partition_does_not_make_the_past_unknown(memory: Memory):
    with memory.writing() as writer:
        memory.publish(writer, A, revoked(1))
        before = memory.publish(writer, B)
    memory.partitions = [A, B, "partition C"]
    memory.clock.advance(HOUR)
    with memory.writing() as writer:
        after = memory.publish(writer, "partition C", revoked(9))
        assert known(memory, 1, before, writer) == revoked(1)
        assert known(memory, 9, before, writer) is None
        assert known(memory, 5, before, writer) is None
        assert known(memory, 9, after, writer) == revoked(9)


def test_t13_a_restart_after_hours_goes_on_where_it_was(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        hold = memory.publish(writer, A, held(7))
    memory.clock.advance(8 * HOUR)
    with memory.writing() as writer:
        release = memory.publish(writer, A)
        assert known(memory, 7, hold, writer) == held(7)
        assert known(memory, 7, release - MINUTE, writer) == held(7)
        assert known(memory, 7, release, writer) is None
        assert known(memory, 8, hold, writer) is None


# --- The end of the process ---------------------------------------------------------------------

STEPS: dict[str, tuple[Any, str]] = {
    "record": (edit.Edit, "record"),
    "told": (Teller, "keep"),
    "published": (IndexWriter, "publish_all"),
}
PUBLISHED = {("published", "after")}


def publish_until(directory: Path, step: str, when: str) -> None:
    """Publish a release, and die by SIGKILL before or after a step."""
    memory = Memory(directory)
    memory.clock.at = AT + 3 * HOUR
    owner, name = STEPS[step]
    real = getattr(owner, name)

    def broken(*args: Any, **named: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    with memory.writing() as writer:
        setattr(owner, name, broken)
        memory.publish(writer, A)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_has_told_what_is_published_and_nothing_else(
    memory: Memory, step: str, when: str
):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(7))
    assert run(publish_until, memory.directory, step, when) == -signal.SIGKILL
    came_to_be = (step, when) in PUBLISHED
    expected = [What.HELD, What.RELEASED] if came_to_be else [What.HELD]
    assert [each.what for each in memory.story(7).events] == expected  # before any start
    memory.clock.advance(2 * HOUR)
    with memory.writing() as writer:
        assert whats(memory, 7, writer) == expected
        at = memory.publish(writer, A)
        assert whats(memory, 7, writer) == [What.HELD, What.RELEASED]
        at_the_kill = at - 2 * HOUR + 30 * MINUTE
        assert known(memory, 7, at_the_kill, writer) == (None if came_to_be else held(7))


def test_an_index_that_was_made_anew_begins_a_new_epoch_and_the_old_one_is_not_guessed(
    memory: Memory,
):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name, revoked(1 if name == A else 2))
        hold = memory.publish(writer, A, revoked(1), held(7))
        last = memory.publish(writer, A, revoked(1))
    (memory.directory / "index").rename(memory.directory / "away")
    between = memory.clock.advance(HOUR)
    with memory.writing() as writer:
        memory.clock.advance(HOUR)
        for name in (A, B):
            now = memory.publish(writer, name, revoked(1 if name == A else 2))
        assert known(memory, 1, now, writer) == revoked(1)
        assert known(memory, 7, hold, writer) == held(7)
        assert known(memory, 7, last, writer) is None
        for serial, at in ((1, hold), (7, between - MINUTE)):
            with pytest.raises(NotRemembered):
                known(memory, serial, at, writer)


def test_an_index_that_was_written_to_without_a_history_begins_a_new_epoch(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
    with memory.writing() as writer:
        writer.historian = None
        memory.publish(writer, A, held(7))
    memory.clock.advance(HOUR)
    with memory.writing() as writer:
        now = memory.clock.now()
        assert known(memory, 7, now, writer) == held(7)
        with pytest.raises(NotRemembered, match="is since"):
            known(memory, 7, now - HOUR, writer)


def test_the_history_is_for_its_owner_and_group_alone(memory: Memory):
    with memory.writing() as writer:
        memory.publish(writer, A)
        modes = [each.stat().st_mode & 0o777 for each in memory.directory.glob("history.sqlite*")]
    assert len(modes) == 3
    assert all(mode & 0o007 == 0 for mode in modes)


def test_what_the_history_refuses_is_not_published(memory: Memory):
    class Full:
        keep = expect = staticmethod(lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))

    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        teller, writer.historian = writer.historian, Full()
        with pytest.raises(OSError, match="no space"):
            memory.publish(writer, A, held(7))
        writer.historian = teller
        with writer.reader.snapshot() as snapshot:
            assert snapshot.find(memory.fingerprint, 7).entry is None
        at = memory.publish(writer, A, held(7))
        assert known(memory, 7, at, writer) == held(7)


# --- Many generations in one commit -------------------------------------------------------------


def crl(memory: Memory, partition: str, changes: Changes, number: int) -> Publication:
    return Publication(
        fingerprint=memory.fingerprint,
        partition=partition,
        changes=changes,
        mark=mark(number, partition, memory.clock.now(), 1),
    )


def push(memory: Memory, writer: IndexWriter, **news: Changes) -> datetime:
    """Take a message of a push feed in, an hour later; it was made a minute before."""
    at = memory.clock.advance(HOUR)
    said = at - MINUTE
    writer.push(
        memory.fingerprint,
        [
            Pushed(partition=f"partition {name}", number=9, this_update=said, changes=changes)
            for name, changes in news.items()
        ],
        FeedMark(key=b"", sequence=1, digest=b"", this_update=said, next_update=at + HOUR),
    )
    return at


@pytest.mark.parametrize("crls", [1, 2])
def test_what_was_told_of_many_generations_and_never_came_is_void(memory: Memory, crls: int):
    """Whether the next commit is of as many generations or of fewer."""
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        last = memory.publish(writer, A, held(7))
        teller = writer.historian

        class Lost:
            @staticmethod
            def keep(generation: int, published: list[Publication]) -> None:
                teller.keep(generation, published)
                raise OSError(5, "killed")

        memory.clock.advance(HOUR)
        writer.historian = Lost()
        release = [
            crl(memory, A, Changes(removed=[held(7)]), 3),
            crl(memory, B, Changes(added=[revoked(8)]), 2),
        ]
        with pytest.raises(OSError, match="killed"):
            writer.publish_all(release)
        writer.historian = teller
        if crls == 1:
            memory.publish(writer, B, revoked(9))
        else:
            writer.publish_all([release[0], crl(memory, B, Changes(added=[revoked(9)]), 2)])
            assert whats(memory, 7, writer) == [What.HELD, What.RELEASED]
        assert (whats(memory, 8, writer), whats(memory, 9, writer)) == ([], [What.REVOKED])
        assert known(memory, 7, last, writer) == held(7)


def test_an_index_that_is_many_generations_behind_is_still_the_one(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        last = memory.publish(writer, A, held(7))
        teller = writer.historian
        release = [
            crl(memory, A, Changes(removed=[held(7)]), 3),
            crl(memory, B, Changes(added=[revoked(8)]), 2),
        ]
        with writer.reader.snapshot() as snapshot:
            generation = snapshot.generation
        teller.keep(generation + 2, release)  # and the process ends before the commit
    with memory.writing() as writer:
        assert whats(memory, 7, writer) == [What.HELD]
        assert known(memory, 7, last, writer) == held(7)
        writer.publish_all(release)
        assert whats(memory, 7, writer) == [What.HELD, What.RELEASED]
        assert whats(memory, 8, writer) == [What.REVOKED]


def test_a_certificate_that_moves_in_one_commit_is_listed_in_the_end(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, B, held(7))
        memory.clock.advance(HOUR)
        moves = [
            crl(memory, A, Changes(added=[revoked(7)]), 2),
            crl(memory, B, Changes(removed=[held(7)]), 3),
        ]
        writer.publish_all(moves)
        assert whats(memory, 7, writer) == [What.HELD, What.RELEASED, What.REVOKED]
        assert known(memory, 7, memory.clock.now(), writer) == revoked(7)


def test_what_a_push_feed_says_is_known_without_a_crl_number(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        memory.publish(writer, A, held(7))
        at = push(memory, writer, A=Changes(removed=[held(7)]), B=Changes(added=[revoked(8)]))
        story = memory.story(7, writer)
        last = story.events[-1]
        assert (last.what, last.number, last.this_update) == (What.RELEASED, None, at - MINUTE)
        assert story.in_force_at(at - 2 * MINUTE, known=at) == held(7)
        assert story.in_force_at(at - MINUTE, known=at) is None
        assert whats(memory, 8, writer) == [What.REVOKED]
    with memory.writing() as writer:
        assert whats(memory, 7, writer) == [What.HELD, What.RELEASED]
        assert known(memory, 7, at - HOUR, writer) == held(7)


def test_a_register_that_grows_leaves_the_history_in_step(memory: Memory):
    with memory.writing() as writer:
        for name in (A, B):
            memory.publish(writer, name)
        hold = memory.publish(writer, A, held(7))
        memory.publish(writer, A)
        for put in (writer.load_register, writer.extend_register):
            first = 1 if put == writer.load_register else 11
            put(memory.fingerprint, [(first, first + 9)], RegisterMark(sha256=b"", last=first + 9))
    with memory.writing() as writer:
        assert known(memory, 7, hold, writer) == held(7)
        assert whats(memory, 7, writer) == [What.HELD, What.RELEASED]
