"""`bench-disk`: what it measures, and what it leaves."""

import json
from pathlib import Path

import pytest

from support.journal import FrailDisk, How
from tashika_server.cli import main
from tashika_server.metering.bench_disk import GROUPS, DiskUnusable, bench_disk


def test_every_group_is_measured_by_real_commits(tmp_path: Path) -> None:
    disk = FrailDisk()
    found = bench_disk(tmp_path, seconds=0.03, disk=disk)
    assert tuple(each.answers for each in found) == GROUPS
    assert disk.syncs == sum(each.commits for each in found) + 16  # those that made the file
    for each in found:
        assert 0 <= each.median_ms <= each.p99_ms <= each.p999_ms <= each.worst_ms
        assert each.answers_a_second > 0
    assert not list(tmp_path.iterdir())


def test_it_leaves_nothing_behind_when_the_disk_fails(tmp_path: Path) -> None:
    for step in (3, 40):
        disk = FrailDisk()
        disk.break_at(step, How.FAILS_UNDONE)
        with pytest.raises(DiskUnusable, match="input/output error; name a folder to write in"):
            bench_disk(tmp_path, seconds=0.03, disk=disk)
        assert not list(tmp_path.iterdir())


def test_the_command_says_it_to_people_and_to_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench-disk", str(tmp_path), "--seconds", "0.03"]) == 0
    said = capsys.readouterr().out
    assert "p99 ms" in said
    assert "An answer waits" in said
    assert main(["bench-disk", str(tmp_path), "--seconds", "0.03", "--json"]) == 0
    assert [each["answers"] for each in json.loads(capsys.readouterr().out)] == [1, 8, 64]


def test_a_folder_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench-disk", str(tmp_path / "nowhere")]) == 1
    assert "nowhere: No such file or directory" in capsys.readouterr().err
