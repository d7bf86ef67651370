"""`tashika-server proposal`: what waits for a second person, or for the operator's decision."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence

from sqlalchemy import Connection

from tashika_server.agreements import registry
from tashika_server.book import Change
from tashika_server.cli import actor
from tashika_server.cli.registrar import add_list, add_show, add_write

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `proposal` and its verbs."""
    noun = nouns.add_parser("proposal")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    columns = ["id", "action", "order", "proposed_by", "proposed_at", "state", "decided_by"]
    listed = add_list(verbs, "list", _list, "list the proposals", *columns)
    listed.add_argument("--all", action="store_true", help="the decided ones too")
    _of(add_show(verbs, "show", _show, "show one with its order"))
    _of(add_write(verbs, "approve", _approve, "approve it, and do what it orders"))
    reject = _of(add_write(verbs, "reject", _reject, "reject it"))
    reject.add_argument("--remark", required=True, help="why")


def _of(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("id", metavar="P-NUMBER")
    return verb


def _list(options: Namespace, connection: Connection) -> Sequence[object]:
    found = registry.proposals(connection)
    return found if options.all else tuple(each for each in found if each.decided_by is None)


def _show(options: Namespace, connection: Connection) -> object:
    return registry.find_proposal(connection, options.id)


def _approve(options: Namespace, change: Change) -> object:
    return actor.approve(options, change, options.id)


def _reject(options: Namespace, change: Change) -> object:
    return registry.reject(change, options.id, remark=options.remark)
