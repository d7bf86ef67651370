"""CMS SignedData (RFC 5652 section 5), attached and detached, by the strict DER reader.

pyca makes PKCS#7 signatures and reads their certificates; it verifies none.
Reads only: what the signature is worth is :mod:`tashika.signature.flow`'s.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from tashika.errors import Malformed, SignatureRefused
from tashika.path.certificate import PathCertificate, read_certificate
from tashika.pki import der
from tashika.pki.errors import PkiError
from tashika.pki.limits import MAX_CERTIFICATE_BYTES
from tashika.signature.attributes import read_attributes
from tashika.signature.causes import SignatureCause
from tashika.signature.limits import (
    MAX_CERTIFICATES,
    MAX_SIGNATURE_BYTES,
    MAX_SIGNERS,
)
from tashika.signature.presented import Form, Presented
from tashika.signature.schemes import Digest, read_hash, read_scheme
from tashika.status.stapled import MAX_STAPLED, Stapled

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_OCSP_RESPONSE = "1.3.6.1.5.5.7.16.2"
_PEM = re.compile(rb"-----BEGIN (CMS|PKCS7)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----\s*")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _SignerInfo:
    """One signature of several."""

    issuer_and_serial: tuple[bytes, int] | None
    key_id: bytes | None
    hashed_by: bytes
    attributes: bytes | None
    algorithm: bytes
    signature: bytes

    def names(self, certificate: PathCertificate) -> bool:
        if self.issuer_and_serial is None:
            return certificate.key_id is not None and certificate.key_id == self.key_id
        return self.issuer_and_serial == _issuer_and_serial(certificate.encoded)


def read_cms(
    data: bytes,
    document: bytes | tuple[bytes, ...] | Digest | None = None,
    *,
    certificate: bytes | None = None,
    signer: int | None = None,
    form: Form = Form.CMS,
) -> Presented:
    """Read a signature in CMS, PEM or DER; BER with indefinite lengths is refused.

    ``document``, also in pieces, is for one that stands beside its document; where both
    are there they must agree. ``certificate`` (DER) is for one that brings none.
    ``signer`` chooses among several, from 0. Raises SignatureRefused and PkiError.
    """
    if len(data) > MAX_SIGNATURE_BYTES:
        raise Malformed(f"a CMS signature is longer than {MAX_SIGNATURE_BYTES} bytes")
    content_type, content, others, stapled, signers = _signed_data(_der_of(data))
    chosen = _choose(signers, signer)
    hash_name = read_hash(chosen.hashed_by)
    scheme = read_scheme(chosen.algorithm, hash_name)
    if chosen.attributes is None:
        raise SignatureRefused(SignatureCause.ATTRIBUTES_MISSING)
    attributes = read_attributes(chosen.attributes)
    if attributes.content_type != content_type:
        raise SignatureRefused(SignatureCause.DOCUMENT_DIFFERS, "another type of content")
    return Presented(
        form=form,
        digest=_digest(content, document, hash_name),
        covered=chosen.attributes,
        signature=chosen.signature,
        scheme=scheme,
        certificate=_certificate_of(chosen, others, certificate),
        content=content,
        others=others,
        stapled=stapled + attributes.stapled,
        claimed_at=attributes.signing_time,
    )


def _der_of(data: bytes) -> bytes:
    if not data.lstrip().startswith(b"-----BEGIN"):
        return data
    found = _PEM.fullmatch(data.strip())
    if found is None:
        raise Malformed("a CMS signature in PEM has other labels than CMS or PKCS7, or is cut off")
    try:
        return base64.b64decode(b"".join(found[2].split()), validate=True)
    except binascii.Error as wrong:
        raise Malformed("a CMS signature in PEM is not base64") from wrong


def _signed_data(
    data: bytes,
) -> tuple[str, bytes | None, tuple[bytes, ...], Stapled, tuple[_SignerInfo, ...]]:
    outer = der.Reader(data).only(der.SEQUENCE)
    if outer.oid() != _SIGNED_DATA:
        raise Malformed("this is CMS, but no SignedData")
    fields = outer.only(der.explicit(0)).only(der.SEQUENCE)
    fields.natural()
    fields.take(der.SET)
    content_type, content = _content(fields.take(der.SEQUENCE))
    others = _certificates(fields.maybe(der.explicit(0)))
    stapled = _revocation(fields.maybe(der.explicit(1)))
    signers = _signer_infos(fields.take(der.SET))
    fields.done()
    return content_type, content, others, stapled, signers


def _content(fields: der.Reader) -> tuple[str, bytes | None]:
    content_type, tagged = fields.oid(), fields.maybe(der.explicit(0))
    fields.done()
    return content_type, tagged.only(der.OCTET_STRING).rest if tagged else None


def _certificates(listed: der.Reader | None) -> tuple[bytes, ...]:
    """Return the X.509 certificates; attribute certificates and old forms are left out."""
    found, count = list[bytes](), 0
    while listed is not None and listed.more:
        count += 1
        each = listed.element()
        if count > MAX_CERTIFICATES or len(each) > MAX_CERTIFICATE_BYTES:
            raise Malformed("too many certificates come along, or one that is too long")
        if each[0] == der.SEQUENCE:
            found.append(each)
    return tuple(found)


def _revocation(listed: der.Reader | None) -> Stapled:
    """Return CRLs, and OCSP answers in the form of RFC 5940."""
    crls, ocsp, count = list[bytes](), list[bytes](), 0
    while listed is not None and listed.more:
        count += 1
        if count > MAX_STAPLED:
            raise Malformed(f"more than {MAX_STAPLED} answers or lists come along")
        if listed.peek() == der.SEQUENCE:
            crls.append(listed.element())
            continue
        other = listed.take(der.explicit(1))
        if other.oid() == _OCSP_RESPONSE:
            ocsp.append(other.element(der.SEQUENCE))
    return Stapled(answers=tuple(ocsp), lists=tuple(crls))


def _signer_infos(listed: der.Reader) -> tuple[_SignerInfo, ...]:
    found = list[_SignerInfo]()
    while listed.more:
        if len(found) == MAX_SIGNERS:
            raise Malformed(f"more than {MAX_SIGNERS} signatures in one file")
        found.append(_signer_info(listed.take(der.SEQUENCE)))
    return tuple(found)


def _signer_info(fields: der.Reader) -> _SignerInfo:
    fields.natural()
    issuer_and_serial, key_id = None, None
    if fields.peek() == der.SEQUENCE:
        named = fields.take(der.SEQUENCE)
        issuer_and_serial = named.element(der.SEQUENCE), named.natural()
        named.done()
    else:
        key_id = fields.content(der.implicit(0))
    hashed_by = fields.element(der.SEQUENCE)
    attributes = None
    if fields.peek() == der.explicit(0):
        # RFC 5652 5.4: what is signed has the tag of a SET, not the one it is sent under.
        attributes = bytes((der.SET,)) + fields.element()[1:]
    algorithm, signature = fields.element(der.SEQUENCE), fields.octets()
    fields.maybe(der.explicit(1))
    fields.done()
    return _SignerInfo(
        issuer_and_serial=issuer_and_serial,
        key_id=key_id,
        hashed_by=hashed_by,
        attributes=attributes,
        algorithm=algorithm,
        signature=signature,
    )


def _choose(signers: tuple[_SignerInfo, ...], wanted: int | None) -> _SignerInfo:
    if wanted is None and len(signers) > 1:
        raise SignatureRefused(SignatureCause.SEVERAL_SIGNERS, f"{len(signers)} of them")
    place = wanted or 0
    if not 0 <= place < len(signers):
        raise SignatureRefused(SignatureCause.NO_SIGNER)
    return signers[place]


def _digest(
    content: bytes | None, document: bytes | tuple[bytes, ...] | Digest | None, hash_name: str
) -> Digest:
    given = Digest.of(document, hash_name) if isinstance(document, bytes | tuple) else document
    inside = None if content is None else Digest.of(content, hash_name)
    found = given or inside
    if found is None:
        raise SignatureRefused(SignatureCause.DOCUMENT_MISSING)
    if found.hash_name != hash_name:
        raise SignatureRefused(SignatureCause.DOCUMENT_MISSING, f"pass its {hash_name}")
    if inside not in (None, found):
        raise SignatureRefused(SignatureCause.DOCUMENT_DIFFERS)
    return found


def _certificate_of(signer: _SignerInfo, others: tuple[bytes, ...], given: bytes | None) -> bytes:
    """Return the certificate that the signature names; of several by one number, the first."""
    if given is not None:
        if not signer.names(read_certificate(given)):
            raise SignatureRefused(SignatureCause.OTHER_SIGNER)
        return given
    for each in others:
        try:
            if signer.names(read_certificate(each)):
                return each
        except PkiError:
            continue  # another one that comes along, of no use
    raise SignatureRefused(SignatureCause.CERTIFICATE_MISSING)


def _issuer_and_serial(certificate: bytes) -> tuple[bytes, int]:
    inside = der.Reader(certificate).only(der.SEQUENCE).take(der.SEQUENCE)
    inside.maybe(der.explicit(0))
    serial = inside.natural()
    inside.element(der.SEQUENCE)
    return inside.element(der.SEQUENCE), serial
