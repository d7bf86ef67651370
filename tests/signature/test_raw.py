"""Raw signatures, and what all forms have in common: the report, the terms, the judge."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from support.crls import make_key
from support.paths import AT, issue, usage
from support.signatures import (
    CA,
    CA_LIST,
    DOCUMENT,
    ROOT_LIST,
    judge,
    raw,
    rsa_key,
    rsa_signer,
    signer,
    submitted,
    terms,
    verify,
)
from tashika import Cause
from tashika.errors import (
    CertificateRefused,
    Malformed,
    SignatureInvalid,
    SignatureUndetermined,
    WrongUse,
)
from tashika.path import Outcome, PathCause
from tashika.signature import (
    Digest,
    Form,
    KeyUse,
    Scheme,
    SignatureCause,
    SignatureReport,
    Stapled,
    Submitted,
    drive,
    offline,
    verify_signature,
    verifying,
)
from tashika.signature.report import VerifiedSignature

DECLARING = x509.KeyUsage(True, True, False, False, False, False, False, False, False)


def test_a_signature_under_a_certificate_in_force_is_valid():
    report = verify(submitted())
    report.require_valid()
    assert (bool(report), report.outcome, report.cause) == (True, Outcome.VALID, "valid")
    assert report.presented.digest == Digest.of(DOCUMENT)
    assert (report.purpose, report.received_at, report.at) == ("a test", AT, AT)
    assert report.judgement.path.certificates[-1].encoded == signer()


@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("kind", ["rsa", "pss", "ecdsa"])
def test_every_scheme_over_a_document_and_over_its_digest(kind: str, hash_name: str):
    key = make_key("EE") if kind == "ecdsa" else rsa_key()
    how = {
        "signature": raw(key=key, hash_name=hash_name, pss=kind == "pss"),
        "certificate": signer() if kind == "ecdsa" else rsa_signer(),
        "scheme": Scheme(f"{kind}-{hash_name}"),
    }
    assert verify(submitted(**how))
    assert verify(submitted(**how, document=Digest.of([DOCUMENT[:5], DOCUMENT[5:]], hash_name)))
    assert verify(submitted(**how, document=b"another")).cause is SignatureCause.BAD_SIGNATURE


def test_the_hash_of_a_digest_says_how_it_was_signed():
    how = {"signature": raw(hash_name="sha512"), "document": Digest.of(DOCUMENT, "sha512")}
    assert verify(submitted(**how))


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (lambda: {"signature": raw(b"another")}, "bad_signature"),
        (lambda: {"signature": b""}, "bad_signature"),
        (lambda: {"signature": raw(key=make_key("X"))}, "bad_signature"),
        (lambda: {"signature": bytes(1025)}, "malformed"),
        (lambda: {"certificate": rsa_signer()}, "bad_signature"),
        (lambda: {"certificate": b"-"}, "certificate_malformed"),
        (lambda: {"certificate": None}, "certificate_missing"),
        (lambda: {"document": None}, "document_missing"),
        (lambda: {"document": DOCUMENT + b" "}, "bad_signature"),
        (lambda: {"scheme": Scheme.ECDSA_SHA384}, "bad_signature"),
        (lambda: {"scheme": Scheme.PSS_SHA256}, "bad_signature"),
        (
            lambda: {"scheme": Scheme.ECDSA_SHA384, "document": Digest.of(DOCUMENT)},
            "document_missing",
        ),
        (lambda: {"candidates": (CA,) * 200}, "malformed"),
    ],
)
def test_c1_what_does_not_hold_is_never_valid(wrong: Callable[[], dict[str, Any]], cause: str):
    report = verify(submitted(**wrong()))
    assert (report.cause, report.outcome) == (cause, Outcome.INVALID)
    with pytest.raises(SignatureInvalid) as raised:
        report.require_valid()
    assert raised.value.report is report
    assert report.cause.remedy in str(raised.value)


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        (lambda: ec.generate_private_key(ec.SECP256K1()), "unsupported"),
        (lambda: rsa.generate_private_key(65537, 1024), "weak_algorithm"),  # noqa: S505
    ],
)
def test_weak_keys_and_other_curves_are_refused(key: Callable[[], Any], cause: str):
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([]),
        subject_name=x509.Name([]),
        public_key=key().public_key(),
        serial_number=1,
        not_valid_before=AT,
        not_valid_after=AT,
    )
    certificate = builder.sign(make_key("CA"), SHA256())
    report = verify(submitted(certificate=certificate))
    assert report.cause == cause


@pytest.mark.parametrize(
    ("revoked", "lists", "cause", "because", "outcome"),
    [
        ((7,), None, "certificate_refused", PathCause.REVOKED, Outcome.INVALID),
        ((), (ROOT_LIST,), "certificate_undetermined", "status_missing", Outcome.UNDETERMINED),
    ],
)
def test_a_good_signature_needs_a_certificate_in_force(revoked, lists, cause, because, outcome):
    made = submitted(certificate=signer(serial=7))
    report = verify(made, judge=judge(revoked=revoked, lists=lists))
    assert (report.cause, report.because, report.outcome) == (cause, because, outcome)
    with pytest.raises((SignatureInvalid, SignatureUndetermined)) as raised:
        report.require_valid()
    assert report.because.remedy in str(raised.value)


def test_a_candidate_that_cannot_be_read_is_left_out():
    assert verify(submitted(candidates=(b"-", x509.load_der_x509_certificate(CA))))


def test_stapled_lists_reach_the_judge():
    without = judge(lists=())
    assert not verify(submitted(), judge=without)
    stapled = Stapled(lists=(ROOT_LIST, CA_LIST, b"rubbish"))
    assert verify(submitted(stapled=stapled), judge=without)


def test_the_time_judged_about_is_that_of_receipt_unless_told():
    late = AT + timedelta(days=3)
    now = verify_signature(submitted(), terms(), received_at=late)
    assert (now.because, now.at) == ("expired", late)
    then = verify_signature(submitted(), terms(), received_at=late, at=AT)
    assert (bool(then), then.at, then.received_at) == (True, AT, late)


@pytest.mark.parametrize(
    ("use", "plain", "declaring", "none"),
    [
        (KeyUse.SIGNATURE, True, True, True),
        (KeyUse.DECLARATION, False, True, False),
        (KeyUse.AUTHENTICATION, True, False, False),
    ],
)
def test_the_keys_usage_must_allow_the_use(use, plain, declaring, none):
    certificates = [signer(), signer(key_usage=DECLARING), _without_usage()]
    by = terms(use=use)
    flows = [verifying(submitted(certificate=each), by, received_at=AT) for each in certificates]
    found = [drive(each, offline) for each in flows]
    assert [bool(each) for each in found] == [plain, declaring, none]
    assert {each.cause for each in found if not each} <= {SignatureCause.KEY_USAGE}


def _without_usage() -> x509.Certificate:
    seen = x509.load_der_x509_certificate(signer())
    return x509.CertificateBuilder(
        issuer_name=seen.issuer,
        subject_name=seen.subject,
        public_key=seen.public_key(),
        serial_number=8,
        not_valid_before=AT,
        not_valid_after=AT,
    ).sign(make_key("CA"), SHA256())


def test_a_certificate_of_a_ca_signs_no_document_unless_it_may():
    made = submitted(certificate=CA, signature=raw(key=make_key("CA")))
    assert verify(made).cause is SignatureCause.KEY_USAGE


def test_the_terms_may_narrow_the_schemes():
    report = verify(submitted(), schemes=frozenset({Scheme.RSA_SHA256}))
    assert report.cause is SignatureCause.UNSUPPORTED


class OnlyJapan:
    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.seen: list[object] = []

    def examine(self, certificate: x509.Certificate, *, purpose: str, at: object) -> str:
        self.seen.append((certificate.serial_number, purpose, at))
        if self.refusal:
            raise self.refusal
        return "recognised"


def test_a_profile_has_its_say_and_its_finding_is_kept():
    profile = OnlyJapan()
    report = verify(submitted(certificate=signer(serial=7)), profile=profile)
    assert (report.recognised, profile.seen) == ("recognised", [(7, "a test", AT)])
    refused = verify(submitted(), profile=OnlyJapan(Malformed("of no known policy")))
    assert (refused.cause, refused.detail) == ("not_of_profile", "of no known policy")
    expired = OnlyJapan(CertificateRefused(Cause.EXPIRED))
    assert verify(submitted(), profile=expired).because is Cause.EXPIRED
    with pytest.raises(WrongUse):
        verify(submitted(), profile=OnlyJapan(WrongUse("no")))


def test_c1_only_the_check_makes_a_valid_report():
    times = dict.fromkeys(("received_at", "at", "judged_at"), AT)
    made = {"purpose": "a test", "use": KeyUse.SIGNATURE, **times}
    good = verify(submitted())
    with pytest.raises(WrongUse, match="verifying"):
        VerifiedSignature(presented=good.presented, fingerprint=b"", seal=object())
    with pytest.raises(WrongUse):
        SignatureReport(verdict=SignatureCause.VALID, **made)
    with pytest.raises(WrongUse):
        SignatureReport(verdict=good.verdict, judgement=None, **made)


def test_c1_a_judge_cannot_vouch_for_another_certificate():
    other = verify(submitted()).judgement

    def mixed_up(*_: object, **__: object):
        yield from ()
        return other

    with pytest.raises(WrongUse, match="another certificate"):
        verify(submitted(certificate=issue("EE", by="CA")), judge=mixed_up)


@pytest.mark.parametrize("said", [None, True, "good", object()])
def test_c1_a_judge_says_it_with_a_report(said: object):
    def judging(*_: object, **__: object):
        yield from ()
        return said

    with pytest.raises(WrongUse):
        verify(submitted(), judge=judging)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Submitted(signature="text"),
        lambda: Submitted(signature=b"", document="text"),
        lambda: Submitted(signature=b"", form="raw "),
        lambda: Submitted(signature=b"", form=Form.PDF, document=b""),
        lambda: Submitted(signature=b"", form=Form.CMS, scheme=Scheme.RSA_SHA256),
        lambda: verify(submitted(certificate="text")),
        lambda: terms(purpose=""),
        lambda: terms(purpose="x" * 201),
        lambda: terms(use="signature"),
        lambda: terms(schemes=frozenset()),
        lambda: Digest("sha1", bytes(20)),
        lambda: Digest("sha256", bytes(20)),
        lambda: Digest.of(b"", "md5"),
        lambda: verify_signature(submitted(), terms(), received_at=AT.replace(tzinfo=None)),
    ],
)
def test_wrong_use_is_said_at_once(wrong):
    with pytest.raises(WrongUse):
        wrong()


def test_nothing_shown_names_the_signer():
    made = submitted(
        certificate=signer("Hanako", serial=0x77AA77), signature=raw(key=make_key("Hanako"))
    )
    report = verify(made)
    assert report
    shown = repr([made, report, report.presented, report.verdict, report.judgement])
    for secret in ("Hanako", str(0x77AA77), "77aa77", "a test"):
        assert secret not in shown


def test_a_usage_that_signs_lists_only_is_refused():
    made = signer(key_usage=usage(lists=True))
    assert verify(submitted(certificate=made)).cause is SignatureCause.KEY_USAGE
