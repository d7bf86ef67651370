"""The provision of files by the office, where files are kept and there is a key to sign with."""

import time
from collections.abc import Mapping

from tashika_server.agreements.compromise_file import (
    COMPROMISE_FILE,
    Compromised,
    CompromiseFile,
)
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.snapshot import SNAPSHOT_FILE, SnapshotWatcher
from tashika_server.assembly.answering import journal_group, usage_meter
from tashika_server.assembly.archiving import archive_of
from tashika_server.certificate_file import read_private_key
from tashika_server.clock import Clock
from tashika_server.compact import SetSigner
from tashika_server.config import Access, Config
from tashika_server.files.compact_sets import CompactPress, CompactShelf
from tashika_server.files.serving import Provision
from tashika_server.index import IndexReader

__all__ = ["declared", "provision_of"]

LIMITS_FILE = "limits.files"
"""Not the workers': a file counts as no status, and draws on nothing there."""


def provision_of(config: Config, index: IndexReader, *, clock: Clock) -> Provision | None:
    """Put it together; raises ArchiveFailed, BadFile."""
    settings = config.settings
    if settings.files is None or settings.ledger.key is None or settings.access is Access.OPEN:
        return None
    group, key = journal_group(config, clock), read_private_key(settings.ledger.key)
    archive = archive_of(config)
    watcher = SnapshotWatcher(settings.run / SNAPSHOT_FILE, max_age=settings.registry.max_age)
    buckets = Buckets(settings.run / LIMITS_FILE, workers=1, monotonic=time.monotonic)
    return Provision(
        archive=archive,
        compact=CompactShelf(
            press=CompactPress(archive=archive, index=index, signer=SetSigner(key)),
            compromises=CompromiseFile(settings.run / COMPROMISE_FILE),
        ),
        issuers={each.name: each for each in config.issuers},
        gatehouse=Gatehouse(watcher, environment=settings.environment, buckets=buckets),
        group=group,
        meter=usage_meter(config, group),
        key=key,
        clock=clock,
    )


def declared(config: Config) -> Mapping[bytes, Compromised]:
    """Return the compromised keys, for whoever makes sets; without a book nobody can declare one.

    Raises CompromisesUnreadable where nobody can tell.
    """
    if config.settings.access is Access.OPEN:
        return {}
    return CompromiseFile(config.settings.run / COMPROMISE_FILE).current()
