"""Publishing survives a kill at every step, other commands at work, and a clock that went back."""

import subprocess
import sys
from datetime import timedelta
from threading import Thread

import pytest
from cryptography import x509

from support import lab
from support.lab import NOON
from tashika.pki.profile import Family
from tashika_server.lab import Cause, LabError, World
from tashika_server.lab.responders import BACKDATED, LIFETIME, RENEWED_BEFORE

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)

KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
from tashika_server import durable
from tashika_server.lab import World, layout, publishing, state

directory, step, at = Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
calls = 0

def die(*_, **__):
    os._exit(9)

def die_at_the_third(path, data, *, mode=0o644):
    global calls
    calls += path.suffix == ".crl"
    if calls == 3:
        path.with_name("." + path.name + ".dead.new").write_bytes(data[:100])
        die()
    durable.write_atomically(path, data, mode=mode)

match step:
    case "before the numbers":
        state.State.allot_numbers = die
    case "before the first file":
        publishing.revocation_list = die
    case "within the third file":
        layout.write_atomically = die_at_the_third
    case "before the record":
        state.State.record_publication = die
World.open(directory).publish(at=at)
"""


@pytest.mark.parametrize(
    "step",
    [
        "before the numbers",
        "before the first file",
        "within the third file",
        "before the record",
    ],
)
def test_a_kill_while_publishing_leaves_whole_lists_and_numbers_that_only_grow(
    world: World, step: str
) -> None:
    certificate = lab.first(world, Family.USER_AUTH)
    world.hold(certificate, at=NOON)
    before = lab.numbers(world)
    root = world.premises.layout.root
    command = [sys.executable, "-c", KILLED, root, step, (NOON + SECOND).isoformat()]
    assert subprocess.run(command, check=False).returncode == 9
    lab.check(world)
    halfway = lab.numbers(world)
    assert all(halfway[path] in (number, number + 1) for path, number in before.items())
    world.publish(at=NOON + 2 * SECOND)
    after = lab.numbers(world)
    assert all(after[path] > number for path, number in halfway.items())
    assert lab.entry_of(world, certificate)


def test_a_kill_before_a_new_certificate_is_recorded_loses_nothing(world: World) -> None:
    count = len(world.certificates())
    script = (
        "import os, sys; from pathlib import Path; from datetime import datetime\n"
        "from tashika_server.lab import World, state\n"
        "state.State.append = lambda *_: os._exit(9)\n"
        "World.open(Path(sys.argv[1])).issue(at=datetime.fromisoformat(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, world.premises.layout.root, NOON.isoformat()]
    assert subprocess.run(command, check=False).returncode == 9
    assert len(world.certificates()) == count
    world.issue(at=NOON)
    lab.check(world)


def test_commands_at_the_same_time_wait_for_each_other(world: World) -> None:
    root, rounds, writers = world.premises.layout.root, 4, 3
    before = lab.numbers(world)

    def publish_often() -> None:
        with World.open(root) as own:
            for _ in range(rounds):
                own.publish(at=NOON)

    threads = [Thread(target=publish_often) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = lab.numbers(world)
    assert after == {path: number + rounds * writers for path, number in before.items()}


def test_a_clock_that_went_back_publishes_nothing(world: World) -> None:
    before = lab.numbers(world)
    with pytest.raises(LabError, match="set it right"):
        world.publish(at=NOON - SECOND)
    assert lab.numbers(world) == before


def test_publishing_settles_what_is_due(world: World) -> None:
    certificate = lab.first(world, Family.USER_AUTH)
    departure = world.move_out(certificate, planned=NOON.date(), at=NOON)
    world.publish(at=departure.lapses_at - SECOND)
    assert not lab.entry_of(world, certificate)
    world.publish(at=departure.lapses_at)
    assert lab.entry_of(world, certificate)


def test_upkeep_publishes_before_lists_run_out_and_not_more_often(world: World) -> None:
    assert world.upkeep(at=NOON + DAY - SECOND) is None
    before = lab.numbers(world)
    published = world.upkeep(at=NOON + DAY)
    assert published
    assert published.at == NOON + DAY
    assert lab.numbers(world) == {path: number + 1 for path, number in before.items()}
    assert world.upkeep(at=NOON + DAY + SECOND) is None


def test_upkeep_renews_responders_for_the_same_keys(world: World) -> None:
    paths = [
        world.premises.layout.signer(authority.name + suffix)
        for authority in world.premises.authorities()
        for suffix in ("", "-p256")
    ]
    certificates = [path.read_bytes() for path in paths]
    keys = [path.with_suffix(".key").read_bytes() for path in paths]
    due = NOON - BACKDATED + LIFETIME - RENEWED_BEFORE
    world.upkeep(at=due)
    assert [path.read_bytes() for path in paths] == certificates
    world.upkeep(at=due + SECOND)
    assert not set(certificates) & {path.read_bytes() for path in paths}
    assert [path.with_suffix(".key").read_bytes() for path in paths] == keys


def test_upkeep_in_the_last_days_of_a_ca_and_after(world: World) -> None:
    oldest = world.premises.authorities()[0]
    signer = world.premises.layout.signer(oldest.name)
    end = oldest.certificate.not_valid_after_utc
    world.upkeep(at=end - 2 * DAY)
    renewed = x509.load_pem_x509_certificate(signer.read_bytes())
    assert renewed.not_valid_after_utc == end
    for at in (end - DAY, end + SECOND):
        world.upkeep(at=at)
        assert x509.load_pem_x509_certificate(signer.read_bytes()) == renewed


def test_upkeep_mends_a_lost_or_broken_responder_certificate(world: World) -> None:
    lost = world.premises.layout.signer("signature-g1")
    broken = world.premises.layout.signer("signature-g2")
    lost.unlink()
    broken.write_bytes(broken.read_bytes()[:50])
    world.upkeep(at=NOON)
    lab.check(world)
    assert all(b"END CERTIFICATE" in path.read_bytes() for path in (lost, broken))


def test_what_cannot_be_written_changes_nothing(world: World) -> None:
    world.premises.state._db.execute("PRAGMA query_only = ON")
    with pytest.raises(LabError, match="nothing changed"):
        world.revoke(lab.first(world, Family.USER_AUTH), Cause.APPLICATION, at=NOON)
    world.premises.state._db.execute("PRAGMA query_only = OFF")
