"""HTTP in a few lines of our own, for the faults that no server has on purpose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CRLF = b"\r\n"


@asynccontextmanager
async def speaking(talk: Talk) -> AsyncIterator[str]:
    """Serve TCP with a few lines of our own."""

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(closing, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def read_question(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(CRLF * 2)
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(CRLF)
        if line.startswith(b"content-length")
    )
    return head, await reader.readexactly(length)


def as_http(answer: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer
