"""The parts of an answer worker."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from ipaddress import ip_network
from secrets import randbits

from tashika_server.agreements.compromise_file import COMPROMISE_FILE, CompromiseFile
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.limits import LIMITS_FILE, Buckets
from tashika_server.agreements.notes import KEY_FILE, Notebook, ensure_key
from tashika_server.agreements.presented import Proxies
from tashika_server.agreements.refusals import AgreementsMissing, AgreementsTooOld
from tashika_server.agreements.replay import ReplayMemory
from tashika_server.agreements.scan import ScanWatch
from tashika_server.agreements.snapshot import SNAPSHOT_FILE, SnapshotWatcher
from tashika_server.clock import Clock
from tashika_server.config import Access, Config
from tashika_server.index import IndexReader
from tashika_server.metering.disk import LocalDisk
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.journal import Journal
from tashika_server.metering.master_key import read_master_key
from tashika_server.metering.meter import Meter
from tashika_server.metering.repeats import Repeats
from tashika_server.metering.syncing import by_kernel_if_it_does
from tashika_server.responder import (
    Admission,
    ByAgreement,
    ClientStandings,
    Desk,
    Directory,
    HeedingIndex,
    Index,
    Inspection,
    OfThisMachine,
    Patience,
    Reception,
    TlsFiles,
    TlsIdentity,
    WorkerParts,
    report_scan,
)
from tashika_server.signing import Rack, Shelf, SignerFiles

__all__ = [
    "heeding_index",
    "journal_group",
    "racks",
    "tls_identity",
    "usage_meter",
    "worker_parts",
]

GENERATIONS = 2
"""During a reload the workers of two configurations draw on the same limits; what all of them may
hold ahead stays within what `limits` allows for, but for roundings if their number changes."""


def worker_parts(config: Config, *, clock: Clock) -> WorkerParts:
    """Put an answer worker together; a signer that has become unfit is left out.

    Raises TlsRefused if the server's own key has become unfit, OSError and NoteUnreadable where
    the run directory is of no use.
    """
    responder, run = config.settings.responder, config.settings.run
    ensure_key(run / KEY_FILE)
    group = None if config.settings.access is Access.OPEN else journal_group(config, clock)
    return WorkerParts(
        desk=Desk(
            admission=_admission(config, at=clock.now()),
            directory=Directory(config.issuers),
            index=heeding_index(config, IndexReader.open(config.settings.index.path), clock=clock),
            shelf=Shelf(racks(config), at=clock.now()),
            inspection=Inspection(),
            max_cert_ids=responder.max_cert_ids,
            meter=usage_meter(config, group) if group else None,
        ),
        reception=Reception(
            proxies=Proxies(tuple(ip_network(each) for each in responder.proxies)),
            certificate_header=responder.certificate_header,
        ),
        notebook=Notebook.open(run / KEY_FILE),
        clock=clock,
        cache_for=responder.cache_for,
        group=group,
        tls=tls_identity(config, at=clock.now()),
        public=None if config.settings.access is Access.OPEN else run,
        patience=Patience(),
    )


def heeding_index(config: Config, index: IndexReader, *, clock: Clock) -> Index:
    """Have an index heed compromised keys; without a book nobody can declare one."""
    if config.settings.access is Access.OPEN:
        return index
    file = CompromiseFile(config.settings.run / COMPROMISE_FILE)
    return HeedingIndex(index=index, file=file, clock=clock)


def journal_group(config: Config, clock: Clock) -> GroupCommit:
    """Say how this process's journals are begun."""
    metering, ahead = config.settings.metering, ThreadPoolExecutor(1, "segments")

    def begin() -> Journal:
        return Journal.begin(
            metering.journal,
            node=metering.node_name,
            durability=metering.durability,
            disk=LocalDisk(),
            executor=ahead,
            segment_bytes=metering.segment,
            at=clock.now(),
        )

    return GroupCommit(begin, clock=clock, make_syncing=by_kernel_if_it_does)


def usage_meter(config: Config, group: GroupCommit) -> Meter:
    """Make what notes in them."""
    return Meter(
        group=group,
        master=read_master_key(config.settings.metering.key),
        fingerprints={each.name: each.identity.fingerprint for each in config.issuers},
        repeats=Repeats.open(config.settings.run),
    )


def _admission(config: Config, *, at: datetime) -> Admission:
    """Decide by agreements, unless everybody on this machine is to be answered."""
    settings, run = config.settings, config.settings.run
    if settings.access is Access.OPEN:
        return OfThisMachine()
    sharers = GENERATIONS * settings.responder.processes
    gatehouse = Gatehouse(
        SnapshotWatcher(run / SNAPSHOT_FILE, max_age=settings.registry.max_age),
        environment=settings.environment,
        buckets=Buckets(run / LIMITS_FILE, workers=sharers, monotonic=time.monotonic),
    )
    with suppress(AgreementsMissing, AgreementsTooOld):
        gatehouse.gate(at)  # the first time takes a second among 10,000: nobody is to wait for it
    return ByAgreement(
        gatehouse=gatehouse,
        clients=ClientStandings(config.issuers),
        replays=ReplayMemory.open(run, keep=settings.responder.replays),
        scans=ScanWatch(salt=randbits(64), alarm=report_scan),
    )


def tls_identity(config: Config, *, at: datetime) -> TlsIdentity | None:
    """Load what the responder shows over TLS, if it listens there; raises TlsRefused."""
    files = config.settings.tls
    if files is None:
        return None
    return TlsIdentity(TlsFiles(certificate=files.certificate, key=files.key), at=at)


def racks(config: Config) -> list[Rack]:
    """Say where the signers of each issuer lie."""
    return [
        Rack(
            issuer=issuer,
            files=tuple(
                SignerFiles(certificate=each.certificate, key=each.key) for each in own.signers
            ),
        )
        for issuer, own in zip(config.issuers, config.settings.issuer, strict=True)
    ]
