"""What a reload does with the processes, which here are scripts of one line.

That nobody who asks notices it is shown in tests/system/test_reload.py, with the real ones.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tashika_server.config import Address, ConfigError, OfficeTls, Problem, Settings
from tashika_server.config.checking import Config
from tashika_server.config.settings import OfficeSettings, ResponderSettings
from tashika_server.supervisor import NotServed, ReloadFailed, ReloadRefused, ask_for_reload
from tashika_server.supervisor import service as service_module
from tashika_server.supervisor.changes import refuse_what_must_stay
from tashika_server.supervisor.ears import Ears, listen
from tashika_server.supervisor.notice import tell_manager
from tashika_server.supervisor.post import EX_CONFIG
from tashika_server.supervisor.roles import Role, Succession
from tashika_server.supervisor.service import _Service

WORKS = """
import os, signal, time
signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
os.write(1, b"!")
while True: os.write(1, b"."); time.sleep(0.1)
"""
REFUSES = f"exit({EX_CONFIG})"
NEVER_COMES_TO_WORK = "import time; time.sleep(60)"


@dataclass
class House:
    """A service of an office and workers; `next` is what its configuration file says by now."""

    run: Path
    text: str
    """What the office runs, and each worker: one line of JSON."""
    workers: int = 2
    announced: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ears = Ears(responder=listen(Address("127.0.0.1", 0)), tls=None, lab=None, office=None)
        self.service = _Service(self.config(), self.ears, 0, self.config)

    def config(self) -> Config:
        settings = Settings(run=self.run, responder=ResponderSettings(workers=self.workers))
        if not self.text:
            problems = [
                Problem(file=self.run, key=key, what="is wrong", remedy="mend it") for key in "ab"
            ]
            raise ConfigError(problems)
        return Config(file=self.run / "tashika.toml", text=self.text, settings=settings, issuers=())

    @property
    def pids(self) -> dict[str, int]:
        posts = self.service._posts.items()
        return {title: each._process.pid for title, each in posts if each._process}

    async def reload(self) -> dict[str, Any]:
        return await ask_for_reload(self.run)


def text(*, office: str = WORKS, worker: str = WORKS) -> str:
    return json.dumps({"lab": WORKS, "office": office, "worker": worker})


SUCCESSION = {
    "lab": Succession.NONE,
    "office": Succession.AFTER,
    "worker": Succession.BESIDE,
}


def roles(config: Config, _ears: Ears, _lock: int) -> list[Role]:
    scripts = json.loads(config.text)
    titles = ["lab", "office", *(f"worker-{n}" for n in range(config.settings.responder.workers))]
    return [
        Role(
            title=title,
            command=(sys.executable, "-c", scripts[kind]),
            descriptors=(),
            text=config.text,
            hung_after=timedelta(minutes=1),
            succession=SUCCESSION[kind],
        )
        for title in titles
        for kind in [title.partition("-")[0]]
    ]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(service_module, "roles", roles)
    house = House(tmp_path, text())
    ready = asyncio.Event()

    def announce(url: str) -> None:
        house.announced.append(url)
        ready.set()

    living = asyncio.create_task(house.service.run(lambda: None, announce))
    await ready.wait()
    pids = house.pids
    yield house
    house.service._stopping.set()
    await living
    house.ears.responder.close()
    assert not [pid for pid in (*pids.values(), *house.pids.values()) if is_there(pid)]


async def test_t24_a_check_that_fails_while_children_start_ends_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "roles", roles)
    house, pids = House(tmp_path, text()), dict[str, int]()
    house_refuses = ConfigError([Problem(file=tmp_path, key="book", what="is", remedy="mend it")])

    def check() -> None:
        pids.update(house.pids)
        raise house_refuses

    with pytest.raises(ConfigError) as refused:
        await house.service.run(check, house.announced.append)
    house.ears.responder.close()
    assert refused.value is house_refuses
    assert not house.announced
    assert not any(map(is_there, pids.values()))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_all_are_replaced_and_the_old_ones_are_gone_when_it_is_said(house: House) -> None:
    before, house.workers = house.pids, 3
    house.text = text(worker=WORKS + "#")
    assert await house.reload() == {"file": str(house.run / "tashika.toml"), "late": []}
    after = house.pids
    assert before.pop("lab") == after.pop("lab")
    assert house.service._posts["lab"].role.text == house.text  # for its next start
    assert set(after) == {"office", "worker-0", "worker-1", "worker-2"}
    assert not {*after.values()} & {*before.values()}
    assert not any(map(is_there, before.values()))


async def test_two_reloads_at_once_come_one_after_the_other(house: House) -> None:
    answers = await asyncio.gather(house.reload(), house.reload())
    assert [each["late"] for each in answers] == [[], []]
    assert len(house.service._everybody) == len(house.pids) == 4


async def test_t24_what_the_checks_of_a_start_refuse_is_named_and_changes_nothing(
    house: House,
) -> None:
    before, house.text = house.pids, ""
    with pytest.raises(ReloadRefused) as refused:
        await house.reload()
    assert [line.partition(": ")[2] for line in str(refused.value).splitlines()] == [
        "a: is wrong; mend it",
        "b: is wrong; mend it",
    ]
    assert house.pids == before


@pytest.mark.parametrize("worker", [REFUSES, NEVER_COMES_TO_WORK])
async def test_workers_that_do_not_come_to_work_leave_the_old_ones_in_place(
    house: House, monkeypatch: pytest.MonkeyPatch, worker: str
) -> None:
    monkeypatch.setattr(service_module, "WORK_SECONDS", 0.5)
    before, house.text = house.pids, text(worker=worker)
    with pytest.raises(ReloadFailed, match="the service goes on with the configuration it had"):
        await house.reload()
    the_old_office_is_back(house, before)


async def test_an_office_that_refuses_leaves_the_workers_in_place_and_the_old_one_comes_back(
    house: House,
) -> None:
    before, house.text = house.pids, text(office=REFUSES)
    with pytest.raises(ReloadFailed, match="office refused to start"):
        await house.reload()
    the_old_office_is_back(house, before)


def the_old_office_is_back(house: House, before: dict[str, int]) -> None:
    after = house.pids
    assert before.pop("office") != after.pop("office")
    assert after == before
    assert house.service._posts["office"].role.text == text()
    assert not house.service._stopping.is_set()


async def test_a_fault_of_ours_is_no_end_of_the_service(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = house.pids
    monkeypatch.setattr(house.service, "_load", lambda: 1 / 0)
    with pytest.raises(ReloadFailed, match="the log says why"):
        await house.reload()
    assert house.pids == before


async def test_the_end_of_the_service_does_not_wait_for_a_reload(house: House) -> None:
    house.text = text(worker=NEVER_COMES_TO_WORK)
    asking = asyncio.create_task(house.reload())
    while len(house.service._everybody) < 6:  # noqa: ASYNC110 - two come, to the four there are
        await asyncio.sleep(0.01)
    house.service._stopping.set()
    with pytest.raises(NotServed):
        await asking


async def test_where_no_service_runs_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotServed, match="no service has answered in"):
        await ask_for_reload(tmp_path)


# --- What cannot change ----------------------------------------------------------------------


OLD = Settings()
SHOWN = Address("127.0.0.1", 9)


def test_what_needs_a_restart_is_named_with_the_remedy() -> None:
    new = replace(
        OLD,
        run=Path("elsewhere"),
        responder=replace(OLD.responder, listen=SHOWN, workers=3),
        office=OfficeSettings(listen=SHOWN),
        metering=replace(OLD.metering, node="another"),
    )
    with pytest.raises(ConfigError) as refused:
        refuse_what_must_stay(Path("t.toml"), OLD, new)
    keys = [each.key for each in refused.value.problems]
    assert keys == ["responder.listen", "office.listen", "run", "metering.node"]
    assert str(refused.value).startswith(
        "t.toml: responder.listen: cannot change from 127.0.0.1:8080 to 127.0.0.1:9 while the "
        "service runs: its connections would be lost; put it back, or restart the service"
    )


def test_everything_else_may_change() -> None:
    changed = replace(
        OLD,
        responder=replace(OLD.responder, workers=7, max_cert_ids=1, proxies=("10.0.0.1",)),
        refresh=replace(OLD.refresh, every=timedelta(hours=1)),
        registry=replace(OLD.registry, max_age=timedelta(minutes=1)),
        metering=replace(OLD.metering, segment=OLD.metering.segment, keep=timedelta(days=31)),
        office=OfficeSettings(tls=OfficeTls(certificate=Path("c"), key=Path("k"))),
    )
    refuse_what_must_stay(Path("t.toml"), OLD, changed)


# --- What the service manager hears -------------------------------------------------------------


@pytest.mark.parametrize("name", ["{}/notify", "@{}/abstract"])
def test_the_service_manager_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    address = name.format(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        tell_manager("READY=1", "STATUS=well")
        assert manager.recv(99) == b"READY=1\nSTATUS=well"
    tell_manager("READY=1")  # and that nobody listens any more is no matter


async def test_it_hears_of_a_reload(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        await house.reload()
        first, second = manager.recv(99), manager.recv(99)
    assert first.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert second == b"READY=1"
