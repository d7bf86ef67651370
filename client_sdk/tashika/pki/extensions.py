"""The Extensions of requests, answers and CRLs (RFC 5280 4.2), and the OIDs read here.

Not for the extensions of certificates: :mod:`tashika.pki.certificates`.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from tashika.pki import der
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.limits import MAX_EXTENSIONS

T = TypeVar("T")

NONCE = "1.3.6.1.5.5.7.48.1.2"
ACCEPTABLE_RESPONSES = "1.3.6.1.5.5.7.48.1.4"
ARCHIVE_CUTOFF = "1.3.6.1.5.5.7.48.1.6"
PREFERRED_SIGNATURE_ALGORITHMS = "1.3.6.1.5.5.7.48.1.8"
EXTENDED_REVOKE = "1.3.6.1.5.5.7.48.1.9"
CRL_NUMBER = "2.5.29.20"
CRL_REASON = "2.5.29.21"
INVALIDITY_DATE = "2.5.29.24"
DELTA_CRL_INDICATOR = "2.5.29.27"
ISSUING_DISTRIBUTION_POINT = "2.5.29.28"
CERTIFICATE_ISSUER = "2.5.29.29"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
FRESHEST_CRL = "2.5.29.46"


class UnknownCriticalExtension(Unsupported):
    """An extension that is not understood insists on being understood."""


class Extension(NamedTuple):
    """One extension, its value still DER."""

    oid: str
    critical: bool
    value: bytes

    def read(self, reading: Callable[[der.Reader], T]) -> T:
        """Read the one element that the value consists of."""
        value = der.Reader(self.value)
        result = reading(value)
        value.done()
        return result


def read_extensions(parent: der.Reader) -> dict[str, Extension]:
    """Read ``SEQUENCE OF Extension``, the one element of ``parent``, by OID.

    Raises Malformed for an empty list, a repeated extension (RFC 5280 4.2) or
    more than MAX_EXTENSIONS of them.
    """
    listed, found = parent.only(der.SEQUENCE), dict[str, Extension]()
    while listed.more:
        extension = _read_extension(listed.take(der.SEQUENCE))
        if extension.oid in found or len(found) == MAX_EXTENSIONS:
            raise Malformed("an extension is repeated, or there are too many")
        found[extension.oid] = extension
    if not found:
        raise Malformed("a list of extensions is empty")
    return found


def _read_extension(fields: der.Reader) -> Extension:
    oid = fields.oid()
    # "critical FALSE" written out is not DER, yet common enough to be let through.
    critical = fields.boolean() if fields.peek() == der.BOOLEAN else False
    extension = Extension(oid, critical, fields.octets())
    fields.done()
    return extension


def unknown_critical(
    extensions: dict[str, Extension], understood: frozenset[str]
) -> tuple[str, ...]:
    """Return the OIDs that are critical and not understood."""
    return tuple(
        each.oid for each in extensions.values() if each.critical and each.oid not in understood
    )


def read_known_extensions(
    parent: der.Reader | None, understood: frozenset[str]
) -> dict[str, Extension]:
    """Read extensions, none where ``parent`` is absent; raises UnknownCriticalExtension too."""
    extensions = read_extensions(parent) if parent else {}
    if unknown := unknown_critical(extensions, understood):
        raise UnknownCriticalExtension(f"critical extension {unknown[0]} is not understood")
    return extensions


def write_extension(oid: str, value: bytes) -> bytes:
    """Write one non-critical extension around the DER ``value``."""
    return der.sequence(der.oid(oid), der.octet_string(value))
