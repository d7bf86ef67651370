"""A disk that is full, and one that is gone: old answers or tryLater, and back without hands."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.forging import entry, forge
from support.scene import Scene, now
from support.service import wait_until
from tashika import Cause
from tashika_server.durable import write_atomically
from tashika_server.lab import Certificate
from tashika_server.refresh.control import notify

EX_TEMPFAIL = 75
STRANGERS = range(10**6, 10**6 + 900)
"""Serials of nobody: with so many entries the index must grow."""


@contextmanager
def no_room(scene: Scene) -> Iterator[None]:
    """Let no file of the service grow beyond the index as it is, in whatever process is to come."""
    size = (scene.directory / "index" / "data.mdb").stat().st_size
    assert scene.service.log.stat().st_size < size / 2  # the log itself is not to be short of room
    supervisor, refresher = scene.service.process.pid, scene.service.children()["refresher"]
    everything = resource.prlimit(supervisor, resource.RLIMIT_FSIZE)
    for pid in (supervisor, refresher):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, everything[1]))
    yield
    resource.prlimit(supervisor, resource.RLIMIT_FSIZE, everything)


def offer(scene: Scene, card: Certificate) -> None:
    """Put a long list that revokes a card in the issuer's tree, and tell whoever can hear it."""
    at = now().replace(microsecond=0)
    entries = [entry(serial, at) for serial in (card.serial, *STRANGERS)]
    write_atomically(scene.crl_file(card), forge(scene.world, card, entries=entries))
    asyncio.run(notify(scene.directory / "run"))


def ends(scene: Scene) -> list[int]:
    """Return the exit codes of the refreshers so far."""
    found = scene.service.events("child_ended")
    return [event["code"] for event in found if event["role"] == "refresher"]


def test_a_full_disk_leaves_the_old_answers_and_room_alone_brings_the_new(lab: Path) -> None:
    with Scene(lab) as scene:
        card, generation = scene.issue(), scene.generation()
        with no_room(scene):
            offer(scene, card)
            wait_until(lambda: len(ends(scene)) == 2, "the end of the refresher and its successor")
            assert scene.check(card).cause is Cause.GOOD
            assert ends(scene) == [EX_TEMPFAIL] * 2
            assert scene.generation() == generation
            failure = scene.service.wait_for_event("index_write_failed")
            assert "look at the space on its disk" in failure["reason"]
        wait_until(lambda: scene.check(card).cause is Cause.REVOKED, "the list that did not fit")


def test_a_lost_index_is_try_later_until_it_can_be_built_anew(lab: Path) -> None:
    """As when the file system is unmounted, or read-only when the service starts."""
    with Scene(lab) as scene:
        card = scene.issue()
        scene.world.hold(card, at=now())
        scene.publish()
        index = scene.directory / "index"
        index.rename(lab / "lost")
        index.write_text("in the way")
        scene.service.kill("refresher")
        wait_until(lambda: scene.check(card).cause is Cause.TRY_LATER, "tryLater")
        wait_until(lambda: EX_TEMPFAIL in ends(scene), "the end of the refresher that cannot write")
        assert "cannot be written" in scene.service.log.read_text()
        assert scene.check(card).cause is Cause.TRY_LATER
        index.unlink()
        wait_until(lambda: scene.check(card).cause is Cause.ON_HOLD, "an index built anew")
