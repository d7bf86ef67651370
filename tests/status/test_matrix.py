"""Every wrong answer and every wrong list, under every policy: never good, never valid (C1).

By the check of an answer, by the judge, with what came along, for a signature and for a login;
without input or output. Through clients and commands: tests/sdk/test_matrix.py.
"""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from support.judging import DAY, LIST, ONE, PKI, SERIAL, Bench, anchor_of, crl
from support.sdk import AT
from tashika import (
    Cause,
    CertIdHash,
    Nonce,
    NoNextUpdate,
    Policy,
    Question,
    ask,
    verify_answer,
    verify_issued,
)
from tashika.errors import AnswerRefused
from tashika.path import PathCause, PathReport
from tashika.pki.algorithms import algorithm_for, sign
from tashika.signature import (
    ByPath,
    Challenge,
    ChallengesInMemory,
    Login,
    RelyingParty,
    SignatureReport,
    Submitted,
    TakeChallenge,
    Terms,
    authenticating,
    verifying,
)
from tashika.status import (
    Addresses,
    Configured,
    Freshness,
    Kind,
    LaterRevocation,
    RevocationPolicy,
    Stapled,
    WhenSilent,
    by_fetch,
    drive,
)
from tashika.testing import Fault, Pki
from tashika.testing.faults import WIRE

LAX = Policy(max_age=timedelta(days=40), no_next_update=NoNextUpdate.ACCEPT_WITHIN_MAX_AGE)
POLICIES: dict[str, dict[str, Any]] = {
    "default": {},
    "nonce off": {"answers": Policy(nonce=Nonce.OFF)},
    "nonce opportunistic": {"answers": Policy(nonce=Nonce.OPPORTUNISTIC)},
    "SHA-1": {"answers": Policy(certid_hash=CertIdHash.SHA1)},
    "great age": {"answers": LAX},
    "soft": {"when_silent": WhenSilent.TOLERATE},
    "lists first, no skew": {
        "order": (Kind.LISTS, Kind.OCSP, Kind.STAPLED),
        "answers": Policy(skew=timedelta(0)),
    },
    "since signing": {
        "freshness": Freshness.SINCE_SIGNING,
        "later_revocation": LaterRevocation.LEAVES,
    },
}
OF_STAPLED = ("default", "great age", "lists first, no skew", "soft", "since signing")
"""Those that make a difference to what nobody asked for."""
NONCES = {Fault.NO_NONCE, Fault.WRONG_NONCE, Fault.SHORT_NONCE}
CHOSEN = {
    "nonce off": NONCES,
    "nonce opportunistic": {Fault.NO_NONCE},
    "great age": {Fault.TOO_OLD, Fault.NO_NEXT_UPDATE},
}
"""What a policy is for: the faults that it chooses to live with."""


@cache
def body_of(fault: Fault | None, question: bytes) -> bytes:
    return Bench().responder.answer(question, fault=fault)


def question_under(policy: Policy) -> Question:
    subject = verify_issued(PKI.certificate, PKI.issuer, at=AT)
    return ask(subject, policy, lambda length: b"n" * length)


def by_verify_answer(fault: Fault | None, policy: dict[str, Any]) -> bool:
    answers = policy.get("answers", Policy())
    question = question_under(answers)
    try:
        return verify_answer(body_of(fault, question.body), question, answers, at=AT).cause is (
            Cause.GOOD
        )
    except AnswerRefused:
        return False


def answered(fault: Fault | None, policy: dict[str, Any]) -> Bench:
    bench = Bench(**policy)
    bench.addresses = Configured(otherwise=Addresses(responders=(ONE,)))
    page = bench.answering(fault)
    bench.net.pages[ONE] = (lambda asked: body_of(fault, asked)) if callable(page) else page
    return bench


def by_judge(fault: Fault | None, policy: dict[str, Any]) -> PathReport:
    return answered(fault, policy).judge()


def by_stapling(fault: Fault | None, policy: dict[str, Any]) -> PathReport:
    body = body_of(fault, question_under(Policy(nonce=Nonce.OFF)).body)
    alone = policy | {"order": (Kind.STAPLED,)}
    return Bench(**alone).judge(stapled=Stapled(answers=(body,)))


# --- what a relying party calls ------------------------------------------------------------------

PARTY = RelyingParty(name="bank.example")
CHALLENGE = Challenge.mint(PARTY, at=AT, random=bytes)


def terms(bench: Bench) -> Terms:
    return Terms(judge=ByPath(anchors=(anchor_of(PKI),), means=bench.means()), purpose="a test")


@cache
def signed(data: bytes) -> bytes:
    key = PKI.end_entity.key
    return sign(key, algorithm_for(key.public_key()), data)


def by_signature(bench: Bench, **stapled: tuple[bytes, ...]) -> SignatureReport:
    submitted = Submitted(
        document=b"a form",
        signature=signed(b"a form"),
        certificate=PKI.certificate,
        stapled=Stapled(**stapled),
    )
    return drive(verifying(submitted, terms(bench), received_at=AT), by_fetch(bench.net))


def by_login(bench: Bench, **stapled: tuple[bytes, ...]) -> SignatureReport:
    login = Login(
        challenge=CHALLENGE.message,
        signature=signed(CHALLENGE.message),
        certificate=PKI.certificate,
        stapled=Stapled(**stapled),
    )
    challenges, fetch = ChallengesInMemory(clock=lambda: AT), by_fetch(bench.net)
    challenges.put(CHALLENGE)

    def answer(wish: object) -> object:
        return challenges.take(wish.challenge) if isinstance(wish, TakeChallenge) else fetch(wish)

    return drive(authenticating(login, PARTY, terms(bench), received_at=AT), answer)


CALLS = (by_signature, by_login)


def test_there_are_enough_kinds_of_wrong_answers_and_the_page_says_how_many():
    assert len(Fault) >= 60
    assert len(Fault) + len(WRONG_LISTS) >= 75
    size = (
        f"{len(Fault)} wrong answers, each under {len(POLICIES)} policies, and {len(WRONG_LISTS)}"
    )
    assert size in (Path(__file__).parents[2] / "docs" / "testing.md").read_text()


@pytest.mark.parametrize("policy", POLICIES)
def test_the_right_answer_passes_under_every_policy(policy: str):
    for way in (by_verify_answer, by_judge, by_stapling):
        assert way(None, POLICIES[policy])
    for call in CALLS:
        call(answered(None, POLICIES[policy])).require_valid()


@pytest.mark.parametrize("fault", Fault)
def test_c1_c2_c3_c4_c5_c6_c8_c11_c12_no_wrong_answer_is_ever_good(fault: Fault):
    for name, policy in POLICIES.items():
        chosen = CHOSEN.get(name, set())
        report = by_judge(fault, policy)
        assert (name, bool(report)) == (name, fault in chosen)
        assert report or report.tried
        assert report.tolerated is (name == "soft" and fault in WIRE - {Fault.ENDLESS})
        for call in CALLS:
            assert (name, bool(call(answered(fault, policy)))) == (name, fault in chosen)
        if fault in WIRE:
            continue  # a fault of the way there does not show in bytes
        if policy.keys() <= {"answers"}:
            assert (name, by_verify_answer(fault, policy)) == (name, fault in chosen)
        if name in OF_STAPLED:
            # What came along has no nonce of ours that it could miss.
            no_fault = fault in chosen | NONCES
            assert (name, bool(by_stapling(fault, policy))) == (name, no_fault)


# --- lists ---------------------------------------------------------------------------------------

OTHERS = Pki(at=AT, name="Other CA")


def scope(**given: Any) -> tuple[x509.ExtensionType, bool]:
    kinds = {"full_name": None, "only_contains_ca_certs": False, "indirect_crl": False} | given
    return (
        x509.IssuingDistributionPoint(
            relative_name=None,
            only_contains_user_certs=False,
            only_some_reasons=None,
            only_contains_attribute_certs=False,
            **kinds,
        ),
        True,
    )


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True
NAKA = [x509.UniformResourceIdentifier("http://crl.test/naka")]
RIGHT = crl()
WRONG_LISTS: dict[str, bytes] = {
    "stale": crl(at=AT - 2 * DAY, holds=DAY),
    "too old": crl(at=AT - 30 * DAY, holds=60 * DAY),
    "from the future": crl(at=AT + DAY),
    "bad signature": RIGHT[:-1] + bytes([RIGHT[-1] ^ 1]),
    "changed after signing": RIGHT.replace(b"Test CA", b"Test CB"),
    "of a namesake": crl(key=PKI.namesake().ca),
    "of another CA": crl(by=OTHERS.ca),
    "signed by a leaf": crl(key=PKI.end_entity),
    "signed by the responder": crl(key=PKI.responder),
    "a delta": crl(extra=[(x509.DeltaCRLIndicator(1), True)]),
    "for CAs only": crl(extra=[scope(only_contains_ca_certs=True)]),
    "of another partition": crl(extra=[scope(full_name=NAKA)]),
    "critical extension": crl(extra=[UNKNOWN]),
    "truncated": RIGHT[:-10],
    "trailing octets": RIGHT + b"\x00",
    "empty": b"",
    "one octet": b"\x30",
    "a login page": b"<html><body>Please log in.</body></html>",
    "a certificate": PKI.ca.pem,
}


@pytest.mark.parametrize("kind", WRONG_LISTS)
def test_c1_c4_c7_c8_no_wrong_list_is_ever_valid(kind: str):
    for policy in POLICIES.values():
        for use in (fetched, came_along):
            report = use(WRONG_LISTS[kind], policy)
            assert not report
            assert not (use is fetched and report.tolerated)
        for call in CALLS:
            assert not call(listed(WRONG_LISTS[kind], policy))
            alone = Bench(**policy | {"order": (Kind.STAPLED,)})
            assert not call(alone, lists=(WRONG_LISTS[kind],))


@pytest.mark.parametrize("policy", POLICIES)
def test_the_right_list_passes_under_every_policy(policy: str):
    for use in (fetched, came_along):
        assert use(RIGHT, POLICIES[policy])
        assert use(crl(SERIAL), POLICIES[policy]).revoked
    for call in CALLS:
        call(listed(RIGHT, POLICIES[policy])).require_valid()
        assert call(listed(crl(SERIAL), POLICIES[policy])).because is PathCause.REVOKED


def listed(body: bytes, policy: dict[str, Any]) -> Bench:
    bench = Bench(**policy)
    bench.addresses = Configured(otherwise=Addresses(lists=(LIST,)))
    bench.net.pages[LIST] = body
    return bench


def fetched(body: bytes, policy: dict[str, Any]) -> PathReport:
    return listed(body, policy).judge()


def came_along(body: bytes, policy: dict[str, Any]) -> PathReport:
    alone = policy | {"order": (Kind.STAPLED,)}
    return Bench(**alone).judge(stapled=Stapled(lists=(body,)))


def test_an_endless_list_costs_no_more_than_its_limit():
    bench = Bench()
    bench.net.pages[LIST] = lambda _: bytes(bench.policy.limits.list_octets + 1)
    report = bench.judge()
    assert [each.cause for each in report.tried] == [Cause.UNREACHABLE, Cause.TOO_LARGE]
    assert RevocationPolicy().limits.list_octets == 32 * 1024 * 1024
