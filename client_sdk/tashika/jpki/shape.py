"""The shape of JPKI's end-entity certificates, checked strictly: what is not known is refused.

Reads a certificate and vouches for nothing: whether the issuer's key is on it
is the business of :mod:`tashika.path.tier`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.errors import PkiError, ProfileRefused, WrongUse
from tashika.jpki.causes import JpkiCause
from tashika.pki.algorithms import algorithm_for
from tashika.pki.certificates import (
    critical_extensions,
    decoding,
    extension,
    load_certificate,
    public_key,
)
from tashika.pki.profile import (
    BasicItem,
    CertificatePolicy,
    Family,
    Hierarchy,
    authority_name,
)
from tashika.pki.profile_shape import KEY_USAGES

_MAX_SHOWN_OID = 60
_AUTHORITIES = {
    authority_name(family, hierarchy): (family, hierarchy)
    for family in (Family.SIGNATURE, Family.USER_AUTH)
    for hierarchy in Hierarchy
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What a family's certificates allow, in the words of their extensions."""

    usage: frozenset[str]
    extended: frozenset[x509.ObjectIdentifier]
    has_items: bool


_USES = {
    Family.SIGNATURE: _Use(
        usage=frozenset({"digital_signature", "content_commitment"}),  # nonRepudiation
        extended=frozenset(),
        has_items=True,
    ),
    Family.USER_AUTH: _Use(
        usage=frozenset({"digital_signature"}),
        extended=frozenset({ExtendedKeyUsageOID.CLIENT_AUTH}),
        has_items=False,
    ),
}


def read(certificate: x509.Certificate | bytes) -> x509.Certificate:
    """Read a certificate in PEM or DER; raises ProfileRefused, and WrongUse for other things."""
    if isinstance(certificate, x509.Certificate):
        return certificate
    if not isinstance(certificate, bytes):
        raise WrongUse("pass an x509.Certificate, or one in PEM or DER as bytes")
    with reading():
        return load_certificate(certificate)


@contextmanager
def reading() -> Iterator[None]:
    """Turn the errors of codecs into this package's refusal."""
    try:
        yield
    except PkiError as wrong:
        raise ProfileRefused(JpkiCause.MALFORMED, str(wrong)) from wrong


def recognise(
    certificate: x509.Certificate, policies: Mapping[str, CertificatePolicy], hierarchy: Hierarchy
) -> CertificatePolicy:
    """Say which kind of JPKI certificate this is; raises ProfileRefused for every other.

    1. The issuer is a JPKI CA by its name, of the hierarchy that is accepted; the
       serial number is positive (RFC 5280 4.1.2.2).
    2. There is one certificate policy, critical, known, and of that CA's kind.
    3. Key usage and extended key usage are exactly those of the family.
    4. The basic items are in a signature certificate, and only there.
    5. The key is of an accepted kind.
    """
    with reading():
        # 1
        family = _family(certificate, hierarchy)
        _require_serial(certificate)
        # 2
        policy = _policy(certificate, policies)
        if (policy.family, policy.hierarchy) != (family, hierarchy):
            raise ProfileRefused(JpkiCause.POLICY_CONTRADICTS_ISSUER)
        # 3
        use = _USES[family]
        _require_usage(certificate, use)
        # 4
        if use.has_items != any(each.type_id in _ITEMS for each in other_names(certificate)):
            raise ProfileRefused(JpkiCause.ITEMS_MISPLACED)
        # 5
        _require_key(certificate)
        return policy


def other_names(certificate: x509.Certificate) -> list[x509.OtherName]:
    """Return the otherNames of the subject; raises PkiError."""
    names = extension(certificate, x509.SubjectAlternativeName)
    return names.get_values_for_type(x509.OtherName) if names else []


def _family(certificate: x509.Certificate, wanted: Hierarchy) -> Family:
    with decoding("the issuer of a certificate"):
        found = _AUTHORITIES.get(certificate.issuer)
    if found is None:
        raise ProfileRefused(JpkiCause.NOT_JPKI)
    family, hierarchy = found
    if hierarchy is not wanted:
        raise ProfileRefused(JpkiCause.OTHER_HIERARCHY, f"{hierarchy}, not {wanted}")
    return family


def _require_serial(certificate: x509.Certificate) -> None:
    with decoding("the serial number of a certificate"):
        positive = certificate.serial_number > 0
    if not positive:
        raise ProfileRefused(JpkiCause.MALFORMED, "its serial number is not positive")


def _policy(
    certificate: x509.Certificate, policies: Mapping[str, CertificatePolicy]
) -> CertificatePolicy:
    listed = extension(certificate, x509.CertificatePolicies)
    critical = x509.CertificatePolicies.oid in critical_extensions(certificate)
    if listed is None or len(listed) != 1 or not critical:
        raise ProfileRefused(JpkiCause.POLICY_SHAPE)
    oid = listed[0].policy_identifier.dotted_string
    if oid not in policies:
        raise ProfileRefused(JpkiCause.POLICY_UNKNOWN, oid[:_MAX_SHOWN_OID])
    return policies[oid]


def _require_usage(certificate: x509.Certificate, use: _Use) -> None:
    usage = extension(certificate, x509.KeyUsage)
    critical = x509.KeyUsage.oid in critical_extensions(certificate)
    bits = {bit for bit in KEY_USAGES if getattr(usage, bit)} if usage else set[str]()
    if bits != use.usage or not critical:
        shown = ", ".join(sorted(bits)) or "none"
        raise ProfileRefused(JpkiCause.KEY_USAGE, shown if critical else f"{shown}, not critical")
    extended = extension(certificate, x509.ExtendedKeyUsage)
    if frozenset(extended or ()) != use.extended:
        raise ProfileRefused(JpkiCause.EXTENDED_KEY_USAGE)


def _require_key(certificate: x509.Certificate) -> None:
    try:
        algorithm_for(public_key(certificate))
    except PkiError as wrong:
        raise ProfileRefused(JpkiCause.KEY, str(wrong)) from wrong


_ITEMS = frozenset(map(x509.ObjectIdentifier, BasicItem))
