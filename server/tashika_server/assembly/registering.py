"""The parts of the office, and the book for the commands of the registry."""

from datetime import timedelta
from pathlib import Path
from ssl import CERT_OPTIONAL, PROTOCOL_TLS_SERVER, SSLContext

from tashika_server.agreements.registry import Guarded
from tashika_server.agreements.snapshot import SNAPSHOT_FILE
from tashika_server.book import BadDsn, Book, BookUnreachable, open_book
from tashika_server.clock import Clock
from tashika_server.config import BadValue, Config, OfficeTls, Settings
from tashika_server.console import ConsoleParts
from tashika_server.log import get_log
from tashika_server.office import CompilerParts, OfficeParts

__all__ = ["book_standing", "office_parts", "office_tls", "registry_book", "two_person"]

log = get_log()

STAMPS, STAMP_EVERY = 10, timedelta(minutes=5)
"""How often the agreements' file is renewed while workers believe it, and how often at least."""


def registry_book(file: Path, settings: Settings) -> Book:
    """Open the book that a configuration file names, without connecting to it; BadDsn."""
    dsn, elsewhere = settings.book.dsn, settings.book.dsn_file
    if elsewhere:
        try:
            dsn = elsewhere.read_text().strip()
        except (OSError, UnicodeDecodeError) as wrong:
            raise BadDsn(f"{elsewhere} cannot be read; name a readable file") from wrong
    return open_book(dsn, relative_to=file.absolute().parent)


def book_standing(config: Config) -> str:
    """Say how the book stands; BadDsn, BookOutdated.

    One that cannot be reached now is no reason not to start: workers go on with what they
    know, and the office takes it up when it is back (T4).
    """
    book = registry_book(config.file, config.settings)
    try:
        with book.reading():
            return "the tables are as needed"
    except BookUnreachable as wrong:
        log.warning("book_unreachable", reason=str(wrong))
        return str(wrong)
    finally:
        book.close()


def two_person(settings: Settings) -> frozenset[Guarded]:
    """Return what the house wants two persons for."""
    return frozenset(Guarded(each) for each in settings.registry.two_person)


def office_parts(config: Config, *, clock: Clock) -> OfficeParts:
    """Put the office together; raises BadDsn if the book's address has become unfit."""
    settings = config.settings
    book = registry_book(config.file, settings)
    return OfficeParts(
        compiler=CompilerParts(
            book=book,
            snapshot=settings.run / SNAPSHOT_FILE,
            stamp_every=min(settings.registry.max_age / STAMPS, STAMP_EVERY),
            clock=clock,
        ),
        console=ConsoleParts(
            book=book,
            two_person=two_person(settings),
            session_life=settings.office.session,
            tls=office_tls(settings.office.tls) if settings.office.tls else None,
            clock=clock,
        ),
        run=settings.run,
    )


def office_tls(files: OfficeTls) -> SSLContext:
    """Load what the management API listens with; client certificates are asked for by choice."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key)
        if files.client_ca:
            context.verify_mode = CERT_OPTIONAL
            context.load_verify_locations(files.client_ca)
    except OSError as wrong:  # SSLError is one
        raise BadValue(
            f"cannot be loaded ({wrong})", "name PEM files that belong together"
        ) from None
    return context
