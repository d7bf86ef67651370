"""`tashika-server handover`: give an issuer's records to its next operator, or take them over.

For a registrar with the ledger's key. Nothing here stops serving the issuer: that is done in the
configuration, on both sides.
"""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from tashika_server.agreements.registry import Compromise, compromises
from tashika_server.assembly.registering import registry_book
from tashika_server.book import Book
from tashika_server.certificate_file import read_private_key
from tashika_server.cli import actor
from tashika_server.cli.display import print_record
from tashika_server.cli.registrar import now
from tashika_server.config import Config, load_config, load_settings
from tashika_server.config.problem import nearest
from tashika_server.config.settings import Settings
from tashika_server.files.archive import Archive
from tashika_server.handover.kept import ArchivePart, HistoryPart
from tashika_server.handover.package import HandoverRefused, read_package
from tashika_server.handover.passing import Passed, hand_over, take_over
from tashika_server.handover.portable import IssuerPart, LedgerPart, Portable
from tashika_server.handover.served import table
from tashika_server.index import IndexReader
from tashika_server.issuer import Issuer
from tashika_server.ledger.keys import read_public_key
from tashika_server.ledger.root import public_key

__all__ = ["add_commands"]

HOME = "handovers"
"""Beside the configuration: what was taken over, a folder each."""


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `handover` and its verbs."""
    noun = nouns.add_parser("handover")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    export = _add(verbs, "export", _export, "write what the next operator of an issuer needs")
    export.add_argument("config", type=Path, metavar="CONFIG")
    export.add_argument("issuer", metavar="ISSUER", help="its name in the configuration")
    export.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new directory")
    actor.add_option(export)
    take = _add(verbs, "import", _import, "take over what another operator has exported")
    take.add_argument("config", type=Path, metavar="CONFIG")
    take.add_argument("directory", type=Path, metavar="DIR")
    _key(take)
    actor.add_option(take)
    verify = _add(verbs, "verify", _verify, "verify an export; needs no configuration")
    verify.add_argument("directory", type=Path, metavar="DIR")
    _key(verify)


def _add(verbs: Any, name: str, run: Callable[[Namespace], None], text: str) -> ArgumentParser:
    def handle(options: Namespace) -> int:
        run(options)
        return 0

    verb: ArgumentParser = verbs.add_parser(name, help=text, description=text)
    verb.set_defaults(handler=handle)
    return verb


def _key(verb: ArgumentParser) -> None:
    text = (
        "the giver's public key, PEM, got by another way (`ledger key` prints it); may be given "
        "several times, after a change of keys"
    )
    verb.add_argument(
        "--key",
        dest="keys",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help=text,
    )


def _export(options: Namespace) -> None:
    config = load_config(options.config)
    issuer, file = _issuer(config, options.issuer), config.settings.ledger.key
    if file is None:
        raise HandoverRefused("there is no [ledger] key to sign with; make one: `ledger key --new`")
    key, book = read_private_key(file), registry_book(options.config, config.settings)
    try:
        at = now()
        who = actor.actor_of(options, book, at)
        with closing(IndexReader.open(config.settings.index.path)) as index:
            ledger = LedgerPart(book=book, keys=(public_key(key),))
            told = IssuerPart(compromise=_compromise(book, issuer))
            parts = _parts(config.settings, told, ledger, index, at)
            passed = hand_over(book, issuer, parts, options.to, key, actor=who, at=at)
    finally:
        book.close()
    print_record(passed)


def _import(options: Namespace) -> None:
    settings, keys = load_settings(options.config), _keys(options)
    home, book = options.config.absolute().parent / HOME, registry_book(options.config, settings)
    try:
        at = now()
        who = actor.actor_of(options, book, at)
        parts = _parts(settings, IssuerPart(), LedgerPart(book=book, keys=keys), None, at)
        passed = take_over(book, options.directory, parts, home, keys, actor=who, at=at)
    finally:
        book.close()
    print_record(passed)
    _tell_what_to_add(passed, home)


def _compromise(book: Book, issuer: Issuer) -> Compromise | None:
    with book.reading() as connection:
        declared = compromises(connection)
    ours = (each for each in declared if each.fingerprint == issuer.identity.fingerprint)
    return next((each for each in ours if each.withdrawn_at is None), None)


def _parts(
    settings: Settings,
    told: IssuerPart,
    ledger: LedgerPart,
    index: IndexReader | None,
    at: datetime,
) -> tuple[Portable, ...]:
    """List what is handed over; the files are there where the configuration keeps some."""
    files = settings.files
    return (
        told,
        ledger,
        ArchivePart(archive=Archive.open(files.archive) if files else None),
        HistoryPart(file=files.history if files else None, index=index, at=at),
    )


def _tell_what_to_add(passed: Passed, home: Path) -> None:
    print("\nAdd this to the configuration, with a signer that the issuer has certified:\n")
    print(table(passed.folder(home) / IssuerPart().name), end="")


def _verify(options: Namespace) -> None:
    manifest = read_package(options.directory, _keys(options))
    print(f"{manifest.issuer}: {len(manifest.files)} files as given at {manifest.given_at}")


def _keys(options: Namespace) -> list[bytes]:
    return [read_public_key(file) for file in options.keys]


def _issuer(config: Config, name: str) -> Issuer:
    known = {each.name: each for each in config.issuers}
    if name not in known:
        raise HandoverRefused(f"there is no issuer {name!r}; {nearest(name, known)}")
    return known[name]
