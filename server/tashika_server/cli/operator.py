"""`tashika-server operator`: who may keep the registry or look into it, each in one role."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence

from sqlalchemy import Connection

from tashika_server.book import Change
from tashika_server.cli.arguments import last_moment, one_of, pem_text
from tashika_server.cli.registrar import add_list, add_show, add_write
from tashika_server.console import operators
from tashika_server.console.operators import Role

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `operator` and its verbs."""
    noun = nouns.add_parser("operator")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    add = add_write(verbs, "add", _add, "enrol somebody, by a token unless a certificate is given")
    add.add_argument("--name", required=True, help="the person's own; the audit trail shows it")
    add.add_argument("--role", required=True, **one_of(*Role))
    add.add_argument(
        "--certificate", type=pem_text, metavar="FILE", help="a client certificate, PEM"
    )
    add.add_argument("--to", dest="ends", type=last_moment, metavar="DAY", help="default: a year")
    columns = ("id", "name", "role", "proof", "period", "ended_at")
    add_list(verbs, "list", _list, "list the operators", *columns)
    show = add_show(verbs, "show", _show, "show one")
    show.add_argument("id", metavar="O-NUMBER")
    end = add_write(verbs, "end", _end, "let somebody in no more; open sessions end too")
    end.add_argument("id", metavar="O-NUMBER")


def _add(options: Namespace, change: Change) -> object:
    return operators.add_operator(
        change,
        name=options.name,
        role=options.role,
        certificate=options.certificate,
        ends=options.ends,
    )


def _list(_: Namespace, connection: Connection) -> Sequence[object]:
    return operators.operators(connection)


def _show(options: Namespace, connection: Connection) -> object:
    return operators.find_operator(connection, options.id)


def _end(options: Namespace, change: Change) -> object:
    return operators.end_operator(change, options.id)
