"""The configuration file as typed values: one class a table, one field a key, default beside it.

Shapes and defaults only. `reading` makes these from TOML, `checking` decides whether they
make sense together. `config/tashika.example.toml` shows every key; a test keeps the two equal.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from os import sched_getaffinity
from pathlib import Path
from socket import gethostname

from tashika.pki.profile import Family
from tashika_server.config.units import Address, Bytes
from tashika_server.durable import Durability
from tashika_server.issuer import (
    Bounds,
    Covers,
    Environment,
    NeverIssued,
    Numbering,
    Probe,
    WithoutRegister,
)
from tashika_server.log import LogFormat
from tashika_server.policy import Guarded, TaxTreatment

__all__ = [
    "Access",
    "BookSettings",
    "Environment",
    "FeedSettings",
    "FilesSettings",
    "IndexSettings",
    "IssuerSettings",
    "LabSettings",
    "LedgerSettings",
    "LogSettings",
    "MeteringSettings",
    "OfficeSettings",
    "OfficeTls",
    "RefreshSettings",
    "RegistrySettings",
    "ResponderSettings",
    "Settings",
    "SignerFiles",
    "TlsSettings",
]

LISTEN = Address("127.0.0.1", 8080)
ANY_PORT = Address("127.0.0.1", 0)
ONE_GIB, HALF_GIB, SIXTEEN_MIB = Bytes(2**30), Bytes(2**29), Bytes(2**24)


class Access(StrEnum):
    """Who gets an answer. The default lets in nobody who has no agreement."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """`[log]`: the operator's log on stderr."""

    format: LogFormat = LogFormat.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponderSettings:
    """`[responder]`: the answer workers."""

    listen: Address = LISTEN
    workers: int = 0
    hung_after: timedelta = timedelta(seconds=10)
    max_cert_ids: int = 16
    cache_for: timedelta = timedelta(minutes=5)
    replays: timedelta = timedelta(days=1)
    proxies: tuple[str, ...] = ()
    certificate_header: str = "Client-Cert"

    @property
    def processes(self) -> int:
        """How many answer workers there are: for 0, one for each core that this process has."""
        return self.workers or len(sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """`[tls]`: the answer workers' second ear, where clients may show certificates; all PEM."""

    listen: Address
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """`[index]`: the revocation index on disk."""

    path: Path = Path("index")
    size: Bytes = ONE_GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSettings:
    """`[refresh]`: how the issuers' CRLs are taken in."""

    every: timedelta = timedelta(minutes=15)
    timeout: timedelta = timedelta(minutes=5)
    max_size: Bytes = HALF_GIB
    hung_after: timedelta = timedelta(minutes=1)
    spool: Path = Path("spool")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSettings:
    """`[files]`: CRLs as they came and standings over time; neither is kept without the table."""

    archive: Path = Path("archive")
    history: Path = Path("history.sqlite")
    keep: timedelta = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteringSettings:
    """`[metering]`: the workers' journals of what was answered to whom."""

    journal: Path = Path("journal")
    key: Path = Path("metering.key")
    durability: Durability = Durability.DISK
    segment: Bytes = SIXTEEN_MIB
    node: str | None = None
    keep: timedelta = timedelta(days=1830)

    @property
    def node_name(self) -> str:
        """What this machine is called in the book."""
        return self.node or gethostname()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """`[ledger]`: the proof of the book, and the fees; without `key` no day is closed."""

    key: Path | None = None
    tax: TaxTreatment = TaxTreatment.UNSTATED
    tax_percent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSettings:
    """`[book]`: the database of agreements; `dsn_file` holds a dsn with a password."""

    dsn: str = "sqlite:///book.sqlite"
    dsn_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """`[registry]`: how agreements are kept, and how long they are known without the book."""

    two_person: tuple[Guarded, ...] = ()
    max_age: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeTls:
    """`[office.tls]`: the management API's certificate, and whose clients it knows, all PEM."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeSettings:
    """`[office]`: the management API; there is none without `listen`."""

    listen: Address | None = None
    session: timedelta = timedelta(hours=8)
    hung_after: timedelta = timedelta(minutes=1)
    tls: OfficeTls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSettings:
    """`[lab]`: the simulated issuer; the table is absent where issuers are real."""

    directory: Path = Path()
    listen: Address = ANY_PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerFiles:
    """One delegated responder certificate and its key, both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """`feed` of an issuer: where it pushes changes, and the public key that signs them, PEM."""

    url: str
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """`[[issuer]]`: one CA key generation; give either `partitions` or `crl`."""

    name: str
    certificate: Path
    signers: tuple[SignerFiles, ...]
    family: Family = Family.OTHER
    partitions: Path | None = None
    crl: str | tuple[str, ...] | None = None
    delta_crl: str | None = None
    crl_covers: Covers = Covers.EVERYTHING
    crl_issuer: Path | None = None
    feed: FeedSettings | None = None
    register: Path | None = None
    without_register: WithoutRegister = WithoutRegister.UNKNOWN
    never_issued: NeverIssued = NeverIssued.EXTENDED_REVOKED
    archive_cutoff: timedelta | None = None
    keep: timedelta | None = None
    keep_basis: str | None = None
    bounds: Bounds = field(default_factory=Bounds)
    operator: str | None = None
    probes: tuple[Probe, ...] = ()
    numbering: Numbering = Numbering.ASCENDING
    published: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file; paths are absolute once `reading` has made it."""

    access: Access = Access.CLOSED
    environment: Environment = Environment.PRODUCTION
    run: Path = Path("run")
    log: LogSettings = LogSettings()
    responder: ResponderSettings = ResponderSettings()
    tls: TlsSettings | None = None
    index: IndexSettings = field(default_factory=IndexSettings)
    refresh: RefreshSettings = RefreshSettings()
    book: BookSettings = field(default_factory=BookSettings)
    files: FilesSettings | None = None
    metering: MeteringSettings = field(default_factory=MeteringSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    registry: RegistrySettings = RegistrySettings()
    office: OfficeSettings = field(default_factory=OfficeSettings)
    lab: LabSettings | None = None
    issuer: tuple[IssuerSettings, ...] = ()
