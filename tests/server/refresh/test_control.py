"""The refresher's door: who asks is answered when everything has been refreshed."""

import asyncio
import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from tashika_server.refresh.control import DoorFailed, listening, notify

SOON = timedelta(seconds=0.2)


async def answer() -> dict[str, int]:
    return {"generation": 7}


async def test_who_asks_is_answered(tmp_path: Path):
    async with listening(tmp_path, answer):
        assert await notify(tmp_path) == {"generation": 7}
        many = await asyncio.gather(*(notify(tmp_path) for _ in range(20)))
    assert many == [{"generation": 7}] * 20
    assert await notify(tmp_path) is None


async def test_the_path_may_be_longer_than_a_socket_address(tmp_path: Path):
    deep = tmp_path / ("x" * 100) / ("ü" * 100)
    async with listening(deep, answer):
        assert await notify(deep) == {"generation": 7}


async def test_nobody_listens(tmp_path: Path):
    assert await notify(tmp_path) is None
    assert await notify(tmp_path / "nowhere") is None


async def test_a_socket_left_by_a_killed_refresher_is_replaced(tmp_path: Path):
    async with listening(tmp_path, answer):
        (tmp_path / "refresher.sock").rename(tmp_path / "kept")
    (tmp_path / "kept").rename(tmp_path / "refresher.sock")
    assert await notify(tmp_path) is None
    async with listening(tmp_path, answer):
        assert await notify(tmp_path) == {"generation": 7}


async def test_the_door_is_the_services_own(tmp_path: Path):
    async with listening(tmp_path, answer):
        mode = (tmp_path / "refresher.sock").stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "line", [b"\n", b"nonsense\n", b"\xff\n", b'{"do": "stop"}\n', b"[]\n", b"x" * 9999 + b"\n"]
)
async def test_nonsense_is_told_so(tmp_path: Path, line: bytes):
    async with listening(tmp_path, answer):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "refresher.sock"))
        writer.write(line)
        said = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        assert "error" in said
        assert await notify(tmp_path) == {"generation": 7}


async def test_a_caller_does_not_wait_forever(tmp_path: Path):
    async def never() -> dict[str, int]:
        await asyncio.Event().wait()
        return {}

    async with listening(tmp_path, never):
        assert await notify(tmp_path, patience=SOON) is None


async def test_a_caller_is_hung_up_on_when_the_refresher_ends(tmp_path: Path):
    asked = asyncio.Event()

    async def never() -> dict[str, int]:
        asked.set()
        await asyncio.Event().wait()
        return {}

    async with listening(tmp_path, never):
        caller = asyncio.create_task(notify(tmp_path))
        await asked.wait()
    assert await asyncio.wait_for(caller, 5) is None


async def test_a_door_that_cannot_be_made_names_its_place(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DoorFailed, match="set run to"):
        async with listening(tmp_path / "file", answer):
            pass
