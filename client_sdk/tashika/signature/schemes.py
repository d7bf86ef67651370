"""The ways to sign that count as proof; what is weak is refused by name.

For documents, where RSASSA-PSS occurs. Certificates, lists and answers are
:mod:`tashika.pki.algorithms`'s.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tashika.errors import PkiError, SignatureRefused, WrongUse
from tashika.pki import der
from tashika.pki.algorithms import BY_OID, HASH_OIDS, SignatureAlgorithm, algorithm_for
from tashika.signature.causes import SignatureCause

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_RSA, _PSS, _MGF1 = (f"1.2.840.113549.1.1.{number}" for number in (1, 10, 8))
_WEAK = {
    "1.2.840.113549.2.5": "MD5",
    "1.3.14.3.2.26": "SHA-1",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.2.840.10045.4.1": "SHA-1",
}


@dataclass(frozen=True, slots=True)
class Digest:
    """The hash of a document that is not at hand, or too large for memory."""

    hash_name: str
    """``sha256``, ``sha384`` or ``sha512``."""
    value: bytes

    def __post_init__(self) -> None:
        if self.hash_name not in _HASHES:
            raise WrongUse(f"a digest is by one of {', '.join(_HASHES)}")
        if not isinstance(self.value, bytes) or len(self.value) != self.size:
            raise WrongUse(f"a digest by {self.hash_name} has {self.size} octets")

    @property
    def size(self) -> int:
        """How many octets it has."""
        return _HASHES[self.hash_name].digest_size

    @classmethod
    def of(cls, document: bytes | Iterable[bytes], hash_name: str = "sha256") -> Self:
        """Hash a document, whole or piece by piece."""
        if hash_name not in _HASHES:
            raise WrongUse(f"a digest is by one of {', '.join(_HASHES)}")
        hashing = hashlib.new(hash_name)
        for piece in (document,) if isinstance(document, bytes) else document:
            hashing.update(piece)
        return cls(hash_name, hashing.digest())


class Scheme(StrEnum):
    """How a signature was made: the kind of key, the padding, the hash."""

    RSA_SHA256 = "rsa-sha256"
    """RSASSA-PKCS1-v1_5, as JPKI's cards sign."""
    RSA_SHA384 = "rsa-sha384"
    RSA_SHA512 = "rsa-sha512"
    PSS_SHA256 = "pss-sha256"
    """RSASSA-PSS with MGF1 by the same hash; a salt of any length."""
    PSS_SHA384 = "pss-sha384"
    PSS_SHA512 = "pss-sha512"
    ECDSA_SHA256 = "ecdsa-sha256"
    """On P-256, P-384 or P-521, in DER."""
    ECDSA_SHA384 = "ecdsa-sha384"
    ECDSA_SHA512 = "ecdsa-sha512"

    @property
    def hash_name(self) -> str:
        """The hash of what is signed."""
        return self.value.split("-")[1]

    @property
    def kind(self) -> str:
        """Return ``rsa``, ``pss`` or ``ecdsa``."""
        return self.value.split("-")[0]

    def verify(self, key: object, signature: bytes, digest: bytes) -> None:
        """Verify over a digest; raises SignatureRefused for all that does not hold.

        Raises WrongUse for a digest that is not of this scheme's hash.
        """
        Digest(self.hash_name, digest)
        _require_strong(key)
        chosen = Prehashed(_HASHES[self.hash_name])
        try:
            if isinstance(key, rsa.RSAPublicKey) and self.kind == "rsa":
                key.verify(signature, digest, padding.PKCS1v15(), chosen)
            elif isinstance(key, rsa.RSAPublicKey) and self.kind == "pss":
                mask = padding.MGF1(_HASHES[self.hash_name])
                key.verify(signature, digest, padding.PSS(mask, padding.PSS.AUTO), chosen)
            elif isinstance(key, ec.EllipticCurvePublicKey) and self.kind == "ecdsa":
                key.verify(signature, digest, ec.ECDSA(chosen))
            else:
                raise SignatureRefused(SignatureCause.BAD_SIGNATURE, "another kind of key")
        except InvalidSignature as wrong:
            raise SignatureRefused(SignatureCause.BAD_SIGNATURE) from wrong


def scheme_for(key: object, hash_name: str | None = None) -> Scheme:
    """Return how this key signs where nothing says it; SignatureRefused for a weak or other key.

    PKCS#1 v1.5 for RSA. The hash is SHA-256 for RSA, of the curve's size for ECDSA, unless named.
    """
    usual = _require_strong(key)
    return Scheme(f"{'rsa' if usual.key_type == 'rsa' else 'ecdsa'}-{hash_name or usual.hash_name}")


def read_hash(identifier: bytes) -> str:
    """Read the AlgorithmIdentifier of a hash; raises SignatureRefused and Malformed."""
    fields = der.Reader(identifier).only(der.SEQUENCE)
    oid = fields.oid()
    _refuse_weak(oid)
    if oid not in HASH_OIDS:
        raise SignatureRefused(SignatureCause.UNSUPPORTED, f"hash {oid}")
    if fields.more:  # RFC 5754 2: absent, but NULL is to be accepted
        fields.null()
    fields.done()
    return HASH_OIDS[oid]


def read_scheme(identifier: bytes, hash_name: str) -> Scheme:
    """Read the AlgorithmIdentifier of a signature over a digest by ``hash_name``.

    Raises SignatureRefused, also where it names another hash, and Malformed.
    """
    fields = der.Reader(identifier).only(der.SEQUENCE)
    oid = fields.oid()
    _refuse_weak(oid)
    if oid == _PSS:
        named, kind = _pss_hash(fields), "pss"
    elif oid == _RSA:
        named, kind = hash_name, "rsa"
    elif oid in BY_OID:
        named = BY_OID[oid].hash_name
        kind = "rsa" if BY_OID[oid].key_type == "rsa" else "ecdsa"
    else:
        raise SignatureRefused(SignatureCause.UNSUPPORTED, f"signature algorithm {oid}")
    if kind == "rsa" and fields.more:
        fields.null()
    fields.done()
    if named != hash_name:
        raise SignatureRefused(SignatureCause.UNSUPPORTED, "two different hashes in one signature")
    return Scheme(f"{kind}-{named}")


def _pss_hash(fields: der.Reader) -> str:
    """RFC 4055 3.1: the defaults are SHA-1, so hash and mask must be there."""
    parameters = fields.take(der.SEQUENCE)
    named, mask = parameters.maybe(der.explicit(0)), parameters.maybe(der.explicit(1))
    if named is None or mask is None:
        raise SignatureRefused(SignatureCause.WEAK_ALGORITHM, "SHA-1")
    hash_name = read_hash(named.element(der.SEQUENCE))
    generator = mask.only(der.SEQUENCE)
    if generator.oid() != _MGF1 or read_hash(generator.element(der.SEQUENCE)) != hash_name:
        raise SignatureRefused(SignatureCause.UNSUPPORTED, "a mask by another hash")
    generator.done()
    if salt := parameters.maybe(der.explicit(2)):
        salt.natural()
    if (trailer := parameters.maybe(der.explicit(3))) and trailer.integer() != 1:
        raise SignatureRefused(SignatureCause.UNSUPPORTED, "a trailer other than BC")
    parameters.done()
    return hash_name


def _refuse_weak(oid: str) -> None:
    if oid in _WEAK:
        raise SignatureRefused(SignatureCause.WEAK_ALGORITHM, _WEAK[oid])


def _require_strong(key: object) -> SignatureAlgorithm:
    try:
        return algorithm_for(key)
    except PkiError as wrong:
        known = isinstance(key, rsa.RSAPublicKey)
        cause = SignatureCause.WEAK_ALGORITHM if known else SignatureCause.UNSUPPORTED
        raise SignatureRefused(cause, str(wrong)) from wrong
