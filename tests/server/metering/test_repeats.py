"""The table of what was handed over lately: what is a retry, and what never is."""

import mmap
from datetime import timedelta
from pathlib import Path
from random import Random
from zlib import crc32

from tashika_server.metering.repeats import Repeats, trace_of

NONCE, NAME, NOW = bytes(range(32)), bytes(range(16)), 1_775_012_400
TRACE = trace_of(NAME, NONCE)


def test_what_was_marked_is_seen_within_the_minute_and_by_every_worker(tmp_path: Path) -> None:
    one, other = Repeats.open(tmp_path), Repeats.open(tmp_path)
    assert not other.seen(TRACE, NOW)
    one.mark(TRACE, NOW)
    assert all(each.seen(TRACE, NOW + 60) for each in (one, other))
    assert other.seen(TRACE, NOW - 1)  # its clock is read a little earlier
    assert not other.seen(TRACE, NOW + 61)
    one.close()
    assert other.seen(TRACE, NOW)
    assert Repeats.open(tmp_path).seen(TRACE, NOW)


def test_another_certificate_or_another_nonce_is_no_retry(tmp_path: Path) -> None:
    repeats = Repeats.open(tmp_path)
    repeats.mark(TRACE, NOW)
    for at in range(16):
        assert not repeats.seen(trace_of(NAME[:at] + b"\xff" + NAME[at + 1 :], NONCE), NOW)
    for at in range(32):
        assert not repeats.seen(trace_of(NAME, NONCE[:at] + b"\xff" + NONCE[at + 1 :]), NOW)


def test_short_nonces_are_nonces(tmp_path: Path) -> None:
    repeats = Repeats.open(tmp_path)
    repeats.mark(trace_of(NAME, b"\x01"), NOW)
    assert repeats.seen(trace_of(NAME, b"\x01"), NOW)
    assert not repeats.seen(trace_of(NAME, b"\x02"), NOW)
    assert not repeats.seen(trace_of(NAME, b"\x01\x00"), NOW)


def test_a_crowd_pushes_out_the_oldest_first(tmp_path: Path) -> None:
    repeats = Repeats.open(tmp_path, entries=4, window=timedelta(hours=1))
    nonces = [bytes([each]) * 32 for each in range(6)]
    for second, nonce in enumerate(nonces):
        repeats.mark(trace_of(NAME, nonce), NOW + second)
    assert [repeats.seen(trace_of(NAME, nonce), NOW) for nonce in nonces] == [False] * 2 + [
        True
    ] * 4


def test_what_fits_is_remembered(tmp_path: Path) -> None:
    chance, repeats = Random(5), Repeats.open(tmp_path, entries=2**14)
    asked = [(chance.randbytes(16), chance.randbytes(32)) for _ in range(2**12)]
    for name, nonce in asked:
        assert not repeats.seen(trace_of(name, nonce), NOW)
        repeats.mark(trace_of(name, nonce), NOW)
    lost = sum(not repeats.seen(trace_of(name, nonce), NOW) for name, nonce in asked)
    assert lost < len(asked) / 100


def test_a_table_of_any_bytes_says_no_and_is_used_on(tmp_path: Path) -> None:
    (tmp_path / "repeats.1").write_bytes(Random(6).randbytes(1_000))
    repeats = Repeats.open(tmp_path, entries=64)
    assert not repeats.seen(TRACE, NOW)
    repeats.mark(TRACE, NOW)
    assert repeats.seen(TRACE, NOW)


def test_a_mark_half_made_is_none(tmp_path: Path) -> None:
    """As another worker sees it that reads while this one writes."""
    repeats = Repeats.open(tmp_path, entries=4)
    table = mmap.mmap(-1, 4 * 32)
    table[:28] = NAME + NONCE[:8] + crc32(NONCE).to_bytes(4, "little")
    assert not Repeats(table, window=timedelta(minutes=1)).seen(TRACE, NOW)
    assert not repeats.seen(TRACE, NOW)
