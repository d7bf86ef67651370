"""Clients as no responder wants them, held open by the thousand beside one that asks properly.

    python -m soak.crowd HOST PORT TLS_PORT COUNT

Prints a line once all have been there, and ends with its standard input. Who is shown the door
comes back within seconds.
"""

import asyncio
import os
import random
import resource
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Self

import uvloop

TURN = 8.0
"""Seconds after which each does the next thing, on average. Deadlines of a worker are 5 and 10."""
BACK_IN = 5.0
"""Seconds at most after which one comes back that was shown the door."""
AT_ONCE = 500
"""Connections opened at the same time; a worker's backlog has room for more."""
DEAF_BYTES = 4096
"""What the kernel keeps for who does not read."""
DEAF_ONE_IN = 50
RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""SO_LINGER that makes a close a reset."""


_HEAD = b"POST /ocsp HTTP/1.1\r\nHost: x\r\n"
_NONSENSE = _HEAD + b"Content-Length: 100\r\n\r\n" + bytes(100)
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_PIPELINED = b"GET /ocsp/x HTTP/1.1\r\nHost: x\r\n\r\n" * 8192
"""As much as a worker reads at once, in the smallest requests there are."""


def _client_hello() -> bytes:
    """Write what a client of TLS says first."""
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(heard, said, server_hostname="x").do_handshake()
    return said.read()


_HELLO = _client_hello()


class Door(Enum):
    """Where one can connect."""

    PLAIN = "plain"
    TLS = "tls"


class Kind(Enum):
    """What is wrong with a client: what it says at first, then each time; and where, if to TLS."""

    SILENT = b"", b""
    HALF_A_HEAD = _HEAD + b"X-Slow: ", b"x"
    HALF_A_BODY = _NONSENSE[:-50], b"x"
    TRICKLED_CHUNKS = _CHUNKED, b"1\r\nx\r\n"
    FLOOD_OF_FIELDS = b"GET /ocsp HTTP/1.1\r\n", b"X: " + b"y" * 4000 + b"\r\n"
    FLOOD_OF_BODY = _CHUNKED, b"1000\r\n" + bytes(4096) + b"\r\n"
    NO_HTTP = b"SSH-2.0-OpenSSH_9.9\r\n", bytes(200)
    TLS_HELLO = _HELLO, b""
    RESETS = _NONSENSE, b""
    DEAF = _PIPELINED, _PIPELINED
    SILENT_BEFORE_TLS = b"", b"", Door.TLS
    HALF_A_HELLO = _HELLO[:100], b"x", Door.TLS
    HELLO_AND_NO_MORE = _HELLO, b"", Door.TLS
    NO_TLS = _NONSENSE, _NONSENSE, Door.TLS

    @property
    def door(self) -> "Door":
        """Where it knocks."""
        return Door.TLS if Door.TLS in self.value else Door.PLAIN


class Bad:
    """One of them, and its connection of the moment."""

    def __init__(self, kind: Kind, where: Mapping[Door, tuple[str, int]]) -> None:
        self._kind, self._where = kind, where[kind.door]
        self._socket: socket.socket | None = None
        self._closed = asyncio.Event()

    async def come(self) -> None:
        """Connect, and say the first thing."""
        made = socket.socket()
        made.setblocking(False)
        if self._kind is Kind.DEAF:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DEAF_BYTES)
        if self._kind is Kind.RESETS:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(made, self._where)
        except BaseException:
            made.close()
            raise
        self._socket = made
        self._closed.clear()
        if self._kind is not Kind.DEAF:
            loop.add_reader(made, self._hear)
        self._say(self._kind.value[0])

    async def go_on(self) -> None:
        """Do the next thing each time it is its turn; come back soon if the door is shut."""
        while True:
            try:
                async with asyncio.timeout(TURN * random.uniform(0.5, 1.5)):
                    await self._closed.wait()
            except TimeoutError:
                self._say(self._kind.value[1])
            if self._closed.is_set() or self._kind is Kind.RESETS:
                self.leave()
                await asyncio.sleep(random.uniform(0.0, BACK_IN))
                with suppress(OSError):
                    await self.come()

    def leave(self) -> None:
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        self._socket = None
        self._closed.set()

    def _hear(self) -> None:
        try:
            over = not (self._socket and self._socket.recv(65536))
        except OSError:
            over = True
        if over:
            self.leave()

    def _say(self, data: bytes) -> None:
        """Say as much as the kernel takes."""
        if self._socket and data:
            try:
                self._socket.send(data)
            except BlockingIOError:
                pass
            except OSError:
                self.leave()


class Crowd:
    """So many of all kinds, in a process of their own, for the length of the `with`."""

    def __init__(self, host: str, port: int, tls_port: int, count: int) -> None:
        self._words = [host, str(port), str(tls_port), str(count)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soak.crowd", *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self._process.stdout
        if self._process.stdout.readline() != b"there\n":
            self._process.wait()
            raise RuntimeError("the crowd has not come together; its complaint is above")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0


async def keep(
    where: Mapping[Door, tuple[str, int]], count: int, there: Callable[[], None]
) -> None:
    """Keep so many of them going, until cancelled."""
    crowd = [Bad(_kind(number), where) for number in range(count)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def come(bad: Bad) -> None:
        async with gate:
            await bad.come()

    try:
        await asyncio.gather(*map(come, crowd))
        there()
        await asyncio.gather(*(bad.go_on() for bad in crowd))
    finally:
        for bad in crowd:
            bad.leave()


def _kind(number: int) -> Kind:
    """Deal the kinds out: each deaf one asks as much as some hundred verifiers."""
    if not number % DEAF_ONE_IN:
        return Kind.DEAF
    others = [each for each in Kind if each is not Kind.DEAF]
    return others[number % len(others)]


def allow_files(count: int) -> None:
    """Let this process have so many connections, if the machine does; RuntimeError if not."""
    wanted = count + 100
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise RuntimeError(f"{wanted} open files are needed and {hard} allowed: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _main(host: str, port: str, tls_port: str, count: str) -> None:
    where = {Door.PLAIN: (host, int(port)), Door.TLS: (host, int(tls_port))}
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, over.set)
    allow_files(int(count))
    keeping = asyncio.create_task(
        keep(where, int(count), lambda: print("there", flush=True))  # noqa: T201
    )
    ending = asyncio.create_task(over.wait())
    await asyncio.wait([keeping, ending], return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if keeping.done():
        keeping.result()
    keeping.cancel()


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
