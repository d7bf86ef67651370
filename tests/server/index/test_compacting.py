"""An index that is written anew says the same in less room, or stays as it was."""

import os
import random
import signal
from pathlib import Path

import pytest

from support.crls import AT, DAY
from support.dying import run
from tashika.pki.standing import Reason
from tashika_server.index import (
    Changes,
    Entry,
    IndexBusy,
    IndexMissing,
    IndexReader,
    IndexWriter,
    Mark,
    RegisterMark,
    compact,
    compacting,
)
from tashika_server.index.layout import DATABASES

CA, SIZE = bytes(32), 2**24


def mark(number: int, entries: int) -> Mark:
    return Mark(
        number=number,
        this_update=AT,
        next_update=AT + DAY,
        sha256=bytes(32),
        entries=entries,
        etag=None,
        last_modified=None,
    )


def aged(path: Path) -> Path:
    """Make an index whose entries came at random places, a few at a time."""
    chance = random.Random(5)
    serials = chance.sample(range(1 << 40), 4000)
    with IndexWriter.open(path, SIZE) as writer:
        writer.expect(CA, ["", "b"])
        writer.load_register(CA, [(1, 9), (20, 1 << 41)], RegisterMark(sha256=CA, last=1 << 41))
        for begin in range(0, 4000, 400):
            some = sorted(serials[begin : begin + 400])
            added = [Entry(each, AT - DAY, Reason.SUPERSEDED) for each in some]
            writer.publish(CA, "", Changes(added=added), mark(begin, begin + 400))
        long = [Entry(1 << 200, AT - DAY, None, AT - DAY)]
        writer.publish(CA, "b", Changes(added=long), mark(1, 1))
    return path


def content(path: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    reader = IndexReader.open(path)
    try:
        with reader.snapshot() as view:
            return {
                name: list(view._transaction.cursor(view._databases[name])) for name in DATABASES
            }
    finally:
        reader.close()


def test_all_that_it_says_is_said_in_less_room(tmp_path: Path):
    path = aged(tmp_path / "index")
    said = content(path)
    before, after = compact(path, SIZE)
    assert content(path) == said
    assert after == (path / "data.mdb").stat().st_size
    assert after < before * 0.8
    with IndexWriter.open(path, SIZE) as writer:
        generation = writer.reader.snapshot().generation
        changes = Changes(removed=[Entry(1 << 200, AT - DAY, None, AT - DAY)])
        assert writer.publish(CA, "b", changes, mark(2, 0)) == generation + 1
    assert sorted(each.name for each in path.iterdir()) == ["data.mdb", "lock.mdb", "writer.lock"]


def test_nobody_else_may_have_it_open(tmp_path: Path):
    path = aged(tmp_path / "index")
    with IndexWriter.open(path, SIZE), pytest.raises(IndexBusy, match="writes"):
        compact(path, SIZE)
    assert run(compact_beside_a_reader, path) == 0
    with pytest.raises(IndexMissing):
        compact(tmp_path / "none", SIZE)
    assert not (tmp_path / "none").exists()


def compact_beside_a_reader(path: Path) -> None:
    """Have a child look at the index, and end with 0 where it is not compacted meanwhile."""
    ours, theirs = os.pipe()
    if not (child := os.fork()):
        with IndexReader.open(path).snapshot():
            os.write(theirs, b"!")
            signal.pause()
    os.read(ours, 1)
    try:
        with pytest.raises(IndexBusy, match="stop the service"):
            compact(path, SIZE)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def die_while_compacting(path: Path) -> None:
    """Die by SIGKILL when all is written and nothing has its place."""

    def die(_: Path) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    real = compacting._copy

    def copy(name: str, *stores: object) -> None:
        real(name, *stores)
        if name == DATABASES[-1]:
            die(path)

    compacting._copy = copy
    compact(path, SIZE)


def test_a_kill_before_it_has_its_place_leaves_it_as_it_was(tmp_path: Path):
    path = aged(tmp_path / "index")
    said = content(path)
    assert run(die_while_compacting, path) == -signal.SIGKILL
    assert content(path) == said
    compact(path, SIZE)
    assert content(path) == said
