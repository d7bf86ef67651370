"""`tashika-server month`: close a month once nothing of it can come any more."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress as Bar
from sqlalchemy import Connection

from tashika_server.book import Change
from tashika_server.cli.arguments import one_of
from tashika_server.cli.days import month
from tashika_server.cli.display import print_cells
from tashika_server.cli.registrar import add_list, add_show, add_write, now, open_house
from tashika_server.config import load_settings
from tashika_server.console.operators import Role
from tashika_server.ledger import month as months
from tashika_server.ledger.billable import shipped_billable
from tashika_server.ledger.difference import Difference, difference_of
from tashika_server.ledger.month import ClosingRules, Draft, FrozenMonth
from tashika_server.ledger.rating import Progress
from tashika_server.ledger.receipts import receipt_trees
from tashika_server.ledger.tax import TaxCategory
from tashika_server.ledger.watermark import Obstacle, obstacles
from tashika_server.policy import TaxTreatment

__all__ = ["add_commands"]


SUMS = ("provisions", "list_yen", "waived_yen", "due_yen", "tax_yen", "total_yen")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A frozen month, and what its statements know nothing of."""

    month: FrozenMonth
    came_late: int
    """Provisions that were counted since; `month difference` tells what they come to."""


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `month` and its verbs."""
    noun = nouns.add_parser("month")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    text = "list what stands in the way of closing a month, and what to do about it"
    more = "exit status: 0 it can be closed, 1 it cannot"
    check = _of(add_list(verbs, "check", _check, text, "what", "remedy"))
    check.set_defaults(handler=_or_one(check.get_default("handler")))
    check.epilog = more
    close = _of(add_write(verbs, "close", _freeze, "rate a month and freeze its statements"))
    close.set_defaults(keeper=Role.FINANCE, handler=_rated_first(close.get_default("handler")))
    close.add_argument(
        "--tax", **one_of(*TaxTreatment), help="consumption tax (default: [ledger] tax)"
    )
    percent = "with included or added (default: [ledger] tax_percent)"
    close.add_argument("--tax-percent", type=int, metavar="N", help=percent)
    columns = ["id", "fiscal_year", "provisions", "list_yen", "waived_yen", "due_yen"]
    add_list(verbs, "list", _list, "list the frozen months", *columns, "frozen_by", "frozen_at")
    _of(add_show(verbs, "show", _show, "show a frozen month"))
    text = (
        "tell what a frozen month would come to if it were rated now, and how its statements were "
        "adjusted; changes nothing"
    )
    columns = ["agreement", "statement", "frozen_yen", "due_yen", "adjusted_yen", "undecided_yen"]
    _of(add_list(verbs, "difference", _difference, text, *columns, "open_yen"))


def _of(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("month", type=month, metavar="YYYY-MM")
    return verb


def _rated_first(freeze: Callable[[Namespace], int]) -> Callable[[Namespace], int]:
    """Rate on a snapshot, before the transaction that freezes: nobody waits for the rating."""

    def handle(options: Namespace) -> int:
        table = shipped_billable()
        with (
            open_house(options.config) as house,
            house.book.reading() as connection,
            _bar(f"rating {options.month}") as progress,
        ):
            rules = ClosingRules(
                table=table,
                tax=_tax(options),
                receipts=receipt_trees(table),
                operators=house.operators,
            )
            options.draft = months.draft_month(
                connection, options.month, rules, at=now(), progress=progress
            )
        code = freeze(options)
        if not options.json:
            _tell_sums(options.draft)
        return code

    return handle


def _tell_sums(draft: Draft) -> None:
    """Show what a month comes to, before tax and with it."""
    documents = [each.document for each in draft.statements]
    rows = [
        (each.agreement, each.verifier.name, *(getattr(each.totals, name) for name in SUMS))
        for each in documents
    ]
    sums = [sum(getattr(each.totals, name) for each in documents) for name in SUMS]
    headings = ("agreement", "verifier", *(name.replace("_", " ") for name in SUMS))
    print_cells(headings, [*rows, (str(draft.month), "all", *sums)])


def _or_one(handler: Callable[[Namespace], int]) -> Callable[[Namespace], int]:
    """Return 1 where something stands in the way."""
    return lambda options: handler(options) or int(options.stopped)


def _tax(options: Namespace) -> TaxCategory:
    house = load_settings(options.config).ledger
    treatment = options.tax or house.tax
    usual = house.tax_percent if treatment.is_taxed else 0
    percent = usual if options.tax_percent is None else options.tax_percent
    return TaxCategory(treatment=treatment, percent=percent)


def _freeze(options: Namespace, change: Change) -> FrozenMonth:
    return months.freeze_month(change, options.draft)


def _check(options: Namespace, connection: Connection) -> Sequence[Obstacle]:
    found = obstacles(connection, options.month, now())
    options.stopped = bool(found)
    return found


def _list(_: Namespace, connection: Connection) -> Sequence[FrozenMonth]:
    return months.months(connection)


def _show(options: Namespace, connection: Connection) -> _Shown:
    found = months.find_month(connection, options.month)
    return _Shown(month=found, came_late=months.came_late(connection, found))


def _difference(options: Namespace, connection: Connection) -> Sequence[Difference]:
    with _bar(f"rating {options.month} anew") as progress:
        return difference_of(connection, options.month, progress=progress)


@contextmanager
def _bar(text: str) -> Iterator[Progress]:
    """Show on a terminal how much is done; nothing elsewhere."""
    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(text)
        yield lambda done, total: bar.update(task, completed=done, total=total)
