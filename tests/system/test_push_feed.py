"""A push at the issuer is in the next answer of every worker, with neither CRL nor notify."""

import json
from dataclasses import replace
from pathlib import Path

from support.lab import FAST
from support.scene import Scene, arrange, command, now
from support.service import wait_until
from tashika import Cause
from tashika.pki.profile import Family
from tashika_server.lab import News, World, feeding
from tashika_server.lab.configuring import configure

ENOUGH = 12
"""Connections, each of them new: that one of two workers has none of them is one in 2,048."""


def test_what_is_pushed_is_in_the_next_answer_of_every_worker(lab: Path) -> None:
    with World.open(lab) as world:
        feeding.found_feed(world.premises.layout)
        world.push(at=now())
        configure(world, replace(FAST, news=News.FEED))
    arrange(lab, ("workers = 1", "workers = 2"))
    with Scene(lab) as scene:
        card = scene.issue(Family.USER_AUTH)
        assert scene.check(card).cause is Cause.GOOD
        scene.world.hold(card, at=now())
        said = json.loads(command("tashika-server", "lab", "push", lab, "--json"))
        assert said == {"events": 1}
        wait_until(lambda: _has_taken_in(scene, changed=1), "the message in the index")
        assert {scene.check(card).cause for _ in range(ENOUGH)} == {Cause.ON_HOLD}


def _has_taken_in(scene: Scene, *, changed: int) -> bool:
    lines = [line for line in scene.service.log.read_text().splitlines() if line[:1] == "{"]
    return any(
        each["event"] == "feed_published" and each["changed"] == changed
        for each in map(json.loads, lines)
    )
