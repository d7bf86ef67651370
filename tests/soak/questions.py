"""Mixed questions of one verifier as octets for the wire, and what must be in each answer.

The check of every answer is of octets alone: each CertID must be there as it was sent, in order,
with its status right behind it, and the nonce, or none. It is cheap enough for a million.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import NamedTuple
from urllib.parse import quote

from benchmarks.load.deck import Asked, Question
from benchmarks.load.population import Population, Standing
from support.asking import get, post
from tashika.pki.algorithms import ECDSA_SHA256
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.request import build_request

MANY = (*[1] * 12, 2, 3, 8, 16)
PREFERRED = (*[(ECDSA_SHA256.oid,)] * 7, ())
"""Mostly P-256, else what the responder likes best, P-384, which takes ten times as long."""
NONCE = bytes.fromhex("06092b0601050507300102")
"""The object identifier of the nonce (RFC 9654), in DER."""
STATUS = {Standing.GOOD: b"\x80\x00", Standing.REVOKED: b"\xa1", Standing.UNKNOWN: b"\xa1"}
FOREIGN = b"\x82\x00"
"""What begins a CertStatus (RFC 6960 4.2.1); what was never issued is extended-revoked."""

build = cache(CertId.build)


class WrongReply(Exception):
    """An answer is not that of its question; says in what."""


class Put(NamedTuple):
    """One question as it is put."""

    wire: bytes
    question: Question
    nonce: bytes
    said: tuple[bytes, ...]
    """Each CertID with the beginning of its status."""
    expects: bool
    """Whether a 100 comes first."""

    def check(self, status: int, body: bytes) -> None:
        """Raise WrongReply unless this is the answer."""
        if status != 200:
            raise WrongReply(f"HTTP {status}")
        position = 0
        for each in self.said:
            position = body.find(each, position) + len(each)
            if position < len(each):
                raise WrongReply("another CertID, or another status")
        if not self.nonce and NONCE in body:
            raise WrongReply("a nonce that nobody sent")
        if self.nonce and _nonce_extension(self.nonce) not in body:
            raise WrongReply("another nonce, or none")


@dataclass(frozen=True, kw_only=True)
class Questions:
    """The questions of one verifier."""

    path: str
    token: str
    populations: Sequence[Population]
    """What may be asked of in one question, issuer by issuer."""
    chance: Random

    def draw(self) -> Put:
        """Make one: what about, how and in which way are left to chance."""
        chance = self.chance
        population, hash_name = chance.choice(self.populations), chance.choice(("sha1", "sha256"))
        many = range(chance.choice(MANY))
        subjects = [_subject(population, hash_name, chance) for _ in many]
        if len(subjects) > 1 and chance.random() < 0.25:
            subjects[-1] = _foreign(population, hash_name, chance)
        nonce = chance.randbytes(chance.choice((0, chance.randint(1, 128))))
        asked = tuple(each for each, _ in subjects)
        der = build_request(
            [each.cert_id for each in asked],
            nonce=nonce or None,
            preferred=chance.choice(PREFERRED),
        )
        wire, is_get, expects = self._write(der)
        return Put(
            wire=wire,
            question=Question(asked, der, nonced=bool(nonce), get=is_get),
            nonce=nonce,
            said=tuple(said for _, said in subjects),
            expects=expects,
        )

    def _write(self, der: bytes) -> tuple[bytes, bool, bool]:
        """Return what goes over the wire, whether it is a GET, and whether it expects a 100."""
        own = f"Authorization: Bearer {self.token}"
        way = self.chance.choice(("post", "post", "post", "get", "chunked", "expect"))
        if way == "get" and len(der) < 4000:
            text = base64.b64encode(der).decode()
            target = f"{self.path}/{self.chance.choice((text, quote(text, safe='')))}"
            return get(target, own), True, False
        if way == "chunked":
            cut = self.chance.randrange(1, len(der))
            chunks = [b"%x\r\n%b\r\n" % (len(each), each) for each in (der[:cut], der[cut:])]
            head = f"POST {self.path} HTTP/1.1\r\nHost: x\r\n{own}\r\nTransfer-Encoding: chunked"
            return b"".join((head.encode(), b"\r\n\r\n", *chunks, b"0\r\n\r\n")), False, False
        expects = way == "expect"
        return post(der, own, *["Expect: 100-continue"] * expects, path=self.path), False, expects


def _subject(population: Population, hash_name: str, chance: Random) -> tuple[Asked, bytes]:
    standing = chance.choice((*[Standing.GOOD] * 3, Standing.REVOKED, Standing.UNKNOWN))
    cert_id = build(population.identity, population.draw(standing, chance), hash_name)
    return Asked(cert_id, standing, population), cert_id.der + STATUS[standing]


def _foreign(population: Population, hash_name: str, chance: Random) -> tuple[Asked, bytes]:
    """Ask about somebody else's certificate of the same number."""
    stranger = _stranger(population.identity.name)
    serial = population.draw(Standing.GOOD, chance)
    cert_id = build(stranger, serial, hash_name)
    return Asked(cert_id, Standing.UNKNOWN, population), cert_id.der + FOREIGN


@cache
def _stranger(name: bytes) -> IssuerIdentity:
    return IssuerIdentity(name, b"another key")


def _nonce_extension(nonce: bytes) -> bytes:
    """Write what follows on the identifier: an OCTET STRING in an OCTET STRING."""
    return NONCE + _octets(_octets(nonce))


def _octets(content: bytes) -> bytes:
    length = len(content)
    head = bytes((4, length)) if length < 128 else bytes((4, 0x81, length))
    return head + content


def statuses(put: Sequence[Put]) -> int:
    """Count the certificates that are asked about."""
    return sum(len(each.said) for each in put)
