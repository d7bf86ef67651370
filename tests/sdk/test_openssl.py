"""OpenSSL as an independent judge: its answers are understood, and it understands ours."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tashika import (
    Cause,
    CertIdHash,
    Nonce,
    Policy,
    Reason,
    Revoked,
    ask,
    verify_answer,
    verify_issued,
)
from tashika.errors import AnswerRefused
from tashika.testing import FakeResponder, Fault, KeyPair, Pki


class Responder:
    """``openssl ocsp`` with an index file, one answer a run."""

    def __init__(self, folder: Path, ca: KeyPair, signer: KeyPair) -> None:
        self.folder = folder
        for name, pair in (("ca", ca), ("signer", signer)):
            (folder / f"{name}.pem").write_bytes(pair.pem)
            key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (folder / f"{name}.key").write_bytes(key)

    def answer(self, request: bytes, row: str, *options: str) -> bytes:
        (self.folder / "index.txt").write_text(row)
        (self.folder / "request.der").write_bytes(request)
        openssl(
            self.folder,
            *("-index", "index.txt", "-CA", "ca.pem"),
            *("-rsigner", "signer.pem", "-rkey", "signer.key"),
            *("-reqin", "request.der", "-respout", "response.der", *options),
        )
        return (self.folder / "response.der").read_bytes()


def openssl(folder: Path, *options: str) -> str:
    done = subprocess.run(
        ["openssl", "ocsp", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,  # Its exit codes mean little; the tests read what it says.
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["p256", "rsa2048"])
def pki(request: pytest.FixtureRequest) -> Pki:
    if request.param == "p256":
        return Pki()
    return Pki(new_key=lambda: rsa.generate_private_key(65537, 2048))


@pytest.fixture(params=["delegate", "ca"])
def responder(request: pytest.FixtureRequest, pki: Pki, tmp_path: Path) -> Responder:
    return Responder(tmp_path, pki.ca, pki.ca if request.param == "ca" else pki.responder)


def row(pki: Pki, revoked: str = "", reason: str = "") -> str:
    """Write one line of an OpenSSL CA's index.txt."""
    status, since = ("R", f"{revoked},{reason}" if reason else revoked) if revoked else ("V", "")
    return f"{status}\t491231235959Z\t{since}\t{pki.certificate.serial_number:X}\tunknown\t/CN=x\n"


def check(
    pki: Pki, responder: Responder, line: str, policy: Policy, *options: str
) -> Revoked | Cause:
    at = datetime.now(UTC)
    subject = verify_issued(pki.certificate, pki.issuer, at=at)
    question = ask(subject, policy, os.urandom)
    body = responder.answer(question.body, line, *options)
    try:
        answer = verify_answer(body, question, policy, at=datetime.now(UTC))
    except AnswerRefused as refused:
        return refused.cause
    return answer.standing if isinstance(answer.standing, Revoked) else answer.cause


@pytest.mark.parametrize("certid_hash", CertIdHash)
@pytest.mark.parametrize("by_key", [(), ("-resp_key_id",)], ids=["by name", "by key"])
def test_openssls_right_answers_are_accepted(
    pki: Pki, responder: Responder, certid_hash: CertIdHash, by_key: tuple[str, ...]
) -> None:
    policy, options = Policy(certid_hash=certid_hash), ("-ndays", "1", *by_key)
    assert check(pki, responder, row(pki), policy, *options) is Cause.GOOD
    since = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    told = check(pki, responder, row(pki, "260301120000Z", "keyCompromise"), policy, *options)
    assert told == Revoked(since, Reason.KEY_COMPROMISE)
    assert check(pki, responder, "", policy, *options) is Cause.UNKNOWN


def test_c4_openssls_answers_without_next_update_are_refused(
    pki: Pki, responder: Responder
) -> None:
    assert check(pki, responder, row(pki), Policy()) is Cause.NO_NEXT_UPDATE


def test_c5_openssl_repeats_a_nonce_only_if_there_is_one(pki: Pki, responder: Responder) -> None:
    off = Policy(nonce=Nonce.OFF)
    assert check(pki, responder, row(pki), off, "-ndays", "1") is Cause.GOOD


def test_c1_openssls_broken_signature_is_refused(pki: Pki, responder: Responder) -> None:
    assert (
        check(pki, responder, row(pki), Policy(), "-ndays", "1", "-badsig") is Cause.BAD_SIGNATURE
    )


def test_openssls_sha1_signature_is_refused(pki: Pki, responder: Responder) -> None:
    options = ("-ndays", "1", "-rmd", "sha1")
    assert check(pki, responder, row(pki), Policy(), *options) is Cause.UNSUPPORTED


def test_c2_openssl_without_the_responders_certificate_is_refused(
    pki: Pki, responder: Responder
) -> None:
    signer = x509.load_pem_x509_certificate((responder.folder / "signer.pem").read_bytes())
    expected = Cause.GOOD if signer == pki.issuer else Cause.RESPONDER_UNIDENTIFIED
    options = ("-ndays", "1", "-resp_no_certs")
    assert check(pki, responder, row(pki), Policy(), *options) is expected


@pytest.mark.parametrize("status", ["good", "revoked", "unknown"])
@pytest.mark.parametrize("signs", ["delegate", "ca"])
def test_the_fake_responders_answers_satisfy_openssl(
    pki: Pki, tmp_path: Path, status: str, signs: str
) -> None:
    fake = FakeResponder(pki, signer=pki.ca if signs == "ca" else None)
    if status == "revoked":
        fake.revoke(pki.certificate)
    if status == "unknown":
        fake.forget(pki.certificate)
    said = judge(fake, tmp_path)
    assert "Response verify OK" in said
    assert f"certificate.pem: {status}" in said
    assert "WARNING" not in said


@pytest.mark.parametrize(
    "fault", [Fault.BAD_SIGNATURE, Fault.WRONG_EKU, Fault.RESPONDER_OF_NAMESAKE, Fault.WRONG_KEY]
)
def test_the_fake_responders_faults_are_faults_to_openssl(
    pki: Pki, tmp_path: Path, fault: Fault
) -> None:
    fake = FakeResponder(pki)
    fake.order(fault)
    assert "Response Verify Failure" in judge(fake, tmp_path)


def judge(fake: FakeResponder, folder: Path) -> str:
    """Let OpenSSL ask over HTTP, and say what it thinks of the answer."""
    for name, certificate in (("certificate", fake.pki.certificate), ("ca", fake.pki.issuer)):
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    asked = ("-issuer", "ca.pem", "-cert", "certificate.pem", "-CAfile", "ca.pem", "-nonce")
    with fake.serve() as url:
        return openssl(folder, *asked, "-url", url)
