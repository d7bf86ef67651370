"""Who may sign answers for an issuer: RFC 6960 4.2.2.2 and incident T20."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.asking import (
    AT,
    DAY,
    RESPONDER,
    Authority,
    dn,
    ec_key,
    key_usage,
    rsa_key,
    write_pem,
    write_signer,
)
from support.odd_files import STRANGE, UNREADABLE, odd_keys, spell, strange
from tashika_server.signing import SignerFiles, SignerRefused, load_signer

USAGE, ONLY_OCSP, NOCHECK = RESPONDER
KEY = ec_key("responder")


@pytest.fixture(scope="module")
def ca():
    return Authority.make("JPKI for user authentication", ec_key("ca"))


def load(tmp_path, ca, certificate, key=KEY, at=AT):
    return load_signer(write_signer(tmp_path, certificate, key), ca.certificate, at=at)


@pytest.mark.parametrize(
    ("key", "first"),
    [
        (rsa_key(), "sha256WithRSAEncryption"),
        (KEY, "ecdsa-with-SHA256"),
        (ec_key("384", ec.SECP384R1), "ecdsa-with-SHA384"),
    ],
    ids=["rsa", "p256", "p384"],
)
def test_a_proper_responder_is_taken(tmp_path, ca, key, first):
    signer = load(tmp_path, ca, ca.issue_responder(key), key)
    assert signer.algorithms[0].name == first
    assert len(signer.algorithms) == 3
    assert signer.not_after == AT + 30 * DAY
    assert signer.embedded
    digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    assert signer.key_hash == digest


def test_the_ca_itself_may_sign_and_then_embeds_nothing(tmp_path, ca):
    signer = load(tmp_path, ca, ca.certificate, ca.key)
    assert signer.embedded == b""


def test_key_usage_may_be_absent(tmp_path, ca):
    assert load(tmp_path, ca, ca.issue(KEY, ONLY_OCSP, NOCHECK))


CLIENT_TOO = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.CLIENT_AUTH]
)


@pytest.mark.parametrize(
    ("extensions", "reason"),
    [
        ((USAGE, NOCHECK), "OCSPSigning and nothing else"),
        ((USAGE, CLIENT_TOO, NOCHECK), "OCSPSigning and nothing else"),
        ((USAGE, ONLY_OCSP), "ocsp-nocheck"),
        ((*RESPONDER, x509.BasicConstraints(ca=True, path_length=None)), "a CA certificate"),
        ((key_usage("digital_signature", "key_cert_sign"), ONLY_OCSP, NOCHECK), "a CA certificate"),
        ((key_usage("digital_signature", "crl_sign"), ONLY_OCSP, NOCHECK), "a CA certificate"),
        ((key_usage("key_encipherment"), ONLY_OCSP, NOCHECK), "digitalSignature"),
    ],
)
def test_t20_a_certificate_that_could_do_more_or_less_is_refused(tmp_path, ca, extensions, reason):
    with pytest.raises(SignerRefused, match=reason) as refused:
        load(tmp_path, ca, ca.issue(KEY, *extensions))
    assert "signer.pem" in str(refused.value)


def test_t20_another_generation_of_the_same_name_may_not_sign(tmp_path, ca):
    """All generations of a JPKI CA share one name; the key decides."""
    next_generation = Authority.make(ca.name, ec_key("next generation"))
    with pytest.raises(SignerRefused, match="not issued directly"):
        load(tmp_path, ca, next_generation.issue_responder(KEY))


def test_t20_a_responder_of_another_ca_may_not_sign(tmp_path, ca):
    other = Authority.make("JPKI for digital signature", ca.key)
    with pytest.raises(SignerRefused, match="not issued directly"):
        load(tmp_path, ca, other.issue_responder(KEY))


def test_t20_a_responder_of_an_intermediate_may_not_sign(tmp_path, ca):
    lower = Authority(
        name="lower",
        key=ec_key("lower"),
        certificate=ca.issue(
            ec_key("lower"), x509.BasicConstraints(ca=True, path_length=None), subject="lower"
        ),
    )
    with pytest.raises(SignerRefused, match="not issued directly"):
        load(tmp_path, ca, lower.issue_responder(KEY))


def test_a_certificate_signed_with_sha1_is_refused(tmp_path, ca):
    """The bytes are changed rather than signed: today's libraries no longer sign with SHA-1."""
    key = rsa_key("sha1")
    rsa_ca = Authority.make("rsa ca", rsa_key("ca"))
    good = rsa_ca.issue_responder(key)
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    files = write_signer(tmp_path, good, key)
    der = good.public_bytes(Encoding.DER).replace(sha256, sha1)
    write_pem(files.certificate, x509.load_der_x509_certificate(der))
    with pytest.raises(SignerRefused, match=r"1\.2\.840\.113549\.1\.1\.5 is not accepted"):
        load_signer(files, rsa_ca.certificate, at=AT)


@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [
        (timedelta(seconds=1), DAY, "not valid before"),
        (-DAY, timedelta(0), "expired"),
        (-2 * DAY, -DAY, "expired"),
    ],
)
def test_out_of_its_validity_it_is_refused(tmp_path, ca, begin, end, reason):
    with pytest.raises(SignerRefused, match=reason):
        load(tmp_path, ca, ca.issue_responder(KEY, begin=begin, end=end))


def test_a_key_of_another_certificate_is_refused(tmp_path, ca):
    with pytest.raises(SignerRefused, match=r"signer\.key is not the key"):
        load(tmp_path, ca, ca.issue_responder(KEY), ec_key("somebody else"))


def test_a_weak_key_is_refused(tmp_path, ca):
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - weak on purpose
    with pytest.raises(SignerRefused, match="1024 bits"):
        load(tmp_path, ca, ca.issue_responder(weak), weak)


def test_a_key_of_another_kind_is_refused(tmp_path, ca):
    odd = ed25519.Ed25519PrivateKey.generate()
    certificate = (
        x509.CertificateBuilder(dn("JPKI for user authentication"), dn("odd"), odd.public_key(), 3)
        .not_valid_before(AT - DAY)
        .not_valid_after(AT + DAY)
    )
    for extension in RESPONDER:
        certificate = certificate.add_extension(extension, critical=False)
    with pytest.raises(SignerRefused, match="only RSA keys and P-256"):
        load(tmp_path, ca, certificate.sign(ca.key, hashes.SHA256()), odd)


@pytest.mark.parametrize("spoiled", ["certificate", "key"])
@pytest.mark.parametrize("content", UNREADABLE)
def test_t24_an_unreadable_file_is_refused_by_name(tmp_path, ca, spoiled, content):
    files = write_signer(tmp_path, ca.issue_responder(KEY), KEY)
    file = spell(getattr(files, spoiled), UNREADABLE[content])
    with pytest.raises(SignerRefused, match=rf"^{file} .+; (export it again|name a readable)"):
        load_signer(files, ca.certificate, at=AT)


@pytest.mark.parametrize("which", STRANGE)
def test_t24_t27_a_strange_certificate_is_refused_by_name(tmp_path, ca, which):
    proper = ca.issue_responder(KEY)
    files = write_signer(tmp_path, proper, KEY)
    spell(files.certificate, strange(which, proper, ca.key))
    blamed = files.key if which == "Ed448 key" else files.certificate
    with pytest.raises(SignerRefused, match=f"^{blamed}.+; "):
        load_signer(files, ca.certificate, at=AT)


@pytest.mark.parametrize("odd", odd_keys())
def test_t24_a_key_of_no_use_is_refused_by_name(tmp_path, ca, odd):
    files = write_signer(tmp_path, ca.issue_responder(KEY), KEY)
    spell(files.key, odd_keys()[odd])
    with pytest.raises(SignerRefused, match=f"^{files.key} .+; "):
        load_signer(files, ca.certificate, at=AT)


@pytest.mark.parametrize("missing", ["certificate", "key"])
def test_t24_a_missing_file_is_refused_by_name(tmp_path, ca, missing):
    files = write_signer(tmp_path, ca.issue_responder(KEY), KEY)
    path = getattr(files, missing)
    path.unlink()
    with pytest.raises(SignerRefused, match=f"{path.name} cannot be read: No such file"):
        load_signer(files, ca.certificate, at=AT)


def test_nothing_of_the_key_shows_in_the_representation(tmp_path, ca):
    files = write_signer(tmp_path, ca.issue_responder(KEY), KEY)
    assert isinstance(files, SignerFiles)
    number = KEY.private_numbers().private_value
    assert str(number) not in repr(load_signer(files, ca.certificate, at=AT))
