"""Which certificate is meant: name, key and serial number, all three."""

import hashlib
from datetime import UTC, datetime

import pytest
from asn1crypto import ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.ocsp import OCSPRequestBuilder
from hypothesis import given

from support.strategies import cert_ids, steady
from tashika.pki import algorithms, der
from tashika.pki.algorithms import digest
from tashika.pki.certid import CertId, IssuerIdentity, read_cert_id
from tashika.pki.errors import Malformed

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
NAME = x509.Name.from_rfc4514_string("CN=CA,O=JPKI-SIM,C=JP")
ISSUER = IssuerIdentity(name=NAME.public_bytes(), key=b"key of 2023")
SHA256 = hashes.SHA256()


def self_signed(key: CertificateIssuerPrivateKeyTypes) -> x509.Certificate:
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), 1, START, END)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256)


def with_key(algorithm: bytes, key: bytes, *, name: bytes = ISSUER.name) -> x509.Certificate:
    """Write a certificate around any key; its signature is noise."""
    signed = algorithms.ECDSA_SHA256.der
    time = der.wrap(der.UTC_TIME, b"260101000000Z")
    tbs = der.sequence(
        der.integer(2**159),
        signed,
        name,
        der.sequence(time, time),
        name,
        der.sequence(algorithm, key),
    )
    return x509.load_der_x509_certificate(der.sequence(tbs, signed, der.bit_string(b"noise")))


# --- IssuerIdentity -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384", "ed25519"])
def test_an_identity_holds_what_others_hash(kind: str, rsa_key: rsa.RSAPrivateKey):
    key = {
        "rsa": lambda: rsa_key,
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
    }[kind]()
    certificate = self_signed(key)
    identity = IssuerIdentity.of(certificate)
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    assert identity.name == NAME.public_bytes()
    assert identity.hashes("sha1") == (digest("sha1", identity.name), key_id.digest)
    builder = OCSPRequestBuilder().add_certificate(certificate, certificate, SHA256)
    theirs = builder.build()
    assert identity.hashes("sha256") == (theirs.issuer_name_hash, theirs.issuer_key_hash)


def test_a_compressed_point_is_hashed_as_it_stands():
    # pyca writes the point out in full when it writes the key again.
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    key = point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
    certificate = with_key(algorithm, der.bit_string(key))
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert IssuerIdentity.of(certificate).key == key


def test_t27_a_key_of_unknown_type_has_an_identity():
    certificate = with_key(der.sequence(der.oid("1.2.3.4")), der.bit_string(b"strange"))
    assert IssuerIdentity.of(certificate) == IssuerIdentity(name=ISSUER.name, key=b"strange")


def test_t27_a_key_that_is_not_of_whole_octets_is_malformed():
    key = der.wrap(der.BIT_STRING, b"\x01\xfe")
    with pytest.raises(Malformed):
        IssuerIdentity.of(with_key(der.sequence(der.oid("1.2.3.4")), key))


@pytest.mark.parametrize(("tag", "codec"), [(0x13, "ascii"), (0x0C, "utf-8"), (0x1E, "utf-16-be")])
def test_a_name_is_hashed_in_its_own_string_type(tag: int, codec: str):
    value = der.wrap(tag, "CA".encode(codec))
    name = der.sequence(der.wrap(der.SET, der.sequence(der.oid("2.5.4.3"), value)))
    certificate = with_key(der.sequence(der.oid("1.2.3.4")), der.bit_string(b"k"), name=name)
    assert IssuerIdentity.of(certificate).name == name


def test_generations_of_one_ca_differ_by_their_key():
    older = IssuerIdentity(name=ISSUER.name, key=b"key of 2019")
    assert older.fingerprint != ISSUER.fingerprint
    assert older.hashes("sha256")[0] == ISSUER.hashes("sha256")[0]


def test_a_fingerprint_knows_where_the_name_ends():
    one, other = IssuerIdentity(name=b"ab", key=b"c"), IssuerIdentity(name=b"a", key=b"bc")
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 32


# --- CertId ---------------------------------------------------------------------


@steady
@given(cert_ids())
def test_a_cert_id_reads_back_with_its_bytes(cert_id: CertId):
    reader = der.Reader(cert_id.der + der.NULL)
    assert read_cert_id(reader) == cert_id
    assert reader.peek() == der.NULL_TAG


@pytest.mark.parametrize("hash_name", ["sha1", "sha256", "sha384", "sha512"])
def test_a_cert_id_that_we_build_reads_alike_everywhere(hash_name: str):
    built = CertId.build(ISSUER, 2**159, hash_name)
    theirs = ocsp.CertId.load(built.der, strict=True).native
    assert theirs == {
        "hash_algorithm": {"algorithm": hash_name, "parameters": None},
        "issuer_name_hash": hashlib.new(hash_name, ISSUER.name).digest(),
        "issuer_key_hash": hashlib.new(hash_name, ISSUER.key).digest(),
        "serial_number": 2**159,
    }
    assert built.issuer_key == (hash_name, *ISSUER.hashes(hash_name))
    assert built.names(ISSUER, 2**159)


def test_c3_a_cert_id_names_its_certificate_by_all_three():
    cert_id = CertId.build(ISSUER, 5)
    assert cert_id.names(ISSUER, 5)
    assert not cert_id.names(ISSUER, 6)
    assert not cert_id.names(IssuerIdentity(name=ISSUER.name, key=b"key of 2019"), 5)
    assert not cert_id.names(IssuerIdentity(name=b"\x30\x00", key=ISSUER.key), 5)


def test_a_hash_that_nobody_knows_matches_nothing():
    sha3 = "2.16.840.1.101.3.4.2.8"
    asked = der.sequence(
        der.sequence(der.oid(sha3)),
        der.octet_string(hashlib.sha3_256(ISSUER.name).digest()),
        der.octet_string(hashlib.sha3_256(ISSUER.key).digest()),
        der.integer(5),
    )
    cert_id = read_cert_id(der.Reader(asked))
    assert (cert_id.hash_name, cert_id.der) == (sha3, asked)
    assert not cert_id.names(ISSUER, 5)


def test_a_hash_cut_short_matches_nothing():
    name_hash, key_hash = ISSUER.hashes("sha256")
    asked = der.sequence(
        der.sequence(der.oid("2.16.840.1.101.3.4.2.1")),
        der.octet_string(name_hash[:20]),
        der.octet_string(key_hash[:20]),
        der.integer(5),
    )
    assert not read_cert_id(der.Reader(asked)).names(ISSUER, 5)


SHA1_OID = der.oid("1.3.14.3.2.26")
SHA1 = der.sequence(SHA1_OID, der.NULL)
HASH = der.octet_string(b"h" * 20)


@pytest.mark.parametrize("serial", [0, 1, 127, 128, 2**159 - 1, 2**160, 2**167, 2**255 - 1])
def test_serials_up_to_32_octets_are_read(serial: int):
    asked = der.sequence(SHA1, HASH, HASH, der.integer(serial))
    assert read_cert_id(der.Reader(asked)).serial == serial


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([SHA1, HASH, HASH, der.integer(-1)], id="serial: negative"),
        pytest.param([SHA1, HASH, HASH, der.integer(2**255)], id="serial: 33 octets"),
        pytest.param([SHA1, HASH, HASH, der.wrap(2, b"\x00\x05")], id="serial: not minimal"),
        pytest.param([SHA1, HASH, HASH, der.wrap(2)], id="serial: empty"),
        pytest.param([SHA1, HASH, HASH], id="serial: none"),
        pytest.param([SHA1, HASH, HASH, der.integer(5), der.NULL], id="one part too many"),
        pytest.param([SHA1, HASH, der.bit_string(b"h"), der.integer(5)], id="hash: another type"),
        pytest.param([der.sequence(), HASH, HASH, der.integer(5)], id="algorithm: empty"),
        pytest.param(
            [der.sequence(SHA1_OID, der.wrap(5, b"\x00")), HASH, HASH, der.integer(5)],
            id="parameters: a NULL with content",
        ),
        pytest.param(
            [der.sequence(SHA1_OID, der.integer(1)), HASH, HASH, der.integer(5)],
            id="parameters: neither absent nor NULL",
        ),
        pytest.param(
            [der.sequence(SHA1_OID, der.NULL, der.NULL), HASH, HASH, der.integer(5)],
            id="parameters: two",
        ),
    ],
)
def test_a_cert_id_that_is_none_is_malformed(parts: list[bytes]):
    with pytest.raises(Malformed):
        read_cert_id(der.Reader(der.sequence(*parts)))
