"""`tashika-server usage`: what was answered, as counted and as journalled, and what is amiss."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection

from tashika.pki.pseudonym import derive_key
from tashika_server.agreements import ids
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import find_verifier
from tashika_server.agreements.period import day_begins
from tashika_server.book.accounts import usage_context, usage_total
from tashika_server.cli import usage_journals
from tashika_server.cli.days import day, month
from tashika_server.cli.registrar import add_list, now, open_house
from tashika_server.config import load_settings
from tashika_server.config.settings import MeteringSettings
from tashika_server.ledger.days import DAY, Month, day_of
from tashika_server.ledger.errors import BadDay
from tashika_server.ledger.reconciliation import Reconciled, with_rated
from tashika_server.metering import recount
from tashika_server.metering.master_key import read_master_key
from tashika_server.metering.recount import Item, Span
from tashika_server.metering.totals import Total, hour_of, sums
from tashika_server.metering.usage import Usage, instant

__all__ = ["add_commands"]

_WHAT = ("verifier", "agreement", "version", "holder", "family", "method", "issuer", "purpose")
_BECAME = ("standing", "occasion", "delivery")


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `usage` and its verbs."""
    noun = nouns.add_parser("usage")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    columns = [*_WHAT, *_BECAME, "answers"]
    listed = _days_of(add_list(verbs, "list", _list, "list what is counted", *columns))
    listed.add_argument("--verifier", metavar="V-NUMBER", help="of one only")
    text = "list a verifier's answers themselves, read from the journals again"
    columns = ["at", "stream", "sequence", *_WHAT[1:], *_BECAME, "pseudonym"]
    detail = _journals(_days_of(add_list(verbs, "items", _items, text, *columns)))
    detail.add_argument("--verifier", metavar="V-NUMBER", required=True)
    text = "compare journals, totals and statements by day; exit status 1 if they differ"
    columns = ["day", "verifier", "journalled", "ingested", "difference", "rated", "unrated"]
    compared = _journals(_days_of(add_list(verbs, "reconcile", _reconcile, text, *columns)))
    compared.set_defaults(handler=_or_one(compared.get_default("handler")))
    usage_journals.add_verbs(verbs)
    _add_key(verbs)


def _add_key(verbs: Any) -> None:
    text = "print a verifier's own key, by which it knows its certificates' pseudonyms: a secret"
    key = verbs.add_parser("key", help=text, description=text)
    key.add_argument("config", type=Path, metavar="CONFIG", help="the service's configuration")
    key.add_argument("--verifier", required=True, metavar="V-NUMBER")
    key.set_defaults(handler=_key)


def _days_of(verb: ArgumentParser) -> ArgumentParser:
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--month", type=month, metavar="YYYY-MM", help="default: this month")
    which.add_argument("--from", dest="first", type=day, metavar="DAY", help="instead of a month")
    verb.add_argument("--to", dest="last", type=day, metavar="DAY", help="the last; default: today")
    return verb


def _journals(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument(
        "--journals",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="of each other machine that provided anything then",
    )
    return verb


def _span(options: Namespace) -> Span:
    first, last = _first_and_last(options)
    return Span(day_begins(first), day_begins(last + DAY))


def _first_and_last(options: Namespace) -> tuple[date, date]:
    """Tell which days are meant; BadDay."""
    today = day_of(now())
    its: Month = options.month or Month(today.year, today.month)
    first: date = options.first or its.first
    last: date = options.last or (its.after - DAY if options.month else today)
    if last < first:
        raise BadDay(
            f"{last} is before {first}",
            rule="days are named from the first to the last",
            remedy="change --to, or what it goes with",
        )
    return first, last


# --- What was counted, and what was journalled ----------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _What:
    """What was provided to whom, and what came of it."""

    verifier: str
    agreement: str
    version: int
    holder: str
    family: str
    issuer: str
    fingerprint: bytes
    method: str
    purpose: str
    standing: str
    occasion: str
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line(_What):
    """So many answers."""

    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer(_What):
    """One answer."""

    at: datetime
    stream: str
    sequence: int
    generation: int
    pseudonym: bytes


def _what(each: Total | Usage) -> dict[str, Any]:
    codes = (each.standing, each.occasion, each.delivery)
    names = dict(zip(_BECAME, (code.word for code in codes), strict=True))
    return asdict(each.context) | names


def _list(options: Namespace, connection: Connection) -> Sequence[_Line]:
    span = _span(options)
    which: list[ColumnElement[bool]] = [
        usage_total.c.hour.between(hour_of(span.begin), hour_of(span.end) - 1)
    ]
    if options.verifier:
        its_row = ids.number(Kind.VERIFIER, find_verifier(connection, options.verifier).id)
        which.append(usage_context.c.verifier_id == its_row)
    lines = [_Line(**_what(each), answers=each.answers) for each in sums(connection, *which)]
    return sorted(lines, key=attrgetter(*_WHAT, *_BECAME))


def _directories(options: Namespace) -> list[Path]:
    return [_metering(options).journal, *options.journals]


def _metering(options: Namespace) -> MeteringSettings:
    return load_settings(options.config).metering


def _items(options: Namespace, connection: Connection) -> Sequence[_Answer]:
    span = _span(options)
    find_verifier(connection, options.verifier)
    found = recount.extents(connection, _directories(options), span)
    return [_answer(each) for each in recount.items(found, span, verifier=options.verifier)]


def _answer(item: Item) -> _Answer:
    usage = item.usage
    return _Answer(
        **_what(usage),
        at=instant(usage.at),
        stream=item.stream,
        sequence=usage.sequence,
        generation=usage.generation,
        pseudonym=usage.pseudonym,
    )


def _reconcile(options: Namespace, connection: Connection) -> Sequence[Reconciled]:
    days = _first_and_last(options)
    rows = recount.reconcile(connection, _directories(options), *days)
    found = with_rated(connection, rows, *days)
    options.differs = any(each.difference or each.unrated for each in found)
    return found


def _or_one(handler: Callable[[Namespace], int]) -> Callable[[Namespace], int]:
    """Return 1 where journals, totals and statements differ."""
    return lambda options: handler(options) or int(options.differs)


def _key(options: Namespace) -> int:
    with open_house(options.config) as house, house.book.reading() as connection:
        verifier = find_verifier(connection, options.verifier)
    print(derive_key(read_master_key(_metering(options).key), verifier.id).hex())
    return 0
