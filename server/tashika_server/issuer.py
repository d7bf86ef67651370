"""What the service knows of an issuer: one CA key generation whose revocations it serves.

Values only; reading them from a configuration file is `config`'s business, and what the
issuer has revoked is in the index.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile import Family

__all__ = [
    "FRESHEST",
    "Bounds",
    "Covers",
    "Environment",
    "Expected",
    "Issuer",
    "NeverIssued",
    "Numbering",
    "Partition",
    "Probe",
    "PushFeed",
    "Retention",
    "Retentions",
    "WithoutRegister",
]

FRESHEST = "freshest-crl"
"""In place of the URL of a delta: whatever the complete CRL names as such (RFC 5280 5.2.6)."""


class Environment(StrEnum):
    """Which hierarchy of issuers is served; an agreement is about one of the two."""

    PRODUCTION = "production"
    TEST = "test"


class WithoutRegister(StrEnum):
    """What an unlisted serial is while no issued register is loaded.

    The default claims nothing: 'good' needs evidence or this stated policy.
    """

    UNKNOWN = "unknown"
    GOOD = "good"


class NeverIssued(StrEnum):
    """What a serial outside the issued register is (T19).

    The default is RFC 6960 2.2's "revoked" with the extended-revoked extension, so that a
    certificate the issuer does not know of can never pass.
    """

    EXTENDED_REVOKED = "extended-revoked"
    UNKNOWN = "unknown"


class Numbering(StrEnum):
    """What the issuer promises of its CRL numbers; RFC 5280 5.2.3 asks that they ascend."""

    ASCENDING = "ascending"
    CONSECUTIVE = "consecutive"
    """One after the other, and each of them can be had: a hole is a CRL that was missed (T10)."""


class Expected(StrEnum):
    """What the answer about a probe is to say."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A serial whose standing is known for certain, for `doctor` to ask about (T12)."""

    serial: int
    standing: Expected


class Covers(StrEnum):
    """Which certificates a CRL without a distribution point may restrict itself to.

    The default lets it leave nothing out; a partition never holds but user certificates.
    """

    EVERYTHING = "everything"
    USER_CERTIFICATES = "user-certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One CRL of an issuer and where to fetch it.

    `name` is the name its issuing distribution point must carry (RFC 5280 5.2.5): the text of
    the directoryName or the URI. The empty name is the complete CRL, which has none.
    """

    name: str
    url: str
    mirrors: tuple[str, ...] = ()
    """Where else the same file is, in the order in which they are to be asked."""
    delta: str | None = None
    """Where deltas to it are, or FRESHEST; then only at hosts that are named here."""
    covers: Covers = Covers.EVERYTHING
    crl_issuer: x509.Certificate | None = None
    """Who signs it, where that is not the issuer's own key: an indirect CRL (RFC 5280 5.2.5) of
    whatever name, or any of the issuer's name.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFeed:
    """Where an issuer says at once what has changed, and the key it signs that with."""

    url: str
    key: ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far the entries of one partition may move before a person must look."""

    max_shrink: float = 0.05
    """The part of the listed entries that may vanish within a day, released holds not counted."""
    max_growth: float = 0.5
    """The part of the listed entries that may be added."""
    shrink_slack: int = 5
    """Entries that may vanish in it whatever the fraction: a small partition expires in ones."""
    growth_slack: int = 1000
    """Entries that may be added whatever the fraction: a small partition grows in bursts."""
    max_validity: timedelta = timedelta(days=10)
    """From thisUpdate to nextUpdate (T11); the CA/Browser Forum's for CRLs of end entities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long an issuer's files and events are kept, and by which rule."""

    keep: timedelta
    basis: str
    """What the ledger says of it, as `agreements.act` cites: version and articles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retentions:
    """The periods of all issuers."""

    usual: Retention
    """Of issuers that are served no longer, too."""
    own: Mapping[bytes, Retention]
    """Of issuers by their fingerprints."""

    def of(self, fingerprint: bytes) -> Retention:
        """Return an issuer's."""
        return self.own.get(fingerprint, self.usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One CA key generation; matched by its key, never by its name alone.

    All generations of a JPKI CA share one name, so `identity` (name and key together) is what
    the index and the responder look up by. `partitions` is never empty.
    """

    name: str
    family: Family
    certificate: x509.Certificate
    identity: IssuerIdentity
    partitions: tuple[Partition, ...]
    register: Path | None
    without_register: WithoutRegister
    never_issued: NeverIssued
    archive_cutoff: timedelta | None
    bounds: Bounds
    feed: PushFeed | None = None
    guarded: frozenset[int] = frozenset()
    """Serials of its own: CAs' and OCSP signers', which no single file may revoke (T16)."""
    operator: str | None = None
    """The operator of record, where the issuer has delegated its duties (predecessor law, 34)."""
    probes: tuple[Probe, ...] = ()
    numbering: Numbering = Numbering.ASCENDING
    published: Path | None = None
    """The issuer's own list of the CRLs it has published, to be compared with ours (T10)."""
    keep: timedelta | None = None
    """How long its files and events are kept; None where `[files] keep` says it."""
    keep_basis: str | None = None
    """By which rule; None for that of its family."""
