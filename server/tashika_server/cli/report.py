"""`tashika-server report`: the yearly report on provision, and reports demanded of verifiers."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection

from tashika_server.book import Change
from tashika_server.cli.days import day
from tashika_server.cli.display import print_cells, print_json, write_cells
from tashika_server.cli.registrar import add_list, add_show, add_write, now, open_house
from tashika_server.ledger import report_demands as record
from tashika_server.ledger.annual_form import HEADINGS, AnnualReport, report_rows, report_title
from tashika_server.ledger.annual_report import (
    Years,
    annual_report,
    demand_borne_out,
    recounted,
)
from tashika_server.ledger.days import Month
from tashika_server.ledger.report_demands import DemandStanding, DemandState, ReportDemand
from tashika_server.metering.counting import Like
from tashika_server.metering.recount import Span, extents, recount

__all__ = ["add_commands"]

YEARS = range(2000, 3000)


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `report` and its verbs."""
    noun = nouns.add_parser("report")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_annual(verbs)
    demand = add_write(verbs, "demand", _demand, "enter that a report was demanded of a verifier")
    demand.add_argument("verifier", metavar="V-NUMBER")
    demand.add_argument("--due", type=day, required=True, metavar="DAY", help="the last day")
    demand.add_argument("--subject", required=True, help="what it is to be about")
    demand.add_argument("--reference", required=True, help="of the letter that demands it")
    answer = add_write(verbs, "answer", _answer, "enter that a demanded report has come")
    answer.add_argument("id", metavar="D-NUMBER")
    answer.add_argument("--note", required=True, help="where it is kept")
    columns = ("id", "verifier", "demanded_at", "due", "subject", "reference", "answered_at")
    names = [f"demand.{name}" for name in columns]
    listed = add_list(verbs, "demands", _demands, "list what was demanded", *names, "state")
    listed.add_argument("--verifier", metavar="V-NUMBER", help="of one only")
    which = listed.add_mutually_exclusive_group()
    which.add_argument("--open", action="store_true", help="those not answered yet")
    which.add_argument("--overdue", action="store_true", help="those that should have been")
    add_show(verbs, "show", _show, "show one demand").add_argument("id", metavar="D-NUMBER")


def _add_annual(verbs: "_SubParsersAction[ArgumentParser]") -> None:
    text = "report what was provided in a fiscal year; names no verifier"
    annual = verbs.add_parser("annual", help=text, description=text)
    annual.add_argument("config", type=Path, metavar="CONFIG", help="the service's configuration")
    annual.add_argument("year", type=_year, metavar="YEAR", help="that begins on 1 April of YEAR")
    annual.add_argument("--interim", action="store_true", help="of a year that is not over yet")
    annual.add_argument(
        "--journals",
        type=Path,
        action="append",
        metavar="DIR",
        help="count these again, of every machine, and refuse a report that they do not bear out",
    )
    face = annual.add_mutually_exclusive_group()
    face.add_argument("--json", action="store_true", help="print one JSON value")
    face.add_argument("--csv", action="store_true", help="print the table as CSV")
    annual.set_defaults(handler=_annual)


def _year(text: str) -> int:
    if not text.isdecimal() or int(text) not in YEARS:
        raise ArgumentTypeError(f"{text!r} is no year such as 2026")
    return int(text)


def _annual(options: Namespace) -> int:
    years = Years.ANY if options.interim else Years.COMPLETE
    with open_house(options.config) as house, house.book.reading() as connection:
        report = annual_report(
            connection, options.year, operators=house.operators, at=now(), years=years
        )
        if options.journals:
            _recount(connection, report, options.journals)
    if options.json:
        print_json(report)
    elif options.csv:
        write_cells([HEADINGS, *report_rows(report)])
    else:
        print(report_title(report))
        print_cells(HEADINGS, report_rows(report))
    return 0


def _recount(connection: Connection, report: AnnualReport, journals: Sequence[Path]) -> None:
    def count(month: Month) -> Mapping[Like, int]:
        span = Span(month.begin, month.end)
        return recount(extents(connection, journals, span), span)

    demand_borne_out(report, recounted(connection, report, count))


def _demand(options: Namespace, change: Change) -> ReportDemand:
    return record.demand_report(
        change,
        options.verifier,
        due=options.due,
        subject=options.subject,
        reference=options.reference,
    )


def _answer(options: Namespace, change: Change) -> ReportDemand:
    return record.answer_report(change, options.id, note=options.note)


def _demands(options: Namespace, connection: Connection) -> Sequence[DemandStanding]:
    states = set(DemandState)
    if options.open or options.overdue:
        states = {DemandState.OVERDUE} | ({DemandState.OPEN} if options.open else set())
    return record.report_demands(connection, now(), verifier=options.verifier, states=states)


def _show(options: Namespace, connection: Connection) -> DemandStanding:
    return record.standing_of(record.find_demand(connection, options.id), now())
