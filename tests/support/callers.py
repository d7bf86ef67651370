"""Verifiers that ask without pause in every manner there is, and forgive nothing.

Each asks once: a connection that is refused, reset or closed before the reply is whole counts as
`broken`, and is never asked again. Each answer is checked: its signature, what it is about, its
nonce, its standing. They write down their receipts, for `drill.verdict.judge`.
"""

import asyncio
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from drill.askers import Place
from tashika.pki.algorithms import verify
from tashika.pki.certid import CertId
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, parse_response
from tashika.pki.standing import Good

ANYONE = ssl.create_default_context()
ANYONE.check_hostname = False
ANYONE.verify_mode = ssl.CERT_NONE


class Manner(NamedTuple):
    """How somebody asks."""

    scheme: str = "http"
    at_once: int = 1
    """Questions sent before the first reply is read."""
    keeps: bool = True
    """Whether the connection is kept, as long as the other side does."""
    pause: float = 0.06


MANNERS = (
    Manner(),
    Manner(scheme="https"),
    Manner(keeps=False),
    Manner(scheme="https", keeps=False),
    Manner(at_once=4),
    Manner(pause=0.5),
)


@dataclass
class Caller:
    """One verifier on one connection at a time."""

    token: str
    subjects: Sequence[CertId]
    manner: Manner
    url: str
    acknowledged: list[Place] = field(default_factory=list)
    signers: list[bytes] = field(default_factory=list)
    """The certificates of whoever signed, in order."""
    troubles: list[str] = field(default_factory=list)

    @property
    def broken(self) -> int:
        return len(self.troubles)

    async def ask(self, _url: str, over: threading.Event) -> None:
        chance, line = Random(1), None
        while not over.is_set():
            asked = [(chance.choice(self.subjects), chance.randbytes(32)) for _ in self._batch]
            try:
                line = line or await self._connect()
                await line.send([self._request(*each) for each in asked])
                replies = [await line.reply() for _ in self._batch]
            except (OSError, EOFError) as trouble:
                self.troubles.append(repr(trouble))
                line = None
                continue
            for (cert_id, nonce), (_, body) in zip(asked, replies, strict=True):
                self._take(parse_response(body), cert_id, nonce)
            if not self.manner.keeps or "close" in replies[-1][0]:
                await line.close()
                line = None
            await asyncio.sleep(self.manner.pause)
        if line:
            await line.close()

    @property
    def _batch(self) -> range:
        return range(self.manner.at_once)

    async def _connect(self) -> "_Line":
        url = urlsplit(self.url)
        tls = ANYONE if url.scheme == "https" else None
        return _Line(*await asyncio.open_connection(url.hostname, url.port, ssl=tls))

    def _request(self, cert_id: CertId, nonce: bytes) -> bytes:
        body = build_request([cert_id], nonce=nonce)
        head = (
            f"POST /ocsp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/ocsp-request\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _take(self, said: object, cert_id: CertId, nonce: bytes) -> None:
        assert isinstance(said, BasicResponse), said
        signer = x509.load_der_x509_certificate(said.certificates[0])
        verify(signer.public_key(), said.algorithm, said.signature, said.tbs)
        (about,) = said.responses
        assert (about.cert_id.der, said.nonce) == (cert_id.der, nonce)
        assert isinstance(about.standing, Good)
        assert said.receipt
        place = said.receipt.of(0)
        self.acknowledged.append(Place(place.stream.hex(), place.first))
        self.signers.append(said.certificates[0])


class _Line:
    """A connection, and the replies on it as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, requests: Sequence[bytes]) -> None:
        self._writer.write(b"".join(requests))
        await self._writer.drain()

    async def reply(self) -> tuple[str, bytes]:
        """Read one reply: what it says of the connection, and its body."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 200 "), head
        fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        body = await self._reader.readexactly(int(fields["content-length"]))
        return fields.get("connection", ""), body

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
