"""Mixed questions to the whole service at once: each gets its own answer (T5, T6).

Ten thousand to one worker are in tests/server/responder/test_mixed.py; here are two workers.
"""

import asyncio
import base64
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import pytest
from cryptography import x509

from support.asking import get, post
from support.scene import Scene, now
from support.service import PATIENCE
from tashika.pki.algorithms import ECDSA_SHA256, ECDSA_SHA384, verify
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, parse_response
from tashika.pki.standing import Good, Revoked, Standing, Unknown

QUESTIONS = 2000
CONNECTIONS = 40
HASHES = ("sha1", "sha256", "sha384", "sha512")
NONCES = (0, 0, 1, 16, 32, 128)
PREFERRED = (*[ECDSA_SHA256.oid] * 7, ECDSA_SHA384.oid)
"""Mostly P-256: signing with P-384 takes ten times as long."""
SHORTEST = 200
"""Bytes of an answer to anything; an empty or short 200 is T6."""
VERIFIED_ONE_IN = 20

Subject = tuple[IssuerIdentity, int, type[Standing]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, how it goes over the wire, and what must come back."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None
    expected: tuple[type[Standing], ...]
    wire: bytes
    cacheable: bool


@pytest.fixture(scope="module")
def groups(scene: Scene) -> list[list[Subject]]:
    """What may be asked of in one question: certificates of one issuer, beside foreign ones."""
    for _ in range(3):
        scene.world.hold(scene.issue(), at=now())
    scene.publish()
    groups: list[list[Subject]] = []
    for authority in scene.world.premises.authorities():
        identity = IssuerIdentity.of(authority.certificate)
        ours = [one for one in scene.world.certificates() if one.issuer == authority.name]
        groups.append(
            [
                *((identity, one.serial, type(scene.world.standing(one))) for one in ours),
                (identity, 10**9, Revoked),  # never issued
                (IssuerIdentity(identity.name, b"another key"), 5, Unknown),
            ]
        )
    return groups


def questions(groups: Sequence[Sequence[Subject]], count: int) -> list[Question]:
    chance = random.Random(5)
    return [_question(chance.choice(groups), chance) for _ in range(count)]


def _question(group: Sequence[Subject], chance: random.Random) -> Question:
    subjects = chance.choices(group, k=chance.choice((1, 1, 1, 1, 1, 1, 2, 4)))
    cert_ids = tuple(
        CertId.build(identity, serial, chance.choice(HASHES)) for identity, serial, _ in subjects
    )
    nonce = chance.randbytes(chance.choice(NONCES)) or None
    asked = build_request(cert_ids, nonce=nonce, preferred=[chance.choice(PREFERRED)])
    way = chance.choice(WAYS)
    return Question(
        cert_ids=cert_ids,
        nonce=nonce,
        expected=tuple(standing for *_, standing in subjects),
        wire=way(asked),
        cacheable=way is not post and nonce is None,
    )


def _escaped(asked: bytes) -> bytes:
    return get(f"/ocsp/{quote(base64.b64encode(asked), safe='')}")


def _as_it_is(asked: bytes) -> bytes:
    """Write base64 into the path as some do: nothing escaped, no padding, a slash too many."""
    return get(f"/ocsp//{base64.b64encode(asked).decode().rstrip('=')}")


WAYS: tuple[Callable[[bytes], bytes], ...] = (*[post] * 6, _escaped, _as_it_is)
"""Three of four by POST, as responders see it (T1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> "Answer":
        status, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        named = (field.partition(": ") for field in fields if field)
        headers = {name.lower(): value for name, _, value in named}
        body = await reader.readexactly(int(headers["content-length"]))
        return cls(int(status.split()[1]), headers, body)


async def _ask_all(host: str, port: int, asked: list[Question]) -> list[Answer]:
    """Ask on one connection that is kept alive, up to eight questions ahead of the answers."""
    reader, writer = await asyncio.open_connection(host, port)
    chance, answers = random.Random(len(asked)), list[Answer]()
    while len(answers) < len(asked):
        batch = asked[len(answers) : len(answers) + chance.randint(1, 8)]
        writer.write(b"".join(each.wire for each in batch))
        answers += [await Answer.read(reader) for _ in batch]
    writer.close()
    await writer.wait_closed()
    return answers


def test_t5_t6_mixed_questions_at_once_each_get_their_own_answer(
    scene: Scene, groups: list[list[Subject]]
) -> None:
    asked = questions(groups, QUESTIONS)
    host, port = urlsplit(scene.url).netloc.split(":")

    async def everybody() -> list[list[Answer]]:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.gather(
                *(_ask_all(host, int(port), asked[n::CONNECTIONS]) for n in range(CONNECTIONS))
            )

    answers = asyncio.run(everybody())
    standings = Counter[type[Standing]]()
    for n in range(CONNECTIONS):
        for question, answer in zip(asked[n::CONNECTIONS], answers[n], strict=True):
            standings.update(_judge(question, answer))
    assert min(standings[each] for each in (Good, Revoked, Unknown)) > QUESTIONS / 20
    _verify_some([each for connection in answers for each in connection][::VERIFIED_ONE_IN])


def _judge(question: Question, answer: Answer) -> tuple[type[Standing], ...]:
    assert answer.status == HTTPStatus.OK
    assert len(answer.body) >= SHORTEST
    said = parse_response(answer.body)
    assert isinstance(said, BasicResponse)
    assert [each.cert_id.der for each in said.responses] == [each.der for each in question.cert_ids]
    assert said.nonce == question.nonce
    standings = tuple(type(each.standing) for each in said.responses)
    assert standings == question.expected
    assert ("etag" in answer.headers) is question.cacheable
    assert (answer.headers["cache-control"] == "no-store") is not question.cacheable
    return standings


def _verify_some(answers: Sequence[Answer]) -> None:
    for answer in answers:
        said = parse_response(answer.body)
        assert isinstance(said, BasicResponse)
        signer = x509.load_der_x509_certificate(said.certificates[0])
        verify(signer.public_key(), said.algorithm, said.signature, said.tbs)
