"""Agreements as the workers know them: compiled, immutable, complete.

The registry compiles them, the snapshot file carries them, the gate enforces them. Values
only: no look-ups, no database, no clock. What lies in the future (an end, a halt, the next
version) is in here with its time, so that it bites without anybody compiling again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from tashika.pki.profile import Family
from tashika_server.issuer import Environment

__all__ = [
    "Credential",
    "CredentialKind",
    "Environment",
    "Grant",
    "Halt",
    "HaltKind",
    "Method",
    "Network",
    "Purpose",
    "Terms",
    "key_digest",
    "secret_digest",
]

Network = IPv4Network | IPv6Network


class Method(StrEnum):
    """The way in which information is provided."""

    OCSP = "ocsp"
    FILE = "file"
    """失効情報ファイル (CRL)."""
    CORRESPONDING = "corresponding"
    """対応証明書の発行の番号."""
    STATUS_API = "status-api"


class Purpose(StrEnum):
    """What the verifier asks for; the Act narrows the use to it."""

    SIGNATURE_VERIFICATION = "signature-verification"
    """署名検証: on receipt of a signed document or of a proof of identity."""
    CURRENT_STATUS = "current-status"
    """現況確認: a certificate registered earlier is looked at again."""


class CredentialKind(StrEnum):
    """How a verifier shows who it is."""

    MTLS_KEY = "mtls-key"
    """A client certificate with a pinned key, whoever issued it."""
    MTLS_CA = "mtls-ca"
    """A client certificate of a named CA with a given subject."""
    TOKEN = "token"  # noqa: S105 - the name of a kind
    """A bearer token in the Authorization header."""
    PATH_TOKEN = "path-token"  # noqa: S105 - the name of a kind
    """A token in the URL, for OCSP clients that can set nothing else."""
    SIGNED_REQUEST = "signed-request"
    """RFC 6960 optionalSignature, made with a pinned key."""


class HaltKind(StrEnum):
    """Why provision is stopped, in the order in which the gate looks."""

    NOTIFICATION = "notification"
    """The notification (17(1), 17(5), 36(1)) is missing or withdrawn."""
    ACCREDITATION = "accreditation"
    """The accreditation (17(2)) is not in force."""
    SUSPENSION = "suspension"
    """提供の停止 (18(4), 18(5), 37(3) of the 2013 text)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One line of an agreement's scope."""

    family: Family
    method: Method
    issuers: frozenset[str] | None = None
    """Names of issuers in the configuration; None is every issuer of the family."""
    purposes: frozenset[Purpose] = frozenset(Purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What one holder proves itself by, from `valid_from` until before `valid_to`."""

    id: str
    kind: CredentialKind
    digest: bytes
    """secret_digest() of a token; key_digest() of the pinned, the CA's or the signer's key."""
    valid_from: datetime
    valid_to: datetime
    subject: str | None = None
    """For MTLS_CA: the subject just as `tashika.pki.names.name_text` writes it."""
    authority: bytes | None = None
    """For MTLS_CA: the CA's SubjectPublicKeyInfo, DER; `digest` is its digest."""
    barred: frozenset[bytes] = frozenset()
    """For MTLS_CA: key_digest() of certificates that were revoked though the subject stays."""
    holder: str | None = None
    """The tenant or confirmer that uses it; None is the verifier itself."""
    revoked_at: datetime | None = None
    """When it was withdrawn before its end (T25)."""
    rate: float | None = None
    """Statuses a second of this credential alone, within the agreement's; None: no own limit."""
    burst: int | None = None
    """Statuses at once of this credential alone; goes with `rate`."""

    def __post_init__(self) -> None:
        if len(self.digest) != hashlib.sha256().digest_size:
            raise ValueError(f"{self.id}: a digest has 32 bytes")
        if (self.kind is CredentialKind.MTLS_CA) != bool(self.subject and self.authority):
            raise ValueError(f"{self.id}: a subject and a CA's key go with mtls-ca, and only there")
        if (self.rate is None) != (self.burst is None):
            raise ValueError(f"{self.id}: rate and burst go together")
        _in_order(self.id, self.valid_from, self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Stops provision from `since` until before `until`; None is until further notice."""

    kind: HaltKind
    since: datetime
    until: datetime | None = None
    family: Family | None = None
    """None is every family."""
    method: Method | None = None
    """None is every method."""
    holder: str | None = None
    """One tenant or confirmer; None is the whole agreement."""
    ground: str = ""
    """The code of the ground."""
    article: str = ""
    """The act version and the article, such as `2013 18(4)(i)`."""
    id: str | None = None
    """The suspension's id, where a person ordered the halt."""

    def __post_init__(self) -> None:
        if self.until is not None:
            _in_order(self.id or self.kind, self.since, self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of one agreement, in force from `valid_from` until before `valid_to`.

    All versions that are or will be in force may be compiled side by side; their periods do
    not overlap.
    """

    agreement: str
    version: int
    verifier: str
    environment: Environment
    valid_from: datetime
    valid_to: datetime | None
    """None is open-ended."""
    grants: tuple[Grant, ...]
    credentials: tuple[Credential, ...]
    rate: float
    """Statuses a second, all credentials together."""
    burst: int
    """Statuses at once; at least `max_cert_ids`."""
    max_cert_ids: int
    daily: int | None = None
    """Statuses in one day of Japan; None is no cap."""
    networks: tuple[Network, ...] = ()
    """Where questions may come from; empty is anywhere."""
    signed_required: bool = False
    """Whether OCSP requests must be signed (sigRequired)."""
    receipts: bool = False
    """Whether answers over OCSP carry receipts (`tashika.pki.receipt`); such are not cached."""
    halts: tuple[Halt, ...] = ()

    def __post_init__(self) -> None:
        if self.valid_to is not None:
            _in_order(self.agreement, self.valid_from, self.valid_to)
        if not (self.rate > 0 and 1 <= self.max_cert_ids <= self.burst):
            raise ValueError(f"{self.agreement}: rate above 0 and 1 <= max_cert_ids <= burst")
        if self.daily is not None and self.daily < 1:
            raise ValueError(f"{self.agreement}: a daily cap is at least 1")


def secret_digest(secret: str) -> bytes:
    """Hash a token for keeping and for looking up.

    Plain SHA-256 is enough for what nobody can guess: tokens carry 256 random bits. For the
    same reason a look-up by digest may take any time it likes: what leaks is about the digest,
    and nobody can steer a digest towards another.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def key_digest(public_key_info: bytes) -> bytes:
    """Hash a SubjectPublicKeyInfo, DER."""
    return hashlib.sha256(public_key_info).digest()


def _in_order(what: str, begin: datetime, end: datetime) -> None:
    if begin >= end:
        raise ValueError(f"{what}: ends before it begins")
