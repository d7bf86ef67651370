"""Rates, bursts and days: never more than agreed, whatever the workers do."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.gate_processes import die_with_the_lock, take_for
from support.verifiers import (
    AT,
    SOURCE,
    TOKEN,
    FakeMonotonic,
    ask,
    credential,
    gate_of,
    terms,
)
from tashika_server.agreements import refusals as r
from tashika_server.agreements.limits import Allowance, Buckets, Short
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.terms import secret_digest

JAPAN_MIDNIGHT = datetime(2026, 4, 1, 15, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def allowance(
    *, rate: float = 10.0, burst: int = 100, daily: int | None = None, most: int = 1
) -> Allowance:
    return Allowance(rate=rate, burst=burst, daily=daily, most=most)


allowances = st.builds(
    lambda rate, burst, most: allowance(rate=rate, burst=burst, most=min(most, burst)),
    st.floats(0.1, 500),
    st.integers(1, 300),
    st.integers(1, 16),
)


@contextmanager
def workers(path: Path, number: int, clock: FakeMonotonic) -> Iterator[list[Buckets]]:
    """Open the same file once for each of several workers."""
    path.unlink(missing_ok=True)
    opened = [Buckets(path, workers=number, monotonic=clock) for _ in range(number)]
    yield opened
    for each in opened:
        each.close()


def drain(buckets: Buckets, allowed: Allowance, at: datetime = AT) -> int:
    """Take one by one until there is no more."""
    bucket, taken = buckets.bucket("A-1", allowed), 0
    while bucket.take(1, at) is None:
        taken += 1
    return taken


# --- the rate -------------------------------------------------------------------------------


def test_one_worker_gets_the_burst_and_then_the_rate(buckets: Buckets, monotonic: FakeMonotonic):
    allowed = allowance(rate=10.0, burst=100)
    first = drain(buckets, allowed)
    assert first == 100 - 100 // 8
    monotonic.seconds += 1.5
    assert drain(buckets, allowed) == 15
    monotonic.seconds += 3600
    assert drain(buckets, allowed) == first


def test_how_long_to_wait_is_said(buckets: Buckets, monotonic: FakeMonotonic):
    bucket = buckets.bucket("A-1", allowance(rate=2.0, burst=8, most=8))
    assert bucket.take(8, AT) is None
    short = bucket.take(3, AT)
    assert short == (Short.RATE, 1.5)
    monotonic.seconds += 1.5
    assert bucket.take(3, AT) is None


def test_nothing_is_taken_where_not_all_can_be(buckets: Buckets):
    bucket = buckets.bucket("A-1", allowance(rate=1e-9, burst=8, most=8))
    assert bucket.take(5, AT) is None
    assert bucket.take(5, AT) is not None
    assert bucket.take(3, AT) is None


@given(
    allowed=allowances,
    number=st.integers(1, 4),
    asked=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 16), st.floats(0, 2)), max_size=80),
)
def test_never_more_than_burst_and_rate_leave_in_any_period(
    tmp_path_factory: pytest.TempPathFactory,
    allowed: Allowance,
    number: int,
    asked: list[tuple[int, int, float]],
):
    clock = FakeMonotonic()
    given_out: list[tuple[float, int]] = []
    with workers(tmp_path_factory.getbasetemp() / "limits-of-rate", number, clock) as opened:
        for worker, many, pause in asked:
            clock.seconds += pause
            bucket = opened[worker % number].bucket("A-1", allowed)
            wanted = min(many, allowed.most)
            if bucket.take(wanted, AT) is None:
                given_out.append((clock.seconds, wanted))
    for start, (begun, _) in enumerate(given_out):
        total = 0
        for now, taken in given_out[start:]:
            total += taken
            assert total <= allowed.burst + allowed.rate * (now - begun) + 1e-6


@given(burst=st.integers(1, 300), most=st.integers(1, 16), number=st.integers(1, 4))
def test_a_rested_bucket_gives_seven_eighths_of_its_burst_or_the_most_at_once(
    tmp_path_factory: pytest.TempPathFactory, burst: int, most: int, number: int
):
    most = min(most, burst)
    allowed = allowance(rate=1e-9, burst=burst, most=most)
    path = tmp_path_factory.getbasetemp() / "limits-of-burst"
    with workers(path, number, FakeMonotonic()) as opened:
        assert drain(opened[0], allowed) >= burst * 7 / 8
    with workers(path, number, FakeMonotonic()) as opened:
        assert opened[0].bucket("A-1", allowed).take(most, AT) is None


def test_processes_share_one_bucket(tmp_path: Path):
    spawn = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[int] = spawn.Queue()
    begun = time.monotonic()
    running = [
        spawn.Process(target=take_for, args=(0.5, tmp_path / "limits", 1000.0, 400, results))
        for _ in range(3)
    ]
    for each in running:
        each.start()
    taken = sum(results.get(timeout=60) for _ in running)
    for each in running:
        each.join()
    assert 0 < taken <= 400 + 1000.0 * (time.monotonic() - begun)


def test_a_worker_that_dies_takes_its_lock_with_it(tmp_path: Path):
    path, clock = tmp_path / "limits", FakeMonotonic()
    with workers(path, 2, clock) as (survivor, _):
        row = survivor.bucket("A-1", allowance())._row
        spawn = multiprocessing.get_context("spawn")
        dying = spawn.Process(target=die_with_the_lock, args=(path, row))
        dying.start()
        dying.join()
        assert dying.exitcode == -9
        assert drain(survivor, allowance()) > 0


def test_buckets_outlive_a_worker_but_not_a_boot(tmp_path: Path, monotonic: FakeMonotonic):
    path, allowed = tmp_path / "limits", allowance(rate=1e-9, burst=100)
    first = Buckets(path, workers=1, monotonic=monotonic)
    assert drain(first, allowed) == 88
    first.close()
    second = Buckets(path, workers=1, monotonic=monotonic)
    assert drain(second, allowed) == 0
    second.close()
    monotonic.seconds = 3.0  # the clock began anew with the machine
    third = Buckets(path, workers=1, monotonic=monotonic)
    assert drain(third, allowed) == 88
    third.close()


def test_agreements_do_not_share(buckets: Buckets):
    allowed = allowance(rate=1e-9, burst=8)
    drain(buckets, allowed)
    assert buckets.bucket("A-2", allowed).take(1, AT) is None


def test_a_changed_allowance_holds_from_the_next_question(buckets: Buckets):
    drain(buckets, allowance(rate=1e-9, burst=100))
    assert drain(buckets, allowance(rate=1e-9, burst=1000)) == 0
    buckets.bucket("A-2", allowance(burst=1000))
    assert drain(buckets, allowance(rate=1e-9, burst=10)) == 0


def test_a_full_file_is_said_so(buckets: Buckets, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tashika_server.agreements.limits.MAX_BUCKETS", 2)
    for each in ("A-1", "A-2", "A-1"):
        buckets.bucket(each, allowance())
    with pytest.raises(OSError, match="full"):
        buckets.bucket("A-3", allowance())


# --- the day --------------------------------------------------------------------------------


def test_the_day_is_japans(buckets: Buckets, monotonic: FakeMonotonic):
    allowed = allowance(daily=5)
    before, after = JAPAN_MIDNIGHT - SECOND, JAPAN_MIDNIGHT
    assert drain(buckets, allowed, before) == 5
    assert buckets.bucket("A-1", allowed).take(1, before) == (Short.DAY, 1.0)
    assert drain(buckets, allowed, after) == 5
    assert drain(buckets, allowed, after + timedelta(hours=23, minutes=59, seconds=59)) == 0
    assert drain(buckets, allowed, after + timedelta(hours=24)) == 5


def test_what_was_drawn_ahead_yesterday_is_not_used_today(buckets: Buckets):
    allowed = allowance(rate=1e9, burst=800, daily=10)
    bucket = buckets.bucket("A-1", allowed)
    assert bucket.take(1, JAPAN_MIDNIGHT - SECOND) is None
    assert drain(buckets, allowed, JAPAN_MIDNIGHT) == 10


def test_a_clock_put_back_past_midnight_opens_no_second_day(buckets: Buckets):
    allowed = allowance(daily=5)
    assert drain(buckets, allowed, JAPAN_MIDNIGHT) == 5
    assert drain(buckets, allowed, JAPAN_MIDNIGHT - SECOND) == 0
    assert drain(buckets, allowed, JAPAN_MIDNIGHT) == 0


@given(
    daily=st.integers(1, 60),
    number=st.integers(1, 4),
    asked=st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 5)), max_size=120
    ),
)
def test_never_more_than_the_cap_in_one_day_of_japan(
    tmp_path_factory: pytest.TempPathFactory,
    daily: int,
    number: int,
    asked: list[tuple[int, int, int]],
):
    allowed = allowance(rate=1e9, burst=200, daily=daily, most=4)
    used: dict[str, int] = {}
    clock, at = FakeMonotonic(), AT
    with workers(tmp_path_factory.getbasetemp() / "limits-of-day", number, clock) as opened:
        for worker, wanted, hours in asked:
            at += timedelta(hours=hours)
            clock.seconds += 1
            if opened[worker % number].bucket("A-1", allowed).take(wanted, at) is None:
                day = (at + timedelta(hours=9)).date().isoformat()
                used[day] = used.get(day, 0) + wanted
    assert all(total <= daily for total in used.values())


# --- at the gate ----------------------------------------------------------------------------


def test_a_tenants_own_limit_uses_nothing_of_the_platforms(buckets: Buckets):
    tenant = credential(rate=1e-9, burst=4, holder="T-1")
    platform = credential(id="C-000002", digest=secret_digest("platform"))
    agreed = terms(rate=1e-9, burst=16, credentials=(tenant, platform), daily=1000)
    gate = gate_of(buckets, agreed)
    ask(gate, certificates=4)
    for _ in range(50):
        with pytest.raises(r.TooFast):
            ask(gate)
    for _ in range(12):
        ask(gate, Presented(SOURCE, secret_digest("platform")))
    with pytest.raises(r.TooFast):
        ask(gate, Presented(SOURCE, secret_digest("platform")))


def test_credentials_share_their_agreements_limit(buckets: Buckets):
    second = credential(id="C-000002", digest=secret_digest("second"))
    gate = gate_of(buckets, terms(rate=1e-9, burst=16, credentials=(credential(), second)))
    ask(gate, Presented(SOURCE, TOKEN), certificates=16)
    with pytest.raises(r.TooFast):
        ask(gate, Presented(SOURCE, secret_digest("second")))


def test_refusals_for_a_limit_say_when_to_come_back(buckets: Buckets):
    gate = gate_of(buckets, terms(rate=2.0, burst=16, daily=17))
    ask(gate, certificates=16)
    with pytest.raises(r.TooFast) as too_fast:
        ask(gate)
    assert too_fast.value.retry_after == 0.5
    with pytest.raises(r.DayIsFull) as full:
        ask(gate, certificates=2)
    assert full.value.retry_after == (JAPAN_MIDNIGHT - AT).total_seconds()


def test_a_replay_counts_for_nothing(buckets: Buckets):
    gate = gate_of(buckets, terms(rate=1e-9, burst=16, daily=16))
    ask(gate, certificates=16)
    assert ask(gate, certificates=0).agreement == "A-000001"


def test_t18_a_flood_is_shed_at_once(buckets: Buckets):
    """50,000 questions over the limit are declined in well under the time to answer them."""
    gate = gate_of(buckets, terms(rate=1e-9, burst=16))
    ask(gate, certificates=16)
    begun, refused = time.process_time(), 0
    for _ in range(50_000):
        try:
            ask(gate)
        except r.TooFast:
            refused += 1
    assert refused == 50_000
    assert (time.process_time() - begun) / 50_000 < 100e-6
