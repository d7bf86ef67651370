"""`tashika-server index build`, without a running service."""

import os
import pty
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.lab import FAST
from tashika_server.cli import main
from tashika_server.index import IndexWriter
from tashika_server.lab import found_world

CONFIG = "tashika.toml"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("world")
    found_world(directory, FAST, at=datetime.now(UTC)).close()
    return directory


def published(world: Path) -> list[Path]:
    return sorted((world / "published").rglob("*.crl"))


def test_everything_is_loaded_from_the_files(world: Path, capsys: pytest.CaptureFixture[str]):
    number = len(published(world))
    assert main(["index", "build", str(world / CONFIG)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("published") for line in lines) == number + 6  # and registers
    assert f"{number} CRLs loaded, 0 unchanged, 0 not taken in" in lines[-1]
    assert main(["index", "build", str(world / CONFIG)]) == 0
    assert f"0 CRLs loaded, {number} unchanged" in capsys.readouterr().out


def test_what_is_not_taken_in_is_said(world: Path, capsys: pytest.CaptureFixture[str]):
    spoiled = published(world)[0]
    content = spoiled.read_bytes()
    spoiled.write_bytes(b"nonsense")
    assert main(["index", "build", str(world / CONFIG)]) == 1
    assert "1 not taken in" in capsys.readouterr().out
    spoiled.write_bytes(content)


def test_another_writer_is_named(world: Path, capsys: pytest.CaptureFixture[str]):
    with IndexWriter.open(world / "index", 2**24):
        assert main(["index", "build", str(world / CONFIG)]) == 75
    assert "another process writes the index" in capsys.readouterr().err


def test_on_a_terminal_there_is_a_bar(world: Path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tashika_server", "index", "build", str(world / CONFIG)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert "loading" in shown.decode()
    assert "generation" in shown.decode()


def test_t7_the_index_is_compacted_and_compared_with_the_archive(
    world: Path, capsys: pytest.CaptureFixture[str]
):
    config = world / "kept.toml"
    config.write_text((world / CONFIG).read_text() + "\n[files]\n")
    main(["index", "build", str(world / CONFIG)])
    assert main(["index", "compact", str(config)]) == 0
    assert "MB before" in capsys.readouterr().out
    assert main(["index", "audit", str(config)]) == 1
    assert "the archive has not the CRL" in capsys.readouterr().out
    shutil.rmtree(world / "index")
    assert main(["index", "build", str(config)]) == 0
    assert main(["index", "audit", str(config)]) == 0
    assert f"{len(published(world))} partitions" in capsys.readouterr().out
    assert main(["index", "audit", str(config), "--issuer", "user-auth-g33"]) == 1
    assert "user-auth-g3" in capsys.readouterr().err
