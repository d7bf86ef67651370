"""Forges certification paths of every right and wrong kind, with P-256 keys that are made once.

`pki.issue("EE", by="CA")` is in order in every respect; each keyword makes one thing different.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from support.crls import make_key
from tashika.path import TrustAnchor
from tashika.pki import der

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ARC = "2.25.77"
"""Policies of these tests are numbered below it."""

Extension = tuple[x509.ExtensionType, bool]
_SERIALS = count(1000)


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(*, certificates: bool = False, lists: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not (certificates or lists),
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=lists,
        encipher_only=False,
        decipher_only=False,
    )


def issue(
    subject: str | x509.Name,
    *,
    by: str,
    key: str | None = None,
    by_key: str | None = None,
    signed_by: str | None = None,
    ca: bool = False,
    path_length: int | None = None,
    key_usage: x509.KeyUsage | None = None,
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
    serial: int | None = None,
    key_ids: bool = True,
    extra: Iterable[Extension] = (),
) -> bytes:
    """Issue a certificate; a name's key is the one made from its name, unless told.

    `signed_by` puts another key under it than the one it says.
    """
    subject = named(subject) if isinstance(subject, str) else subject
    own = make_key(key or subject.rfc4514_string().removeprefix("CN="))
    issuer = make_key(by_key or by)
    builder = x509.CertificateBuilder(
        issuer_name=named(by),
        subject_name=subject,
        public_key=own.public_key(),
        serial_number=serial or next(_SERIALS),
        not_valid_before=AT + begins,
        not_valid_after=AT + ends,
    )
    extensions: list[Extension] = [*extra]
    if ca or path_length is not None:
        extensions.append((x509.BasicConstraints(ca=True, path_length=path_length), True))
    extensions.append((key_usage or usage(certificates=ca, lists=ca), True))
    if key_ids:
        subject_key = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        extensions += [(subject_key, False), (issuer_key, False)]
    for each, critical in extensions:
        builder = builder.add_extension(each, critical=critical)
    signer = make_key(signed_by) if signed_by else issuer
    return builder.sign(signer, SHA256()).public_bytes(Encoding.DER)


def root(name: str = "Root", *, key: str | None = None) -> bytes:
    return issue(name, by=name, key=key, by_key=key, ca=True)


def anchor(name: str = "Root", *, key: str | None = None) -> TrustAnchor:
    return TrustAnchor.of(root(name, key=key))


def policies(*numbers: int | str) -> Extension:
    oids = [each if isinstance(each, str) else f"{ARC}.{each}" for each in numbers]
    listed = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]
    return x509.CertificatePolicies(listed), False


def mappings(*pairs: tuple[int, int]) -> Extension:
    """Equate the issuer's policy with the subject's; pyca cannot write this extension."""
    listed = [
        der.sequence(der.oid(f"{ARC}.{one}"), der.oid(f"{ARC}.{other}")) for one, other in pairs
    ]
    oid = x509.ObjectIdentifier("2.5.29.33")
    return x509.UnrecognizedExtension(oid, der.sequence(*listed)), True


def names(*, permitted: Iterable[x509.GeneralName] = (), excluded: Iterable[x509.GeneralName] = ()):
    return x509.NameConstraints(list(permitted) or None, list(excluded) or None), True


def alternative(*given: x509.GeneralName) -> Extension:
    return x509.SubjectAlternativeName(given), False


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Writes CRLs by one name and key."""

    by: str
    key: str | None = None
    extra: tuple[Extension, ...] = field(default=())

    def crl(
        self,
        *revoked: int,
        number: int = 1,
        this_update: timedelta = -HOUR,
        next_update: timedelta = DAY,
        extra: Iterable[Extension] = (),
        reason: x509.ReasonFlags | None = None,
        entry_issuer: str | None = None,
    ) -> bytes:
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=named(self.by), last_update=AT + this_update, next_update=AT + next_update
        ).add_extension(x509.CRLNumber(number), critical=False)
        for each, critical in (*self.extra, *extra):
            builder = builder.add_extension(each, critical=critical)
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder(serial, AT - HOUR)
            if reason:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            if entry_issuer:
                issuer = x509.CertificateIssuer([x509.DirectoryName(named(entry_issuer))])
                entry = entry.add_extension(issuer, critical=True)
            builder = builder.add_revoked_certificate(entry.build())
        signed = builder.sign(make_key(self.key or self.by), SHA256())
        return signed.public_bytes(Encoding.DER)


def scope(
    *,
    full_name: Iterable[x509.GeneralName] | None = None,
    users: bool = False,
    cas: bool = False,
    some: frozenset[x509.ReasonFlags] | None = None,
    indirect: bool = False,
) -> Extension:
    value = x509.IssuingDistributionPoint(
        list(full_name) if full_name else None, None, users, cas, some, indirect, False
    )
    return value, True


def points(*given: x509.DistributionPoint) -> Extension:
    return x509.CRLDistributionPoints(given), False


def point(
    *full_name: x509.GeneralName,
    reasons: frozenset[x509.ReasonFlags] | None = None,
    crl_issuer: str | None = None,
) -> x509.DistributionPoint:
    issuer = [x509.DirectoryName(named(crl_issuer))] if crl_issuer else None
    return x509.DistributionPoint(list(full_name) or None, None, reasons, issuer)


def mesh(size: int) -> list[bytes]:
    """Cross-certify every CA of so many by every other: some size! paths, none to an anchor."""
    cas = [f"Mesh {each}" for each in range(size)]
    return [issue(one, by=other, ca=True) for one in cas for other in cas if one != other]
