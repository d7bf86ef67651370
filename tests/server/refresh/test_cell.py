"""T28: strangers' files are read in a process that can do nothing else, and may do anything."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.crls import AT, NAKA, Ca, Row, hold
from support.inmates import PROGRAM
from support.reading import Taken, take
from support.refreshing import House
from support.service import wait_until
from tashika.pki.crl_head import read_frame, read_head
from tashika.pki.standing import Reason
from tashika_server.refresh.accept import ReadingLimits
from tashika_server.refresh.cell import CellLimits, Confinement
from tashika_server.refresh.hearing import Listed
from tashika_server.refresh.messages import ended, head_message, refusal
from tashika_server.refresh.process import Refresher
from tashika_server.refresh.records import CODES, NEVER, RECORD
from tashika_server.refresh.source import Check, NotTaken, Source

CA = Ca.found()
ISSUER = CA.issuer({NAKA: "lab:/x"})
SOURCE = Source(ISSUER, ISSUER.partitions[0], ISSUER.identity.fingerprint)
GOOD = CA.crl([Row(300, reason="superseded"), 7, hold(2**70)], scope=NAKA)


def head_of(body: bytes) -> bytes:
    def read(at: int, count: int) -> bytes:
        return body[at : at + count]

    return head_message(read_head(read, read_frame(read, len(body))))


@pytest.fixture(scope="module")
def cell() -> Iterator[Confinement]:
    with Confinement() as cell:
        yield cell


@pytest.fixture(scope="module")
def bad_cell() -> Iterator[Confinement]:
    with Confinement(CellLimits(seconds=1), program=PROGRAM) as cell:
        yield cell


def record(serial: int, reason: int = 0, since: int = NEVER) -> bytes:
    return RECORD.pack(serial.to_bytes(32, "big"), reason, 1_700_000_000, since)


def refused(body: bytes, cell: Confinement, limits: ReadingLimits | None = None) -> NotTaken:
    with pytest.raises(NotTaken) as caught:
        take(body, SOURCE, None, at=AT, cell=cell, limits=limits)
    return caught.value


def taken(cell: Confinement, body: bytes = GOOD) -> Taken:
    return take(body, SOURCE, None, at=AT, cell=cell)


def test_what_is_read_in_the_cell_is_what_is_read_outside(cell: Confinement):
    assert taken(cell).entries == take(GOOD, SOURCE, None, at=AT).entries
    assert len(taken(cell).entries) == 3


def test_t28_whoever_takes_the_process_over_has_neither_files_nor_network(bad_cell: Confinement):
    assert refused(b"break_out", bad_cell).detail == " ".join(["EMFILE"] * 5)


def test_t28_a_process_that_dies_is_a_failed_check(bad_cell: Confinement):
    failure = refused(b"die", bad_cell)
    assert failure.check is Check.READER
    assert "died" in failure.detail


def test_t30_a_process_that_hangs_is_ended_and_the_next_file_is_read(bad_cell: Confinement):
    limits = ReadingLimits(patience=timedelta(seconds=0.2))
    assert refused(b"hang", bad_cell, limits).check is Check.TIME
    assert refused(b"die", bad_cell).check is Check.READER


def test_t30_processor_time_and_memory_have_an_end(bad_cell: Confinement):
    assert refused(b"spin", bad_cell).check is Check.TIME
    assert refused(b"swell", bad_cell).check is Check.MEMORY


@pytest.mark.parametrize(
    "words",
    [
        b"\xff\x00",
        b"{}",
        b"[" * 100_000,
        b'{"head": {}}',
        b'{"head": null, "more": 1}',
        json.dumps(json.loads(head_of(GOOD)) | {"ended": None, "x": 1}).encode(),
        head_of(GOOD).replace(b'"number": 1', b'"number": "one"'),
        head_of(GOOD).replace(b'"this_update": ', b'"this_update": 9999999999999'),
        ended(1, in_spare=False),
        refusal("signature", "a check that is not its own"),
        refusal("no-such-check", "x"),
        refusal("form", "a line\nthat forges another"),
    ],
    ids=range(12),
)
def test_t28_words_that_make_no_sense_are_a_failed_check(bad_cell: Confinement, words: bytes):
    assert refused(b"say\n" + words, bad_cell).check is Check.READER


@pytest.mark.parametrize(
    "records",
    [
        b"",
        record(1),
        record(1) + record(2) + b"x",
        record(1) + record(2) + record(3),
        record(2) + record(1),
        record(2) + record(2),
        record(1) + record(2, reason=99),
        record(1) + record(2, reason=9),  # removeFromCRL, in a complete CRL
        record(1) + record(2, since=-1),
        record(1) + record(2, since=1 << 40),
    ],
    ids=range(10),
)
def test_t28_records_that_are_not_in_order_are_a_failed_check(tmp_path: Path, records: bytes):
    (tmp_path / "records").write_bytes(records)
    of_complete = frozenset(CODES.values()) - {CODES[Reason.REMOVE_FROM_CRL]}
    with (tmp_path / "records").open("rb") as file, pytest.raises(NotTaken) as caught:
        list(Listed(file, 2, of_complete))
    assert caught.value.check is Check.READER


def test_t30_a_process_that_lies_about_an_unsigned_file_is_not_believed(bad_cell: Confinement):
    assert refused(b"say\n" + head_of(GOOD), bad_cell).check is Check.SIGNATURE


def test_a_process_that_was_killed_is_started_again(cell: Confinement):
    taken(cell)
    assert cell._process
    os.kill(cell._process.pid, signal.SIGKILL)
    cell._process.wait()
    assert taken(cell).entries


def test_nothing_is_left_of_a_cell():
    with Confinement() as cell:
        taken(cell)
        process = cell._process
        assert process
    assert process.returncode == -signal.SIGKILL


async def test_a_refresher_that_is_stopped_waits_for_no_reading(tmp_path: Path):
    house = House(tmp_path, names=(NAKA,))
    house.offer(NAKA, b"hang")
    cell = Confinement(program=PROGRAM)
    parts = replace(house.parts, confinement=lambda: cell)
    async with Refresher.of(parts) as refresher:
        work = asyncio.create_task(refresher.refresh_all())
        await asyncio.to_thread(wait_until, lambda: cell._process is not None, "a reading")
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert cell._process is None
