"""Reading a stream: pages, what waits, the end of a writer, and harm."""

import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from support.journal import AT, BEGINNING, FrailDisk, How, Worker, read_all
from support.segments import STREAM, Scribe
from tashika_server.durable import Durability
from tashika_server.metering.ending import Harm
from tashika_server.metering.journal import JournalStopped
from tashika_server.metering.reading import Closed, Cursor, Damage, State, read_page
from tashika_server.metering.record import abandoned_content
from tashika_server.metering.roster import stream_directory
from tashika_server.metering.segment import MIN_SEGMENT_BYTES, segment_path
from tashika_server.metering.usage import Delivery, Usage, microseconds


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    worker = Worker(tmp_path, FrailDisk())
    worker.begin()
    return worker


def directory(worker: Worker) -> Path:
    return stream_directory(worker.root, worker.own.stream)


def answer(worker: Worker, number: int = 1) -> None:
    """Give answers, and say so."""
    for _ in range(number):
        worker.note()
        worker.flush()
        worker.settle(worker.pending()[-1], Delivery.HANDED_OVER)
    worker.beat()


# --- A writer that lives ----------------------------------------------------------------------


def test_an_answer_waits_until_something_is_known_of_it(worker: Worker) -> None:
    first, second = worker.note(), worker.note()
    worker.flush()
    page = read_page(directory(worker), BEGINNING)
    assert (page.usages, page.state) == ((), State.OPEN)
    assert page.cursor.sequence == 0
    worker.settle(second, Delivery.HANDED_OVER)
    worker.beat()
    assert read_page(directory(worker), page.cursor).usages == ()
    worker.settle(first, Delivery.ABANDONED)
    worker.beat()
    page = read_page(directory(worker), page.cursor)
    assert [each.delivery for each in page.usages] == [Delivery.ABANDONED, Delivery.HANDED_OVER]
    assert page.cursor.sequence == 2
    assert read_page(directory(worker), page.cursor).usages == ()


def test_a_page_says_how_far_time_has_been_told(worker: Worker) -> None:
    assert read_page(directory(worker), BEGINNING).caught_up_to == microseconds(AT)
    worker.note()
    worker.at += timedelta(seconds=5)
    worker.beat()
    page = read_page(directory(worker), BEGINNING)
    assert page.caught_up_to == microseconds(AT)  # that of the answer that waits
    worker.settle(0, Delivery.HANDED_OVER)
    worker.at += timedelta(seconds=5)
    worker.beat()
    page = read_page(directory(worker), page.cursor)
    assert page.caught_up_to == microseconds(worker.at)
    assert read_page(directory(worker), page.cursor).caught_up_to == microseconds(worker.at)


@pytest.mark.parametrize("most", [1, 2, 13, 1_000])
def test_pages_of_any_size_add_up_while_the_writer_goes_on(worker: Worker, most: int) -> None:
    cursor = BEGINNING
    usages: list[Usage] = []
    closed: list[Closed] = []
    for _ in range(40):
        answer(worker, 4)
        page = read_page(directory(worker), cursor, most=most)
        assert page.state in {State.OPEN, State.MORE}
        usages += page.usages
        closed += page.closed
        cursor = page.cursor
    worker.own.end()
    while page.state is not State.ENDED:
        page = read_page(directory(worker), cursor, most=most)
        usages += page.usages
        closed += page.closed
        cursor = page.cursor
    assert [each.sequence for each in usages] == list(range(160))
    assert [each.number for each in closed] == list(range(1, len(closed) + 1))
    assert [each.first for each in closed] == [
        sum(each.usages for each in closed[:number]) for number in range(len(closed))
    ]
    assert sum(each.usages for each in closed) == 160


def test_the_same_page_comes_again_as_long_as_it_lies_there(worker: Worker) -> None:
    answer(worker, 5)
    assert read_page(directory(worker), BEGINNING) == read_page(directory(worker), BEGINNING)


def test_an_answer_in_flight_over_the_end_of_a_segment_keeps_the_segment_open(
    worker: Worker,
) -> None:
    stuck = worker.note()
    for _ in range(100):
        worker.note()
        worker.flush()
        worker.settle(worker.pending()[-1], Delivery.HANDED_OVER)
    page = read_page(directory(worker), BEGINNING)
    assert (page.cursor.segment, page.closed, page.usages) == (1, (), ())
    worker.settle(stuck, Delivery.HANDED_OVER)
    worker.beat()
    page = read_page(directory(worker), page.cursor)
    assert len(page.usages) == 101
    assert [each.number for each in page.closed] == list(range(1, page.cursor.segment))


def test_reading_while_the_writer_writes_never_sees_harm(tmp_path: Path) -> None:
    """Pages are read between any two instructions of the writer, and during its writes."""
    worker = Worker(tmp_path, FrailDisk(), durability=Durability.OS, segment_bytes=2**14)
    worker.begin()
    over, states, taken = threading.Event(), set(), 0

    def read() -> None:
        nonlocal taken
        cursor = BEGINNING
        while not over.is_set():
            page = read_page(directory(worker), cursor)
            states.add(page.state)
            assert [each.sequence for each in page.usages] == list(
                range(cursor.sequence, page.cursor.sequence)
            )
            taken += len(page.usages)
            cursor = page.cursor

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(100):
        answer(worker, 4)
    over.set()
    reader.join()
    assert states == {State.OPEN}
    assert 0 < taken <= 400


def test_a_look_whose_end_is_younger_than_its_beginning_is_taken_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(worker, 2)
    path = segment_path(directory(worker), 1)
    before = path.read_bytes()
    answer(worker, 2)
    after = path.read_bytes()
    written = -(-len(before.rstrip(b"\0")) // 64) + 1
    torn = before[: (written + 1) * 64] + after[(written + 1) * 64 :]
    looks = iter([torn, after])
    monkeypatch.setattr(Path, "read_bytes", lambda _: next(looks))
    page = read_page(directory(worker), BEGINNING)
    assert (page.state, len(page.usages)) == (State.OPEN, 4)


# --- The end of a writer ----------------------------------------------------------------------


def test_a_dead_writer_leaves_answers_in_doubt_and_no_others(worker: Worker) -> None:
    answer(worker, 3)
    worker.note()
    worker.flush()
    worker.crash()
    usages, last = read_all(directory(worker))
    assert [each.delivery for each in usages] == [*[Delivery.HANDED_OVER] * 3, Delivery.UNKNOWN]
    assert last.state is State.DEAD
    assert [(each.number, each.usages) for each in last.closed] == [(1, 4)]


def test_a_writer_that_died_before_its_first_record_leaves_nothing(worker: Worker) -> None:
    worker.crash()
    page = read_page(directory(worker), BEGINNING)
    assert (page.usages, page.state, page.damage) == ((), State.DEAD, None)
    assert [(each.number, each.usages) for each in page.closed] == [(1, 0)]


def test_a_torn_tail_of_a_dead_writer_is_left_out(worker: Worker) -> None:
    answer(worker, 2)
    worker.note()
    worker.disk.break_at(1, How.FULL_HALFWAY)
    with pytest.raises(JournalStopped):
        worker.flush()
    usages, last = read_all(directory(worker))
    assert (len(usages), last.state, last.damage) == (2, State.DEAD, None)
    (closed,) = last.closed
    again = read_page(directory(worker), last.cursor)
    assert again.closed == (closed,)


# --- Harm -------------------------------------------------------------------------------------


def zero(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place * 64)
        file.write(bytes(64))


def harmed(worker: Worker, cursor: Cursor = BEGINNING) -> Damage:
    page = read_page(directory(worker), cursor)
    assert page.state is State.HARMED
    assert page.damage
    return page.damage


def test_a_slot_that_was_lost_stops_the_reading_there_and_nothing_is_guessed(
    worker: Worker,
) -> None:
    answer(worker, 10)
    path = segment_path(directory(worker), 1)
    page = read_page(directory(worker), BEGINNING)
    zero(path, 15)
    usages, last = read_all(directory(worker))
    assert last.state is State.HARMED
    assert last.damage
    assert last.damage.harm is Harm.DAMAGED
    assert last.damage.at.offset == 15 * 64
    assert usages == list(page.usages[: len(usages)])
    assert len(usages) == last.damage.at.sequence - 1  # the last waits for word of it


def test_a_missing_segment_is_harm(worker: Worker) -> None:
    answer(worker, 120)
    segment_path(directory(worker), 2).unlink()
    damage = read_all(directory(worker))[1].damage
    assert damage
    assert (damage.harm, damage.at.segment) == (Harm.MISSING, 2)


def test_a_seal_that_was_lost_is_harm_though_the_rest_is_whole(worker: Worker) -> None:
    answer(worker, 60)
    path = segment_path(directory(worker), 1)
    written = path.read_bytes().rstrip(b"\0")
    zero(path, (len(written) - 1) // 64)
    assert harmed(worker).harm is Harm.UNSEALED


def test_tampering_that_fits_is_found_by_the_seal(worker: Worker) -> None:
    """As when a segment is restored from an earlier day's copy of another node."""
    answer(worker, 60)
    path, other = (segment_path(directory(worker), number) for number in (1, 2))
    path.write_bytes(other.read_bytes())
    damage = harmed(worker)
    assert damage.harm is Harm.FOREIGN
    assert "segment 2" in damage.detail


def test_a_lock_or_a_directory_that_is_gone_is_harm(worker: Worker) -> None:
    answer(worker)
    (directory(worker) / "lock").unlink()
    assert harmed(worker).harm is Harm.MISSING
    shutil.rmtree(directory(worker))
    assert harmed(worker).harm is Harm.MISSING


def test_a_segment_that_was_cut_is_harm(worker: Worker) -> None:
    answer(worker, 5)
    worker.own.end()
    path = segment_path(directory(worker), 1)
    path.write_bytes(path.read_bytes()[:-64])
    assert harmed(worker).harm is Harm.CUT


@pytest.mark.parametrize(
    ("length", "harm"),
    [
        *((length, Harm.CUT) for length in (0, 63, 128, 64 * 63, 64 * 64 + 1)),
        (MIN_SEGMENT_BYTES, Harm.DAMAGED),
    ],
)
def test_a_first_segment_that_was_emptied_is_harm(worker: Worker, length: int, harm: Harm) -> None:
    """It was whole and had its header before the roster named its stream."""
    answer(worker, 5)
    worker.crash()
    segment_path(directory(worker), 1).write_bytes(bytes(length))
    assert harmed(worker).harm is harm


def test_what_a_forger_abandons_takes_no_more_memory_than_what_waits(tmp_path: Path) -> None:
    many = 3 * 10**9
    scribe = Scribe(sequence=many).context()
    scribe.put(abandoned_content(0, many, scribe.at), lag=many)
    own = tmp_path / STREAM.hex()
    own.mkdir()
    (own / "lock").touch()
    segment_path(own, 1).write_bytes(scribe.data)
    page = read_page(own, Cursor(1, 0, many))
    assert (page.state, page.usages) == (State.DEAD, ())
