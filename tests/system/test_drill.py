"""A short drill; the long one is `make drill`."""

from pathlib import Path

from drill.drilling import Drill, drill, found


def test_t39_every_acknowledged_answer_is_counted_once_whoever_is_killed(tmp_path: Path) -> None:
    what = Drill(kills=8, minutes=1.0, seed=1, workers=2, ingesters=1, connections=2, breath=0.1)
    verdict = drill(found(tmp_path / "world", "sqlite:///book.sqlite", what), what)
    assert verdict.faults == dict.fromkeys(verdict.faults, 0)
    assert verdict.killed.total() == 8
    assert verdict.journalled == verdict.counted >= verdict.acknowledged > 0
