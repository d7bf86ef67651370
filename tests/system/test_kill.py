"""SIGKILL while questions are answered and lists published: nothing wrong is ever said.

The steps of a refresh, one by one, are in tests/server/refresh/test_kill.py.
"""

import random
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.scene import Scene, arrange
from support.service import is_alive
from support.witness import Witness
from tashika import Cause
from tashika_server.lab import Certificate

CARDS = 6


@pytest.fixture
def two_workers(lab: Path) -> Path:
    arrange(lab, ("workers = 1", "workers = 2"))
    return lab


def issue(scene: Scene) -> list[Certificate]:
    cards = [scene.issue() for _ in range(CARDS)]
    scene.publish()
    return cards


def any_moment(chance: random.Random) -> None:
    """Wait as long as a refresh takes at most: it may be killed anywhere."""
    time.sleep(chance.uniform(0, 0.3))


def is_all_there(scene: Scene, cards: list[Certificate]) -> bool:
    scene.publish()
    return all(scene.check(card).status is scene.truth(card) for card in cards)


def test_whichever_process_is_killed_nothing_wrong_is_said_and_nothing_lost(
    two_workers: Path,
) -> None:
    chance, windows = random.Random(1), []
    with Scene(two_workers) as scene:
        cards = issue(scene)
        with Witness(scene, cards) as witness:
            for title in ("refresher", "worker-1", "lab", "refresher", "refresher"):
                any_moment(chance)
                begun = time.monotonic()
                killed = scene.service.kill(title)
                scene.service.wait_for_successor(title, of=killed)
                if title.startswith("worker"):
                    windows.append((begun, time.monotonic()))
                witness.wait_for_acknowledgement()
        silent = witness.judge()
        # Only a killed worker breaks off, and only what it had begun; the other answers on.
        assert {one.cause for one in silent} <= {Cause.UNREACHABLE}
        assert all(any(a <= one.heard and one.asked <= b for a, b in windows) for one in silent)
        assert len(silent) <= len(windows) < len(witness.answers)
        assert is_all_there(scene, cards)
        assert scene.service.stop() == 0


def test_a_killed_supervisor_takes_all_with_it_and_the_next_one_knows_everything(
    two_workers: Path,
) -> None:
    with Scene(two_workers) as first, ExitStack() as later:
        cards = issue(first)
        orphans = first.service.children().values()
        with Witness(first, cards) as witness:
            witness.wait_for_acknowledgement()
            any_moment(random.Random(2))
            first.service.kill("supervisor")
            second = later.enter_context(Scene(two_workers))
            assert not any(map(is_alive, orphans))
            witness.url = second.url
            witness.wait_for_acknowledgement()
        silent = witness.judge()
        assert {one.cause for one in silent} <= {Cause.UNREACHABLE}
        assert is_all_there(second, cards)
