"""CRLs as the lab's own CA might sign them on a bad day: one thing is different, the rest in order.

Written with pyca from the list that is in force. `support.crls` writes what pyca would refuse to.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from support.lab import crl_of
from tashika_server.lab import Certificate, World

Extensions = Sequence[tuple[x509.ExtensionType, bool]]

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1"), b"\x05\x00")


def forge(
    world: World,
    certificate: Certificate,
    *,
    entries: Iterable[x509.RevokedCertificate] | None = None,
    number: int | None = 1,
    this_update: datetime | None = None,
    next_update: datetime | None = None,
    extra: Extensions = (),
    without: Iterable[x509.ObjectIdentifier] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Write another list in place of the one in force that speaks of a certificate.

    `number` is how far its number is ahead; None leaves it out.
    """
    model = crl_of(world, certificate)
    (authority,) = [
        each for each in world.premises.authorities() if each.name == certificate.issuer
    ]
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=model.issuer,
        last_update=this_update or model.last_update_utc,
        next_update=next_update or model.next_update_utc,
        revoked_certificates=list(model if entries is None else entries),
    )
    for value, critical in [*_kept(model, number, without), *extra]:
        builder = builder.add_extension(value, critical)
    signed = builder.sign(key or authority.key, SHA384())
    return signed.public_bytes(Encoding.DER)


def _kept(
    model: x509.CertificateRevocationList,
    ahead: int | None,
    without: Iterable[x509.ObjectIdentifier],
) -> Extensions:
    kept: list[tuple[Any, bool]] = []
    for extension in model.extensions:
        value: Any = extension.value
        if isinstance(value, x509.CRLNumber):
            if ahead is None:
                continue
            value = x509.CRLNumber(value.crl_number + ahead)
        if extension.oid not in without:
            kept.append((value, extension.critical))
    return kept


def entry(serial: int, at: datetime, *extensions: x509.ExtensionType) -> x509.RevokedCertificate:
    """Write one entry of a list."""
    builder = x509.RevokedCertificateBuilder(serial, at)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.build()
