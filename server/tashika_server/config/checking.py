"""Whether the settings make sense together; makes the Config that the service is built from."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from tashika_server.config.issuers import load_issuer
from tashika_server.config.problem import Complaints
from tashika_server.config.reading import read_settings, read_text
from tashika_server.config.settings import Access, FilesSettings, IssuerSettings, Settings
from tashika_server.config.units import write_duration, write_size
from tashika_server.issuer import Issuer

__all__ = ["Config", "load_config", "load_settings"]

WORKERS = (0, 256)
"""More processes than any machine has cores for them are a slip of the hand."""
HUNG = (timedelta(seconds=2), timedelta(hours=1))
"""Four beats missed may be a busy machine; after an hour everybody has noticed."""
CERT_IDS = (1, 1000)
"""The answer to 1,000 CertIDs is near 100 kB; no client was seen to ask for more."""
CACHE = (timedelta(0), timedelta(days=1))
"""A revocation must not hide in caches for longer than a daily CRL would let it."""
REFRESH = (timedelta(seconds=1), timedelta(days=1))
"""Busier than a second is an attack on the issuer; CRLs are published daily at the least."""
VALIDITY = (timedelta(minutes=1), timedelta(days=366))
"""No list of a CA, be it of CAs, holds for more than a year."""
CRL_SIZE = (1 << 10, 1 << 34)
"""A nation's complete CRL would have 2 GB; 16 GiB could not be read at all."""
REPLAYS = (timedelta(minutes=1), timedelta(days=7))
"""Shorter, a caught question is soon worth something; longer, the memory has no room."""
HEADER_NAME = r"[A-Za-z0-9-]{1,64}"
INDEX_SIZE = (1 << 20, 1 << 40)
"""LMDB wants room for its first pages; 1 TiB is hundreds of times the design size."""
AGREEMENTS_AGE = (timedelta(minutes=1), timedelta(days=7))
"""Shorter, a restart of the database refuses everybody; longer, an end of agreement is lost."""
SESSION = (timedelta(minutes=1), timedelta(days=1))
"""A log-in lasts a day of work at most."""
SEGMENT = (1 << 16, 1 << 30)
"""A thousand answers; beyond a gigabyte nobody reads one in one go."""
SLOT = 64
"""A record of the journal."""
JOURNALS = (timedelta(days=31), timedelta(days=36600))
"""A month must be over and frozen first."""
FILES = (timedelta(days=31), timedelta(days=36600))
"""Who disputes an answer does so within a month at the least."""
NODE_NAME = r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}"
"""As a host is called; it becomes a field of the book and of the log."""
ISSUER_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
"""It becomes a metric label and a log field."""

Finding = tuple[str, str, str]
Quantity = TypeVar("Quantity", int, timedelta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration that passed every check; only `load_config` makes one.

    `text` is what was read, so that children of the service run what its start accepted even
    if the file has changed since.
    """

    file: Path
    text: str
    settings: Settings
    issuers: tuple[Issuer, ...]


def load_settings(file: Path) -> Settings:
    """Read a configuration for what is not the service itself; ConfigError.

    Shapes are checked, but neither the whole nor the files that are named: agreements can be
    kept on a machine that has no signer.
    """
    return read_settings(file, read_text(file))


def load_config(file: Path, *, text: str | None = None) -> Config:
    """Read and check a configuration; ConfigError with all problems of the first failing stage.

    The stages: TOML and shapes; values and the files they name. `text` stands for the content
    of `file` where the caller has it.
    """
    if text is None:
        text = read_text(file)
    settings = read_settings(file, text)
    complaints = Complaints(file)
    for rule in (_exposure, _proxies, _office, _ledger, _limits, _issuers):
        for finding in rule(settings):
            complaints.add(*finding)
    issuers = [load_issuer(each, complaints) for each in settings.issuer]
    loaded = tuple(each for each in issuers if each)
    for finding in _together(settings, loaded):
        complaints.add(*finding)
    complaints.settle()
    return Config(file=file, text=text, settings=settings, issuers=loaded)


def _exposure(settings: Settings) -> Iterator[Finding]:
    listen = settings.responder.listen
    ears = [("responder.listen", listen)]
    if settings.tls:
        ears.append(("tls.listen", settings.tls.listen))
        if listen.port and settings.tls.listen == listen:
            yield "tls.listen", f"{listen} is the responder's", "choose another port"
    for key, ear in ears:
        if settings.access is Access.OPEN and not ear.is_loopback:
            yield (
                key,
                f'{ear} can be reached by others, and access = "open" answers anyone',
                'listen on 127.0.0.1, or write access = "closed"',
            )
    if settings.lab and not settings.lab.listen.is_loopback:
        yield "lab.listen", "simulated issuers are for this machine only", "listen on 127.0.0.1"
    if settings.lab and settings.lab.listen.port and settings.lab.listen == listen:
        yield "lab.listen", f"{listen} is the responder's", "choose another port, or 0"


def _proxies(settings: Settings) -> Iterator[Finding]:
    for text in settings.responder.proxies:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            remedy = 'write "10.0.0.5" or "10.0.0.0/24"'
            yield "responder.proxies", f'"{text}" is neither address nor network', remedy
        else:
            if not network.prefixlen:
                remedy = "name the proxies themselves: their word about a client is taken"
                yield "responder.proxies", f'"{text}" is everybody', remedy
    header = settings.responder.certificate_header
    if not re.fullmatch(HEADER_NAME, header):
        yield "responder.certificate_header", f'"{header}" is no name of a header', "see RFC 9440"


def _office(settings: Settings) -> Iterator[Finding]:
    listen, tls = settings.office.listen, settings.office.tls
    if _has_password(settings.book.dsn):
        yield "book.dsn", "holds a password", "write it to a file and name that in book.dsn_file"
    if listen and not listen.is_loopback and not tls:
        yield "office.listen", f"{listen} can be reached by others", "add office.tls"
    if listen and listen.port and listen == settings.responder.listen:
        yield "office.listen", f"{listen} is the responder's", "choose another port"


def _has_password(dsn: str) -> bool:
    try:
        parts = urlsplit(dsn)
        return bool(parts.password) or "password" in parse_qs(parts.query)
    except ValueError:  # no URL at all, which the book says better
        return False


def _ledger(settings: Settings) -> Iterator[Finding]:
    tax, percent = settings.ledger.tax, settings.ledger.tax_percent
    if percent not in (range(1, 100) if tax.is_taxed else (0,)):
        remedy = "write 1 to 99 with included or added, and leave it out otherwise"
        yield "ledger.tax_percent", f'{percent} does not go with tax = "{tax}"', remedy


def _limits(settings: Settings) -> Iterator[Finding]:
    responder, refresh = settings.responder, settings.refresh
    yield from _within("responder.workers", responder.workers, WORKERS, str)
    yield from _within("responder.max_cert_ids", responder.max_cert_ids, CERT_IDS, str)
    yield from _within("responder.cache_for", responder.cache_for, CACHE, write_duration)
    yield from _within("responder.replays", responder.replays, REPLAYS, write_duration)
    yield from _within("responder.hung_after", responder.hung_after, HUNG, write_duration)
    yield from _within("refresh.hung_after", refresh.hung_after, HUNG, write_duration)
    yield from _within("office.hung_after", settings.office.hung_after, HUNG, write_duration)
    yield from _within("index.size", settings.index.size, INDEX_SIZE, write_size)
    yield from _within("refresh.every", refresh.every, REFRESH, write_duration)
    yield from _within("refresh.timeout", refresh.timeout, REFRESH, write_duration)
    yield from _within("refresh.max_size", refresh.max_size, CRL_SIZE, write_size)
    age = settings.registry.max_age
    yield from _within("registry.max_age", age, AGREEMENTS_AGE, write_duration)
    yield from _within("office.session", settings.office.session, SESSION, write_duration)
    if settings.files:
        yield from _within("files.keep", settings.files.keep, FILES, write_duration)
    metering = settings.metering
    yield from _within("metering.segment", metering.segment, SEGMENT, write_size)
    yield from _within("metering.keep", metering.keep, JOURNALS, write_duration)
    if metering.segment % SLOT:
        yield "metering.segment", f"is no multiple of {SLOT}", 'write it as "16MiB"'
    if not re.fullmatch(NODE_NAME, metering.node_name):
        yield "metering.node", f'"{metering.node_name}" is no plain name', "use a-z, 0-9, . and -"


def _within(
    key: str, value: Quantity, bounds: tuple[Quantity, Quantity], write: Callable[[Quantity], str]
) -> Iterator[Finding]:
    least, most = bounds
    if not least <= value <= most:
        yield key, f"{write(value)} is out of range", f"write {write(least)} to {write(most)}"


def _issuers(settings: Settings) -> Iterator[Finding]:
    if not settings.issuer:
        # T40: a service that serves nobody's revocations is a lost file, not a wish.
        yield "issuer", "there is none", "add an [[issuer]] table for each CA key"
    names = [each.name for each in settings.issuer]
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield f"issuer[{name}].name", "is used twice", "give each CA key a name of its own"
    for each in settings.issuer:
        key = f"issuer[{each.name}]"
        if not re.fullmatch(ISSUER_NAME, each.name):
            yield f"{key}.name", "is not a plain name", "use a-z, 0-9 and -, as signature-g3"
        if not each.signers:
            yield f"{key}.signers", "names no signer", "give a certificate and its key"
        if each.archive_cutoff == timedelta():
            yield f"{key}.archive_cutoff", "is nothing", "leave it out, or write the days kept"
        yield from _keeping(each, settings.files)
        if not 0 <= each.bounds.max_shrink <= 1 or each.bounds.max_growth < 0:
            yield f"{key}.bounds", "are not fractions", "write as max_shrink = 0.05"
        if min(each.bounds.shrink_slack, each.bounds.growth_slack) < 0:
            yield f"{key}.bounds", "are below nought", "write a number of entries"
        validity = each.bounds.max_validity
        yield from _within(f"{key}.bounds.max_validity", validity, VALIDITY, write_duration)


def _keeping(issuer: IssuerSettings, files: FilesSettings | None) -> Iterator[Finding]:
    key = f"issuer[{issuer.name}]"
    if files is None:
        if issuer.keep or issuer.keep_basis:
            yield f"{key}.keep", "is of files, which nobody keeps", "add the table [files]"
        return
    if issuer.keep is not None:
        yield from _within(f"{key}.keep", issuer.keep, FILES, write_duration)
    if issuer.archive_cutoff and issuer.archive_cutoff > (issuer.keep or files.keep):
        what = "promises more than is kept by its keep, or else files.keep"
        yield f"{key}.archive_cutoff", what, "keep files as long, or promise less"


def _together(settings: Settings, issuers: tuple[Issuer, ...]) -> Iterator[Finding]:
    owner: dict[bytes, str] = {}
    for each in issuers:
        # Generations of a CA share a DN; a shared key means one CA listed twice (T14).
        first = owner.setdefault(each.identity.key, each.name)
        if first != each.name:
            yield f"issuer[{each.name}].certificate", f"has the key of {first}", "remove one"
        simulated = any(
            url.startswith("lab:")
            for partition in each.partitions
            for url in (partition.url, *partition.mirrors, partition.delta or "")
        )
        if simulated and not settings.lab:
            yield f"issuer[{each.name}].partitions", "has lab: URLs", "add the table [lab]"
        if each.feed and each.feed.url.startswith("lab:") and not settings.lab:
            yield f"issuer[{each.name}].feed", "has a lab: URL", "add the table [lab]"
