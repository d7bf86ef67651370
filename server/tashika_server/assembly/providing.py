"""The provision of files by the office, where files are kept and there is a key to sign with."""

import time

from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.snapshot import SNAPSHOT_FILE, SnapshotWatcher
from tashika_server.assembly.answering import journal_group, usage_meter
from tashika_server.assembly.archiving import archive_of
from tashika_server.certificate_file import read_private_key
from tashika_server.clock import Clock
from tashika_server.config import Access, Config
from tashika_server.files.serving import Provision

__all__ = ["provision_of"]

LIMITS_FILE = "limits.files"
"""Not the workers': a file counts as no status, and draws on nothing there."""


def provision_of(config: Config, *, clock: Clock) -> Provision | None:
    """Put it together; raises ArchiveFailed, BadFile."""
    settings = config.settings
    if settings.files is None or settings.ledger.key is None or settings.access is Access.OPEN:
        return None
    group = journal_group(config, clock)
    watcher = SnapshotWatcher(settings.run / SNAPSHOT_FILE, max_age=settings.registry.max_age)
    buckets = Buckets(settings.run / LIMITS_FILE, workers=1, monotonic=time.monotonic)
    return Provision(
        archive=archive_of(config),
        issuers={each.name: each for each in config.issuers},
        gatehouse=Gatehouse(watcher, environment=settings.environment, buckets=buckets),
        group=group,
        meter=usage_meter(config, group),
        key=read_private_key(settings.ledger.key),
        clock=clock,
    )
