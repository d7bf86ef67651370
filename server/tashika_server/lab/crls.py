"""The CRL of one key generation and one municipality.

Complete for its scope, never a delta, never indirect. Its critical issuing distribution point
names the directory name that the certificates carry (RFC 5280 5.2.5).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki.standing import Reason
from tashika_server.lab.authorities import Authority
from tashika_server.lab.keys import signing_hash
from tashika_server.lab.municipalities import Municipality
from tashika_server.lab.naming import distribution_point

__all__ = ["LIFETIME", "REPUBLISHED_AFTER", "Listed", "revocation_list"]

REPUBLISHED_AFTER = timedelta(days=1)
"""J-LIS renews its CRLs daily."""

LIFETIME = timedelta(days=2)
"""One missed round leaves the lists in force; the real lifetime is not public."""

_REASONS = {
    Reason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    Reason.CA_COMPROMISE: x509.ReasonFlags.ca_compromise,
    Reason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    Reason.SUPERSEDED: x509.ReasonFlags.superseded,
    Reason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    Reason.CERTIFICATE_HOLD: x509.ReasonFlags.certificate_hold,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One revoked or held certificate of an issuer."""

    issuer: str
    municipality: str
    serial: int
    not_after: datetime
    revoked_at: datetime
    reason: Reason
    invalid_since: datetime | None


def revocation_list(
    authority: Authority,
    place: Municipality | None,
    entries: Iterable[Listed],
    *,
    number: int,
    at: datetime,
) -> bytes:
    """Sign the list of what `place` issued, in the order given, as of `at`.

    Without a place it is the authority's one complete list, which has no distribution point.
    """
    # The constructor takes the whole list; adding one by one would copy it each time.
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=authority.certificate.subject,
        revoked_certificates=[_entry(listed) for listed in entries],
    )
    builder = (
        builder.last_update(at)
        .next_update(at + LIFETIME)
        .add_extension(authority.key_identifier_only, critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    if place is not None:
        builder = builder.add_extension(_point(authority, place), critical=True)
    signed = builder.sign(authority.key, signing_hash(authority.key))
    return signed.public_bytes(Encoding.DER)


def _point(authority: Authority, place: Municipality) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.DirectoryName(distribution_point(authority.family, place))],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _entry(listed: Listed) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(listed.serial)
        .revocation_date(listed.revoked_at)
    )
    if listed.reason is not Reason.UNSPECIFIED:  # RFC 5280 5.3.1: absent rather than 0
        builder = builder.add_extension(x509.CRLReason(_REASONS[listed.reason]), critical=False)
    if listed.invalid_since:
        builder = builder.add_extension(x509.InvalidityDate(listed.invalid_since), critical=False)
    return builder.build()
