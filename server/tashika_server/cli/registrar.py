"""What the registry's commands share: the book, the rehearsal, and what is printed.

A verb that writes is one transaction: its work runs in it, and what it changed is printed; with
`--dry-run` what it would have changed. A verb that reads prints a table, a record or JSON.
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from tashika_server.agreements.registry import Issuers
from tashika_server.assembly.registering import issuers, operators, registry_book, two_person
from tashika_server.book import Book, Change, Entry, Mode
from tashika_server.book.plain import plain
from tashika_server.cli import actor
from tashika_server.cli.display import print_csv, print_json, print_record, print_table
from tashika_server.clock import SystemClock
from tashika_server.config import load_settings
from tashika_server.console.views import trace
from tashika_server.office.control import notify
from tashika_server.policy import Guarded

__all__ = ["House", "add_list", "add_show", "add_write", "now", "open_house"]

T = TypeVar("T")
Work = Callable[[Namespace, Change], object]
"""Changes the registry; finds `two_person` and `issuers` of the configuration as options."""
Query = Callable[[Namespace, Connection], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The registry of one installation: its book, and what it wants two persons for."""

    book: Book
    two_person: frozenset[Guarded]
    issuers: Issuers
    operators: Mapping[str, str]
    """The operators of record by the names of their issuers."""
    run: Path
    """Where an office that runs here is told of changes."""


@contextmanager
def open_house(config: Path) -> Iterator[House]:
    """Open the registry that a configuration file names."""
    settings = load_settings(config)
    book = registry_book(config, settings)
    try:
        yield House(
            book=book,
            two_person=two_person(settings),
            issuers=issuers(settings),
            operators=operators(settings),
            run=settings.run,
        )
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
    actor.add_option(verb)
    return verb


def add_list(
    verbs: Any, name: str, query: Query[Sequence[Any]], text: str, *columns: str
) -> ArgumentParser:
    """Add a verb that lists records as a table with these fields."""

    def show(options: Namespace) -> None:
        found = _read(options, query)
        if options.json:
            print_json([_whole(each, columns) for each in found])
        elif options.csv:
            print_csv(found, columns)
        else:
            print_table(found, columns)

    verb = _add(verbs, name, show, text)
    verb.add_argument("--csv", action="store_true", help="print the table as CSV")
    return verb


def _whole(record: Any, columns: Sequence[str]) -> dict[str, Any]:
    """Write a record for programs, with what its table shows and it can only compute."""
    written: dict[str, Any] = plain(record)
    computed = (name for name in columns if name not in written and "." not in name)
    return written | {name: plain(getattr(record, name)) for name in computed}


def add_show(verbs: Any, name: str, query: Query[Any], text: str) -> ArgumentParser:
    """Add a verb that shows one record with what is within it."""

    def show(options: Namespace) -> None:
        found = _read(options, query)
        if options.json:
            print_json(found)
        else:
            print_record(found)

    return _add(verbs, name, show, text)


def _add(
    verbs: Any, name: str, run: Callable[[Namespace], None], text: str, **more: Any
) -> ArgumentParser:
    def handle(options: Namespace) -> int:
        run(options)
        return 0

    verb: ArgumentParser = verbs.add_parser(
        name, help=text, description=text, formatter_class=RawDescriptionHelpFormatter, **more
    )
    verb.add_argument("config", type=Path, metavar="CONFIG", help="the service's configuration")
    verb.add_argument("--json", action="store_true", help="print one JSON value")
    verb.set_defaults(handler=handle)
    return verb


def _read(options: Namespace, query: Query[T]) -> T:
    with open_house(options.config) as house, house.book.reading() as connection:
        return query(options, connection)


def _write(options: Namespace, work: Work) -> None:
    mode = Mode.REHEARSE if options.dry_run else Mode.KEEP
    with open_house(options.config) as house:
        options.two_person, options.issuers = house.two_person, house.issuers
        at = now()
        who = actor.actor_of(options, house.book, at)
        with house.book.writing(actor=who, at=at, mode=mode) as change:
            done = work(options, change)
    # A rehearsed secret opens nothing, so it is not shown for anybody to write down.
    secret = None if options.dry_run else getattr(done, "secret", None)
    if options.json:
        changes = [*map(trace, change.entries)]
        told = {"dry_run": options.dry_run, "changes": changes}
        print_json(told | ({"secret": secret} if secret else {}))
    else:
        _tell(change.entries, secret, mode)
    if mode is Mode.KEEP:
        _tell_the_office(house.run)


def _tell(entries: Sequence[Entry], secret: str | None, mode: Mode) -> None:
    if mode is Mode.REHEARSE:
        print("a rehearsal, nothing is kept:")
    for entry in entries:
        print(f"{entry.subject}  {entry.action}")
    if not entries:
        print("nothing is to be changed")
    if secret:
        print(f"secret, shown this once: {secret}")


def _tell_the_office(run: Path) -> None:
    """Let the workers of this machine know at once; the offices of others look each second."""
    told = asyncio.run(notify(run))
    if told and "error" in told:
        print(f"the workers do not know yet: {told['error']}", file=sys.stderr)
