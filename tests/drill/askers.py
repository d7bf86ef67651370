"""Verifiers that ask without pause and write down each answer they got, by its receipt.

An answer is acknowledged when the caller has it: HTTP 200, an OCSP response that is successful,
with the nonce that was sent. A question whose connection breaks is asked again with the same
nonce, as an honest caller does, until it is answered.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, Self

import aiohttp

from tashika.pki.certid import CertId
from tashika.pki.errors import PkiError
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, parse_response

PAUSE = 0.005
"""Seconds between an answer and the next question, without which nobody else gets a turn."""
PATIENCE = aiohttp.ClientTimeout(total=20)


class Place(NamedTuple):
    """Where a journal has an answer about one certificate."""

    stream: str
    sequence: int


@dataclass
class Asker:
    """One verifier, with some connections."""

    name: str
    token: str
    subjects: Sequence[tuple[CertId, ...]]
    """What it may ask in one question."""
    connections: int
    seed: int
    acknowledged: list[Place] = field(default_factory=list)
    broken: int = 0
    refused: int = 0

    async def ask(self, url: str, over: threading.Event) -> None:
        chances = [Random(f"{self.seed}/{self.name}/{each}") for each in range(self.connections)]
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            await asyncio.gather(*(self._ask(session, url, each, over) for each in chances))

    async def _ask(
        self, session: aiohttp.ClientSession, url: str, chance: Random, over: threading.Event
    ) -> None:
        while not over.is_set():
            asked, nonce = chance.choice(self.subjects), chance.randbytes(32)
            while not await self._heard(session, url, build_request(asked, nonce=nonce), nonce):
                if over.is_set():
                    return
                await asyncio.sleep(PAUSE)
            await asyncio.sleep(PAUSE)

    async def _heard(
        self, session: aiohttp.ClientSession, url: str, question: bytes, nonce: bytes
    ) -> bool:
        """Ask once; True once an answer is acknowledged."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/ocsp-request",
        }
        try:
            async with session.post(url, data=question, headers=headers) as reply:
                said = parse_response(await reply.read())
        except (aiohttp.ClientError, TimeoutError, OSError, PkiError):
            self.broken += 1
            return False
        if not isinstance(said, BasicResponse):
            self.refused += 1  # tryLater, while nothing is loaded or no journal is begun
            return False
        assert said.nonce == nonce
        assert said.receipt is not None
        places = (said.receipt.of(index) for index, _ in enumerate(said.responses))
        self.acknowledged += [Place(each.stream.hex(), each.first) for each in places]
        return True


class Asking:
    """All of them, in a thread of their own, for the length of the `with`."""

    def __init__(self, askers: Sequence[Asker], url: str) -> None:
        self.askers = askers
        self._url, self._over = url, threading.Event()
        self._stumbled: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert self._stumbled is None, self._stumbled

    @property
    def answers(self) -> int:
        return sum(len(each.acknowledged) for each in self.askers)

    def _run(self) -> None:
        try:
            asyncio.run(self._ask())
        except BaseException as stumbled:  # noqa: BLE001 - told in the drill's own thread
            self._stumbled = stumbled

    async def _ask(self) -> None:
        await asyncio.gather(*(each.ask(self._url, self._over) for each in self.askers))
