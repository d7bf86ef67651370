"""A verifier that walks through serials is noticed; one that does its work is not."""

import random
from collections.abc import Iterable
from datetime import timedelta

import pytest

from support.verifiers import AT
from tashika_server.agreements.scan import (
    MAX_RANGES,
    NEIGHBOURS,
    WATCH_ONE_IN,
    WINDOW,
    ScanAlarm,
    ScanSign,
    ScanWatch,
)

LIVE = 200_000_000


class Watch:
    """A watch with the alarms that it raised."""

    def __init__(self, salt: int = 7) -> None:
        self.alarms: list[ScanAlarm] = []
        self.watch = ScanWatch(salt=salt, alarm=self.alarms.append)

    def see(self, serials: Iterable[int], *, verifier: str = "V-1", after: timedelta = timedelta()):
        for serial in serials:
            self.watch.note(verifier, "signature-g3", (serial,), AT + after)
        return [alarm.sign for alarm in self.alarms]


@pytest.mark.parametrize("step", [1, -1, 7])
def test_a_walk_from_neighbour_to_neighbour_is_noticed_once(step: int):
    begin = 113_230_657
    signs = Watch().see(range(begin, begin + step * 150, step))
    assert signs.count(ScanSign.NEIGHBOURS) == 1


def test_the_alarm_names_the_verifier_and_no_serial():
    watch = Watch()
    watch.see(range(1000, 1000 + NEIGHBOURS + 1))
    assert watch.alarms[0] == ScanAlarm(
        verifier="V-1", issuer="signature-g3", sign=ScanSign.NEIGHBOURS
    )


def test_a_scan_in_one_question_of_many_is_noticed():
    watch = Watch()
    for begin in range(5000, 5200, 16):
        watch.watch.note("V-1", "signature-g3", range(begin, begin + 16), AT)
    assert watch.alarms


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_scan_in_any_order_is_noticed(seed: int):
    serials = list(range(1_000_000, 1_000_000 + 4 * WATCH_ONE_IN * 1024))
    random.Random(seed).shuffle(serials)
    assert ScanSign.CROWD in Watch(salt=seed).see(serials)


def test_the_nations_busy_hour_through_one_verifier_is_no_scan():
    picked = random.Random(1)
    # 500 a second for an hour, thinned to the ranges that are watched anyway.
    serials = (picked.randrange(LIVE // WATCH_ONE_IN) for _ in range(3600 * 500 // WATCH_ONE_IN))
    assert Watch().see(serials) == []


def test_one_certificate_again_and_again_is_no_scan():
    assert Watch().see([25_969_982] * 1000) == []


def test_registered_certificates_in_order_are_no_scan():
    """A nightly look at 2 % of all certificates, sorted: ascending, but not next to each other."""
    picked = random.Random(2)
    serials = sorted(picked.sample(range(3_000_000), 60_000))
    assert Watch().see(serials) == []


def test_verifiers_are_told_apart_and_hours_too():
    watch = Watch()
    for serial in range(120):
        watch.see([serial], verifier=f"V-{serial % 4}")
    assert watch.alarms == []
    half = NEIGHBOURS // 2
    watch.see(range(half), verifier="V-9")
    assert watch.see(range(half, 2 * half), verifier="V-9", after=WINDOW) == []
    assert watch.see(range(2 * half, 4 * half), verifier="V-9", after=WINDOW) != []


def test_serials_of_any_size_are_bounded_in_memory():
    picked = random.Random(3)
    watch = Watch()
    watch.see(picked.getrandbits(160) for _ in range(WATCH_ONE_IN * 1000))
    assert 0 < len(watch.watch._ranges) <= MAX_RANGES
    watch.watch._ranges.update({(("V", "i"), each): 1 for each in range(MAX_RANGES)})
    before = len(watch.watch._ranges)
    watch.see(picked.getrandbits(160) for _ in range(100))
    assert len(watch.watch._ranges) <= before
    assert watch.alarms == []
