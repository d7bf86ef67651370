"""The archive and the history of a configuration, as the refresher and commands use them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import datetime
from pathlib import Path

from tashika.pki.errors import TashikaError
from tashika.pki.profile import Family
from tashika_server.clock import Clock
from tashika_server.config import Config
from tashika_server.config.settings import FilesSettings
from tashika_server.files.archive import Archive
from tashika_server.files.facts import Facts, Kind
from tashika_server.history.telling import Teller
from tashika_server.index import Historian, IndexReader
from tashika_server.issuer import Retention, Retentions
from tashika_server.refresh.source import Source

__all__ = [
    "ArchiveKeeper",
    "NoArchive",
    "archive_of",
    "files_settings",
    "historian_of",
    "keeper_of",
    "retentions_of",
]

BASIS = {
    Family.SIGNATURE: "2013 16",
    Family.USER_AUTH: "2013 35",
    Family.OTHER: "2013 16, 35",
}
"""Why revocation information is kept, as `agreements.act` cites: version and articles."""


class NoArchive(TashikaError):
    """The configuration keeps no files."""


class ArchiveKeeper:
    """Keeps each accepted CRL before it is published; the refresher's Keeper."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def keep(
        self,
        source: Source,
        file: Path,
        *,
        number: int,
        base: int | None,
        this_update: datetime,
        next_update: datetime,
        sha256: bytes,
        at: datetime,
    ) -> None:
        """Keep a CRL; on return it is durable. Raises ArchiveFailed, which is an OSError."""
        facts = Facts(
            kind=Kind.CRL if base is None else Kind.DELTA,
            issuer=source.fingerprint,
            partition=source.partition.name,
            number=number,
            base=base,
            this_update=this_update,
            next_update=next_update,
            sha256=sha256,
        )
        self._archive.keep(facts, file, at=at)


def keeper_of(config: Config) -> ArchiveKeeper | None:
    """Make the refresher's keeper, if files are kept; raises ArchiveFailed."""
    if config.settings.files is None:
        return None
    archive = Archive.open(config.settings.files.archive)
    archive.sweep()
    return ArchiveKeeper(archive)


def historian_of(
    config: Config, *, clock: Clock
) -> Callable[[IndexReader], AbstractContextManager[Historian]] | None:
    """Say how the history gets in step with an index, if one is kept."""
    if config.settings.files is None:
        return None
    file, issuers = config.settings.files.history, config.issuers
    return lambda reader: closing(Teller.begin(file, reader, issuers, clock))


def files_settings(config: Config) -> FilesSettings:
    """Return what the configuration says of files; raises NoArchive."""
    if config.settings.files is None:
        raise NoArchive(f"{config.file} keeps no files; add the table [files]")
    return config.settings.files


def retentions_of(config: Config) -> Retentions:
    """Say how long the files and events of each issuer are kept; raises NoArchive."""
    keep = files_settings(config).keep
    return Retentions(
        usual=Retention(keep=keep, basis=BASIS[Family.OTHER]),
        own={
            each.identity.fingerprint: Retention(
                keep=each.keep or keep, basis=each.keep_basis or BASIS[each.family]
            )
            for each in config.issuers
        },
    )


def archive_of(config: Config) -> Archive:
    """Open the archive for looking; raises NoArchive, ArchiveFailed."""
    return Archive.open(files_settings(config).archive)
