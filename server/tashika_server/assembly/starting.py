"""The checks of a start that are not the configuration file's own.

What belongs to the office is imported where there is one: its libraries take half a second.
"""

# ruff: noqa: PLC0415 - see above

from datetime import datetime

from tashika_server.assembly.answering import racks, tls_identity
from tashika_server.certificate_file import read_private_key
from tashika_server.config import Access, Complaints, Config
from tashika_server.metering.master_key import ensure_master_key
from tashika_server.refresh.register import read_register
from tashika_server.signing import load_signer

__all__ = ["check_book", "check_files", "check_start"]


def check_start(config: Config, *, at: datetime) -> None:
    """Make the checks of a start that are not the file's own; ConfigError names every problem.

    Signers are loaded as the workers will load them (T20, T24).
    """
    complaints = Complaints(config.file)
    _attempt_book(complaints, config)
    _attempt_files(complaints, config, at=at)
    complaints.settle()


def check_files(config: Config, *, at: datetime) -> None:
    """Make those that a worker could stumble over, before there is one."""
    complaints = Complaints(config.file)
    _attempt_files(complaints, config, at=at)
    complaints.settle()


def check_book(config: Config) -> None:
    """Make the one that takes longer than all others: what reads the book is loaded for it."""
    complaints = Complaints(config.file)
    _attempt_book(complaints, config)
    complaints.settle()


def _attempt_book(complaints: Complaints, config: Config) -> None:
    if config.settings.access is Access.CLOSED:
        from tashika_server.assembly.registering import book_standing

        complaints.attempt("book", book_standing, config)


def _attempt_files(complaints: Complaints, config: Config, *, at: datetime) -> None:
    if config.settings.access is Access.CLOSED:
        complaints.attempt("metering.key", ensure_master_key, config.settings.metering.key)
        if config.settings.ledger.key:
            complaints.attempt("ledger.key", read_private_key, config.settings.ledger.key)
    complaints.attempt("tls", tls_identity, config, at=at)
    if config.settings.office.tls:
        from tashika_server.assembly.keeping_office import office_tls

        complaints.attempt("office.tls", office_tls, config.settings.office.tls)
    for rack in racks(config):
        key, issuer = f"issuer[{rack.issuer.name}]", rack.issuer
        for files in rack.files:
            complaints.attempt(f"{key}.signers", load_signer, files, issuer.certificate, at=at)
        if issuer.register:
            complaints.attempt(f"{key}.register", read_register, issuer.register, None)
