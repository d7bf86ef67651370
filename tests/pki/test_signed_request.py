"""The signature of an OCSP request: what openssl signs we read, what we sign others verify."""

from contextlib import suppress
from pathlib import Path

import pytest
from asn1crypto import ocsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from support.authority import END, START, Authority, openssl
from support.mutations import broken_off, mutants
from tashika.pki import der
from tashika.pki.algorithms import verify
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.errors import BadSignature, Malformed, PkiError, Unsupported
from tashika.pki.limits import MAX_CERTIFICATES, MAX_REQUEST_BYTES
from tashika.pki.request import build_request, parse_request
from tashika.pki.signed_request import read_signature, sign_request

CERT_ID = CertId.build(IssuerIdentity(name=der.sequence(), key=b"key"), 5)
UNSIGNED = build_request([CERT_ID], nonce=bytes(32))
NAME = x509.Name.from_rfc4514_string("CN=Bank,C=JP")
KEY = ec.generate_private_key(ec.SECP256R1())
ALGORITHM = der.sequence(der.oid("1.2.840.10045.4.3.2"))


def certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), 1, START, END)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


CERTIFICATE = certificate(KEY)
SIGNED = sign_request(UNSIGNED, requestor=NAME.public_bytes(), key=KEY, certificates=[CERTIFICATE])


def with_signature(*fields: bytes) -> bytes:
    """Put anything where the signature is."""
    tbs = der.Reader(UNSIGNED).only(der.SEQUENCE).element()
    return der.sequence(tbs, der.wrap(der.explicit(0), der.sequence(*fields)))


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_what_we_sign_others_read_and_verify(kind: str):
    key = KEY if kind == "ec" else rsa.generate_private_key(65537, 2048)
    signed = sign_request(
        UNSIGNED, requestor=NAME.public_bytes(), key=key, certificates=[certificate(key)]
    )
    request = ocsp.OCSPRequest.load(signed, strict=True)
    requestor = request["tbs_request"]["requestor_name"]
    assert requestor.chosen.native == {"country_name": "JP", "common_name": "Bank"}
    signature = request["optional_signature"]
    assert len(signature["certs"]) == 1
    raw, tbs = signature["signature"].native, request["tbs_request"].dump()
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(raw, tbs, padding.PKCS1v15(), SHA256())
    else:
        key.public_key().verify(raw, tbs, ec.ECDSA(SHA256()))


def test_a_signed_question_asks_the_same():
    signed, unsigned = parse_request(SIGNED), parse_request(UNSIGNED)
    assert signed.signed
    assert (signed.cert_ids, signed.nonce) == (unsigned.cert_ids, unsigned.nonce)


def test_what_openssl_signs_we_read_and_verify(tmp_path: Path):
    authority = Authority.found(tmp_path)
    files = [tmp_path / "request.der", tmp_path / "ca.pem", tmp_path / "ca.key"]
    signing = ["-reqout", files[0], "-signer", files[1], "-signkey", files[2]]
    openssl("ocsp", *authority.question, *signing)
    found = read_signature(files[0].read_bytes())
    assert found is not None
    assert found.certificates == (authority.certificate.public_bytes(Encoding.DER),)
    verify(authority.key.public_key(), found.algorithm, found.signature, found.tbs)
    with pytest.raises(BadSignature):
        verify(authority.key.public_key(), found.algorithm, found.signature, found.tbs + b"x")


def test_openssl_reads_what_we_sign(tmp_path: Path):
    path = tmp_path / "request.der"
    path.write_bytes(SIGNED)
    printed = openssl("ocsp", "-reqin", path, "-req_text")
    assert "Requestor Name: DirName:" in printed
    assert "ecdsa-with-SHA256" in printed


def test_an_unsigned_request_has_no_signature():
    assert read_signature(UNSIGNED) is None


def test_certificates_are_optional_and_bounded():
    bare = sign_request(UNSIGNED, requestor=NAME.public_bytes(), key=KEY, certificates=[])
    found = read_signature(bare)
    assert found is not None
    assert found.certificates == ()
    small = der.sequence()
    most = with_signature(
        ALGORITHM,
        der.bit_string(b"x"),
        der.wrap(der.explicit(0), der.sequence(*[small] * MAX_CERTIFICATES)),
    )
    assert read_signature(most).certificates == (small,) * MAX_CERTIFICATES
    with pytest.raises(Malformed):
        read_signature(
            with_signature(
                ALGORITHM,
                der.bit_string(b"x"),
                der.wrap(der.explicit(0), der.sequence(*[small] * (MAX_CERTIFICATES + 1))),
            )
        )


def test_an_algorithm_that_is_not_accepted_is_said_so():
    sha1 = der.sequence(der.oid("1.2.840.113549.1.1.5"), der.NULL)
    with pytest.raises(Unsupported):
        read_signature(with_signature(sha1, der.bit_string(b"x")))


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (ALGORITHM,),
        (der.bit_string(b"x"), ALGORITHM),
        (ALGORITHM, der.octet_string(b"x")),
        (ALGORITHM, der.bit_string(b"x"), der.NULL),
        (ALGORITHM, der.bit_string(b"x"), der.wrap(der.explicit(0), der.NULL)),
        (ALGORITHM, der.bit_string(b"x"), der.wrap(der.explicit(0), der.sequence(der.NULL))),
        (ALGORITHM, der.bit_string(b"x"), der.wrap(der.explicit(0), der.sequence(), der.NULL)),
    ],
)
def test_a_signature_that_is_none_is_malformed(fields: tuple[bytes, ...]):
    with pytest.raises(Malformed):
        read_signature(with_signature(*fields))


def test_broken_requests_are_malformed():
    for broken in (*broken_off(SIGNED), SIGNED + b"\0", bytes(MAX_REQUEST_BYTES + 1)):
        with pytest.raises(Malformed):
            read_signature(broken)


def test_only_our_errors_escape():
    for mutant in mutants(SIGNED, seed=3, count=3000):
        with suppress(PkiError):
            read_signature(mutant)


@given(st.binary(max_size=200))
def test_only_our_errors_escape_from_random_bytes(data: bytes):
    with suppress(PkiError):
        read_signature(data)
