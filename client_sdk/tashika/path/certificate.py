"""A certificate as path validation sees it: read once, whole, or refused.

Frame and extensions are walked by our own bounded reader, values by
pyca/cryptography; whatever either refuses is refused.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.errors import WrongUse
from tashika.path.names import Comparable, comparable
from tashika.pki import der
from tashika.pki.algorithms import SignatureAlgorithm, read_algorithm
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import decoding, extension, load_certificate, validity
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import read_extensions

_NAME_CONSTRAINTS, _POLICY_MAPPINGS = "2.5.29.30", "2.5.29.33"
_EC_KEY = "1.2.840.10045.2.1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PathCertificate:
    """One certificate, read; nothing about it is verified."""

    encoded: bytes
    fingerprint: bytes
    """SHA-256 of the certificate."""
    certificate: x509.Certificate
    identity: IssuerIdentity
    """Name and key, for CertIDs of what it issued."""
    key_hash: bytes
    """SHA-256 of the SubjectPublicKeyInfo, algorithm included."""
    subject: Comparable
    issuer: Comparable
    tbs: bytes
    algorithm: SignatureAlgorithm | None
    """None where it is not one of ours."""
    signature: bytes
    validity: tuple[datetime, datetime]
    critical: frozenset[str]
    constraints: x509.BasicConstraints | None
    usage: x509.KeyUsage | None
    purposes: x509.ExtendedKeyUsage | None
    policies: x509.CertificatePolicies | None
    mappings: tuple[tuple[str, str], ...]
    """Pairs of policies: the issuer's, and the subject's that counts as it."""
    policy_constraints: x509.PolicyConstraints | None
    inhibit_any: x509.InhibitAnyPolicy | None
    name_constraints: x509.NameConstraints | None
    points: x509.CRLDistributionPoints | None
    alternative_names: tuple[x509.GeneralName, ...]
    key_id: bytes | None
    authority_key_id: bytes | None
    serial: int

    @property
    def self_issued(self) -> bool:
        """True where a CA speaks of itself: a link between its keys (RFC 5280 3.2)."""
        return self.subject == self.issuer

    @property
    def is_ca(self) -> bool:
        """True for a CA's certificate."""
        return self.constraints is not None and self.constraints.ca

    @property
    def holder(self) -> tuple[Comparable, bytes]:
        """Name and key together: what a path may hold only once."""
        return self.subject, self.key_hash

    def __repr__(self) -> str:
        """Name nobody: a certificate is personal data."""
        return f"<PathCertificate {self.fingerprint.hex()[:8]}>"


Given = x509.Certificate | bytes | PathCertificate
"""A certificate: in PEM or DER, as pyca has it, or read already."""


def as_path_certificate(given: Given) -> PathCertificate:
    """Read what is not read yet; raises as read_certificate() does."""
    return given if isinstance(given, PathCertificate) else read_certificate(given)


def read_certificate(given: x509.Certificate | bytes) -> PathCertificate:
    """Read a certificate in PEM or DER, all of it.

    Raises Malformed, also for a serial number below zero (RFC 5280 4.1.2.2),
    Unsupported, and WrongUse for what is neither certificate nor bytes.
    """
    if not isinstance(given, bytes | x509.Certificate):
        raise WrongUse(f"pass an x509.Certificate or PEM or DER bytes, not {type(given).__name__}")
    if isinstance(given, bytes):
        _refuse_negative_serial(given)
        given = load_certificate(given)
    with decoding("a certificate"):
        encoded = given.public_bytes(Encoding.DER)
        subject, issuer = comparable(given.subject), comparable(given.issuer)
        serial = given.serial_number
    frame = _Frame(encoded)
    alternative = extension(given, x509.SubjectAlternativeName)
    key_id = extension(given, x509.SubjectKeyIdentifier)
    authority = extension(given, x509.AuthorityKeyIdentifier)
    return PathCertificate(
        encoded=encoded,
        fingerprint=sha256(encoded).digest(),
        certificate=given,
        identity=IssuerIdentity.of(given),
        key_hash=sha256(frame.key).digest(),
        subject=subject,
        issuer=issuer,
        serial=serial,
        tbs=frame.tbs,
        algorithm=frame.algorithm,
        signature=frame.signature,
        validity=validity(given),
        critical=frame.critical,
        constraints=extension(given, x509.BasicConstraints),
        usage=extension(given, x509.KeyUsage),
        purposes=extension(given, x509.ExtendedKeyUsage),
        policies=extension(given, x509.CertificatePolicies),
        mappings=frame.mappings,
        policy_constraints=extension(given, x509.PolicyConstraints),
        inhibit_any=extension(given, x509.InhibitAnyPolicy),
        name_constraints=extension(given, x509.NameConstraints),
        points=extension(given, x509.CRLDistributionPoints),
        alternative_names=tuple(alternative or ()),
        key_id=key_id.digest if key_id else None,
        authority_key_id=authority.key_identifier if authority else None,
    )


class _Frame:
    """What pyca does not tell: both algorithms, the key, policy mappings, odd name constraints."""

    def __init__(self, encoded: bytes) -> None:
        fields = der.Reader(encoded).only(der.SEQUENCE)
        self.tbs = fields.element(der.SEQUENCE)
        named = fields.element(der.SEQUENCE)
        self.signature = fields.bits()
        fields.done()
        inside = der.Reader(self.tbs).only(der.SEQUENCE)
        inside.maybe(der.explicit(0))
        inside.natural()
        if inside.element(der.SEQUENCE) != named:  # RFC 5280 4.1.1.2
            raise Malformed("a certificate names two different signature algorithms")
        for _ in ("issuer", "validity", "subject"):
            inside.element(der.SEQUENCE)
        self.key = inside.element(der.SEQUENCE)
        _require_named_curve(self.key)
        inside.maybe(der.implicit(1))
        inside.maybe(der.implicit(2))
        tagged = inside.maybe(der.explicit(3))
        inside.done()
        extensions = read_extensions(tagged) if tagged else {}
        self.critical = frozenset(each.oid for each in extensions.values() if each.critical)
        try:
            self.algorithm: SignatureAlgorithm | None = read_algorithm(named)
        except Unsupported:
            self.algorithm = None
        if _NAME_CONSTRAINTS in extensions:
            _require_plain_subtrees(extensions[_NAME_CONSTRAINTS].value)
        mappings = extensions.get(_POLICY_MAPPINGS)
        self.mappings = mappings.read(_read_mappings) if mappings else ()


def _refuse_negative_serial(data: bytes) -> None:
    """Look before pyca does: it warns of such a number, and the warning is the program's."""
    if data[:1] == b"\x30":
        inside = der.Reader(data).only(der.SEQUENCE).take(der.SEQUENCE)
        inside.maybe(der.explicit(0))
        inside.natural()


def _require_named_curve(key: bytes) -> None:
    # RFC 5480 2.1.1: a curve is named. One that is spelt out may be another (CVE-2020-0601).
    algorithm = der.Reader(key).take(der.SEQUENCE).take(der.SEQUENCE)
    if algorithm.oid() == _EC_KEY and algorithm.peek() != der.OID:
        raise Unsupported("a key is on a curve that is spelt out and not named")


def _read_mappings(value: der.Reader) -> tuple[tuple[str, str], ...]:
    pairs, listed = list[tuple[str, str]](), value.take(der.SEQUENCE)
    while listed.more:
        pair = listed.take(der.SEQUENCE)
        pairs.append((pair.oid(), pair.oid()))
        pair.done()
    return tuple(pairs)


def _require_plain_subtrees(value: bytes) -> None:
    # RFC 5280 4.2.1.10: minimum is 0 and maximum absent; pyca reads neither.
    kinds = der.Reader(value).only(der.SEQUENCE)
    while kinds.more:
        subtrees = kinds.take(kinds.peek())
        while subtrees.more:
            subtree = subtrees.take(der.SEQUENCE)
            subtree.element()
            if subtree.more:
                raise Unsupported("a name constraint has a minimum or a maximum")
