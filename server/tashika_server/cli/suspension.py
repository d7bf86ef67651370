"""`tashika-server suspension`: stop provision, provide again.

A suspension is an act of law and is never changed: it is ended and ordered anew.
"""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tashika_server.agreements import registry
from tashika_server.agreements.grounds import Ground, ground_at
from tashika_server.agreements.registry import Resume, Suspend
from tashika_server.book import Change
from tashika_server.cli.registrar import add_list, add_show, add_write, first_moment, one_of

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `suspension` and its verbs."""
    noun = nouns.add_parser("suspension", help="stop provision, and provide again")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    add = add_write(verbs, "add", _add, "stop provision of what the ground is about")
    add.add_argument("verifier", metavar="V-NUMBER")
    why = add.add_mutually_exclusive_group(required=True)
    why.add_argument("--ground", **one_of(*Ground))
    why.add_argument("--article", help="the ground's place in the verifier's version of the Act")
    add.add_argument("--reason", required=True)
    add.add_argument("--holder", metavar="H-NUMBER", help="stop this one only")
    add.add_argument("--from", dest="start", type=first_moment, metavar="DAY", help="default: now")
    columns = (
        "id",
        "verifier",
        "family",
        "holder",
        "ground",
        "article",
        "since",
        "until",
        "reason",
    )
    listed = add_list(verbs, "list", _list, "list the suspensions", *columns)
    listed.add_argument("--verifier", metavar="V-NUMBER", help="those of one only")
    show = add_show(verbs, "show", _show, "show one")
    show.add_argument("id", metavar="S-NUMBER")
    end = add_write(verbs, "end", _end, "provide again", aliases=["resume"])
    end.add_argument("id", metavar="S-NUMBER")
    end.add_argument("--reason", required=True)


def _add(options: Namespace, change: Change) -> object:
    ground = options.ground
    if ground is None:
        act = registry.find_verifier(change.connection, options.verifier).act
        ground = ground_at(act, options.article)
    order = Suspend(
        verifier=options.verifier,
        ground=ground,
        reason=options.reason,
        holder=options.holder,
        since=options.start,
    )
    return registry.submit(change, order, two_person=options.two_person)


def _end(options: Namespace, change: Change) -> object:
    order = Resume(suspension=options.id, reason=options.reason)
    return registry.submit(change, order, two_person=options.two_person)


def _list(options: Namespace, connection: Connection) -> Sequence[object]:
    return registry.suspensions(connection, options.verifier)


def _show(options: Namespace, connection: Connection) -> dict[str, Any]:
    return {"suspension": registry.find_suspension(connection, options.id)}
