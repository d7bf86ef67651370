"""Signed questions at the gate, and what happens when one is sent again."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.authority import Authority, openssl
from support.verifiers import (
    AT,
    DAY,
    SOURCE,
    TOKEN,
    Key,
    ask,
    credential,
    digest_of,
    gate_of,
    issue_der,
    name,
    new_key,
    terms,
)
from tashika.pki import der
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.request import build_request
from tashika.pki.signed_request import sign_request
from tashika_server.agreements import refusals as r
from tashika_server.agreements.gate import Gate
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.replay import UNDERWAY, ReplayMemory
from tashika_server.agreements.signed import check_signature
from tashika_server.agreements.terms import Credential, CredentialKind
from tashika_server.refusal import MalformedQuestion

BANK = name("CN=bank,C=JP")
KEEP = timedelta(days=1)
NEXT_UPDATE = AT + timedelta(minutes=15)


def signer(key: Key, **changes: object) -> Credential:
    usual = {"id": "C-000009", "kind": CredentialKind.SIGNED_REQUEST, "digest": digest_of(key)}
    return credential(**(usual | changes))


def question(serial: int = 5, nonce: bytes | None = None) -> bytes:
    return build_request([CertId.build(IssuerIdentity(b"\x30\x00", b"k"), serial)], nonce=nonce)


def signed(key: Key, *, certificates: list[bytes] | None = None, asks: bytes = b"") -> bytes:
    along = [issue_der(key, key, BANK)] if certificates is None else certificates
    return sign_request(
        asks or question(), requestor=BANK.public_bytes(), key=key, certificates=along
    )


def put(gate: Gate, body: bytes, **more: object):
    found = check_signature(body, gate)
    assert found is not None
    return ask(gate, Presented(SOURCE, signer=found.signer, **more))


@pytest.fixture
def gate(buckets: Buckets, key: Key) -> Gate:
    return gate_of(buckets, terms(signed_required=True, credentials=(credential(), signer(key))))


# --- who signed -----------------------------------------------------------------------------


def test_a_signed_question_identifies_its_signer(gate: Gate, key: Key):
    assert put(gate, signed(key)).credential == "C-000009"
    with pytest.raises(r.SignatureMissing):
        ask(gate, Presented(SOURCE, TOKEN))


def test_a_signature_decides_over_a_token_of_the_same_verifier(gate: Gate, key: Key):
    assert put(gate, signed(key), token=TOKEN).credential == "C-000009"
    with pytest.raises(r.UnknownCredential):
        put(gate, signed(key), token=bytes(32))


def test_a_signature_beside_another_verifiers_token_is_refused(buckets: Buckets, key: Key):
    other = terms(agreement="A-000002", verifier="V-000002", credentials=(signer(key),))
    with pytest.raises(r.CredentialsDisagree):
        put(gate_of(buckets, terms(), other), signed(key), token=TOKEN)


def test_openssl_signs_and_the_gate_understands(buckets: Buckets, tmp_path: Path):
    authority = Authority.found(tmp_path)
    request, pem, private = (tmp_path / each for each in ("request.der", "ca.pem", "ca.key"))
    signing = ("-reqout", request, "-signer", pem, "-signkey", private)
    openssl("ocsp", *authority.question, *signing)
    gate = gate_of(buckets, terms(credentials=(signer(authority.key),)))
    assert put(gate, request.read_bytes()).credential == "C-000009"


def test_an_unsigned_question_has_no_signer(gate: Gate):
    assert check_signature(question(), gate) is None


def test_a_key_that_nobody_registered_is_refused_unverified(gate: Gate, key: Key):
    stranger = new_key()
    with pytest.raises(r.UnknownCredential):
        check_signature(signed(stranger), gate)
    with pytest.raises(r.UnknownCredential):
        check_signature(signed(key, certificates=[]), gate)


def test_the_signers_certificate_may_come_anywhere(gate: Gate, key: Key):
    stranger = new_key()
    along = [b"\x30\x00", issue_der(stranger, stranger, BANK), issue_der(key, key, BANK)]
    assert put(gate, signed(key, certificates=along)).credential == "C-000009"


def test_somebody_elses_certificate_does_not_make_the_signature(gate: Gate, key: Key):
    with pytest.raises(r.BadRequestSignature):
        check_signature(signed(new_key(), certificates=[issue_der(key, key, BANK)]), gate)


def test_an_altered_question_is_refused(gate: Gate, key: Key):
    body = signed(key)
    altered = body.replace(question(5)[-3:], question(6)[-3:], 1)
    assert altered != body
    with pytest.raises(r.BadRequestSignature):
        check_signature(altered, gate)


def test_nonsense_is_malformed_and_a_weak_algorithm_is_no_signature(gate: Gate):
    with pytest.raises(MalformedQuestion):
        check_signature(b"\x30\x00", gate)
    tbs = der.Reader(question()).only(der.SEQUENCE).element()
    sha1 = der.sequence(der.oid("1.2.840.113549.1.1.5"), der.NULL)
    fields = der.sequence(sha1, der.bit_string(b"x"))
    with pytest.raises(r.BadRequestSignature):
        check_signature(der.sequence(tbs, der.wrap(der.explicit(0), fields)), gate)


def test_a_signers_certificate_and_credential_have_their_ends(buckets: Buckets, key: Key):
    over = issue_der(key, key, BANK, begin=AT - 2 * DAY, end=AT - DAY)
    gate = gate_of(buckets, terms(credentials=(signer(key),)))
    with pytest.raises(r.CertificateOutOfTime):
        put(gate, signed(key, certificates=[over]))
    gate = gate_of(buckets, terms(credentials=(signer(key, valid_to=AT),)))
    with pytest.raises(r.CredentialEnded):
        put(gate, signed(key))


def test_a_key_for_mtls_signs_nothing(buckets: Buckets, key: Key):
    for_mtls = credential(kind=CredentialKind.MTLS_KEY, digest=digest_of(key))
    with pytest.raises(r.UnknownCredential):
        check_signature(signed(key), gate_of(buckets, terms(credentials=(for_mtls,))))


# --- the same question again ----------------------------------------------------------------


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[ReplayMemory]:
    opened = ReplayMemory.open(tmp_path, keep=KEEP, most=20)
    yield opened
    opened.close()


def identity(gate: Gate, body: bytes) -> bytes:
    found = check_signature(body, gate)
    assert found is not None
    return found.identity


def test_the_same_question_is_the_same_however_it_is_dressed_up(gate: Gate, key: Key):
    """Another ECDSA signature over the same, and other certificates along: still a replay."""
    more = [issue_der(key, key, BANK), issue_der(new_key(), new_key(), BANK)]
    same = {identity(gate, signed(key)) for _ in range(3)}
    same.add(identity(gate, signed(key, certificates=more)))
    assert len(same) == 1
    assert identity(gate, signed(key, asks=question(6))) not in same
    assert identity(gate, signed(key, asks=question(nonce=bytes(32)))) not in same


def test_two_signers_of_one_question_ask_two(buckets: Buckets, key: Key):
    other = new_key()
    credentials = (signer(key), signer(other, id="C-000010"))
    gate = gate_of(buckets, terms(credentials=credentials))
    assert identity(gate, signed(key)) != identity(gate, signed(other))


def test_a_replay_gets_the_very_answer_of_the_first_time(memory: ReplayMemory):
    assert memory.recall(b"q" * 32, AT) is None
    memory.claim(b"q" * 32, AT)
    assert memory.recall(b"q" * 32, AT) is None
    memory.remember(b"q" * 32, b"answer", nonce=None, until=NEXT_UPDATE, at=AT)
    assert memory.recall(b"q" * 32, AT) == b"answer"
    with pytest.raises(r.AnswerUnderway):
        memory.claim(b"q" * 32, AT)


@pytest.mark.parametrize(
    ("nonce", "kept_until"), [(None, NEXT_UPDATE), (b"n", AT + KEEP)], ids=["no nonce", "a nonce"]
)
def test_how_long_an_answer_is_kept(memory: ReplayMemory, nonce: bytes | None, kept_until):
    memory.claim(b"q" * 32, AT)
    memory.remember(b"q" * 32, b"answer", nonce=nonce, until=NEXT_UPDATE, at=AT)
    tick = timedelta(microseconds=1)
    assert memory.recall(b"q" * 32, kept_until - tick) == b"answer"
    assert memory.recall(b"q" * 32, kept_until) is None
    memory.claim(b"q" * 32, kept_until)


def test_only_one_claims_a_question(memory: ReplayMemory):
    memory.claim(b"q" * 32, AT)
    with pytest.raises(r.AnswerUnderway):
        memory.claim(b"q" * 32, AT)
    memory.claim(b"p" * 32, AT)


def test_a_claim_that_came_to_nothing_is_free_again(memory: ReplayMemory):
    memory.claim(b"q" * 32, AT)
    memory.release(b"q" * 32, AT)
    memory.claim(b"q" * 32, AT)
    memory.claim(b"q" * 32, AT + UNDERWAY)  # whoever had it has died


def test_who_comes_back_after_his_claim_has_lapsed_leaves_the_claim_of_another(
    memory: ReplayMemory,
):
    """Two workers at one question would be two answers and two bills."""
    later = AT + UNDERWAY
    memory.claim(b"q" * 32, AT)
    memory.claim(b"q" * 32, later)
    memory.release(b"q" * 32, AT)
    with pytest.raises(r.AnswerUnderway):
        memory.claim(b"q" * 32, later)
    memory.remember(b"q" * 32, b"late", nonce=None, until=NEXT_UPDATE, at=AT)
    assert memory.recall(b"q" * 32, later) is None
    memory.remember(b"q" * 32, b"answer", nonce=None, until=NEXT_UPDATE, at=later)
    memory.release(b"q" * 32, AT)
    assert memory.recall(b"q" * 32, later) == b"answer"


def test_who_comes_back_late_is_heard_where_nobody_has_taken_his_question(memory: ReplayMemory):
    memory.claim(b"q" * 32, AT)
    for each in range(10):  # by which what has lapsed is forgotten
        memory.claim(each.to_bytes(32, "big"), AT + UNDERWAY)
    memory.remember(b"q" * 32, b"late", nonce=None, until=NEXT_UPDATE, at=AT)
    assert memory.recall(b"q" * 32, AT + UNDERWAY) == b"late"


def test_the_memory_outlives_the_worker_and_not_the_boot(tmp_path: Path):
    first = ReplayMemory.open(tmp_path, keep=KEEP)
    first.claim(b"q" * 32, AT)
    first.remember(b"q" * 32, b"answer", nonce=b"n", until=NEXT_UPDATE, at=AT)
    first.close()
    of_another_boot = tmp_path / "replays-00000000-0000-0000-0000-000000000000"
    of_another_boot.touch()
    second = ReplayMemory.open(tmp_path, keep=KEEP)
    assert second.recall(b"q" * 32, AT) == b"answer"
    assert not of_another_boot.exists()
    second.close()


def test_the_memory_is_bounded_and_forgets_the_oldest(memory: ReplayMemory):
    for each in range(200):
        question_id = each.to_bytes(32, "big")
        memory.claim(question_id, AT + timedelta(seconds=each))
        at = AT + timedelta(seconds=each)
        memory.remember(question_id, b"a" * 4000, nonce=b"n", until=NEXT_UPDATE, at=at)
    last = AT + timedelta(seconds=199)
    known = [memory.recall(each.to_bytes(32, "big"), last) is not None for each in range(200)]
    assert known[-10:] == [True] * 10
    assert sum(known) <= 20
    assert known == sorted(known)


def test_what_has_lapsed_goes(memory: ReplayMemory):
    for each in range(10):
        memory.claim(each.to_bytes(32, "big"), AT)
        memory.remember(each.to_bytes(32, "big"), b"a", nonce=None, until=NEXT_UPDATE, at=AT)
    for each in range(10, 20):
        memory.claim(each.to_bytes(32, "big"), NEXT_UPDATE)
    with memory._environment.begin() as transaction:
        assert transaction.stat(memory._answers)["entries"] == 10
        assert transaction.stat(memory._order)["entries"] == 10


def test_a_claim_is_quick(memory: ReplayMemory):
    begun = time.process_time()
    for each in range(200):
        memory.claim(each.to_bytes(32, "big"), AT)
        memory.remember(each.to_bytes(32, "big"), b"a" * 1500, nonce=None, until=AT, at=AT)
    assert (time.process_time() - begun) / 200 < 1e-3
