"""Forges CAs and CRLs of every right and wrong kind, fast, with asn1crypto and P-256 keys.

Independent of our own decoder. `ca.crl([1, 2], number=7)` is in order in every respect; each
keyword makes one thing different.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from asn1crypto import core
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile import Family
from tashika_server.issuer import Bounds, Issuer, NeverIssued, Partition, WithoutRegister

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FOUNDED = AT - 400 * DAY

UNIT = "JPKI for user authentication"
POINT = f"C=JP, O=JPKI-SIM, OU={UNIT}, OU=CRL Distribution Points, OU=Kanagawa-ken, CN="
NAKA, NISHI = f"{POINT}Yokohama-shi-Naka-ku CRLDP", f"{POINT}Yokohama-shi-Nishi-ku CRLDP"

_SHORT = {
    "C": "country_name",
    "O": "organization_name",
    "OU": "organizational_unit_name",
    "CN": "common_name",
}


@dataclass(frozen=True)
class Row:
    """One entry; `extra` are further extensions: (OID, critical, DER)."""

    serial: int
    at: datetime = AT - DAY
    reason: str | None = None
    since: datetime | None = None
    extra: tuple[tuple[str, bool, bytes], ...] = ()


Rows = Iterable[Row | int]


def hold(serial: int) -> Row:
    return Row(serial, reason="certificate_hold")


@cache
def make_key(which: str) -> ec.EllipticCurvePrivateKey:
    """Make the key of this name, the same in every process."""
    return ec.derive_private_key(int.from_bytes(sha256(which.encode()).digest()), ec.SECP256R1())


@dataclass(frozen=True, kw_only=True)
class Ca:
    """One key generation of a CA."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def found(cls, generation: str = "g3", *, unit: str = UNIT, may_sign_crls: bool = True) -> "Ca":
        """Generations of the same unit have the same name."""
        key = make_key(f"{unit} {generation}")
        name = _name(unit)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, FOUNDED, AT + 3000 * DAY)
        usage = dict.fromkeys(_USAGES, False) | {
            "key_cert_sign": True,
            "crl_sign": may_sign_crls,
        }
        key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        for extension, critical in (
            (x509.KeyUsage(**usage), True),
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (key_id, False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        return cls(key=key, certificate=builder.sign(key, SHA256()))

    @property
    def key_id(self) -> bytes:
        extension = x509.SubjectKeyIdentifier
        return self.certificate.extensions.get_extension_for_class(extension).value.digest

    def issuer(
        self,
        partitions: dict[str, str],
        *,
        name: str = "user-auth-g3",
        family: Family = Family.USER_AUTH,
        register: Path | None = None,
        bounds: Bounds | None = None,
    ) -> Issuer:
        """Return the issuer as configured: partitions by name, each with its URL."""
        return Issuer(
            name=name,
            family=family,
            certificate=self.certificate,
            identity=IssuerIdentity.of(self.certificate),
            partitions=tuple(Partition(name=name, url=url) for name, url in partitions.items()),
            register=register,
            without_register=WithoutRegister.UNKNOWN,
            never_issued=NeverIssued.EXTENDED_REVOKED,
            archive_cutoff=None,
            bounds=bounds or Bounds(),
        )

    def crl(
        self,
        rows: Rows = (),
        *,
        number: int | None = 1,
        this_update: datetime = AT - HOUR,
        next_update: datetime | None = AT + DAY,
        scope: str | None = None,
        scope_flags: dict[str, Any] | None = None,
        base: int | None = None,
        key_id: bytes | None = b"own",
        extra: Sequence[tuple[str, bool, bytes]] = (),
        named: "Ca | None" = None,
        signed_by: "Ca | None" = None,
        spoil_signature: bool = False,
        version: str = "v2",
    ) -> bytes:
        """Write a CRL; `scope` is the distribution point's name or URI, None leaves it out."""
        extensions = list(extra)
        if key_id is not None:
            identifier = {"key_identifier": self.key_id if key_id == b"own" else key_id}
            der = asn1_x509.AuthorityKeyIdentifier(identifier).dump()
            extensions.append(("2.5.29.35", False, der))
        if number is not None:
            extensions.append(("2.5.29.20", False, core.Integer(number).dump()))
        if base is not None:
            extensions.append(("2.5.29.27", True, core.Integer(base).dump()))
        if scope is not None or scope_flags is not None:
            extensions.append(("2.5.29.28", True, _scope(scope, scope_flags or {})))
        issuer_name = (named or self).certificate.subject.public_bytes()
        tbs = asn1_crl.TbsCertList(
            {
                "version": version,
                "signature": {"algorithm": "sha256_ecdsa"},
                "issuer": asn1_x509.Name.load(issuer_name),
                "this_update": _time(this_update),
                "next_update": _time(next_update) if next_update else None,
                "revoked_certificates": [_row(row) for row in rows] or None,
                "crl_extensions": _extensions(extensions) or None,
            }
        )
        body = (signed_by or self).sign(tbs)
        return body[:-1] + bytes((body[-1] ^ 1,)) if spoil_signature else body

    def sign(self, tbs: asn1_crl.TbsCertList) -> bytes:
        signed = {
            "tbs_cert_list": tbs,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": self.key.sign(tbs.dump(), ec.ECDSA(SHA256())),
        }
        return bytes(asn1_crl.CertificateList(signed).dump())

    def altered(self, body: bytes, old: bytes, new: bytes) -> bytes:
        """Replace bytes in a CRL by as many others and sign it again."""
        tbs = asn1_crl.CertificateList.load(body)["tbs_cert_list"].dump()
        assert tbs.count(old) == 1
        return self.sign(asn1_crl.TbsCertList.load(tbs.replace(old, new)))


def listed(body: bytes) -> dict[int, datetime]:
    """Read a CRL with asn1crypto: what it lists, and since when."""
    rows = asn1_crl.CertificateList.load(body)["tbs_cert_list"]["revoked_certificates"]
    # No extension is looked into: one that means nothing to us may hold anything.
    return {row["user_certificate"].native: row["revocation_date"].native for row in rows or ()}


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _name(unit: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "JPKI-SIM"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        ]
    )


def _row(row: Row | int) -> dict[str, Any]:
    row = Row(row) if isinstance(row, int) else row
    extensions = list(row.extra)
    if row.reason is not None:
        extensions.append(("2.5.29.21", False, asn1_crl.CRLReason(row.reason).dump()))
    if row.since is not None:
        extensions.append(("2.5.29.24", False, core.GeneralizedTime(row.since).dump()))
    return {
        "user_certificate": row.serial,
        "revocation_date": _time(row.at),
        "crl_entry_extensions": _extensions(extensions) or None,
    }


def _time(at: datetime) -> asn1_x509.Time:
    kind = "utc_time" if 1950 <= at.year < 2050 else "general_time"
    return asn1_x509.Time(name=kind, value=at)


def _extensions(extensions: Sequence[tuple[str, bool, bytes]]) -> list[dict[str, Any]]:
    return [
        {"extn_id": oid, "critical": critical, "extn_value": core.ParsableOctetString(der)}
        for oid, critical, der in extensions
    ]


def _scope(name: str | None, flags: dict[str, Any]) -> bytes:
    fields = dict(flags)
    if name is not None:
        point = asn1_x509.GeneralNames([_general_name(name)])
        fields["distribution_point"] = asn1_x509.DistributionPointName("full_name", point)
    return bytes(asn1_crl.IssuingDistributionPoint(fields).dump())


def _general_name(name: str) -> asn1_x509.GeneralName:
    if "://" in name:
        return asn1_x509.GeneralName("uniform_resource_identifier", name)
    parts = [part.split("=", 1) for part in name.split(", ")]
    relative = [
        asn1_x509.RelativeDistinguishedName(
            [asn1_x509.NameTypeAndValue({"type": _SHORT[kind], "value": _text(kind, value)})]
        )
        for kind, value in parts
    ]
    directory = asn1_x509.Name("", asn1_x509.RDNSequence(relative))
    return asn1_x509.GeneralName("directory_name", directory)


def _text(kind: str, value: str) -> asn1_x509.DirectoryString | core.PrintableString:
    if kind == "C":
        return asn1_x509.DirectoryString("printable_string", core.PrintableString(value))
    return asn1_x509.DirectoryString("utf8_string", core.UTF8String(value))
