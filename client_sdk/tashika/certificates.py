"""Reading X.509 certificates through pyca/cryptography, within our error tree.

pyca parses lazily: any property may fail. Here is the only place that knows
with which exceptions. Nothing here decides whom to trust.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from tashika.limits import MAX_CERTIFICATE_BYTES
from tashika.pki.algorithms import BY_OID, algorithm_for
from tashika.pki.errors import BadSignature, Malformed, Unsupported

_ExtensionT = TypeVar("_ExtensionT", bound=x509.ExtensionType)
_SEQUENCE = b"\x30"
_PYCA_SAYS_NO = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@contextmanager
def decoding() -> Iterator[None]:
    """Turn whatever pyca raises about a bad certificate into Malformed or Unsupported."""
    try:
        yield
    except UnsupportedAlgorithm as unknown:
        raise Unsupported("a certificate uses an algorithm that is not supported") from unknown
    except _PYCA_SAYS_NO as wrong:
        raise Malformed("a certificate cannot be decoded") from wrong


def load_certificate(data: bytes) -> x509.Certificate:
    """Read one certificate in PEM or DER; raises Malformed."""
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise Malformed(f"a certificate is longer than {MAX_CERTIFICATE_BYTES} bytes")
    with decoding():
        if data.startswith(_SEQUENCE):
            return x509.load_der_x509_certificate(data)
        return x509.load_pem_x509_certificate(data)


def validity(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """Return notBefore and notAfter, in UTC; both belong to the validity."""
    with decoding():
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def extension(certificate: x509.Certificate, kind: type[_ExtensionT]) -> _ExtensionT | None:
    """Return one extension's value, None if it is absent."""
    with decoding():
        try:
            return certificate.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return None


def critical_extensions(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    """Return the OIDs of the extensions marked critical."""
    with decoding():
        return {each.oid for each in certificate.extensions if each.critical}


def require_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """Check that this issuer's name and key are on the certificate.

    The names are compared byte for byte. Raises BadSignature (also where the
    names differ), Unsupported (a weak key, or an algorithm such as SHA-1)
    and Malformed.
    """
    with decoding():
        oid = certificate.signature_algorithm_oid.dotted_string
        if oid not in BY_OID:
            raise Unsupported(f"a certificate is signed with {oid}, which is not accepted")
        if certificate.issuer != issuer.subject:
            raise BadSignature("a certificate names another issuer")
        algorithm_for(issuer.public_key())
        try:
            certificate.verify_directly_issued_by(issuer)
        except InvalidSignature as wrong:
            raise BadSignature("the signature of a certificate does not hold") from wrong
