"""What may sign, and everything that may not."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto import algos
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from support.authority import openssl
from support.strategies import ALGORITHMS
from tashika.pki import algorithms, der
from tashika.pki.algorithms import (
    ECDSA_SHA256,
    RSA_SHA256,
    PrivateKey,
    SignatureAlgorithm,
    algorithm_for,
    digest,
    read_algorithm,
    sign,
    verify,
)
from tashika.pki.errors import BadSignature, Malformed, Unsupported

DATA = b"what was signed"
WEAK = 1024


@pytest.fixture(scope="session")
def keys(rsa_key: rsa.RSAPrivateKey) -> dict[str, PrivateKey]:
    return {"rsa": rsa_key, "ec": ec.generate_private_key(ec.SECP384R1())}


# --- identifiers ----------------------------------------------------------------


@pytest.mark.parametrize(("theirs", "ours"), ALGORITHMS.items())
def test_identifiers_are_those_of_asn1crypto(theirs: str, ours: SignatureAlgorithm):
    written = algos.SignedDigestAlgorithm({"algorithm": theirs})
    assert ours.der == written.dump()
    assert read_algorithm(ours.der) is ours
    assert theirs == f"{ours.hash_name}_{'rsa' if ours.key_type == 'rsa' else 'ecdsa'}"


def test_every_algorithm_is_listed_by_its_oid():
    assert set(algorithms.BY_OID.values()) == set(ALGORITHMS.values())
    assert all(each.oid == oid for oid, each in algorithms.BY_OID.items())


def test_rsa_may_omit_its_null():
    assert read_algorithm(der.sequence(der.oid(RSA_SHA256.oid))) is RSA_SHA256


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param(der.sequence(der.oid(RSA_SHA256.oid), der.sequence()), id="RSA: a sequence"),
        pytest.param(der.sequence(der.oid(RSA_SHA256.oid), der.NULL * 2), id="RSA: two NULLs"),
        pytest.param(der.sequence(der.oid(RSA_SHA256.oid), b"\x05\x01\x00"), id="RSA: odd NULL"),
        pytest.param(der.sequence(der.oid(ECDSA_SHA256.oid), der.NULL), id="ECDSA: a NULL"),
        pytest.param(der.sequence(), id="nothing"),
        pytest.param(b"", id="no identifier"),
        pytest.param(RSA_SHA256.der + b"\x00", id="trailing byte"),
    ],
)
def test_an_identifier_with_other_parameters_is_malformed(identifier: bytes):
    with pytest.raises(Malformed):
        read_algorithm(identifier)


@pytest.mark.parametrize(
    ("oid", "parameters"),
    [
        pytest.param("1.2.840.113549.1.1.4", der.NULL, id="MD5 with RSA"),
        pytest.param("1.2.840.113549.1.1.5", der.NULL, id="SHA-1 with RSA"),
        pytest.param("1.2.840.10045.4.1", b"", id="SHA-1 with ECDSA"),
        pytest.param("1.2.840.113549.1.1.10", der.sequence(), id="RSA-PSS"),
        pytest.param("2.16.840.1.101.3.4.3.2", b"", id="DSA"),
        pytest.param("1.3.101.112", b"", id="Ed25519"),
        pytest.param("1.2.840.113549.1.1.1", der.NULL, id="a key, not a signature"),
        pytest.param("2.25.1", der.octet_string(b"?"), id="never heard of"),
    ],
)
def test_other_algorithms_are_unsupported(oid: str, parameters: bytes):
    with pytest.raises(Unsupported, match=oid):
        read_algorithm(der.sequence(der.oid(oid), parameters))


# --- keys -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("curve", "name"),
    [
        (ec.SECP256R1(), "ecdsa-with-SHA256"),
        (ec.SECP384R1(), "ecdsa-with-SHA384"),
        (ec.SECP521R1(), "ecdsa-with-SHA512"),
    ],
)
def test_a_curve_has_its_hash(curve: ec.EllipticCurve, name: str):
    assert algorithm_for(ec.generate_private_key(curve).public_key()).name == name


def test_rsa_signs_with_sha256(rsa_key: rsa.RSAPrivateKey):
    assert algorithm_for(rsa_key.public_key()) is RSA_SHA256


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: rsa.generate_private_key(65537, WEAK).public_key(), id="RSA-1024"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP224R1()).public_key(), id="P-224"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()).public_key(), id="secp256k1"),
        pytest.param(lambda: ed25519.Ed25519PrivateKey.generate().public_key(), id="Ed25519"),
        pytest.param(lambda: ed448.Ed448PrivateKey.generate().public_key(), id="Ed448"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256R1()), id="a private key"),
        pytest.param(lambda: None, id="nothing"),
    ],
)
def test_t27_weak_and_foreign_keys_are_unsupported(make):
    key = make()
    with pytest.raises(Unsupported):
        algorithm_for(key)
    with pytest.raises(Unsupported):
        verify(key, RSA_SHA256, b"", DATA)


@pytest.mark.parametrize("exponent", [1, 2, 4])
def test_a_key_under_which_anybody_signs_is_unsupported(rsa_key: rsa.RSAPrivateKey, exponent: int):
    """With the exponent 1 a signature is nothing but the padded digest."""
    numbers = rsa.RSAPublicNumbers(exponent, rsa_key.public_key().public_numbers().n)

    @rsa.RSAPublicKey.register
    class Loaded:
        """What pyca 48 loads from a certificate; pyca 50 does not."""

        key_size = 2048

        def public_numbers(self) -> rsa.RSAPublicNumbers:
            return numbers

    with pytest.raises(Unsupported, match="exponent"):
        verify(Loaded(), RSA_SHA256, b"", DATA)


# --- signatures -----------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_what_is_signed_verifies_here_and_with_openssl(
    keys: dict[str, PrivateKey], algorithm: SignatureAlgorithm, tmp_path: Path
):
    key = keys[algorithm.key_type]
    signature = sign(key, algorithm, DATA)
    verify(key.public_key(), algorithm, signature, DATA)
    pem, signed, data = tmp_path / "key.pem", tmp_path / "signature", tmp_path / "data"
    written = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem.write_bytes(written)
    signed.write_bytes(signature)
    data.write_bytes(DATA)
    checked = ["-verify", pem, "-signature", signed, data]
    assert openssl("dgst", f"-{algorithm.hash_name}", *checked) == "Verified OK\n"


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_what_openssl_signs_verifies(
    keys: dict[str, PrivateKey], algorithm: SignatureAlgorithm, tmp_path: Path
):
    key, pem, signed, data = (keys[algorithm.key_type], *map(tmp_path.joinpath, "abc"))
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    data.write_bytes(DATA)
    openssl("dgst", f"-{algorithm.hash_name}", "-sign", pem, "-out", signed, data)
    verify(key.public_key(), algorithm, signed.read_bytes(), DATA)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_c1_a_signature_that_does_not_hold_is_bad(
    keys: dict[str, PrivateKey], algorithm: SignatureAlgorithm
):
    key = keys[algorithm.key_type]
    good = sign(key, algorithm, DATA)
    wrong = [
        b"",
        b"\x00",
        good[:-1],
        good + b"\x00",
        b"\x00" + good,
        bytes(len(good)),
        b"\xff" * len(good),
        good[:-1] + bytes((good[-1] ^ 1,)),
        b"\x30\x00",
        encode_dss_signature(0, 0),
        b"x" * 100_000,
    ]
    for signature in wrong:
        with pytest.raises(BadSignature):
            verify(key.public_key(), algorithm, signature, DATA)
    with pytest.raises(BadSignature):
        verify(key.public_key(), algorithm, good, DATA + b"!")
    other_hash = "sha512" if algorithm.hash_name == "sha256" else "sha256"
    with pytest.raises(BadSignature):
        verify(key.public_key(), replace(algorithm, hash_name=other_hash), good, DATA)


def test_a_signature_fits_the_key_it_is_checked_with(keys: dict[str, PrivateKey]):
    signature = sign(keys["rsa"], RSA_SHA256, DATA)
    with pytest.raises(BadSignature, match="does not fit"):
        verify(keys["ec"].public_key(), RSA_SHA256, signature, DATA)
    with pytest.raises(BadSignature, match="does not fit"):
        verify(keys["rsa"].public_key(), ECDSA_SHA256, signature, DATA)


def test_another_key_of_the_same_kind_does_not_verify(keys: dict[str, PrivateKey]):
    signature = sign(keys["ec"], ECDSA_SHA256, DATA)
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    with pytest.raises(BadSignature):
        verify(other, ECDSA_SHA256, signature, DATA)


def test_an_ecdsa_signature_is_der(keys: dict[str, PrivateKey]):
    r, s = decode_dss_signature(sign(keys["ec"], ECDSA_SHA256, DATA))
    ber = der.wrap(der.SEQUENCE, der.wrap(2, b"\0\0" + r.to_bytes(48, "big")), der.integer(s))
    with pytest.raises(BadSignature):
        verify(keys["ec"].public_key(), ECDSA_SHA256, ber, DATA)


# --- digests --------------------------------------------------------------------


@pytest.mark.parametrize(("oid", "name"), algorithms.HASH_OIDS.items())
def test_digests_are_those_of_hashlib_by_the_oids_of_asn1crypto(oid: str, name: str):
    assert algos.DigestAlgorithmId(oid).native == name
    assert digest(name, DATA) == hashlib.new(name, DATA).digest()
