"""`tashika-server suspension`: stop provision, provide again.

A suspension is an act of law and is never changed: it is ended and ordered anew.
"""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence

from sqlalchemy import Connection

from tashika_server.agreements import registry
from tashika_server.agreements.act import ActVersion
from tashika_server.agreements.grounds import GROUNDS, Ground, GroundFacts, ground_at
from tashika_server.agreements.registry import Resume, Suspend
from tashika_server.book import Change
from tashika_server.cli import actor
from tashika_server.cli.arguments import first_moment, one_of, words
from tashika_server.cli.registrar import add_list, add_show, add_write

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `suspension` and its verbs."""
    noun = nouns.add_parser("suspension")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    grounds = words("grounds", ((each, _meaning(GROUNDS[each])) for each in Ground))
    text = "stop provision of what the ground is about"
    add = add_write(verbs, "add", _add, text, epilog=grounds)
    add.add_argument("verifier", metavar="V-NUMBER")
    why = add.add_mutually_exclusive_group(required=True)
    why.add_argument("--ground", **one_of(*Ground), help="see below")
    why.add_argument("--article", help="the ground's place in the verifier's version of the Act")
    add.add_argument("--reason", required=True, help="what happened, for the record")
    add.add_argument("--holder", metavar="H-NUMBER", help="stop this tenant or member only")
    add.add_argument("--from", dest="start", type=first_moment, metavar="DAY", help="default: now")
    columns = [
        "id",
        "verifier",
        "family",
        "holder",
        "ground",
        "article",
        "since",
        "until",
        "reason",
    ]
    listed = add_list(verbs, "list", _list, "list the suspensions", *columns)
    listed.add_argument("--verifier", metavar="V-NUMBER", help="those of one only")
    show = add_show(verbs, "show", _show, "show one")
    show.add_argument("id", metavar="S-NUMBER")
    end = add_write(verbs, "end", _end, "provide again", aliases=["resume"])
    end.add_argument("id", metavar="S-NUMBER")
    end.add_argument("--reason", required=True, help="why, for the record")


def _meaning(facts: GroundFacts) -> str:
    """Say in a line of help where a ground stands and what it stops."""
    places = [str(facts.clause.at(act)) for act in ActVersion] if facts.clause else ["no article"]
    return f"{', '.join(places)}: stops {facts.family}"


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
    return actor.submit(options, change, order)


def _end(options: Namespace, change: Change) -> object:
    return actor.submit(options, change, Resume(suspension=options.id, reason=options.reason))


def _list(options: Namespace, connection: Connection) -> Sequence[object]:
    return registry.suspensions(connection, options.verifier)


def _show(options: Namespace, connection: Connection) -> object:
    return registry.find_suspension(connection, options.id)
