"""User authentication by a challenge: minted, bound, signed, used once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256, sha384
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from support.crls import make_key
from support.paths import AT, named, usage
from support.signatures import (
    CA,
    judge,
    raw,
    rsa_key,
    rsa_signer,
    signer,
    submitted,
    terms,
    verify,
)
from tashika import AsyncClient, Client, Report
from tashika.errors import SignatureRefused, WrongUse
from tashika.signature import (
    Challenge,
    ChallengesInMemory,
    CheckStatus,
    KeyUse,
    Login,
    OneTier,
    RelyingParty,
    SignatureReport,
    Submitted,
    TakeChallenge,
    Terms,
    authenticating,
    drive,
    verify_authentication,
    verify_signature,
)
from tashika.testing import FakeResponder

BANK, SHOP = RelyingParty(name="bank.example"), RelyingParty(name="shop.example")
MINUTE = timedelta(minutes=1)


def chance(count: int) -> bytes:
    return bytes(range(count))


class Desk:
    """A relying party that has minted one challenge."""

    def __init__(self, party: RelyingParty = BANK) -> None:
        self.now = AT
        self.store = ChallengesInMemory(clock=lambda: self.now, most=2)
        self.challenge = Challenge.mint(party, at=AT, random=chance)
        self.store.put(self.challenge)

    def login(self, **how: Any) -> SignatureReport:
        by = how.pop("terms", None) or known()
        made = {
            "challenge": self.challenge.message,
            "signature": raw(self.challenge.message),
            "certificate": signer("EE"),
        }
        party, at = how.pop("party", BANK), how.pop("at", AT)
        return verify_authentication(
            Login(**made | how), party, by, challenges=self.store, received_at=at
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


def known(**how: Any) -> Terms:
    """Terms whose judge has the CA's certificate at hand: a login does not bring it."""
    return terms(judge=replace(judge(), candidates=(CA,)), **how)


def test_a_login_is_valid_once(desk: Desk):
    report = desk.login()
    assert report, report.because
    assert report.purpose == "a test"
    again = desk.login()
    assert (bool(again), again.cause) == (False, "challenge_spent")
    assert len(desk.store) == 0


def test_the_octets_are_as_documented(desk: Desk):
    message = desk.challenge.message
    assert message[:20] == b"tashika-challenge-1\x00"
    assert message[20:52] == sha256(b"bank.example").digest() == BANK.digest
    assert int.from_bytes(message[52:60], "big") == int((AT + 5 * MINUTE).timestamp())
    assert message[60:] == chance(32)
    assert len(message) == 92


def test_a_card_that_is_given_the_digest_signs_the_same(desk: Desk):
    by_card = rsa_key().sign(desk.challenge.digest, padding.PKCS1v15(), Prehashed(SHA256()))
    assert by_card == raw(desk.challenge.message, key=rsa_key())
    assert desk.login(signature=by_card, certificate=rsa_signer())


def test_a_card_of_the_next_generation_signs_with_the_hash_of_its_curve(desk: Desk):
    key = ec.generate_private_key(ec.SECP384R1())
    builder = x509.CertificateBuilder(
        named("CA"), named("P-384"), key.public_key(), 7, AT, AT + MINUTE
    ).add_extension(usage(), critical=True)
    card = builder.sign(make_key("CA"), SHA256())
    digest = sha384(desk.challenge.message).digest()
    signature = key.sign(digest, ec.ECDSA(Prehashed(SHA384())))
    assert desk.login(signature=signature, certificate=card)


def test_a_challenge_is_for_one_relying_party(desk: Desk):
    report = desk.login(party=SHOP)
    assert report.cause == "challenge_elsewhere"
    assert len(desk.store) == 1


@pytest.mark.parametrize(
    ("after", "valid"), [(5 * MINUTE, False), (5 * MINUTE - MINUTE / 60, True)]
)
def test_a_challenge_ends(desk: Desk, after: timedelta, valid: bool):  # noqa: FBT001
    report = desk.login(at=AT + after)
    assert (bool(report), report.cause) == (valid, "valid" if valid else "challenge_expired")


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        (lambda: {"challenge": b"anything"}, "challenge_malformed"),
        (lambda: {"challenge": bytes(92)}, "challenge_malformed"),
        (lambda: {"signature": raw(b"another")}, "bad_signature"),
        (lambda: {"certificate": rsa_signer()}, "bad_signature"),
        (lambda: {"certificate": b""}, "certificate_malformed"),
        (
            lambda: {"challenge": Challenge.mint(BANK, at=AT, random=lambda _: bytes(32)).message},
            "challenge_spent",
        ),
    ],
)
def test_c1_what_is_wrong_is_never_valid(desk: Desk, how: Callable[[], dict[str, Any]], cause: str):
    assert desk.login(**how()).cause == cause


def test_a_certificate_for_signatures_is_not_to_log_in_with(desk: Desk):
    declaring = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    report = desk.login(terms=known(use=KeyUse.SIGNATURE), certificate=signer(key_usage=declaring))
    assert report.cause == "key_usage"


def test_terms_of_a_login_are_refused_for_documents():
    with pytest.raises(WrongUse, match="verify_authentication"):
        verify(submitted(), use=KeyUse.AUTHENTICATION)


def test_a_failed_try_spends_the_challenge(desk: Desk):
    assert desk.login(signature=b"").cause == "bad_signature"
    assert desk.login().cause == "challenge_spent"


def test_the_challenge_is_taken_before_anything_is_fetched(desk: Desk):
    login = Login(challenge=desk.challenge.message, signature=b"", certificate=signer())
    flow = authenticating(login, BANK, known(), received_at=AT)
    assert isinstance(next(flow), TakeChallenge)
    with pytest.raises(StopIteration) as end:
        flow.send(None)
    assert end.value.value.cause == "challenge_spent"


def test_a_store_is_bounded_and_forgets_what_has_ended(desk: Desk):
    def another(number: int) -> Challenge:
        return Challenge.mint(BANK, at=desk.now, random=lambda count: bytes([number]) * count)

    desk.store.put(another(1))
    with pytest.raises(WrongUse, match="limit who may begin"):
        desk.store.put(another(2))
    desk.now += 10 * MINUTE
    desk.store.put(another(3))
    assert len(desk.store) == 1
    assert not desk.store.take(desk.challenge)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Challenge.mint(BANK, at=AT, random=chance, life=timedelta(0)),
        lambda: Challenge.mint(BANK, at=AT.replace(tzinfo=None), random=chance),
        lambda: Challenge.mint(BANK, at=AT, random=chance, life=timedelta(hours=2)),
        lambda: Challenge.mint(BANK, at=AT, random=lambda _: b"short"),
        lambda: Challenge(message="text"),
        lambda: RelyingParty(name=""),
        lambda: RelyingParty(name="x" * 254),
        lambda: Desk().login(at=AT.replace(tzinfo=None)),
    ],
)
def test_wrong_use_is_said_at_once(wrong: Callable[[], object]):
    with pytest.raises(WrongUse):
        wrong()


def test_nothing_that_could_be_replayed_is_shown(desk: Desk):
    assert desk.challenge.message.hex() not in repr(desk.challenge)
    with pytest.raises(SignatureRefused) as refused:
        desk.challenge.require_for(SHOP, at=AT)
    assert "example" not in str(refused.value)


# --- the two faces, with a client that exists ---------------------------------------


def world() -> tuple[FakeResponder, Submitted, Terms, datetime]:
    responder = FakeResponder()
    pki = responder.pki
    made = Submitted(
        document=b"form",
        signature=raw(b"form", key=pki.end_entity.key),
        certificate=pki.certificate,
    )
    generations = (pki.namesake().issuer, pki.issuer)
    return responder, made, Terms(judge=OneTier(generations), purpose="a form"), pki.at


def test_one_tier_asks_a_client_once_and_only_for_its_own():
    responder, made, by, at = world()
    with Client(responder.url, transport=responder) as client:
        report = client.verify_signature(made, by)
        assert report, report.because
        assert isinstance(report.judgement, Report)
        responder.revoke(responder.pki.certificate)
        report = client.verify_signature(made, by)
        assert (report.cause, report.because) == ("certificate_refused", "revoked")
    elsewhere = Terms(judge=OneTier((responder.pki.namesake().issuer,)), purpose="a form")
    report = verify_signature(made, elsewhere, received_at=at)
    assert (report.cause, report.because) == ("certificate_refused", "not_issued_by_issuer")


async def test_the_same_awaited(desk: Desk):
    responder, made, by, at = world()
    async with AsyncClient(responder.url, transport=responder) as client:
        assert await client.verify_signature(made, by)
        store = ChallengesInMemory(clock=lambda: at)
        challenge = Challenge.mint(BANK, at=at, random=chance)
        store.put(challenge)
        login = Login(
            challenge=challenge.message,
            signature=raw(challenge.message, key=responder.pki.end_entity.key),
            certificate=responder.pki.certificate,
        )
        report = await client.verify_authentication(login, BANK, by, challenges=store)
        assert report, report.because


def test_a_wish_that_nobody_answers_is_wrong_use():
    responder, made, by, at = world()
    with pytest.raises(WrongUse, match="CheckStatus"):
        verify_signature(made, by, received_at=at)
    with Client(responder.url, transport=responder) as client, pytest.raises(WrongUse, match="int"):
        client.granting()(1)


def test_a_flow_is_closed_when_answering_fails():
    closed: list[str] = []

    def flow():
        try:
            yield CheckStatus
        finally:
            closed.append("closed")

    def failing(_: object) -> object:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it is the one raised above
        drive(flow(), failing)
    assert closed == ["closed"]


def test_an_answer_that_is_no_report_is_wrong_use():
    _, made, by, at = world()
    with pytest.raises(WrongUse, match="Report"):
        verify_signature(made, by, received_at=at, answer=lambda _: True)
