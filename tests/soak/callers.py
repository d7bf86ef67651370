"""Callers that ask without pause, many questions ahead of their answers, and check every answer.

A caller that `breaks` off now and then sends half a batch, or reads half of the answers, and is
gone. What it has not heard by then may have been given or not: that much is left open, no more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from benchmarks.load.tally import Evidence
from drill.askers import Place
from soak.questions import Put, Questions, statuses
from tashika.pki.response import BasicResponse, parse_response

BATCH = 8
BREAKS_ONE_IN = 10
"""Batches of a caller that breaks off."""


@dataclass(kw_only=True, eq=False)
class Caller:
    """One verifier with some connections, and what it has heard."""

    name: str
    agreement: str
    questions: Questions
    receipts: bool
    breaks: bool
    sample: int
    """One in so many answers is kept, to be verified in full."""
    answers: int = 0
    heard: int = 0
    """Statuses in them."""
    broken: int = 0
    """Statuses asked for and not waited for."""
    places: list[Place] = field(default_factory=list)
    """Of all that was heard, where answers have receipts."""
    evidence: list[Evidence] = field(default_factory=list)

    async def ask(self, host: str, port: int, take: Callable[[int], int]) -> None:
        """Keep one connection busy, as long as `take` lets more questions be asked."""
        while batch := [self.questions.draw() for _ in range(take(BATCH))]:
            reader, writer = await asyncio.open_connection(host, port)
            try:
                while batch and await self._put(reader, writer, batch):
                    batch = [self.questions.draw() for _ in range(take(BATCH))]
            finally:
                writer.transport.abort()

    async def _put(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, batch: list[Put]
    ) -> bool:
        """Ask a batch; False once it has been broken off."""
        chance, wire = self.questions.chance, b"".join(each.wire for each in batch)
        if not self.breaks or chance.randrange(BREAKS_ONE_IN):
            writer.write(wire)
            await self._hear(reader, batch)
            return True
        cut, wanted = _break(wire, batch, chance)
        writer.write(wire[:cut])
        await self._hear(reader, batch[:wanted])
        self.broken += statuses(batch[wanted:])
        return False

    async def _hear(self, reader: asyncio.StreamReader, batch: list[Put]) -> None:
        for each in batch:
            status, body = await _read(reader)
            if each.expects and status == 100:
                status, body = await _read(reader)
            each.check(status, body)
            self._note(each, body)

    def _note(self, put: Put, body: bytes) -> None:
        self.answers += 1
        self.heard += len(put.said)
        if not self.answers % self.sample:
            self.evidence.append(Evidence(put.question, put.nonce, body, datetime.now(UTC)))
        if self.receipts:
            said = parse_response(body)
            assert isinstance(said, BasicResponse)
            assert said.receipt
            stream, first = said.receipt.stream.hex(), said.receipt.first
            self.places += [Place(stream, first + number) for number in range(len(put.said))]


def _break(wire: bytes, batch: list[Put], chance: Random) -> tuple[int, int]:
    """Choose how much is sent, and how many of the answers to that are waited for."""
    wanted = chance.randrange(len(batch))
    least = sum(len(each.wire) for each in batch[:wanted])
    return chance.randint(least, len(wire)), wanted


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    before, named, rest = head.lower().partition(b"\r\ncontent-length:")
    length = int(rest.partition(b"\r\n")[0]) if named else 0
    return int(before.split(None, 2)[1]), await reader.readexactly(length)
