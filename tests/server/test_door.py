"""The door of a process: what callers may do to it. What is behind it has tests of its own."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tashika_server.door import Answer, Door

DOOR = Door(name="test.sock", verb="act", patience=timedelta(seconds=5))


async def act() -> Answer:
    return {"done": True}


@pytest.mark.parametrize("line", [b"[" * 4000 + b"\n", b'{"do": "ac'])
async def test_who_talks_nonsense_or_hangs_up_stops_nobody(
    tmp_path: Path, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with DOOR.listening(tmp_path, act):
        for _ in range(3):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "test.sock"))
            writer.write(line)
            writer.write_eof()
            assert b"error" in await reader.read()
            writer.close()
        assert await DOOR.knock(tmp_path) == {"done": True}
    assert not caplog.records


async def test_an_act_that_fails_is_no_answer_and_the_next_may_succeed(tmp_path: Path) -> None:
    results = iter([ValueError("not now")])

    async def moody() -> Answer:
        for failure in results:
            raise failure
        return {"done": True}

    with capture_logs() as events:
        async with DOOR.listening(tmp_path, moody):
            assert await DOOR.knock(tmp_path) is None
            assert await DOOR.knock(tmp_path) == {"done": True}
    assert [each["event"] for each in events] == ["door_act_failed"]
