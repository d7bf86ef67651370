"""What the registry's commands share: the book, who acts, and the rehearsal.

A verb that writes is one transaction: its work runs in it, and what it changed is printed; with
`--dry-run` what it would have changed. A verb that reads prints a table, a record or JSON.
"""

import asyncio
import getpass
import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from tashika_server import office
from tashika_server.agreements.period import day_begins
from tashika_server.agreements.registry import Guarded
from tashika_server.assembly.registering import registry_book, two_person
from tashika_server.book import Book, Change, Entry, Mode
from tashika_server.cli.display import print_json, print_records, print_table
from tashika_server.clock import SystemClock
from tashika_server.config import load_settings
from tashika_server.config.problem import nearest

__all__ = [
    "House",
    "add_list",
    "add_show",
    "add_write",
    "first_moment",
    "last_moment",
    "now",
    "one_of",
    "open_house",
    "pem_text",
]

T = TypeVar("T")
MANY = 6
"""So many words do not fit in the line of help; a wrong one is told all of them."""
Work = Callable[[Namespace, Change], object]
"""Changes the registry; finds `two_person` of the configuration among the options."""
Query = Callable[[Namespace, Connection], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The registry of one installation: its book, and what it wants two persons for."""

    book: Book
    two_person: frozenset[Guarded]
    run: Path
    """Where an office that runs here is told of changes."""


@contextmanager
def open_house(config: Path) -> Iterator[House]:
    """Open the registry that a configuration file names."""
    settings = load_settings(config)
    book = registry_book(config, settings)
    try:
        yield House(book=book, two_person=two_person(settings), run=settings.run)
    finally:
        book.close()


def now() -> datetime:
    """Tell the time: a command is a rim."""
    return SystemClock().now()


# --- Verbs ----------------------------------------------------------------------------------


def add_write(verbs: Any, name: str, work: Work, text: str, **more: Any) -> ArgumentParser:
    """Add a verb that changes the registry; `work` runs in its transaction."""
    verb = _add(verbs, name, lambda options: _write(options, work), text, **more)
    verb.add_argument("--dry-run", action="store_true", help="show the change, keep nothing")
    verb.add_argument(
        "--actor",
        default=getpass.getuser(),
        metavar="NAME",
        help="who makes the change (default: %(default)s)",
    )
    return verb


def add_list(
    verbs: Any, name: str, query: Query[Sequence[Any]], text: str, *columns: str
) -> ArgumentParser:
    """Add a verb that lists records as a table with these fields."""

    def show(options: Namespace) -> None:
        found = _read(options, query)
        if options.json:
            print_json(found)
        else:
            print_table(found, columns)

    return _add(verbs, name, show, text)


def add_show(verbs: Any, name: str, query: Query[Mapping[str, Any]], text: str) -> ArgumentParser:
    """Add a verb that shows records under their names, one or several under each."""

    def show(options: Namespace) -> None:
        found = _read(options, query)
        if options.json:
            print_json(found)
        else:
            print_records(found)

    return _add(verbs, name, show, text)


def _add(
    verbs: Any, name: str, run: Callable[[Namespace], None], text: str, **more: Any
) -> ArgumentParser:
    def handle(options: Namespace) -> int:
        run(options)
        return 0

    verb: ArgumentParser = verbs.add_parser(name, help=text, description=text, **more)
    verb.add_argument("config", type=Path, metavar="CONFIG")
    verb.add_argument("--json", action="store_true", help="print one JSON value")
    verb.set_defaults(handler=handle)
    return verb


def _read(options: Namespace, query: Query[T]) -> T:
    with open_house(options.config) as house, house.book.reading() as connection:
        return query(options, connection)


def _write(options: Namespace, work: Work) -> None:
    mode = Mode.REHEARSE if options.dry_run else Mode.KEEP
    with open_house(options.config) as house:
        options.two_person = house.two_person
        with house.book.writing(actor=options.actor, at=now(), mode=mode) as change:
            done = work(options, change)
    if mode is Mode.KEEP:
        _tell_the_office(house.run)
    # A rehearsed secret opens nothing, so it is not shown for anybody to write down.
    secret = None if options.dry_run else getattr(done, "secret", None)
    if options.json:
        print_json(
            {
                "dry_run": options.dry_run,
                "changes": [_described(entry) for entry in change.entries],
                **({"secret": secret} if secret else {}),
            }
        )
        return
    if options.dry_run:
        print("a rehearsal, nothing is kept:")
    for entry in change.entries:
        print(f"{entry.subject}  {entry.action}")
    if secret:
        print(f"secret, shown this once: {secret}")


def _tell_the_office(run: Path) -> None:
    """Let the workers of this machine know at once; the offices of others look each second."""
    told = asyncio.run(office.notify(run))
    if told and "error" in told:
        print(f"the workers do not know yet: {told['error']}", file=sys.stderr)


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "subject": entry.subject,
        "action": entry.action,
        "before": entry.before and json.loads(entry.before),
        "after": entry.after and json.loads(entry.after),
    }


# --- Arguments ------------------------------------------------------------------------------


def one_of(*words: StrEnum) -> dict[str, Any]:
    """Make the options of an argument that takes one of these words."""
    known = {str(word): word for word in words}

    def read(text: str) -> StrEnum:
        if text not in known:
            raise ArgumentTypeError(f"{text!r} is not known here; {nearest(text, known)}")
        return known[text]

    return {"type": read, "metavar": "|".join(known) if len(known) < MANY else "WORD"}


def pem_text(name: str) -> str:
    """Read the file that is named."""
    try:
        return Path(name).read_text()
    except (OSError, UnicodeDecodeError) as wrong:
        raise ArgumentTypeError(f"cannot read {name} as PEM: {wrong}") from None


def first_moment(text: str) -> datetime:
    """Read a day of Japan as its beginning, or an instant with its offset."""
    return _moment(text, timedelta(0))


def last_moment(text: str) -> datetime:
    """Read a day of Japan as its end, that day included, or an instant with its offset."""
    return _moment(text, timedelta(days=1))


def _moment(text: str, more: timedelta) -> datetime:
    try:
        return day_begins(date.fromisoformat(text) + more)
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ArgumentTypeError(
        f"{text!r} is neither a day (2026-04-01) nor a time with its offset "
        "(2026-04-01T12:00+09:00)"
    )
