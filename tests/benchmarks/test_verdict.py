"""A sample of the answers is verified in full, so a run cannot be fast by being wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import OCSPNonce, ocsp

from benchmarks.answering.authority import Authority, KeyType
from benchmarks.load.deck import NONCE_BYTES, Asked, Question
from benchmarks.load.population import Population, Standing
from benchmarks.load.tally import Evidence
from benchmarks.load.verdict import WrongAnswer, judge, verify
from tashika.pki.certid import CertId

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NONCE = bytes(range(NONCE_BYTES))
NEVER_ISSUED = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=list(KeyType))
def authority(request: pytest.FixtureRequest) -> Authority:
    return Authority.found(request.param, at=AT)


class Responder:
    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.certificate, self.key = authority.delegate(KeyType.P256, at=AT)

    def question(self, serial: int, standing: Standing) -> Question:
        population = Population(issuer=self.authority.certificate, serials={})
        cert_id = CertId.build(self.authority.identity, serial)
        return Question((Asked(cert_id, standing, population),), b"", nonced=True, get=False)

    def answer(
        self,
        serial: int,
        *,
        revoked_at: datetime | None = None,
        nonce: bytes = NONCE,
        this_update: datetime = AT - DAY,
        next_update: datetime = AT + DAY,
    ) -> bytes:
        name_hash, key_hash = self.authority.identity.hashes("sha256")
        status = ocsp.OCSPCertStatus.REVOKED if revoked_at else ocsp.OCSPCertStatus.GOOD
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=name_hash,
            issuer_key_hash=key_hash,
            serial_number=serial,
            algorithm=SHA256(),
            cert_status=status,
            this_update=this_update,
            next_update=next_update,
            revocation_time=revoked_at,
            revocation_reason=None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
        builder = builder.certificates([self.certificate])
        builder = builder.add_extension(OCSPNonce(nonce), critical=False)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def responder(authority: Authority) -> Responder:
    return Responder(authority)


def check(responder: Responder, body: bytes, serial: int = 5, of: str = "good") -> None:
    question = responder.question(serial, Standing(of))
    verify(Evidence(question, NONCE, body, AT))


def test_a_right_answer_passes(responder: Responder) -> None:
    check(responder, responder.answer(5))
    check(responder, responder.answer(5, revoked_at=AT - DAY), of="revoked")
    check(responder, responder.answer(5, revoked_at=NEVER_ISSUED), of="unknown")


def test_a_wrong_answer_is_named(responder: Responder) -> None:
    answer = responder.answer
    right = answer(5)
    at = right.index(NONCE)
    wrong = {
        "another nonce": answer(5, nonce=bytes(32)),
        "other certificates": answer(6),
        "says revoked of what is good": answer(5, revoked_at=AT - DAY),
        "of the future": answer(5, this_update=AT + DAY / 2),
        "run out": answer(5, next_update=AT),
        "bad signature": right[:at] + bytes(32) + right[at + 32 :],
        "not delegated": Responder(Authority.found(KeyType.P256, at=AT)).answer(5),
        "cannot be read": right[:100],
    }
    for what, body in wrong.items():
        with pytest.raises(WrongAnswer, match=what):
            check(responder, body)


def test_wrong_answers_are_counted_by_what_is_wrong(responder: Responder) -> None:
    question = responder.question(5, Standing.GOOD)
    bodies = [responder.answer(5), responder.answer(6), responder.answer(6)]
    evidence = [Evidence(question, NONCE, body, AT) for body in bodies]
    assert judge(evidence) == {"is about other certificates": 2}


def test_an_answer_is_judged_by_when_it_was_heard(responder: Responder) -> None:
    # A long run: what was said at its beginning has run out when all is verified.
    question = responder.question(5, Standing.GOOD)
    body = responder.answer(5, next_update=AT + DAY)
    heard = [Evidence(question, NONCE, body, AT + days * DAY) for days in (0, 1)]
    assert judge(heard) == {"has run out": 1}
