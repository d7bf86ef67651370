import stat
from pathlib import Path

import pytest

from support.dying import run
from support.index_life import replace_with_room
from tashika_server.durable import write_atomically


def test_a_file_is_replaced_whole(tmp_path: Path):
    file = tmp_path / "file"
    write_atomically(file, b"old")
    write_atomically(file, b"new", mode=0o600)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_old_file_alone(tmp_path: Path):
    file = tmp_path / "file"
    write_atomically(file, b"old")
    assert run(replace_with_room, file, 1000) == 1
    assert file.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "file", b"")
