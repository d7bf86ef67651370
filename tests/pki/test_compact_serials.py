"""Sets of serial numbers: exact whatever the numbers are, small where they are sequential."""

import random
import re
from bisect import bisect_left
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tashika.errors import Malformed
from tashika.pki.compact.blocks import BLOCK
from tashika.pki.compact.building import boundaries
from tashika.pki.compact.changing import toggle
from tashika.pki.compact.serials import MAX_SERIAL, Serials, write_serials

PAGE = Path(__file__).parents[2] / "docs" / "compact-set.md"

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SEQUENTIAL = st.sets(st.integers(20_000_000, 20_002_000), max_size=700)
ANY = st.sets(st.integers(0, MAX_SERIAL), max_size=20)
CLUSTERS = st.builds(
    lambda starts, step, count: {s + i * step for s in starts for i in range(count)},
    st.sets(st.integers(0, 1 << 200), max_size=4),
    st.integers(1, 1 << 40),
    st.integers(0, 300),
)
SETS = st.builds(lambda *sets: sorted(set().union(*sets)), SEQUENTIAL, ANY, CLUSTERS)


def lying(serials: list[int]) -> tuple[Serials, bytes]:
    file = BytesIO()
    count, octets = write_serials(serials, file.write)
    data = b"before" + file.getvalue() + b"after"
    return Serials(data, 6, len(data) - 5, count=count, octets=octets), file.getvalue()


@settings(unhurried, max_examples=60)
@given(SETS, st.sets(st.integers(-1, MAX_SERIAL + 1), max_size=20))
def test_a_set_says_of_any_number_what_a_plain_set_says(
    members: list[int], others: set[int]
) -> None:
    found, _ = lying(members)
    assert list(found) == members
    near = {each + step for each in members[:: max(len(members) // 50, 1)] for step in (-1, 0, 1)}
    for serial in others | near:
        below = bisect_left(members, serial)
        assert found.seek(serial) == (below, serial in members[below : below + 1])
    for rank in range(0, len(members), 97):
        assert found.member(rank) == members[rank]


def test_the_same_members_give_the_same_octets() -> None:
    members = list(range(1, 5000, 7))
    assert lying(members)[1] == lying(list(members))[1]


@pytest.mark.parametrize(("part", "bits"), [(0.01, 9.1), (0.1, 5.7), (0.25, 4.5), (0.9, 1.6)])
def test_sequential_serials_take_few_bits_each(part: float, bits: float) -> None:
    chance = random.Random(4)
    members = [each for each in range(200_000) if chance.random() < part]
    assert 8 * len(lying(members)[1]) / len(members) < bits


def test_serials_of_20_octets_take_their_own_size() -> None:
    chance = random.Random(5)
    members = sorted(chance.getrandbits(159) for _ in range(2000))
    found, octets = lying(members)
    assert len(octets) / len(members) < 20
    assert all(each in found for each in members)
    assert not any(each + 1 in found for each in members)


@pytest.mark.parametrize("members", [[2, 1], [1, 1], [-1], [MAX_SERIAL + 1]])
def test_what_cannot_be_written_is_refused(members: list[int]) -> None:
    with pytest.raises(Malformed):
        lying(members)


@unhurried
@given(st.binary(max_size=400), st.integers(0, 600), st.sampled_from([8, 32, 7]), st.data())
def test_any_octets_are_a_set_or_malformed(
    data: bytes, count: int, octets: int, draw: st.DataObject
) -> None:
    try:
        found = Serials(data, 0, len(data), count=count, octets=octets)
        found.seek(draw.draw(st.integers(0, 1 << 256)))
        list(found)
        [found.member(0) for _ in range(min(count, 1))]
    except Malformed:
        return


def test_no_flipped_bit_of_a_set_does_more_than_change_it_or_break_it() -> None:
    members = [*range(100, 500, 9), *range(10**6, 10**9, 10**8), 1 << 70]
    _, octets = lying(members)
    for bit in range(8 * len(octets)):
        spoilt = bytearray(octets)
        spoilt[bit >> 3] ^= 1 << (bit & 7)
        try:
            found = Serials(bytes(spoilt), 0, len(spoilt), count=len(members), octets=32)
            for serial in (101, 10**8, 1 << 200):
                found.seek(serial)
            assert len(list(found)) == len(members)
        except Malformed:
            continue


@settings(unhurried, max_examples=40)
@given(SETS, SETS)
def test_what_is_toggled_twice_is_as_before(one: list[int], other: list[int]) -> None:
    changes = list(toggle(one, other))
    assert changes == sorted(set(one) ^ set(other))
    assert list(toggle(one, changes)) == other


@unhurried
@given(st.lists(st.integers(0, 60), unique=True, max_size=12).map(sorted))
def test_inside_a_range_an_odd_number_of_boundaries_is_behind(ends: list[int]) -> None:
    ranges = [(first, last) for first, last in list(pairwise(ends))[::2]]
    found = list(boundaries(ranges))
    assert found == sorted(set(found))
    for serial in range(65):
        inside = any(first <= serial <= last for first, last in ranges)
        assert sum(each <= serial for each in found) % 2 == inside


def test_a_block_is_of_256() -> None:
    assert BLOCK == 256  # the format's number: another one is another version


def test_the_examples_of_the_page_are_what_is_written() -> None:
    examples = re.findall(r"\{([\d, ]+)\} is `([0-9a-f ]+)`", PAGE.read_text())
    assert len(examples) == 2
    for numbers, octets in examples:
        assert lying([int(each) for each in numbers.split(",")])[1] == bytes.fromhex(octets)
