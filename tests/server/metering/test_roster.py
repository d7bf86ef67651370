"""The roster: every stream has a line before it has a record, and every loss of one shows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.journal import AT, NODE, FrailDisk, Worker
from support.strategies import steady
from tashika_server.metering.roster import (
    is_held,
    read_roster,
    strays,
    stream_directory,
)


def streams(root: Path, number: int) -> list[Worker]:
    workers = [Worker(root, FrailDisk()) for _ in range(number)]
    for worker in workers:
        worker.begin()
    return workers


def lines(root: Path) -> list[bytes]:
    return (root / "roster").read_bytes().splitlines(keepends=True)


def test_several_streams_of_a_node_are_listed_in_their_order(tmp_path: Path) -> None:
    workers = streams(tmp_path, 3)
    roster = read_roster(tmp_path)
    assert [each.stream for each in roster.streams] == [each.own.stream for each in workers]
    assert [each.number for each in roster.streams] == [1, 2, 3]
    assert {(each.node, each.started_at) for each in roster.streams} == {(NODE, AT)}
    assert not roster.harm
    for worker in workers:
        worker.note()
        worker.flush()
    for worker in workers:
        worker.own.end()
    together = Worker(tmp_path, FrailDisk())
    for worker in workers:
        together.noted |= worker.noted
        together.released |= worker.released
    assert len(together.check()) == 3


def test_killed_between_its_header_and_its_line_a_stream_is_no_stray(tmp_path: Path) -> None:
    worker = Worker(tmp_path, FrailDisk())
    worker.begin()
    worker.crash()
    (tmp_path / "roster").write_bytes(b"")
    assert strays(tmp_path) == ()


def test_no_roster_is_an_empty_one(tmp_path: Path) -> None:
    assert read_roster(tmp_path).streams == ()
    assert strays(tmp_path) == ()


def test_a_writer_is_alive_until_it_lets_go(tmp_path: Path) -> None:
    (worker,) = streams(tmp_path, 1)
    directory = stream_directory(tmp_path, worker.own.stream)
    assert is_held(directory)
    worker.crash()
    assert not is_held(directory)
    with pytest.raises(FileNotFoundError):
        is_held(tmp_path)


def test_a_line_cut_off_is_overwritten_by_the_next(tmp_path: Path) -> None:
    streams(tmp_path, 2)
    whole = (tmp_path / "roster").read_bytes()
    for cut in (whole[:-1], whole[:-30], whole + b"garbage", whole + bytes(80)):
        (tmp_path / "roster").write_bytes(cut)
        before = len(read_roster(tmp_path).streams)
        streams(tmp_path, 1)
        roster = read_roster(tmp_path)
        assert (len(roster.streams), roster.harm) == (before + 1, "")


@pytest.mark.parametrize("place", [0, 1])
def test_a_line_lost_or_damaged_before_others_is_harm_and_the_others_are_read(
    tmp_path: Path, place: int
) -> None:
    workers = streams(tmp_path, 3)
    whole = lines(tmp_path)
    damaged = whole[place][:20] + b"?" + whole[place][21:]
    for instead in (b"", damaged, b"\n"):
        (tmp_path / "roster").write_bytes(b"".join([*whole[:place], instead, *whole[place + 1 :]]))
        roster = read_roster(tmp_path)
        assert f"line {place + 1} " in roster.harm
        assert [each.stream for each in roster.streams] == [
            each.own.stream for number, each in enumerate(workers) if number != place
        ]


def test_a_stream_that_the_roster_has_lost_is_a_stray_once_it_has_records(tmp_path: Path) -> None:
    first, second = streams(tmp_path, 2)
    (tmp_path / "roster").write_bytes(lines(tmp_path)[0])
    assert strays(tmp_path) == ()
    second.note()
    second.flush()
    first.note()
    first.flush()
    assert strays(tmp_path) == (stream_directory(tmp_path, second.own.stream),)


def test_a_damaged_roster_takes_new_lines_at_its_end(tmp_path: Path) -> None:
    streams(tmp_path, 3)
    whole = lines(tmp_path)
    (tmp_path / "roster").write_bytes(whole[0] + whole[2])
    (worker,) = streams(tmp_path, 1)
    assert lines(tmp_path)[:2] == [whole[0], whole[2]]
    assert read_roster(tmp_path).streams[-1].stream == worker.own.stream


@steady
@given(st.binary(max_size=300))
def test_any_bytes_are_a_roster(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    root = tmp_path_factory.getbasetemp()
    (root / "roster").write_bytes(data)
    assert read_roster(root).streams == ()
