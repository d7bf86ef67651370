"""`tashika-server tariff`: what one provision costs, for whom, and from which day.

Rows are never changed: `end` and `add --supersedes` enter a row in the place of another.
"""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.registry import Issuers
from tashika_server.agreements.terms import Method
from tashika_server.book import Change
from tashika_server.cli.arguments import first_moment, one_of
from tashika_server.cli.days import day
from tashika_server.cli.registrar import add_list, add_show, add_write
from tashika_server.config.problem import nearest
from tashika_server.console.operators import Role
from tashika_server.ledger import tariff_record
from tashika_server.ledger.days import DAY
from tashika_server.ledger.month import frozen_since
from tashika_server.ledger.tariff import Price, Tariff, TariffKind
from tashika_server.ledger.tariff_file import (
    import_tariffs,
    published_tariff,
    read_tariff_text,
    read_tariffs,
)
from tashika_server.ledger.tariff_record import Past

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `tariff` and its verbs."""
    noun = nouns.add_parser("tariff")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_price(add_write(verbs, "add", _add, "enter a row"))
    end = add_write(verbs, "end", _end, "let a row apply until a last day")
    end.add_argument("id", metavar="T-NUMBER")
    end.add_argument("--to", dest="last", type=day, required=True, metavar="DAY", help="last day")
    load = add_write(verbs, "import", _import, "enter the rows of a file that are not there yet")
    which = load.add_mutually_exclusive_group(required=True)
    which.add_argument("--file", type=Path, help="rows in TOML, as those that ship")
    published = "the published fees and their waiver, as they ship"
    which.add_argument("--published", action="store_true", help=published)
    for verb in verbs.choices.values():
        verb.set_defaults(keeper=Role.FINANCE)
        verb.add_argument(
            "--retroactive",
            dest="past",
            action="store_const",
            const=Past.CHANGE,
            default=Past.KEEP,
            help="let it change what days of the past cost; frozen months stay as they are",
        )
    _add_reading(verbs)


def _add_price(add: ArgumentParser) -> None:
    kinds = "the price as published, or what is due instead while it is waived (default: list)"
    add.add_argument("--kind", **one_of(*TariffKind), default=TariffKind.LIST, help=kinds)
    add.add_argument("--method", **one_of(*Method), required=True)
    add.add_argument("--family", **one_of(*Family), required=True)
    add.add_argument("--yen", type=int, required=True, metavar="N", help="for one provision")
    add.add_argument("--payee", required=True, help="whose income the fee is")
    add.add_argument("--legal-basis", required=True, help="the article")
    add.add_argument("--approval", required=True, help="where it was approved")
    add.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    add.add_argument("--to", dest="last", type=day, metavar="DAY", help="last day; default: no end")
    party = add.add_mutually_exclusive_group()
    party.add_argument("--category", **one_of(*Category), help="verifiers of one category only")
    party.add_argument("--verifier", metavar="V-NUMBER", help="one verifier only")
    add.add_argument("--issuer", metavar="NAME", help="certificates of one issuer only")
    add.add_argument("--note", default="", help="for the record")
    add.add_argument("--supersedes", metavar="T-NUMBER", help="the row whose place it takes")


def _add_reading(verbs: "_SubParsersAction[ArgumentParser]") -> None:
    columns = (
        "id",
        "price.kind",
        "price.method",
        "price.family",
        "price.category",
        "price.verifier",
        "price.issuer",
        "price.yen",
        "price.valid_from",
        "price.valid_last",
        "price.payee",
        "supersedes",
    )
    listed = add_list(verbs, "list", _list, "list the rows that are believed", *columns)
    listed.add_argument("--all", action="store_true", help="the superseded ones too")
    listed.add_argument("--on", type=day, metavar="DAY", help="those in force on a day")
    listed.add_argument(
        "--as-of", type=first_moment, metavar="TIME", help="what was believed at a time"
    )
    show = add_show(verbs, "show", _show, "show one row")
    show.add_argument("id", metavar="T-NUMBER")


def _add(options: Namespace, change: Change) -> Tariff:
    price = Price(
        method=options.method,
        family=options.family,
        kind=options.kind,
        payee=options.payee,
        yen=options.yen,
        legal_basis=options.legal_basis,
        approval=options.approval,
        valid_from=options.first,
        valid_to=None if options.last is None else options.last + DAY,
        category=options.category,
        verifier=options.verifier,
        issuer=options.issuer,
        note=options.note,
    )
    row = tariff_record.add_tariff(change, price, supersedes=options.supersedes, past=options.past)
    _tell_of_unknown(options.issuers, row)
    _tell_of_frozen(change, row)
    return row


def _end(options: Namespace, change: Change) -> Tariff:
    row = tariff_record.end_tariff(change, options.id, options.last, past=options.past)
    _tell_of_frozen(change, row)
    return row


def _import(options: Namespace, change: Change) -> tuple[Tariff, ...]:
    text = published_tariff() if options.published else read_tariff_text(options.file)
    rows = import_tariffs(change, read_tariffs(text), past=options.past)
    for row in rows:
        _tell_of_unknown(options.issuers, row)
        _tell_of_frozen(change, row)
    return rows


def _tell_of_unknown(issuers: Issuers, row: Tariff) -> None:
    """Say that a row is for an issuer that nobody here answers for: perhaps no more, or a slip."""
    price = row.price
    served = [name for name, family in issuers.items() if family is price.family]
    if price.issuer is not None and price.issuer not in served:
        print(
            f"{row.id} prices nothing while no issuer of family {price.family} is called "
            f"{price.issuer}; {nearest(price.issuer, served) if served else 'none is'}",
            file=sys.stderr,
        )


def _tell_of_frozen(change: Change, row: Tariff) -> None:
    """Say which frozen months lie among the days of a row, since it does not reach them."""
    if frozen := frozen_since(change.connection, row.price.valid_from):
        print(
            f"{row.id} leaves what is frozen as it is: {', '.join(frozen)}; "
            "see `tashika-server month difference`",
            file=sys.stderr,
        )


def _list(options: Namespace, connection: Connection) -> Sequence[Tariff]:
    if options.all:
        return tariff_record.tariffs(connection)
    rows = tariff_record.rates(connection, at=options.as_of).rows
    return tuple(row for row in rows if options.on is None or row.price.covers(options.on))


def _show(options: Namespace, connection: Connection) -> Tariff:
    return tariff_record.find_tariff(connection, options.id)
