"""The parts of the office: it keeps the workers' agreements fresh and serves operators."""

from datetime import timedelta
from functools import partial
from ssl import CERT_OPTIONAL, PROTOCOL_TLS_SERVER, SSLContext

from tashika_server.agreements.compromise_file import COMPROMISE_FILE
from tashika_server.agreements.snapshot import SNAPSHOT_FILE
from tashika_server.assembly.archiving import archive_of, retentions_of
from tashika_server.assembly.providing import provision_of
from tashika_server.assembly.registering import issuers, registry_book, two_person
from tashika_server.certificate_file import read_certificate, read_private_key
from tashika_server.clock import Clock
from tashika_server.config import BadValue, Config, OfficeTls
from tashika_server.console.application import ConsoleParts
from tashika_server.index import IndexReader
from tashika_server.metering.ingest import IngestParts
from tashika_server.office.closing import ClosingParts
from tashika_server.office.compiler import CompilerParts
from tashika_server.office.files import RetentionParts
from tashika_server.office.freshness import FreshnessParts
from tashika_server.office.gauges import GaugeParts, exposition
from tashika_server.office.intake import IntakeParts
from tashika_server.office.process import OfficeParts
from tashika_server.office.refreshes import RefreshParts
from tashika_server.refresh.held import RELEASED_FILE

__all__ = ["office_parts", "office_tls"]

STAMPS, STAMP_EVERY = 10, timedelta(minutes=5)
"""How often the agreements' file is renewed while workers believe it, and how often at least."""


def office_parts(config: Config, *, clock: Clock) -> OfficeParts:
    """Put the office together; raises BadDsn if the book's address has become unfit."""
    settings = config.settings
    index = IndexReader.open(settings.index.path)
    book, node = registry_book(config.file, settings), settings.metering.node_name
    return OfficeParts(
        compiler=CompilerParts(
            book=book,
            snapshot=settings.run / SNAPSHOT_FILE,
            compromises=settings.run / COMPROMISE_FILE,
            issuers={each.identity.fingerprint: each.certificate for each in config.issuers},
            stamp_every=min(settings.registry.max_age / STAMPS, STAMP_EVERY),
            clock=clock,
        ),
        console=ConsoleParts(
            book=book,
            two_person=two_person(settings),
            issuers=issuers(settings),
            session_life=settings.office.session,
            tls=office_tls(settings.office.tls) if settings.office.tls else None,
            clock=clock,
            files=provision_of(config, index, clock=clock),
            metrics=partial(
                exposition,
                GaugeParts(index=index, issuers=config.issuers, run=settings.run, clock=clock),
            ),
        ),
        intake=IntakeParts(
            ingest=IngestParts(
                book=book, journal=settings.metering.journal, node=node, clock=clock
            ),
            keep=settings.metering.keep,
        ),
        refreshes=RefreshParts(
            book=book,
            index=index,
            node=node,
            issuers={each.identity.fingerprint: each.name for each in config.issuers},
            released=settings.run / RELEASED_FILE,
            clock=clock,
        ),
        freshness=FreshnessParts(index=index, issuers=config.issuers, clock=clock),
        closing=ClosingParts(
            book=book, key=read_private_key(settings.ledger.key), node=node, clock=clock
        )
        if settings.ledger.key
        else None,
        retention=RetentionParts(
            book=book,
            archive=archive_of(config),
            history=settings.files.history,
            rules=retentions_of(config),
            node=node,
            clock=clock,
        )
        if settings.files
        else None,
        run=settings.run,
    )


def office_tls(files: OfficeTls) -> SSLContext:
    """Load what the management API listens with; client certificates are asked for by choice.

    Raises BadFile and BadValue.
    """
    # Read here first: OpenSSL names no file, and asks the terminal for the password of a key.
    read_certificate(files.certificate)
    read_private_key(files.key)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as wrong:  # SSLError is one
        what = f"{files.certificate} and {files.key} are no certificate and its key in PEM"
        raise BadValue(what, "name two that belong together") from wrong
    if files.client_ca:
        context.verify_mode = CERT_OPTIONAL
        try:
            context.load_verify_locations(files.client_ca)
        except OSError as wrong:
            what = f"{files.client_ca} holds no certificate in PEM"
            raise BadValue(what, "name that of the CA of the operators' certificates") from wrong
    return context
