"""The predecessor issuers: own keys, serials, CRLs and responders, beside the present ones."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession
from cryptography import x509

from support import lab
from support.clock import FakeClock
from tashika_server.assembly.examining import patient
from tashika_server.assembly.refreshing import refresh_parts
from tashika_server.cli import main
from tashika_server.config import load_config
from tashika_server.doctor.examination import examine
from tashika_server.doctor.finding import Gravity, Symptom
from tashika_server.doctor.machine import DiskRoom
from tashika_server.lab import World, found_world
from tashika_server.lab.prefectures import OPERATOR, PREFECTURES, _places, predecessors
from tashika_server.lab.publication import serving
from tashika_server.refresh.process import Refresher

NAMES = [f"predecessor-{code:02}-g{generation}" for code in (1, 2) for generation in (1, 2)]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("prefectures") / "lab"
    order = replace(lab.FAST, people=1, municipalities=1, prefectures=2)
    found_world(directory, order, at=lab.NOON).close()
    return directory


@pytest.fixture
def world(founded: Path, tmp_path: Path) -> Iterator[World]:
    with lab.copied(founded, tmp_path / "lab") as opened:
        yield opened


def certificate(world: World, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(world.premises.layout.issuer(name).read_bytes())


def crl(world: World, name: str) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(predecessors(world.premises)[name].read_bytes())


def load(root: Path, at: datetime) -> None:
    parts = refresh_parts(
        load_config(root / "tashika.toml"),
        lab_base=(root / "published").as_uri(),
        clock=FakeClock(at),
    )

    async def once() -> None:
        async with Refresher.of(parts) as refresher:
            await refresher.refresh_all()

    asyncio.run(once())


def test_there_is_one_for_each_prefecture_and_generation(world: World):
    assert [*predecessors(world.premises)] == NAMES
    certificates = [certificate(world, name) for name in NAMES]
    keys = {one.public_key().public_numbers() for one in certificates}  # type: ignore[union-attr]
    assert len(keys) == len(NAMES)
    assert [one.subject.rfc4514_string() for one in certificates[::2]] == [
        one.subject.rfc4514_string() for one in certificates[1::2]
    ]  # generations share a name
    assert len({one.subject for one in certificates}) == 2  # prefectures do not
    assert all("O=JPKI-SIM" in one.subject.rfc4514_string() for one in certificates)


def test_a_nation_has_47():
    assert len(_places()) == PREFECTURES == 47
    assert [code[:2] for code in _places()] == [f"{number:02}" for number in range(1, 48)]


def test_every_one_of_them_is_served_and_well(world: World):
    root, at = world.premises.layout.root, lab.NOON
    load(root, at)
    (root / "run").mkdir()
    with patient(load_config(root / "tashika.toml"), token=None, at=at) as ours:
        roomy = replace(ours.machine, disk=lambda _: DiskRoom(total=2, free=2))
        found = list(examine(replace(ours, machine=roomy), at=at))
    assert [one for one in found if one.gravity is not Gravity.WELL] == []
    served = {one.subject: one.facts for one in found if one.symptom is Symptom.ISSUER_WELL}
    assert len(served) == len(NAMES) + 6
    assert {served[name]["operator"] for name in NAMES} == {OPERATOR}


def test_they_are_published_and_renewed_with_the_others(world: World):
    layout = world.premises.layout
    before = {name: layout.signer(name).read_bytes() for name in NAMES}
    world.publish(at=lab.NOON + timedelta(days=1))
    for name in NAMES:
        assert layout.signer(name).read_bytes() == before[name]
        number = crl(world, name).extensions.get_extension_for_class(x509.CRLNumber)
        assert number.value.crl_number == 2
        assert crl(world, name).is_signature_valid(certificate(world, name).public_key())  # type: ignore[arg-type]
    world.publish(at=lab.NOON + timedelta(days=21))
    for name in NAMES:
        renewed = x509.load_pem_x509_certificate(layout.signer(name).read_bytes())
        assert renewed.serial_number == 5
        assert layout.register(name).read_text().endswith("1-5\n")


@pytest.mark.parametrize("days", [21, 62])
def test_t37_the_first_renewal_and_the_next_leave_everything_well(world: World, days: int):
    """A day before the old responders would have ended nobody notices, because all are new."""
    root = world.premises.layout.root
    (root / "run").mkdir()
    for day in range(0, days, 20):
        world.publish(at=lab.NOON + timedelta(days=day))
    at = lab.NOON + timedelta(days=days)
    world.publish(at=at)
    load(root, at)
    with patient(load_config(root / "tashika.toml"), token=None, at=at) as ours:
        roomy = replace(ours.machine, disk=lambda _: DiskRoom(total=2, free=2))
        found = list(examine(replace(ours, machine=roomy), at=at))
    assert [one for one in found if one.gravity is not Gravity.WELL] == []


def test_the_command_knows_how_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["lab", "init", str(tmp_path / "lab"), "--prefectures", "48"])
    assert "between 1 and 47" in capsys.readouterr().err


async def test_they_are_served_by_the_lab(world: World):
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    layout = world.premises.layout
    async with serving(layout.root, listener), ClientSession() as client:
        for path in predecessors(world.premises).values():
            url = f"http://{host}:{port}/{path.relative_to(layout.published)}"
            async with client.get(url) as reply:
                assert await reply.read() == path.read_bytes()
