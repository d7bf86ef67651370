"""`tashika-server ledger`: the book of all that was done, its signed days, and the proof of it."""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tashika_server.agreements.errors import NoSuchRecord
from tashika_server.book import Change, trail
from tashika_server.book.accounts import ledger_root
from tashika_server.certificate_file import read_private_key
from tashika_server.cli.days import day
from tashika_server.cli.display import print_json, print_record
from tashika_server.cli.registrar import add_list, add_show, add_write, open_house
from tashika_server.config import load_settings
from tashika_server.ledger.errors import (
    BadAnchor,
    CannotRead,
    LedgerBroken,
    NoLedgerKey,
    NoSuchRoot,
)
from tashika_server.ledger.export import export_lines
from tashika_server.ledger.keys import make_key, public_pem, read_public_key
from tashika_server.ledger.root import Root, public_key
from tashika_server.ledger.roots import draft_root, find_root, keep_root, roots
from tashika_server.ledger.verify import Verified, lines_of, read_anchors, verify_export

__all__ = ["add_commands"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """An entry and its place in the ledger."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: str | None
    after: str | None
    previous: bytes
    digest: bytes
    root: date | None
    """The day whose root it is under; None while it is under none."""


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `ledger` and its verbs."""
    noun = nouns.add_parser("ledger")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_verify(verbs)
    export = _add(verbs, "export", _export, "print the ledger as lines that can be verified")
    _config(export)
    export.add_argument("--from", dest="first", type=day, metavar="DAY", help="default: all")
    export.add_argument("--to", dest="last", type=day, metavar="DAY", help="a day that is closed")
    columns = ("day", "first", "last", "root", "closed_at")
    add_list(verbs, "roots", _roots, "list the signed roots of days", *columns)
    root = _add(verbs, "root", _root, "print the root of a day, for others to keep")
    _config(root).add_argument("day", type=day, metavar="DAY")
    show = add_show(verbs, "show", _show, "show one entry and its place")
    show.add_argument("number", type=int, metavar="NUMBER")
    close = add_write(verbs, "close", _close, "sign the days that are over, as the office does")
    close.add_argument(
        "--key", type=Path, metavar="FILE", help="private, PEM (default: [ledger] key)"
    )
    key = _add(verbs, "key", _key, "print the public half of the ledger's key")
    key.add_argument("file", type=Path, metavar="FILE", help="the private key, PEM")
    key.add_argument("--new", action="store_true", help="make it first, P-256; never over another")


def _add_verify(verbs: Any) -> None:
    text = "verify an export; needs neither a configuration nor the book"
    more = "exit status: 0 all of it holds, 1 something does not, and which line shows it"
    verify = _add(verbs, "verify", _verify, text, epilog=more)
    verify.add_argument("file", type=Path, metavar="EXPORT")
    verify.add_argument(
        "--key",
        dest="keys",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a public key, PEM, that may have signed; may be given several times",
    )
    verify.add_argument("--anchor", type=Path, metavar="FILE", help="roots that somebody has kept")
    verify.add_argument("--json", action="store_true", help="print one JSON value")


def _add(
    verbs: Any, name: str, run: Callable[[Namespace], None], text: str, **more: Any
) -> ArgumentParser:
    def handle(options: Namespace) -> int:
        run(options)
        return 0

    verb: ArgumentParser = verbs.add_parser(
        name, help=text, description=text, formatter_class=RawDescriptionHelpFormatter, **more
    )
    verb.set_defaults(handler=handle)
    return verb


def _config(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("config", type=Path, metavar="CONFIG", help="the service's configuration")
    return verb


# --- Work -----------------------------------------------------------------------------------


def _export(options: Namespace) -> None:
    with open_house(options.config) as house, house.book.reading() as connection:
        for line in export_lines(connection, first=options.first, last=options.last):
            sys.stdout.buffer.write(line)


def _verify(options: Namespace) -> None:
    keys = [read_public_key(file) for file in options.keys]
    anchors = read_anchors(_text(options.anchor)) if options.anchor else {}
    try:
        with options.file.open("rb") as export:
            verified = verify_export(lines_of(export), keys=keys, anchors=anchors)
    except OSError as wrong:
        raise CannotRead(
            f"{options.file} cannot be read: {wrong.strerror}",
            rule="an export is a file",
            remedy="name one that `tashika-server ledger export` has written",
        ) from wrong
    if keys and not verified.roots:
        raise LedgerBroken("it has no root: nothing of it is signed, with whatever key")
    if options.json:
        print_json(verified)
    else:
        print_record(verified)
        print(*_open_ends(verified, trusted=bool(keys)), sep="\n")


def _open_ends(verified: Verified, *, trusted: bool) -> Sequence[str]:
    """Say in words what is not proved."""
    ends = ["All of it holds together."]
    if verified.first > 1:
        ends.append(f"What was before entry {verified.first} is not in here.")
    if verified.rooted != verified.last:
        ends.append(f"What follows entry {verified.rooted or verified.first - 1} has no root yet.")
    if verified.keys and not trusted:
        ends.append("Whose keys they are is for you to compare, or give --key.")
    if not verified.anchored:
        ends.append("Whether it was cut, or written anew with the key, only --anchor can show.")
    return ends


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as wrong:
        raise BadAnchor(
            f"{file} cannot be read", rule="anchors are lines of text", remedy="name another file"
        ) from wrong


def _roots(_: Namespace, connection: Connection) -> Sequence[Root]:
    return roots(connection)


def _root(options: Namespace) -> None:
    with open_house(options.config) as house, house.book.reading() as connection:
        root = find_root(connection, options.day)
    if root is None:
        raise NoSuchRoot(
            f"the ledger has no root of {options.day}",
            rule="a day has a root once it is over and closed, if it added anything",
            remedy="see `ledger roots`; `ledger close` closes what is over",
        )
    print(root.line)


def _show(options: Namespace, connection: Connection) -> ShownEntry:
    number = options.number
    for entry in trail.entries(connection, after=number - 1, last=number):
        under = roots(connection, ledger_root.c.first <= number, ledger_root.c.last >= number)
        values = {name: getattr(entry, name) for name in entry.__slots__}
        return ShownEntry(**values, digest=entry.digest, root=under[0].day if under else None)
    raise NoSuchRecord(
        f"there is no entry {number}",
        rule="entries are numbered from 1, without gaps",
        remedy=f"the newest is {trail.last_number(connection)}",
    )


def _close(options: Namespace, change: Change) -> Sequence[Root]:
    key, closed = read_private_key(_key_file(options)), []
    while root := draft_root(change.connection, key, at=change.at):
        keep_root(change, root)
        closed.append(root)
    return closed


def _key_file(options: Namespace) -> Path:
    file: Path | None = options.key or load_settings(options.config).ledger.key
    if file is None:
        raise NoLedgerKey(
            "there is no key to sign days with",
            rule="a day is closed with the ledger's key",
            remedy="name it with --key, or as [ledger] key in the configuration",
        )
    return file


def _key(options: Namespace) -> None:
    if options.new:
        make_key(options.file)
    key = public_key(read_private_key(options.file))
    print(public_pem(key), end="")
    print(f"its SHA-256, as `ledger verify` shows it: {sha256(key).hexdigest()}", file=sys.stderr)
