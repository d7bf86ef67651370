"""The signature and hash algorithms that are trusted, and nothing beside them.

RSA PKCS#1 v1.5 and ECDSA over SHA-2. SHA-1 serves to look certificates up by
CertID and never signs. A new generation of cards (P-384) is a row here.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tashika.pki import der
from tashika.pki.errors import BadSignature, Unsupported
from tashika.pki.limits import MIN_RSA_BITS

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

HASH_OIDS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""The hashes a CertID may use; SHA-1 is still the interoperable question."""

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_LEAST_EXPONENT = 3  # RFC 8017 3.1
_CURVES = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """One way to sign: a key type and a hash."""

    oid: str
    name: str
    key_type: str
    """``rsa`` or ``ec``."""
    hash_name: str

    @property
    def der(self) -> bytes:
        """The AlgorithmIdentifier: RSA has NULL parameters (RFC 4055), ECDSA none (RFC 5758)."""
        return der.sequence(der.oid(self.oid), der.NULL if self.key_type == "rsa" else b"")


RSA_SHA256 = SignatureAlgorithm("1.2.840.113549.1.1.11", "sha256WithRSAEncryption", "rsa", "sha256")
RSA_SHA384 = SignatureAlgorithm("1.2.840.113549.1.1.12", "sha384WithRSAEncryption", "rsa", "sha384")
RSA_SHA512 = SignatureAlgorithm("1.2.840.113549.1.1.13", "sha512WithRSAEncryption", "rsa", "sha512")
ECDSA_SHA256 = SignatureAlgorithm("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", "ec", "sha256")
ECDSA_SHA384 = SignatureAlgorithm("1.2.840.10045.4.3.3", "ecdsa-with-SHA384", "ec", "sha384")
ECDSA_SHA512 = SignatureAlgorithm("1.2.840.10045.4.3.4", "ecdsa-with-SHA512", "ec", "sha512")

BY_OID = {
    each.oid: each
    for each in (RSA_SHA256, RSA_SHA384, RSA_SHA512, ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512)
}


@lru_cache(maxsize=len(BY_OID) * 2)
def read_algorithm(identifier: bytes) -> SignatureAlgorithm:
    """Read an AlgorithmIdentifier; Unsupported unless it is one of BY_OID."""
    fields = der.Reader(identifier).only(der.SEQUENCE)
    oid = fields.oid()
    if oid not in BY_OID:
        raise Unsupported(f"signature algorithm {oid} is not accepted")
    if fields.more and BY_OID[oid].key_type == "rsa":
        fields.null()  # RFC 4055 2.1 has its absence accepted too; RFC 5758 3.2 allows none
    fields.done()
    return BY_OID[oid]


def algorithm_for(key: object) -> SignatureAlgorithm:
    """Return the default algorithm of a public key; Unsupported if it is weak or foreign."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise Unsupported(f"an RSA key of {key.key_size} bits is below {MIN_RSA_BITS}")
        if (exponent := key.public_numbers().e) < _LEAST_EXPONENT or exponent % 2 == 0:
            raise Unsupported("an RSA key whose exponent is even or 1 proves nothing")
        return RSA_SHA256
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        wanted = _CURVES[key.curve.name]
        return next(
            each for each in BY_OID.values() if (each.key_type, each.hash_name) == ("ec", wanted)
        )
    raise Unsupported("only RSA keys and P-256, P-384 and P-521 keys are accepted")


def verify(key: object, algorithm: SignatureAlgorithm, signature: bytes, data: bytes) -> None:
    """Verify a signature: BadSignature if it does not hold, Unsupported for a weak or other key."""
    _verify(key, algorithm, signature, data, _HASHES[algorithm.hash_name])


def verify_digest(
    key: object, algorithm: SignatureAlgorithm, signature: bytes, digest: bytes
) -> None:
    """Verify a signature as `verify` does, given the digest of what is too large for memory."""
    _verify(key, algorithm, signature, digest, Prehashed(_HASHES[algorithm.hash_name]))


def _verify(
    key: object,
    algorithm: SignatureAlgorithm,
    signature: bytes,
    data: bytes,
    chosen: hashes.HashAlgorithm | Prehashed,
) -> None:
    if algorithm_for(key).key_type != algorithm.key_type:
        raise BadSignature("the signature's algorithm does not fit the key")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), chosen)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(chosen))
    except InvalidSignature as wrong:
        raise BadSignature("the signature does not hold") from wrong


def sign(key: PrivateKey, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
    """Sign; the caller has matched key and algorithm."""
    return signing(key, algorithm)(data)


def signing(key: PrivateKey, algorithm: SignatureAlgorithm) -> Callable[[bytes], bytes]:
    """Return what signs with this key by this algorithm, for whoever signs many times."""
    chosen = _HASHES[algorithm.hash_name]
    if isinstance(key, rsa.RSAPrivateKey):
        return partial(key.sign, padding=padding.PKCS1v15(), algorithm=chosen)
    ecdsa, hashed = ec.ECDSA(Prehashed(chosen)), getattr(hashlib, algorithm.hash_name)
    # hashlib finds its hash sooner than OpenSSL's providers do: 1 to 3 of 30 microseconds.
    return lambda data: key.sign(hashed(data).digest(), ecdsa)


def digest(hash_name: str, data: bytes) -> bytes:
    """Hash for a CertID or a responder's key; not for signatures."""
    return hashlib.new(hash_name, data, usedforsecurity=False).digest()
