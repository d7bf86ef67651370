"""`tashika-server adjustment`: corrections of frozen statements, by two persons."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence

from sqlalchemy import Connection

from tashika_server.book import Change
from tashika_server.cli.actor import demand_operator
from tashika_server.cli.registrar import add_list, add_show, add_write
from tashika_server.console.operators import Role
from tashika_server.ledger import adjustments as record
from tashika_server.ledger.adjustments import Adjustment

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `adjustment` and its verbs."""
    noun = nouns.add_parser("adjustment")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    add = add_write(verbs, "add", _add, "enter a correction of a frozen statement")
    add.add_argument("statement", metavar="M-NUMBER")
    add.add_argument(
        "--yen", type=int, required=True, metavar="N", help="to add; with a minus, off"
    )
    add.add_argument("--reason", required=True, help="why, for the record and the verifier")
    _of(add_write(verbs, "approve", _approve, "let one count, entered by somebody else"))
    _of(add_write(verbs, "reject", _reject, "let one never count"))
    for verb in verbs.choices.values():
        verb.set_defaults(keeper=Role.FINANCE)
    columns = ("id", "statement", "yen", "state", "entered_by", "approved_by", "reason")
    listed = add_list(verbs, "list", _list, "list the adjustments", *columns)
    listed.add_argument("--statement", metavar="M-NUMBER", help="those of one only")
    _of(add_show(verbs, "show", _show, "show one"))


def _of(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("id", metavar="J-NUMBER")
    return verb


def _add(options: Namespace, change: Change) -> Adjustment:
    demand_operator(options, change)
    return record.add_adjustment(change, options.statement, yen=options.yen, reason=options.reason)


def _approve(options: Namespace, change: Change) -> Adjustment:
    demand_operator(options, change)
    return record.approve_adjustment(change, options.id)


def _reject(options: Namespace, change: Change) -> Adjustment:
    return record.reject_adjustment(change, options.id)


def _list(options: Namespace, connection: Connection) -> Sequence[Adjustment]:
    return record.adjustments(connection, options.statement)


def _show(options: Namespace, connection: Connection) -> Adjustment:
    return record.find_adjustment(connection, options.id)
