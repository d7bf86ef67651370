"""The index between processes: a larger map, killed readers, and the file that stays small."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.dying import start
from support.index_life import hold_a_snapshot, look_on_request
from tashika_server.index import Changes, Entry, IndexWriter, Mark

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
CA = b"1" * 32
MARK = Mark(
    number=1,
    this_update=AT,
    next_update=AT + timedelta(days=1),
    sha256=bytes(32),
    entries=0,
    etag=None,
    last_modified=None,
)


def entries(*serials: int) -> list[Entry]:
    return [Entry(serial, AT) for serial in serials]


def test_each_commit_is_seen_by_the_next_look_up_of_another_process(tmp_path: Path):
    """Also when the writer has come back with a larger map than the reader knows."""
    path = tmp_path / "index"
    ours, theirs = multiprocessing.Pipe()

    def ask(serial: int) -> tuple[int, Entry | None]:
        ours.send(serial)
        assert ours.poll(60)
        generation, entry = ours.recv()
        return generation, entry

    with IndexWriter.open(path, 2**17) as writer:
        writer.expect(CA, ["A"])
        writer.publish(CA, "A", Changes(added=entries(1)), MARK)
        process = start(look_on_request, path, CA, theirs)
        assert ask(1) == (2, Entry(1, AT))
        assert ask(2) == (2, None)
        writer.publish(CA, "A", Changes(added=entries(2)), MARK)
        assert ask(2) == (3, Entry(2, AT))
    with IndexWriter.open(path, 2**26) as writer:
        writer.publish(CA, "A", Changes(added=entries(*range(10, 50_000))), MARK)
        assert (path / "data.mdb").stat().st_size > 2**17
        assert ask(49_999) == (4, Entry(49_999, AT))
    ours.send(None)
    process.join(60)
    assert process.exitcode == 0


def test_a_killed_reader_keeps_no_pages(tmp_path: Path):
    """Its slot in the table of readers is cleared by the writer, or the file grows forever."""
    path = tmp_path / "index"
    heard, told = multiprocessing.Pipe(duplex=False)
    sizes = []
    with IndexWriter.open(path, 2**26) as writer:
        writer.expect(CA, ["A"])
        writer.publish(CA, "A", Changes(added=entries(*range(1000))), MARK)
        reader = start(hold_a_snapshot, path, told)
        assert heard.poll(60)
        reader.kill()
        reader.join()
        for first in range(0, 3000, 100):
            changes = Changes(
                added=entries(*range(first + 1000, first + 1100)),
                removed=entries(*range(first, first + 100)),
            )
            writer.publish(CA, "A", changes, MARK)
            sizes.append((path / "data.mdb").stat().st_size)
    assert sizes[-1] < 2 * sizes[0]
