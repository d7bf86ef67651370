"""Where a partition's files can be had, in which order, and what each source said of its file.

URLs come from the configuration, and those of deltas from an accepted CRL where the
configuration says so; then they are at a configured host.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from tashika_server.index import Mark
from tashika_server.issuer import FRESHEST, Partition
from tashika_server.refresh.fetch import Fetched, Validators
from tashika_server.refresh.source import Check, Kind, NotTaken, Source

__all__ = ["Directory", "Origin", "Origins"]


class Directory(Protocol):
    """How CRLs would be had over LDAP (RFC 4523); nobody implements it.

    A JPKI-like issuer publishes over HTTP too, and a directory has neither conditions nor
    digests, so it would come last. Whoever needs it adds the scheme `ldap:` to the Fetcher.
    """

    async def crl(self, distinguished_name: str, attribute: str) -> bytes:
        """Read `certificateRevocationList;binary` or `deltaRevocationList;binary`.

        Raises OSError where the directory does not answer, LookupError where it has none.
        """


@dataclass(frozen=True, slots=True)
class Origin:
    """One URL, and what is known of the file that came from there last."""

    url: str
    known: Validators | None


@dataclass(slots=True)
class Origins:
    """Remembers, until the process ends, which other sources have the file that was taken in."""

    _same: dict[tuple[Source, str], Fetched] = field(default_factory=dict)

    def of(self, source: Source, kind: Kind, mark: Mark | None, at: datetime) -> list[Origin]:
        """Return where to ask, always in the order of the configuration; raises NotTaken (delta).

        Whoever served last is not preferred: a copy that stands still would hide what is newer.
        Of a file that is overdue nobody is asked whether it is still the same.
        """
        if kind is Kind.COMPLETE:
            urls = [source.partition.url, *source.partition.mirrors]
        else:
            urls = [_delta_url(source.partition, mark)]
        if mark is None or at >= mark.next_update:
            return [Origin(url, None) for url in urls]
        return [Origin(url, self._validators(url, source, kind, mark)) for url in urls]

    def has_the_same(self, source: Source, url: str, fetched: Fetched) -> None:
        """Remember that a source has the complete CRL that was taken in from another."""
        self._same[source, url] = fetched

    def _validators(self, url: str, source: Source, kind: Kind, mark: Mark) -> Validators | None:
        same = self._same.get((source, url))
        if kind is Kind.COMPLETE and same and same.sha256 == mark.sha256:
            return same.validators
        return _known(url, source, kind, mark)


def _known(url: str, source: Source, kind: Kind, mark: Mark) -> Validators | None:
    """Return what a source itself has said: the ETag of another means nothing here."""
    if kind is Kind.DELTA:
        delta = mark.delta
        if delta is None or delta.origin != url:
            return None
        return Validators(etag=delta.etag, last_modified=delta.last_modified)
    if url != (mark.origin or source.partition.url):
        return None
    return Validators(etag=mark.etag, last_modified=mark.last_modified)


def _delta_url(partition: Partition, mark: Mark | None) -> str:
    if partition.delta and partition.delta != FRESHEST:
        return partition.delta
    named = mark.freshest if mark else None
    hosts = {urlsplit(url)[:2] for url in (partition.url, *partition.mirrors)}
    if named is None or urlsplit(named)[:2] not in hosts:
        raise NotTaken(
            Check.DELTA,
            "the complete CRL names no delta at a host of the partition; give its URL as delta",
        )
    return named
