"""One answer at a time: every way to be wrong, and the exact edge of being right."""

import copy
import dataclasses
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from support.sdk import AT, STRICT, Bench, key_usage
from tashika import (
    Cause,
    CertIdHash,
    CheckedAnswer,
    Good,
    IssuedCertificate,
    Nonce,
    NoNextUpdate,
    Policy,
    Reason,
    Revoked,
    Unknown,
    ask,
    verify_answer,
)
from tashika.errors import AnswerRefused, WrongUse
from tashika.pki.algorithms import ECDSA_SHA384
from tashika.pki.certid import CertId
from tashika.pki.request import build_request
from tashika.testing import FakeResponder, Fault, KeyPair
from tashika.testing.faults import BODIES, WIRE
from tashika.testing.spoiling import CHANGES

SIGNATURES = {
    Fault.BAD_SIGNATURE: Cause.BAD_SIGNATURE,
    Fault.CUT_SIGNATURE: Cause.BAD_SIGNATURE,
    Fault.EMPTY_SIGNATURE: Cause.BAD_SIGNATURE,
    Fault.SHA1_SIGNATURE: Cause.UNSUPPORTED,
    Fault.WRONG_KEY: Cause.BAD_SIGNATURE,
    Fault.CHANGED_AFTER_SIGNING: Cause.BAD_SIGNATURE,
}
RESPONDERS = {
    Fault.WRONG_EKU: Cause.RESPONDER_UNAUTHORISED,
    Fault.NO_EKU: Cause.RESPONDER_UNAUTHORISED,
    Fault.EXTRA_EKU: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_EXPIRED: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_NOT_YET_VALID: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_IS_CA: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_WITHOUT_NOCHECK: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_MAY_NOT_SIGN: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_CRITICAL_EXTENSION: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_OF_NAMESAKE: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_OF_SUBORDINATE: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_SELF_SIGNED: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_IS_END_ENTITY: Cause.RESPONDER_UNAUTHORISED,
    Fault.RESPONDER_NOT_EMBEDDED: Cause.RESPONDER_UNIDENTIFIED,
    Fault.NAMESAKE_SIGNS: Cause.BAD_SIGNATURE,
    Fault.WRONG_ISSUER: Cause.RESPONDER_UNAUTHORISED,
}
STATEMENTS = {
    Fault.WRONG_CERTID: Cause.OTHER_CERTIFICATE,
    Fault.WRONG_ISSUER_NAME: Cause.OTHER_CERTIFICATE,
    Fault.WRONG_ISSUER_KEY: Cause.OTHER_CERTIFICATE,
    Fault.UNKNOWN_CERTID_HASH: Cause.OTHER_CERTIFICATE,
    Fault.TWO_STATEMENTS: Cause.AMBIGUOUS,
    Fault.CONTRADICTION: Cause.AMBIGUOUS,
    Fault.NO_STATEMENT: Cause.MALFORMED,
}
TIMES = {
    Fault.STALE: Cause.STALE,
    Fault.TOO_OLD: Cause.TOO_OLD,
    Fault.FROM_THE_FUTURE: Cause.FROM_THE_FUTURE,
    Fault.PRODUCED_IN_THE_FUTURE: Cause.FROM_THE_FUTURE,
    Fault.NO_NEXT_UPDATE: Cause.NO_NEXT_UPDATE,
    Fault.NEXT_UPDATE_FIRST: Cause.MALFORMED,
}
NONCES = {
    Fault.NO_NONCE: Cause.NONCE_MISSING,
    Fault.WRONG_NONCE: Cause.NONCE_DIFFERS,
    Fault.SHORT_NONCE: Cause.NONCE_DIFFERS,
}
ERROR_REPLIES = {
    Fault.MALFORMED_REQUEST: Cause.MALFORMED_REQUEST,
    Fault.INTERNAL_ERROR: Cause.INTERNAL_ERROR,
    Fault.TRY_LATER: Cause.TRY_LATER,
    Fault.SIG_REQUIRED: Cause.SIG_REQUIRED,
    Fault.UNAUTHORIZED: Cause.UNAUTHORIZED,
    Fault.UNDEFINED_STATUS: Cause.MALFORMED,
}
BYTES = {
    Fault.EMPTY: Cause.MALFORMED,
    Fault.ONE_BYTE: Cause.MALFORMED,
    Fault.GARBAGE: Cause.MALFORMED,
    Fault.NO_RESPONSE_BYTES: Cause.MALFORMED,
    Fault.WRONG_RESPONSE_TYPE: Cause.UNSUPPORTED,
    Fault.CRITICAL_EXTENSION: Cause.UNSUPPORTED,
    Fault.TRUNCATED: Cause.MALFORMED,
    Fault.TRAILING_BYTES: Cause.MALFORMED,
    Fault.OVERSIZED: Cause.TOO_LARGE,
    Fault.COMPRESSED: Cause.MALFORMED,
}
EXPECTED = SIGNATURES | RESPONDERS | STATEMENTS | TIMES | NONCES | ERROR_REPLIES | BYTES
TOLERATED = {
    Fault.NO_NONCE: Policy(nonce=Nonce.OPPORTUNISTIC),
    Fault.NO_NEXT_UPDATE: Policy(no_next_update=NoNextUpdate.ACCEPT_WITHIN_MAX_AGE),
    Fault.WRONG_NONCE: Policy(nonce=Nonce.OFF),
    Fault.SHORT_NONCE: Policy(nonce=Nonce.OFF),
    Fault.TOO_OLD: Policy(max_age=timedelta(days=40)),
}
"""The faults that a policy may choose to live with."""

LENIENT = Policy(
    nonce=Nonce.OFF,
    no_next_update=NoNextUpdate.ACCEPT_WITHIN_MAX_AGE,
    max_age=timedelta(days=40),
    skew=timedelta(hours=1),
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_fault_has_one_place() -> None:
    assert set(EXPECTED) == set(Fault) - WIRE
    assert set(CHANGES) | set(BODIES) | WIRE == set(Fault)
    assert len(CHANGES) + len(BODIES) + len(WIRE) == len(Fault)


@pytest.mark.parametrize("fault", sorted(WIRE))
def test_a_fault_of_the_way_there_does_not_show_in_the_bytes(bench: Bench, fault: Fault) -> None:
    assert bench.refusal(fault) is None


@pytest.mark.parametrize(("fault", "cause"), SIGNATURES.items())
def test_c1_t26_a_signature_that_does_not_hold_is_refused(
    bench: Bench, fault: Fault, cause: Cause
) -> None:
    assert bench.refusal(fault) is cause


@pytest.mark.parametrize(("fault", "cause"), RESPONDERS.items())
def test_c2_t20_a_responder_without_authority_is_refused(
    bench: Bench, fault: Fault, cause: Cause
) -> None:
    assert bench.refusal(fault) is cause


@pytest.mark.parametrize(("fault", "cause"), STATEMENTS.items())
def test_c3_t34_a_statement_about_another_certificate_is_refused(
    bench: Bench, fault: Fault, cause: Cause
) -> None:
    assert bench.refusal(fault) is cause


@pytest.mark.parametrize(("fault", "cause"), TIMES.items())
def test_c4_t34_an_answer_of_another_time_is_refused(
    bench: Bench, fault: Fault, cause: Cause
) -> None:
    assert bench.refusal(fault) is cause


@pytest.mark.parametrize(("fault", "cause"), NONCES.items())
def test_c5_an_answer_to_another_question_is_refused(
    bench: Bench, fault: Fault, cause: Cause
) -> None:
    assert bench.refusal(fault) is cause


@pytest.mark.parametrize(("fault", "cause"), ERROR_REPLIES.items())
def test_c6_an_unsigned_error_reply_is_refused(bench: Bench, fault: Fault, cause: Cause) -> None:
    assert bench.refusal(fault) is cause


@pytest.mark.parametrize(("fault", "cause"), BYTES.items())
def test_c8_c11_bytes_that_are_no_answer_are_refused(
    bench: Bench, fault: Fault, cause: Cause
) -> None:
    assert bench.refusal(fault) is cause


@pytest.mark.parametrize("fault", [each for each in EXPECTED if each not in TOLERATED])
def test_t23_the_most_lenient_policy_accepts_no_other_fault(bench: Bench, fault: Fault) -> None:
    # Stale by an hour: the largest skew allowed would cover it.
    policy = dataclasses.replace(LENIENT, skew=STRICT.skew) if fault is Fault.STALE else LENIENT
    assert bench.refusal(fault, policy) is EXPECTED[fault]


@pytest.mark.parametrize("fault", TOLERATED)
def test_a_policy_may_choose_to_tolerate(bench: Bench, fault: Fault) -> None:
    assert bench.refusal(fault, TOLERATED[fault]) is None


def test_a_right_answer_says_everything_it_knows(bench: Bench) -> None:
    answer = bench.verify()
    assert (answer.standing, answer.cause) == (Good(), Cause.GOOD)
    assert answer.this_update == AT - timedelta(minutes=15)
    assert answer.next_update == AT + timedelta(hours=24)
    assert answer.produced_at == AT


def test_revoked_held_unknown_and_never_issued_are_told_apart(bench: Bench) -> None:
    responder, certificate = bench.responder, bench.pki.certificate
    responder.revoke(certificate, at=AT - timedelta(days=1), reason=Reason.AFFILIATION_CHANGED)
    revoked = bench.verify()
    assert revoked.standing == Revoked(AT - timedelta(days=1), Reason.AFFILIATION_CHANGED)
    responder.revoke(certificate, reason=None)
    unexplained = bench.verify()
    responder.hold(certificate)
    held = bench.verify()
    responder.disown(certificate)
    disowned = bench.verify()
    responder.forget(certificate)
    unknown = bench.verify()
    responder.release(certificate)

    outcomes = [revoked, unexplained, held, disowned, unknown, bench.verify()]
    assert [each.cause for each in outcomes] == [
        Cause.REVOKED,
        Cause.REVOKED,
        Cause.ON_HOLD,
        Cause.NEVER_ISSUED,
        Cause.UNKNOWN,
        Cause.GOOD,
    ]
    assert [each.never_issued for each in outcomes] == [False, False, False, True, False, False]
    assert unknown.standing == Unknown()


def test_c1_only_the_check_makes_a_checked_answer(bench: Bench) -> None:
    answer = bench.verify()
    with pytest.raises(WrongUse):
        CheckedAnswer(
            standing=Good(),
            this_update=AT,
            next_update=None,
            produced_at=AT,
            never_issued=False,
            issuer=bytes(32),
            receipt=None,
            seal=object(),
        )
    with pytest.raises(ValueError, match="seal"):
        dataclasses.replace(answer, standing=Good())  # type: ignore[call-arg]
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.standing = Good()  # type: ignore[misc]
    with pytest.raises(WrongUse):
        IssuedCertificate(
            serial=1,
            issuer=bench.pki.issuer,
            identity=bench.question().subject.identity,
            key=bench.pki.ca.key.public_key(),
            seal=None,
        )
    assert copy.copy(answer) == answer


def test_c1_c2_the_issuer_itself_may_sign(bench: Bench) -> None:
    bench.responder = FakeResponder(bench.pki, signer=bench.pki.ca, clock=bench.clock.now)
    assert bench.refusal() is None
    assert bench.refusal(Fault.BAD_SIGNATURE) is Cause.BAD_SIGNATURE
    assert bench.refusal(Fault.WRONG_KEY) is Cause.BAD_SIGNATURE


def test_c2_a_responder_counts_to_the_last_second_of_its_validity(bench: Bench) -> None:
    delegate = bench.pki.delegate(begins=timedelta(0), ends=timedelta(hours=2))
    bench.responder = FakeResponder(bench.pki, signer=delegate, clock=bench.clock.now)
    assert bench.refusal() is None
    bench.clock.advance(timedelta(hours=2))
    assert bench.refusal() is None
    bench.clock.advance(timedelta(seconds=1))
    assert bench.refusal() is Cause.RESPONDER_UNAUTHORISED
    bench.clock.at = AT - timedelta(seconds=1)
    assert bench.refusal() is Cause.RESPONDER_UNAUTHORISED


@pytest.mark.parametrize("bit", ["key_cert_sign", "crl_sign"])
def test_c2_t20_a_responder_with_a_ca_s_key_usage_is_refused(bench: Bench, bit: str) -> None:
    proper = bench.pki.responder
    builder = x509.CertificateBuilder(
        bench.pki.issuer.subject,
        proper.certificate.subject,
        proper.key.public_key(),
        7,
        AT - timedelta(days=1),
        AT + timedelta(days=1),
    ).add_extension(key_usage("digital_signature", bit), critical=True)
    for kind in (x509.ExtendedKeyUsage, x509.OCSPNoCheck):
        kept = proper.certificate.extensions.get_extension_for_class(kind)
        builder = builder.add_extension(kept.value, critical=kept.critical)
    odd = KeyPair(certificate=builder.sign(bench.pki.ca.key, SHA256()), key=proper.key)
    bench.responder = FakeResponder(bench.pki, signer=odd, clock=bench.clock.now)
    assert bench.refusal() is Cause.RESPONDER_UNAUTHORISED


@pytest.mark.parametrize("asked", CertIdHash)
@pytest.mark.parametrize("answered", CertIdHash)
def test_c3_an_answer_may_name_the_certificate_with_a_hash_of_its_own(
    bench: Bench, asked: CertIdHash, answered: CertIdHash
) -> None:
    policy = Policy(certid_hash=asked)
    question = bench.question(policy)
    other = ask(question.subject, Policy(certid_hash=answered), lambda _: question.nonce or b"")
    body = bench.responder.answer(other.body)
    assert verify_answer(body, question, policy, at=AT).cause is Cause.GOOD


def test_c3_statements_about_others_may_stand_beside_ours(bench: Bench) -> None:
    question = bench.question()
    identity, serial = question.subject.identity, question.subject.serial
    bench.responder.revoke(bench.pki.certificate)
    others = [CertId.build(identity, serial + shift) for shift in (-1, 1)]
    asked = [others[0], question.cert_id, others[1]]
    body = bench.responder.answer(build_request(asked, nonce=question.nonce))
    assert verify_answer(body, question, STRICT, at=AT).cause is Cause.REVOKED

    body = bench.responder.answer(build_request(others, nonce=question.nonce))
    with pytest.raises(AnswerRefused) as refused:
        verify_answer(body, question, STRICT, at=AT)
    assert refused.value.cause is Cause.OTHER_CERTIFICATE


@pytest.mark.parametrize("skew", [timedelta(0), timedelta(minutes=5), timedelta(hours=1)])
def test_c4_c13_the_edges_of_an_answers_time_are_exact(bench: Bench, skew: timedelta) -> None:
    policy = Policy(skew=skew, max_age=timedelta(hours=30))
    question = bench.question(policy)
    body = bench.responder.answer(question.body)  # of AT - 15 min, until AT + 24 h
    second = timedelta(seconds=1)

    def cause(shift: timedelta) -> Cause:
        try:
            return verify_answer(body, question, policy, at=AT + shift).cause
        except AnswerRefused as refused:
            return refused.cause

    # producedAt, here AT itself, is the latest time of the answer.
    assert cause(-skew) is Cause.GOOD
    assert cause(-skew - second) is Cause.FROM_THE_FUTURE
    assert cause(timedelta(hours=24) + skew - second) is Cause.GOOD
    assert cause(timedelta(hours=24) + skew) is Cause.STALE


@pytest.mark.parametrize("fault", [None, Fault.NO_NEXT_UPDATE])
def test_c4_c13_the_greatest_age_holds_whatever_next_update_says(
    bench: Bench, fault: Fault | None
) -> None:
    policy = Policy(max_age=timedelta(hours=2), no_next_update=NoNextUpdate.ACCEPT_WITHIN_MAX_AGE)
    question = bench.question(policy)
    body = bench.responder.answer(question.body, fault=fault)
    made = AT - (timedelta(hours=1) if fault else timedelta(minutes=15))
    last = made + policy.max_age + policy.skew
    assert verify_answer(body, question, policy, at=last).cause is Cause.GOOD
    with pytest.raises(AnswerRefused) as refused:
        verify_answer(body, question, policy, at=last + timedelta(seconds=1))
    assert refused.value.cause is Cause.TOO_OLD


def test_c5_the_nonce_is_required_unless_the_policy_says_otherwise(bench: Bench) -> None:
    opportunistic, off = Policy(nonce=Nonce.OPPORTUNISTIC), Policy(nonce=Nonce.OFF)
    assert STRICT.nonce is Nonce.REQUIRED
    assert len(bench.question().nonce or b"") == 32
    assert bench.question(off).nonce is None
    assert bench.refusal(Fault.NO_NONCE) is Cause.NONCE_MISSING
    assert bench.refusal(Fault.NO_NONCE, opportunistic) is None
    assert bench.refusal(Fault.WRONG_NONCE, opportunistic) is Cause.NONCE_DIFFERS
    assert bench.refusal(None, off) is None


def test_c5_a_replayed_answer_is_refused(bench: Bench) -> None:
    question = bench.question()
    body = bench.responder.answer(question.body)
    later = ask(question.subject, STRICT, lambda length: b"m" * length)
    with pytest.raises(AnswerRefused) as refused:
        verify_answer(body, later, STRICT, at=AT)
    assert refused.value.cause is Cause.NONCE_DIFFERS


def test_c5_a_strict_policy_refuses_an_answer_to_a_question_without_nonce(bench: Bench) -> None:
    question = bench.question(Policy(nonce=Nonce.OFF))
    body = bench.responder.answer(question.body)
    with pytest.raises(AnswerRefused) as refused:
        verify_answer(body, question, STRICT, at=AT)
    assert refused.value.cause is Cause.NONCE_MISSING


def test_a_time_without_a_zone_is_wrong_use(bench: Bench) -> None:
    question = bench.question()
    body = bench.responder.answer(question.body)
    with pytest.raises(WrongUse, match="zone"):
        verify_answer(body, question, Policy(), at=AT.replace(tzinfo=None))


def test_c5_a_nonce_that_nobody_sent_is_not_ours(bench: Bench) -> None:
    question = bench.question(Policy(nonce=Nonce.OFF))
    body = bench.responder.answer(bench.question().body)
    with pytest.raises(AnswerRefused) as refused:
        verify_answer(body, question, Policy(nonce=Nonce.OPPORTUNISTIC), at=AT)
    assert refused.value.cause is Cause.NONCE_DIFFERS


def test_an_algorithm_outside_the_policy_is_refused(bench: Bench) -> None:
    policy = Policy(algorithms=frozenset({ECDSA_SHA384}))
    assert bench.refusal(None, policy) is Cause.UNSUPPORTED


def test_c8_an_answer_of_64_kib_is_read_and_one_byte_more_is_not(bench: Bench) -> None:
    question = bench.question()
    for size, cause in ((64 * 1024, Cause.MALFORMED), (64 * 1024 + 1, Cause.TOO_LARGE)):
        with pytest.raises(AnswerRefused) as refused:
            verify_answer(bytes(size), question, STRICT, at=AT)
        assert refused.value.cause is cause


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_age": timedelta(0)},
        {"max_age": timedelta(days=367)},
        {"skew": timedelta(seconds=-1)},
        {"skew": timedelta(hours=2)},
        {"algorithms": frozenset()},
        # Texts, as from a configuration file: none may pass for the choice, or for a laxer one.
        {"nonce": "required"},
        {"certid_hash": "md5"},
        {"no_next_update": "reject"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WrongUse, match=next(iter(wrong))):
        Policy(**wrong)  # type: ignore[arg-type]
