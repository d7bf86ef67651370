"""The signed attributes of CMS (RFC 5652 5.3, 11; RFC 5035): what a signer really signs."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from tashika.errors import Malformed, SignatureRefused
from tashika.pki import der
from tashika.signature.causes import SignatureCause
from tashika.signature.limits import MAX_ATTRIBUTES
from tashika.signature.schemes import Digest, read_hash
from tashika.status.stapled import MAX_STAPLED, Stapled

_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME = (f"1.2.840.113549.1.9.{n}" for n in (3, 4, 5))
_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2 = (
    f"1.2.840.113549.1.9.16.2.{number}" for number in (12, 47)
)
_REVOCATION_ARCHIVE = "1.2.840.113583.1.1.8"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignedAttributes:
    """What was read of them; attributes of other kinds are left alone."""

    content_type: str
    message_digest: bytes
    signing_time: datetime | None
    certificate_hashes: tuple[tuple[str, bytes], ...]
    """Of the signer's certificate, by the attributes that name it."""
    stapled: Stapled
    """From Adobe's revocation archive (ISO 32000-1 12.8.3.3.2)."""


def read_attributes(encoded: bytes) -> SignedAttributes:
    """Read the SET OF Attribute that was signed; Malformed, and SignatureRefused for odd hashes."""
    listed = der.Reader(encoded).only(der.SET)
    found: dict[str, der.Reader] = {}
    while listed.more:
        attribute = listed.take(der.SEQUENCE)
        oid, values = attribute.oid(), attribute.take(der.SET)
        attribute.done()
        # RFC 5652 5.3: no attribute twice.
        if oid in found or len(found) == MAX_ATTRIBUTES:
            raise Malformed("a signed attribute occurs twice, or there are too many")
        found[oid] = values
    if _CONTENT_TYPE not in found or _MESSAGE_DIGEST not in found:
        raise Malformed("the signed attributes lack the content type or the message digest")
    content_type = found[_CONTENT_TYPE].oid()
    found[_CONTENT_TYPE].done()
    message_digest = found[_MESSAGE_DIGEST].octets()
    found[_MESSAGE_DIGEST].done()
    signing_time = None
    if _SIGNING_TIME in found:
        signing_time = found[_SIGNING_TIME].time()
        found[_SIGNING_TIME].done()
    return SignedAttributes(
        content_type=content_type,
        message_digest=message_digest,
        signing_time=signing_time,
        certificate_hashes=_certificate_hashes(found),
        stapled=_archive(found[_REVOCATION_ARCHIVE]) if _REVOCATION_ARCHIVE in found else Stapled(),
    )


def require_attributes(encoded: bytes, digest: Digest, certificate: bytes) -> None:
    """Check that the attributes speak of this document and name this signer.

    RFC 5652 11.2: the message digest is the document's. RFC 5035 3, 4: where
    a signing-certificate attribute is there, its first entry is the signer's.
    Raises SignatureRefused and Malformed.
    """
    attributes = read_attributes(encoded)
    if not hmac.compare_digest(attributes.message_digest, digest.value):
        raise SignatureRefused(SignatureCause.DOCUMENT_DIFFERS)
    for hash_name, value in attributes.certificate_hashes:
        # SHA-1 occurs in version 1. It guards nothing here: the key is checked in any case.
        named = hashlib.new(hash_name, certificate, usedforsecurity=False).digest()
        if not hmac.compare_digest(named, value):
            raise SignatureRefused(SignatureCause.OTHER_SIGNER)


def _certificate_hashes(found: dict[str, der.Reader]) -> tuple[tuple[str, bytes], ...]:
    named = list[tuple[str, bytes]]()
    if _SIGNING_CERTIFICATE in found:
        named.append(("sha1", _first_entry(found[_SIGNING_CERTIFICATE]).octets()))
    if _SIGNING_CERTIFICATE_V2 in found:
        entry = _first_entry(found[_SIGNING_CERTIFICATE_V2])
        spoken = entry.peek() == der.SEQUENCE
        hash_name = read_hash(entry.element(der.SEQUENCE)) if spoken else "sha256"
        named.append((hash_name, entry.octets()))
    return tuple(named)


def _first_entry(values: der.Reader) -> der.Reader:
    content = values.only(der.SEQUENCE)
    return content.take(der.SEQUENCE).take(der.SEQUENCE)


def _archive(values: der.Reader) -> Stapled:
    content = values.only(der.SEQUENCE)
    crls, ocsp = content.maybe(der.explicit(0)), content.maybe(der.explicit(1))
    return Stapled(answers=_each(ocsp), lists=_each(crls))


def _each(tagged: der.Reader | None) -> tuple[bytes, ...]:
    if tagged is None:
        return ()
    listed, found = tagged.only(der.SEQUENCE), list[bytes]()
    while listed.more:
        if len(found) == MAX_STAPLED:
            raise Malformed(f"more than {MAX_STAPLED} answers or lists come along")
        found.append(listed.element(der.SEQUENCE))
    return tuple(found)
