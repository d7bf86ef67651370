"""Whatever comes in whatever order: the totals are what the journals say, and never change."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.intake import FailingBook, Machine, counts
from support.journal import FrailDisk, Worker, read_all
from tashika_server.book import BookUnreachable, open_book
from tashika_server.metering import counting
from tashika_server.metering.roster import read_roster, stream_directory
from tashika_server.metering.streams import FINISHED
from tashika_server.metering.usage import Delivery, Usage

WORKERS = 2
DELIVERIES = (Delivery.HANDED_OVER, Delivery.HANDED_OVER, Delivery.ABANDONED)

QUICKLY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

acts = st.one_of(
    st.tuples(st.sampled_from(["answer", "note", "settle"]), st.integers(1, 30)),
    st.tuples(st.sampled_from(["answer", "note", "settle"]), st.integers(1, 30)),
    st.tuples(st.sampled_from(["flush", "beat"]), st.just(0)),
    st.tuples(st.sampled_from(["end", "crash"]), st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 3600, 86400])),
    st.tuples(st.just("take in"), st.integers(0, 2)),
    st.tuples(st.just("fail"), st.integers(0, 1)),
)
days = st.lists(st.tuples(st.integers(0, WORKERS - 1), acts), min_size=20, max_size=80)


class Day:
    """Two workers and three ingesters, of which one has been started just now."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        shared: dict[str, object] = {"noted": {}, "released": set(), "said": set()}
        self.workers = [machine.worker(**shared) for _ in range(WORKERS)]
        self.ingesters = [machine.ingester(), machine.ingester()]

    def act(self, worker: Worker, what: str, much: int) -> None:
        if what in {"take in", "fail"}:
            self.office(what, much)
        elif what == "wait":
            worker.at += timedelta(seconds=much)
        elif worker.journal is None:
            worker.begin()
        elif what in {"answer", "note"}:
            for number in range(much):
                worker.note(verifier=number % 3 + 1)
            if what == "answer":
                worker.flush()
        elif what == "settle":
            for number in worker.pending()[:much]:
                worker.settle(number, DELIVERIES[number % 3])
        elif what in {"flush", "beat"}:
            getattr(worker, what)()
        else:
            worker.own.end() if what == "end" else worker.crash()
            worker.journal = None

    def office(self, what: str, much: int) -> None:
        if what == "take in":
            [*self.ingesters, self.machine.ingester()][much].take_in()
        else:
            with suppress(BookUnreachable):
                self.machine.ingester(FailingBook(self.machine.book, bool(much))).take_in()

    def journalled(self) -> list[Usage]:
        """Read all streams anew; what the workers know must be there."""
        found: dict[tuple[str, int], Usage] = {}
        for each in read_roster(self.machine.journal).streams:
            usages, _ = read_all(stream_directory(self.machine.journal, each.stream))
            assert [usage.sequence for usage in usages] == list(range(len(usages)))
            found |= {(each.stream.hex(), usage.sequence): usage for usage in usages}
        first = self.workers[0]
        assert first.released <= found.keys() <= first.noted.keys()
        for key, usage in found.items():
            noted = first.noted[key]
            assert usage in {noted, noted._replace(delivery=Delivery.UNKNOWN)}
            assert usage == noted or key not in first.said
        return list(found.values())


@contextmanager
def fresh_machine(template: Path) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(template, f"{directory}/book.sqlite")
        with closing(open_book(f"sqlite:///{directory}/book.sqlite")) as book:
            yield Machine(book, Path(directory) / "journal")


@settings(QUICKLY, max_examples=10)
@given(acts=days, many=st.sampled_from([3, 4096]))
def test_totals_are_what_the_journals_say_whatever_happens(parties_template, acts, many):
    with fresh_machine(parties_template) as machine, patch.object(counting, "MANY", many):
        day = Day(machine)
        for number, (what, much) in acts:
            day.act(day.workers[number], what, much)
        for worker in day.workers:
            worker.crash()
        machine.take_in()
        expected = counts(day.journalled())
        assert machine.counted == expected
        assert machine.alarms == ()
        assert {each.outlook for each in machine.streams} <= FINISHED
        assert machine.recount() == expected
        for ingester in (*day.ingesters, machine.ingester()):
            assert ingester.take_in() == 0
        assert machine.counted == expected


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four streams of three segments."""
    path = tmp_path_factory.mktemp("journal")
    for _ in range(4):
        Worker(path, FrailDisk()).run()
    return path


@settings(QUICKLY, max_examples=6)
@given(order=st.permutations(range(4)), many=st.sampled_from([3, 4096]))
def test_the_order_in_which_streams_arrive_is_irrelevant(parties_template, journal, order, many):
    with fresh_machine(parties_template) as machine, patch.object(counting, "MANY", many):
        machine.journal = journal
        ingester = machine.ingester()
        ingester._look_at_roster()
        streams = machine.streams
        for number in order:
            ingester._follow(streams[number])
        paths = (journal / each.id for each in streams)
        assert machine.counted == counts([each for path in paths for each in read_all(path)[0]])
