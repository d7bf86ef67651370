"""Newer sets in the place of older ones: exactly what was signed, or the old one stays."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.compact import (
    DAY,
    PKI,
    PRESS,
    TRUST,
    Press,
    contents,
    core,
    head_of,
    held,
    opened,
    revoked,
)
from support.sdk import AT
from tashika.compact import CompactRefused, CompactSet, Fault, Listing, Trust, apply_delta, install
from tashika.pki.certid import IssuerIdentity
from tashika.pki.compact.head import Base
from tashika.pki.crl import CrlEntry
from tashika.pki.standing import Reason, Revoked

OLD = [revoked(2), held(4), held(6), revoked(8)]
NEW = [revoked(2), revoked(4, Reason.KEY_COMPROMISE), revoked(8), held(9)]
"""One held is revoked, one is released, and one is new."""


class Shelf:
    """A set in its place, and what is on its way there."""

    def __init__(self, directory: Path, data: bytes | None = None) -> None:
        self.path, self.fresh = directory / "set", directory / "fresh"
        if data is not None:
            self.path.write_bytes(data)

    def install(self, data: bytes, trust: Trust = TRUST) -> CompactSet:
        return self._take(install, data, trust)

    def apply(self, data: bytes, trust: Trust = TRUST) -> CompactSet:
        return self._take(apply_delta, data, trust)

    def _take(self, how: Callable[..., CompactSet], data: bytes, trust: Trust) -> CompactSet:
        self.fresh.write_bytes(data)
        return how(self.fresh, self.path, trust=trust, at=AT)

    def refuses(self, take: Callable[[bytes], CompactSet], data: bytes) -> Fault:
        """Try, see that nothing is touched, and return why."""
        before = self.path.read_bytes() if self.path.exists() else None
        with pytest.raises(CompactRefused) as refused:
            take(data)
        assert (self.path.read_bytes() if self.path.exists() else None) == before
        assert {each.name for each in self.path.parent.iterdir()} <= {"set", "fresh"}
        return refused.value.fault


RANGES = st.sampled_from([None, [(0, 400)], [(0, 90), (200, 700)]])


def _drawn(chance: random.Random, count: int) -> dict[int, CrlEntry]:
    reasons = [None, *Reason]
    return {
        serial: CrlEntry(
            serial,
            AT - chance.randint(1, 5) * DAY,
            chance.choice(reasons),
            chance.choice([None, AT - 9 * DAY]),
        )
        for serial in chance.sample(range(700), count)
    }


@settings(deadline=None, max_examples=25, suppress_health_check=[*HealthCheck])
@given(
    chance=st.randoms(use_true_random=False).map(lambda drawn: random.Random(drawn.random())),
    counts=st.tuples(st.integers(0, 600), st.integers(0, 30), st.integers(0, 700)),
    ranges=st.tuples(RANGES, RANGES),
)
def test_a_delta_leads_to_the_very_octets_of_the_new_set(
    tmp_path: Path,
    chance: random.Random,
    counts: tuple[int, int, int],
    ranges: tuple[Any, Any],
) -> None:
    old, changed = _drawn(chance, counts[0]), _drawn(chance, counts[1])
    gone = range(counts[2], counts[2] + 20)
    new = {serial: each for serial, each in {**old, **changed}.items() if serial not in gone}
    before = PRESS.print(old.values(), ranges[0])
    after = PRESS.print(new.values(), ranges[1], number=2)
    delta = PRESS.delta(before, after)
    shelf = Shelf(tmp_path, before)
    shelf.apply(delta).close()
    assert shelf.path.read_bytes() == after
    shelf.path.write_bytes(core(before))
    shelf.apply(delta).close()
    assert shelf.path.read_bytes() == (core(after) if old else after)


def test_a_delta_holds_what_has_changed_and_no_more() -> None:
    old = [revoked(each) for each in range(0, 60_000, 3)]
    new = [*old[:9_000], *old[9_001:], revoked(60_001)]
    delta = PRESS.delta(PRESS.print(old), PRESS.print(new, number=2))
    assert len(delta) < 2500
    assert contents(delta).head.sections[-1].count == 1


def test_after_a_delta_the_new_standings_hold(tmp_path: Path) -> None:
    before, after = PRESS.print(OLD), PRESS.print(NEW, number=2)
    with Shelf(tmp_path, before).apply(PRESS.delta(before, after)) as found:
        told = {serial: found.find(serial) for serial in (2, 4, 6, 8, 9)}
        assert told == {
            2: Listing.REVOKED,
            4: Listing.REVOKED,
            6: Listing.NOT_LISTED,
            8: Listing.REVOKED,
            9: Listing.HELD,
        }
        assert found.status(4, at=AT).standing == Revoked(AT - DAY, Reason.KEY_COMPROMISE)


def test_deltas_are_refused_by_name_and_the_old_set_stays(tmp_path: Path) -> None:
    one, two, three = (PRESS.print(OLD, number=n) for n in (1, 2, 3))
    other = PRESS.print(NEW, number=1)
    shelf = Shelf(tmp_path, one)
    good = PRESS.delta(one, two)

    def fault(data: bytes) -> Fault:
        return shelf.refuses(shelf.apply, data)

    assert fault(PRESS.delta(two, three)) is Fault.WRONG_BASE
    assert fault(PRESS.delta(other, two)) is Fault.WRONG_BASE
    assert fault(good[:-1]) is Fault.TRUNCATED
    assert fault(good[:-1] + bytes([good[-1] ^ 1])) is Fault.DAMAGED
    assert fault(two) is Fault.MALFORMED
    assert fault(Press(signer=PKI.responder, named=True).delta(one, two)) is Fault.SIGNER
    stale = PRESS.print(OLD, number=2, this_update=AT - 3 * DAY, next_update=AT)
    assert fault(PRESS.delta(one, stale)) is Fault.EXPIRED
    shelf.path.write_bytes(three)
    assert fault(good) is Fault.ROLLBACK
    shelf.path.unlink()
    assert fault(good) is Fault.WRONG_BASE


def test_a_delta_of_another_issuer_is_refused(tmp_path: Path) -> None:
    one, two = PRESS.print(OLD), PRESS.print(NEW, number=2)
    shelf = Shelf(tmp_path, one)
    with pytest.raises(CompactRefused) as refused:
        shelf.apply(PRESS.delta(one, two), Trust(issuer=PKI.namesake().issuer))
    assert refused.value.fault is Fault.WRONG_ISSUER


def test_no_flipped_bit_of_a_delta_goes_unseen(tmp_path: Path) -> None:
    one, two = PRESS.print(OLD), PRESS.print(NEW, number=2)
    shelf, delta = Shelf(tmp_path, one), PRESS.delta(one, two)
    for octet in range(0, len(delta), 7):
        spoilt = bytearray(delta)
        spoilt[octet] ^= 1 << octet % 8
        shelf.refuses(shelf.apply, bytes(spoilt))


def test_a_delta_that_lies_about_where_it_leads_is_refused(tmp_path: Path) -> None:
    one, two, three = (PRESS.print(OLD[:n], number=n) for n in (1, 2, 3))
    shelf = Shelf(tmp_path, one)
    # The right base and target, and the changes of another delta.
    _, signed = head_of(one)
    wrong = PRESS.delta(two, three, base=Base(signed.head.number, signed.sha256))
    assert shelf.refuses(shelf.apply, wrong) is Fault.DAMAGED
    assert shelf.refuses(shelf.apply, PRESS.delta(one, two, number=7)) is Fault.MALFORMED


def test_a_whole_set_is_installed_where_there_is_none_an_older_or_a_broken_one(
    tmp_path: Path,
) -> None:
    one, two = PRESS.print(OLD), PRESS.print(NEW, number=2)
    shelf = Shelf(tmp_path)
    shelf.install(one).close()
    with shelf.install(two) as found:
        assert found.find(6) is Listing.NOT_LISTED
    shelf.path.write_bytes(b"broken")
    shelf.install(one).close()
    (tmp_path / ".set.0a1b.new").write_bytes(b"left by a process that was killed")
    shelf.install(core(one)).close()  # the same set, without its details
    assert shelf.path.read_bytes() == core(one)
    assert {each.name for each in tmp_path.iterdir()} == {"set", "fresh"}


def test_a_set_that_is_older_stale_or_repeats_a_number_is_not_installed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, PRESS.print(NEW, number=2))
    stale = PRESS.print(OLD, number=3, this_update=AT - 3 * DAY, next_update=AT)
    assert shelf.refuses(shelf.install, PRESS.print(OLD)) is Fault.ROLLBACK
    assert shelf.refuses(shelf.install, PRESS.print(OLD, number=2)) is Fault.ROLLBACK
    assert shelf.refuses(shelf.install, stale) is Fault.EXPIRED
    assert shelf.refuses(shelf.install, b"no set at all") is Fault.MALFORMED


def test_a_set_does_not_take_the_place_of_another_issuers(tmp_path: Path) -> None:
    """As a slip of the pen in a timer's command would have it."""
    other = PKI.namesake()
    identity = IssuerIdentity.of(other.issuer).fingerprint
    theirs = Press(signer=other.ca, changes={"issuer": identity}).print(NEW, number=2)
    shelf = Shelf(tmp_path, PRESS.print(OLD))
    trust = Trust(issuer=other.issuer)
    assert shelf.refuses(lambda data: shelf.install(data, trust), theirs) is Fault.WRONG_ISSUER


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_on_the_way_leaves_the_old_set(tmp_path: Path, step: str) -> None:
    one, two = PRESS.print(OLD), PRESS.print(NEW, number=2)
    shelf = Shelf(tmp_path, one)
    place = (os, "fsync") if step == "fsync" else (Path, "replace")
    with patch.object(*place, side_effect=OSError(28, "no space left")):
        assert shelf.refuses(shelf.apply, PRESS.delta(one, two)) is Fault.UNWRITABLE
    opened(shelf.path).close()
