"""`tashika-server book`: the database of the registry, and who changed what in it."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from tashika_server.book import trail
from tashika_server.cli.registrar import add_list, open_house
from tashika_server.console.views import trace

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `book` and its verbs."""
    noun = nouns.add_parser("book")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    upgrade = verbs.add_parser("upgrade", help="make the tables, or bring them up to date")
    upgrade.add_argument("config", type=Path, metavar="CONFIG")
    upgrade.set_defaults(handler=_upgrade)
    columns = ("number", "at", "actor", "action", "subject")
    listed = add_list(verbs, "trail", _trail, "list who changed what", *columns)
    listed.add_argument("--subject", metavar="ID", help="changes of one thing only")
    listed.add_argument("--after", type=int, default=0, metavar="N", help="those numbered above")


def _upgrade(options: Namespace) -> int:
    with open_house(options.config) as house:
        print(f"the book has revision {house.book.upgrade()}")
    return 0


def _trail(options: Namespace, connection: Connection) -> Sequence[object]:
    return tuple(
        map(trace, trail.entries(connection, subject=options.subject, after=options.after))
    )
