"""CMS and PDF: made by our writer, by pyca and by OpenSSL, right and wrong."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
)

from support.crls import make_key
from support.paths import AT, issue
from support.signatures import (
    CA,
    CA_LIST,
    DOCUMENT,
    ROOT_LIST,
    cms_signature,
    judge,
    ocsp_answer,
    pdf,
    rsa_key,
    rsa_signer,
    signer,
    verify,
)
from tashika.path import Outcome
from tashika.pki import der
from tashika.signature import Digest, Form, SignatureReport, Stapled, Submitted


def check(made: bytes, document: object = None, **how: object) -> SignatureReport:
    """Verify; keyword arguments are Submitted's, `by` is the judge."""
    by = how.pop("by", None) or judge()
    return verify(Submitted(signature=made, document=document, form=Form.CMS, **how), judge=by)


@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
def test_attached_and_detached(hash_name: str):
    attached = check(cms_signature(hash_name=hash_name, at=AT))
    assert attached.presented.content == DOCUMENT
    assert attached.presented.claimed_at == AT
    beside = cms_signature(hash_name=hash_name, attached=False)
    found = [check(beside, DOCUMENT), check(beside, Digest.of(DOCUMENT, hash_name)), attached]
    assert all(found)
    assert {each.presented.digest for each in found} == {Digest.of(DOCUMENT, hash_name)}


@pytest.mark.parametrize(
    "how",
    [
        lambda: {"naming": "v1"},
        lambda: {"naming": ""},
        lambda: {"by_key_id": True},
        lambda: {"certificates": (CA, signer())},
        lambda: {"certificates": (issue("Other", by="CA"), CA, signer())},
        lambda: {"key": rsa_key(), "certificate": rsa_signer()},
        lambda: {"key": rsa_key(), "certificate": rsa_signer(), "pss": True},
    ],
)
def test_the_ways_to_name_a_signer_and_to_sign(how: Callable[[], dict[str, Any]]):
    report = check(cms_signature(**how()))
    assert report, report.detail


def test_the_certificate_may_be_given_and_must_be_the_one_named():
    bare = cms_signature(certificates=())
    assert check(bare).cause == "certificate_missing"
    assert check(bare, certificate=signer(), candidates=(CA,))
    # The same name and key, another certificate.
    other = issue("EE", by="CA", serial=4242)
    assert check(bare, certificate=other).cause == "other_signer"


def test_a_certificate_of_the_same_number_is_told_by_its_hash():
    seen = x509.load_der_x509_certificate(signer())
    twin = issue("EE", by="CA", serial=seen.serial_number, ends=timedelta(days=2))
    assert check(cms_signature(), certificate=twin).cause == "other_signer"
    assert check(cms_signature(naming="v1"), certificate=twin).cause == "other_signer"


def test_several_signers_are_chosen_from_or_refused():
    made = cms_signature(signers=2)
    assert check(made).cause == "several_signers"
    assert check(made, signer=0)
    assert check(made, signer=1)
    assert check(made, signer=2).cause == "no_signer"
    assert check(made, signer=-1).cause == "no_signer"
    assert check(cms_signature(signers=0)).cause == "no_signer"
    assert check(cms_signature(signers=17), signer=0).cause == "malformed"


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        (lambda: {"hash_name": "sha1", "signed_hash": "sha1"}, "weak_algorithm"),
        (lambda: {"hash_name": "sha1", "signed_hash": "sha256"}, "weak_algorithm"),
        (lambda: {"signed_hash": "sha384"}, "unsupported"),
        (lambda: {"attributes": False}, "attributes_missing"),
        (lambda: {"digest": bytes(32)}, "document_differs"),
        (lambda: {"digest": bytes(3)}, "document_differs"),
        (lambda: {"content_type": "1.2.840.113549.1.9.16.1.4"}, "document_differs"),
        (lambda: {"named_certificate": CA}, "other_signer"),
        (lambda: {"named_certificate": CA, "naming": "v1"}, "other_signer"),
        (lambda: {"twice": True}, "malformed"),
        (lambda: {"signature": b"-"}, "bad_signature"),
        (lambda: {"key": make_key("X")}, "bad_signature"),
        (lambda: {"certificates": (signer(),) * 65}, "malformed"),
        (lambda: {"crls": (CA_LIST,) * 33}, "malformed"),
    ],
)
def test_c1_what_is_wrong_is_never_valid(how: Callable[[], dict[str, Any]], cause: str):
    report = check(cms_signature(**how()))
    assert (report.cause, report.outcome) == (cause, Outcome.INVALID)


def test_the_document_must_be_there_and_must_be_the_one():
    beside = cms_signature(attached=False)
    assert check(beside).cause == "document_missing"
    assert check(beside, b"another").cause == "document_differs"
    assert check(beside, Digest.of(DOCUMENT, "sha384")).cause == "document_missing"
    assert check(cms_signature(), DOCUMENT)
    assert check(cms_signature(), b"another").cause == "document_differs"


def test_signed_attributes_are_no_document():
    """Whoever has a signature has one, without attributes, over its attributes in DER."""
    good = check(cms_signature()).presented
    passed_off = cms_signature(good.covered, attributes=False, signature=good.signature)
    assert check(passed_off).cause == "attributes_missing"
    bare = Submitted(document=good.covered, signature=good.signature, certificate=signer())
    assert verify(bare).cause == "document_differs"


def test_lists_that_come_along_serve():
    assert not check(cms_signature(), by=judge(lists=()))
    assert check(cms_signature(crls=(ROOT_LIST, CA_LIST)), by=judge(lists=()))


def test_answers_that_come_along_are_handed_on():
    answer, other = b"\x30\x03\x0a\x01\x06", b"\xa1\x05\x06\x01\x2a\x30\x00"
    presented = check(cms_signature(crls=(ocsp_answer(answer), CA_LIST, other))).presented
    assert presented.stapled == Stapled(answers=(answer,), lists=(CA_LIST,))


def test_pyca_signs_and_we_verify():
    builder = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(DOCUMENT)
        .add_signer(x509.load_der_x509_certificate(signer()), make_key("EE"), SHA256())
        .add_certificate(x509.load_der_x509_certificate(CA))
    )
    for encoding in (Encoding.DER, Encoding.PEM):
        assert check(builder.sign(encoding, [pkcs7.PKCS7Options.Binary]))
        detached = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature]
        assert check(builder.sign(encoding, detached), DOCUMENT)
    bare = builder.sign(Encoding.DER, [pkcs7.PKCS7Options.NoAttributes, pkcs7.PKCS7Options.Binary])
    assert check(bare).cause == "attributes_missing"


def test_what_is_cms_and_no_signature():
    good = cms_signature()
    enveloped = good.replace(der.oid("1.2.840.113549.1.7.2"), der.oid("1.2.840.113549.1.7.3"))
    report = check(enveloped)
    assert (report.cause, report.detail) == ("malformed", "this is CMS, but no SignedData")
    assert check(good + b"\x00").cause == "malformed"


def test_pem_is_read_whole_or_not_at_all():
    assert check(b"-----BEGIN CMS-----\n-----END CMS-----\n").cause == "malformed"
    assert check(b"-----BEGIN CMS-----\n=AAA\n-----END CMS-----\n").cause == "malformed"
    assert check(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").cause == (
        "malformed"
    )


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    ran = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    return ran.stdout if ran.returncode == 0 else b""


def test_openssl_signs_and_we_verify_and_the_reverse(tmp_path: Path):
    def pem(name: str, der: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
        return path

    key = tmp_path / "key"
    key.write_bytes(make_key("EE").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    own, ca = pem("own", signer()), pem("ca", CA)
    document = tmp_path / "document"
    document.write_bytes(DOCUMENT)
    common = ("-binary", "-signer", own, "-inkey", key, "-certfile", ca, "-outform", "DER")
    sign = ("cms", "-sign", "-in", document, *common)
    assert check(openssl(*sign), DOCUMENT)
    assert check(openssl(*sign, "-nodetach", "-cades", "-md", "sha512")).presented.content
    assert check(openssl(*sign, "-keyid"), DOCUMENT)
    assert check(openssl(*sign, "-noattr"), DOCUMENT).cause == "attributes_missing"
    assert check(openssl(*sign, "-md", "sha1"), DOCUMENT).cause == "weak_algorithm"
    # OpenSSL looks at the machine's clock unless told not to look at certificates.
    ours = tmp_path / "ours"
    for made, same in ((cms_signature(), True), (cms_signature(signature=b"0"), False)):
        ours.write_bytes(made)
        found = openssl("cms", "-verify", "-inform", "DER", "-in", ours, "-noverify", "-binary")
        assert (found == DOCUMENT) is bool(check(made)) is same
    raw = openssl("dgst", "-sha384", "-sign", key, data=DOCUMENT)
    digest = Digest.of(DOCUMENT, "sha384")
    assert verify(
        Submitted(signature=raw, document=digest, certificate=own.read_bytes(), candidates=(CA,))
    )


# --- PDF -------------------------------------------------------------------------


def look(made: bytes, **how: object) -> SignatureReport:
    return verify(Submitted(signature=made, form=Form.PDF, **how))


def test_a_pdf_signed_as_a_whole_is_valid():
    report = look(pdf())
    assert report, report.detail
    assert report.presented.form is Form.PDF


def test_what_is_added_to_a_pdf_after_signing_is_named():
    for after in (b" ", b"\n2 0 obj <<>> endobj\n%%EOF\n"):
        assert look(pdf(after=after)).cause == "not_all_signed"


def test_every_octet_of_a_pdf_counts():
    made = pdf(room=1200)
    good = look(made)
    assert good
    place = made.index(b"<30")
    for at in (0, 6, 9, 20, place - 1, place, made.index(b">/ByteRange"), len(made) - 1):
        bad = bytearray(made)
        bad[at] ^= 1
        assert not look(bytes(bad)), at


def test_of_several_signatures_the_last_covers_all():
    first = pdf()
    assert look(pdf(before=first[9:]))
    assert look(pdf(before=first[9:], after=b"%")).cause == "not_all_signed"


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (lambda: b"", "malformed"),
        (lambda: b"%PDF-1.7\n", "no_signer"),
        (lambda: pdf(before=b"/ByteRange [0 1 2 3]" * 64), "malformed"),
        (lambda: pdf()[:-1], "not_all_signed"),
        (lambda: b"%PDF-1.7 /ByteRange [0 2 1 24]", "not_all_signed"),
        (lambda: b"%PDF-1.7 /ByteRange [0 1 9 21]", "not_all_signed"),
        (lambda: pdf().replace(b"/Contents ", b"/Conten1s "), "not_all_signed"),
        (lambda: pdf().replace(b"0000>", b"000 >"), "not_all_signed"),
        (lambda: pdf().replace(b"0000>", b"0001>"), "malformed"),
        (lambda: pdf(key=make_key("X")), "bad_signature"),
        (lambda: pdf(attributes=False), "attributes_missing"),
    ],
)
def test_c1_wrong_pdfs(made: Callable[[], bytes], cause: str):
    assert look(made()).cause == cause
