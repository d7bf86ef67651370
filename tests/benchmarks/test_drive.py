"""The loop against a simulated service, in simulated time."""

from collections import deque
from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from benchmarks.load.deck import Deck, Question
from benchmarks.load.drive import LOST, UNANSWERED, UNSENT, Drive
from benchmarks.load.envelope import Envelope
from benchmarks.load.framing import Head
from benchmarks.load.histogram import Histogram
from benchmarks.load.lines import Heard, Line
from benchmarks.load.pace import Arrivals, Closed, Open, Pace, moments
from benchmarks.load.tally import Tally

MS, SECOND = 10**6, 10**9
ANSWER, CLOSING = Head(200, 100, 40, closes=False), Head(200, 100, 40, closes=True)
REFUSAL = Head(200, 100, 5, closes=False)
TRY_LATER = bytes.fromhex("30030a0103")


class Simulated:
    """A service that takes a millisecond for each answer, one after the other, but for a stall."""

    def __init__(
        self, lines: int, *, stall: range = range(0), head: Head = ANSWER, body: bytes = bytes(40)
    ) -> None:
        self.slots = [Line(Envelope("host", "/ocsp")) for _ in range(lines)]
        self.now = 0
        self.asked = 0
        self._stall, self._head, self._body = stall, head, body
        self._free_at = 0
        self._owed: deque[tuple[int, Line]] = deque()

    def clock(self) -> int:
        return self.now

    def ask(self, line: Line, question: Question, nonce: bytes) -> None:
        del question, nonce
        self.asked += 1
        begin = max(self.now, self._free_at)
        if begin in self._stall:
            begin = self._stall.stop
        self._free_at = begin + MS
        self._owed.append((self._free_at, line))

    def hear(self, seconds: float) -> Iterator[Heard]:
        until = self.now + max(1, round(seconds * SECOND))
        if not self._owed or self._owed[0][0] > until:
            self.now = until
            return
        self.now, line = self._owed.popleft()
        if self._head.closes:
            self._owed.clear()
        yield Heard(line, self._head, self._body)


class Deaf(Simulated):
    """Hangs up on whoever has asked."""

    def hear(self, seconds: float) -> Iterator[Heard]:
        self.now += round(seconds * SECOND)
        for line in self.slots:
            yield Heard(line, None, b"")


def run(service: Simulated, pace: Pace, *, seconds: float = 4.0, grace: float = 0.0) -> Tally:
    question = Question((), b"", nonced=True, get=False)
    tally = Tally(begin=0, width=SECOND, told=lambda _: None)
    drive = Drive(
        lines=service,
        deck=Deck([question]),
        pace=pace,
        tally=tally,
        clock=service.clock,
        sample=10,
    )
    drive.run(until=round(seconds * SECOND), grace=round(grace * SECOND))
    return tally


def even(rate: float) -> Pace:
    return Open(moments(rate, Arrivals.EVEN, begin=0, seed=1))


def latencies(tally: Tally) -> Histogram:
    return Histogram.sum(each.latencies for each in tally.slots)


def test_a_closed_loop_asks_as_much_as_is_answered() -> None:
    tally = run(Simulated(8), Closed(), grace=1)
    assert [each.answers for each in tally.slots[1:4]] == [1000, 1000, 1000]
    assert latencies(tally).percentile(50) == pytest.approx(8 * MS, rel=0.01)
    assert not tally.wrong


def test_an_open_loop_asks_at_its_moments_however_fast_the_answers() -> None:
    service = Simulated(8)
    tally = run(service, even(100), grace=1)
    assert service.asked == 400
    assert latencies(tally).percentile(99) == pytest.approx(MS, rel=0.02)


def test_a_stall_of_a_second_shows_in_every_question_that_was_due_meanwhile() -> None:
    tally = run(Simulated(4, stall=range(SECOND, 2 * SECOND)), even(500), grace=1)
    waited = latencies(tally)
    # 500 of 2,000 questions were due in the stall, and behind it a queue runs off for a second:
    # half of all wait, a quarter half a second or more. Four lines would have had only 4 of them.
    assert waited.count == 2000
    assert waited.greatest >= 999 * MS
    assert waited.percentile(50) < 2 * MS
    assert waited.percentile(76) > 400 * MS
    assert not tally.wrong


def test_the_same_stall_goes_almost_unseen_by_a_closed_loop() -> None:
    """Why there is an open one."""
    waited = latencies(run(Simulated(4, stall=range(SECOND, 2 * SECOND)), Closed(), grace=1))
    assert waited.greatest >= 999 * MS
    assert waited.percentile(99.8) < 5 * MS


def test_what_is_never_answered_counts_with_the_time_it_has_waited() -> None:
    tally = run(Simulated(4, stall=range(SECOND, 100 * SECOND)), even(100), grace=1)
    assert tally.wrong == {UNANSWERED: 4, UNSENT: 296}
    assert latencies(tally).count == 400
    assert latencies(tally).percentile(100) == pytest.approx(4 * SECOND, rel=0.01)


def test_it_counts_in_the_stretch_in_which_it_is_given_up() -> None:
    """In that of the last answer, which may be of the warm-up, no percentile would show it."""
    tally = run(Simulated(4, stall=range(SECOND, 100 * SECOND)), even(100), grace=1)
    assert [each.latencies.count for each in tally.slots] == [100, 0, 0, 0, 0, 300]


def test_questions_on_a_lost_connection_are_wrong_and_the_line_is_used_again() -> None:
    service = Deaf(2)
    tally = run(service, even(10))
    assert tally.wrong[LOST] == service.asked == 40


def test_a_reply_that_closes_its_line_owes_what_was_pipelined_behind_it() -> None:
    service = Simulated(1, head=CLOSING)
    service.slots *= 3
    tally = run(service, Closed(), seconds=0.5)
    answers = sum(each.answers for each in tally.slots)
    assert answers > 100
    assert tally.wrong[LOST] == pytest.approx(2 * answers, abs=4)


def test_a_refusal_is_no_answer() -> None:
    tally = run(Simulated(1, head=REFUSAL, body=TRY_LATER), even(10), grace=1)
    assert tally.wrong == {"OCSP tryLater": 40}
    assert not any(each.answers for each in tally.slots)


def test_one_answer_in_so_many_is_kept_with_its_nonce() -> None:
    tally = run(Simulated(8), even(100), grace=1)
    assert len(tally.evidence) == 40
    assert len({each.nonce for each in tally.evidence}) == 40


def test_arrivals_are_as_many_as_ordered_and_the_same_for_a_seed() -> None:
    one, again, other = (
        list(islice(moments(1000, Arrivals.POISSON, begin=5, seed=seed), 10_000))
        for seed in (1, 1, 2)
    )
    assert one == again != other
    assert one == sorted(one)
    assert one[-1] - one[0] == pytest.approx(10 * SECOND, rel=0.05)
    gaps = Histogram()
    for before, after in pairwise(one):
        gaps.add(after - before)
    assert gaps.percentile(50) == pytest.approx(0.693 * MS, rel=0.05)  # of an exponential: ln 2
