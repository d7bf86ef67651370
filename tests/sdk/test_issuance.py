"""The certificate itself, before anybody is asked about it."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from support.sdk import AT, key_usage
from tashika import Cause, load_certificate, verify_issued
from tashika.errors import CertificateRefused, Malformed, WrongUse
from tashika.pki import der
from tashika.testing import KeyPair, Pki

YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(at=AT)


def refusal(
    certificate: x509.Certificate | bytes, issuer: x509.Certificate | bytes, at: datetime = AT
) -> Cause | None:
    try:
        verify_issued(certificate, issuer, at=at)
    except CertificateRefused as refused:
        return refused.cause
    return None


def test_a_certificate_is_taken_as_object_pem_or_der(pki: Pki) -> None:
    certificate, issuer = pki.certificate, pki.issuer
    for encoding in (Encoding.PEM, Encoding.DER):
        assert refusal(certificate.public_bytes(encoding), issuer.public_bytes(encoding)) is None
    issued = verify_issued(certificate, issuer, at=AT)
    assert issued.serial == certificate.serial_number
    assert issued.issuer is issuer


def test_t14_c2_another_generation_under_the_same_name_is_not_the_issuer(pki: Pki) -> None:
    namesake = pki.namesake()
    assert namesake.issuer.subject == pki.issuer.subject
    assert refusal(pki.certificate, namesake.issuer) is Cause.NOT_ISSUED_BY_ISSUER


def test_another_ca_is_not_the_issuer(pki: Pki) -> None:
    other = Pki(at=AT, name="Another CA")
    assert refusal(pki.certificate, other.issuer) is Cause.NOT_ISSUED_BY_ISSUER


def test_c1_a_certificate_with_one_bit_changed_is_not_issued(pki: Pki) -> None:
    der = bytearray(pki.certificate.public_bytes(Encoding.DER))
    der[-1] ^= 1
    assert refusal(bytes(der), pki.issuer) is Cause.NOT_ISSUED_BY_ISSUER


@pytest.mark.filterwarnings("ignore:.*serial number:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*serial number:UserWarning")  # of pyca
def test_c11_a_negative_serial_number_is_refused(pki: Pki) -> None:
    """RFC 5280 4.1.2.2 forbids it, and asks to be prepared for it."""
    right = pki.issue("Negative", serial=0x11223344).certificate.tbs_certificate_bytes
    tbs = right.replace(bytes.fromhex("020411223344"), bytes.fromhex("020491223344"), 1)
    assert isinstance(pki.ca.key, ec.EllipticCurvePrivateKey)
    signature = pki.ca.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    ecdsa = bytes.fromhex("300a06082a8648ce3d040302")
    wrong = der.sequence(tbs, ecdsa, der.bit_string(signature))
    assert refusal(wrong, pki.issuer) is Cause.CERTIFICATE_MALFORMED


def test_expired_and_not_yet_valid_are_told_apart_to_the_second(pki: Pki) -> None:
    certificate = pki.issue("Short", begins=-YEAR / 365, ends=YEAR / 365).certificate
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    second = timedelta(seconds=1)
    assert refusal(certificate, pki.issuer, first) is None
    assert refusal(certificate, pki.issuer, last) is None
    assert refusal(certificate, pki.issuer, first - second) is Cause.NOT_YET_VALID
    assert refusal(certificate, pki.issuer, last + second) is Cause.EXPIRED


def test_a_forged_certificate_is_forged_before_it_is_expired(pki: Pki) -> None:
    forged = pki.namesake().issue("Forged", ends=-YEAR / 365).certificate
    assert refusal(forged, pki.issuer) is Cause.NOT_ISSUED_BY_ISSUER


def test_an_issuer_that_is_no_ca_or_out_of_its_validity_is_unsuitable(pki: Pki) -> None:
    below = pki.make("Below a leaf", issuer=pki.end_entity).certificate
    assert refusal(below, pki.certificate) is Cause.ISSUER_UNSUITABLE
    assert refusal(pki.certificate, pki.issuer, AT + YEAR) is Cause.ISSUER_UNSUITABLE
    assert refusal(pki.certificate, pki.issuer, AT - YEAR) is Cause.ISSUER_UNSUITABLE


def test_an_issuer_that_is_known_is_judged_anew_at_each_time(pki: Pki) -> None:
    ends = pki.issuer.not_valid_after_utc
    wanted = [None, Cause.ISSUER_UNSUITABLE, None]
    assert [refusal(pki.certificate, pki.issuer, at) for at in (AT, ends + YEAR, AT)] == wanted


@pytest.mark.parametrize("ca", [True, False])
def test_an_issuer_that_may_not_sign_certificates_is_unsuitable(pki: Pki, ca: bool) -> None:  # noqa: FBT001 - parametrized
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Odd")])
    issuer = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(key_usage("crl_sign", *([] if ca else ["key_cert_sign"])), critical=True)
        .sign(key, hashes.SHA256())
    )
    subject = pki.make("Below", issuer=KeyPair(certificate=issuer, key=key)).certificate
    assert refusal(subject, issuer) is Cause.ISSUER_UNSUITABLE


def test_a_version_1_issuer_without_basic_constraints_is_unsuitable(pki: Pki) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Odd")])
    issuer = _builder(name, name, key.public_key()).sign(key, hashes.SHA256())
    subject = pki.make("Below", issuer=KeyPair(certificate=issuer, key=key)).certificate
    assert refusal(subject, issuer) is Cause.ISSUER_UNSUITABLE


@pytest.fixture(scope="module")
def rsa_ca() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(65537, 2048)
    return _rsa_ca(key), key


def _rsa_ca(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "RSA CA")])
    return (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


@pytest.mark.parametrize(
    ("digest", "pss", "expected"),
    [
        (hashes.SHA256(), False, None),
        (hashes.SHA384(), False, None),
        (hashes.SHA512(), False, None),
        (hashes.SHA224(), False, Cause.NOT_ISSUED_BY_ISSUER),
        (hashes.SHA256(), True, Cause.NOT_ISSUED_BY_ISSUER),
    ],
)
def test_only_accepted_algorithms_prove_who_issued(
    rsa_ca: tuple[x509.Certificate, rsa.RSAPrivateKey],
    digest: hashes.SHA256,
    pss: bool,  # noqa: FBT001 - parametrized
    expected: Cause | None,
) -> None:
    issuer, key = rsa_ca
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Holder")])
    scheme = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH) if pss else None
    certificate = _builder(subject, issuer.subject, key.public_key()).sign(
        key, digest, rsa_padding=scheme
    )
    assert refusal(certificate, issuer) is expected


def test_a_weak_issuer_key_proves_nothing() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    issuer = _rsa_ca(key)
    assert refusal(issuer, issuer) is Cause.ISSUER_UNSUITABLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        b"\x30\x00",
        b"\x30\x82\xff\xff",
        bytes(70_000),
    ],
)
def test_c11_bytes_that_are_no_certificate_are_refused_as_such(pki: Pki, data: bytes) -> None:
    assert refusal(data, pki.issuer) is Cause.CERTIFICATE_MALFORMED
    assert refusal(pki.certificate, data) is Cause.ISSUER_UNSUITABLE
    with pytest.raises(Malformed):
        load_certificate(data)


def test_a_wrong_argument_is_the_callers_mistake(pki: Pki) -> None:
    with pytest.raises(WrongUse, match="not str"):
        verify_issued("certificate.pem", pki.issuer, at=AT)  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match="zone"):
        verify_issued(pki.certificate, pki.issuer, at=AT.replace(tzinfo=None))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer, subject, key, 1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    )
