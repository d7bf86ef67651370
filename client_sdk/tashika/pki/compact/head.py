"""The signed head of a compact set or of a delta: what it says, of whom, and what follows it.

Reading proves nothing: whom to believe is :mod:`tashika.compact.trust`'s business.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from hashlib import sha256

from tashika.pki.algorithms import SignatureAlgorithm
from tashika.pki.profile import Family

COMPACT_SIGNING = (
    "1.2.840.113556.1.8000.2554.44752.47074.36088.18438.46743.6530262.14365004.2"  # see RECEIPT
)
"""The extended key usage of a certificate whose key signs compact sets, and nothing else."""


class Kind(IntEnum):
    """What a file is."""

    SET = 1
    DELTA = 2


class Otherwise(IntEnum):
    """What a certificate is that is neither listed nor in the issued register."""

    GOOD = 1
    """There is no register, and the issuer's rule is that what is not listed is in force."""
    UNKNOWN = 2
    """Nothing is claimed of it."""
    NEVER_ISSUED = 3
    """There is a register, and it is outside."""
    REVOKED = 4
    """The issuer's key is compromised: everything under it is revoked, as of `Head.since`."""


class Part(IntEnum):
    """The sections, in the order in which they stand in a file."""

    TARGET = 1
    """Of a delta: the head of the set that it leads to."""
    LISTED = 2
    """The serials revoked or on hold; of a delta, as the next two, those that come or go."""
    HELD = 3
    """Those of them that are on hold."""
    ISSUED = 4
    """Where ranges of the issued register begin and where, one behind their last, they end."""
    TOUCHED = 5
    """Of a delta: the listed serials of which the next three say something new."""
    REASONS = 6
    """One octet for each listed serial: 0 where no reason is stated, else the reason + 1."""
    TIMES = 7
    """Four octets for each: when it was revoked, in seconds since 1970 UTC."""
    INVALIDITY = 8
    """Eight octets for each: when the key was lost, likewise, or NOT_STATED."""

    @property
    def is_detail(self) -> bool:
        """True for what a file may lack and still tell what is revoked."""
        return self >= Part.REASONS

    @property
    def is_set(self) -> bool:
        """True for sets of serial numbers (:mod:`tashika.pki.compact.serials`)."""
        return Part.LISTED <= self <= Part.TOUCHED


NOT_STATED = -(1 << 63)
COLUMNS = {Part.REASONS: 1, Part.TIMES: 4, Part.INVALIDITY: 8}
"""The octets of one value; numbers have the lowest octet first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a file; they follow each other without a gap, so none has an offset."""

    part: Part
    count: int
    """How many serials or values it has."""
    octets: int
    """Of a key of the directory, or of a value."""
    length: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Base:
    """The set that a delta changes."""

    number: int
    sha256: bytes
    """Of its head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the signer says."""

    kind: Kind
    issuer: bytes
    """IssuerIdentity.fingerprint: name and key."""
    family: Family
    number: int
    """Of two sets of an issuer the newer has the higher number."""
    this_update: datetime
    """As of when the revocation data behind it is."""
    next_update: datetime
    produced_at: datetime
    """When it was signed."""
    otherwise: Otherwise
    signer: bytes
    """SHA-256 of the signer's SubjectPublicKeyInfo."""
    sections: tuple[Section, ...]
    base: Base | None = None
    since: datetime | None = None
    """As of when what is not listed is revoked, where `otherwise` says that it is."""

    def section(self, part: Part) -> Section | None:
        """Return the section of a part, if there is one."""
        return next((each for each in self.sections if each.part is part), None)

    @property
    def parts(self) -> set[Part]:
        """Return what there is."""
        return {each.part for each in self.sections}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head as it was read; nobody has checked its signature yet."""

    head: Head
    encoded: bytes = field(repr=False)
    """All of it in DER, signature and certificate included."""
    tbs: bytes = field(repr=False)
    """What is signed."""
    algorithm: SignatureAlgorithm
    signature: bytes = field(repr=False)
    certificate: bytes | None = field(repr=False)
    """The signer's, in DER, unless whoever reads it knows the key."""

    @property
    def sha256(self) -> bytes:
        """What the next delta is linked to this set by."""
        return sha256(self.encoded).digest()
