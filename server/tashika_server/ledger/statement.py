"""Statements: made of rated sheets when a month is frozen, and kept in the book for good.

What one says is in `document`; its faces are in `statement_csv` and `statement_pdf`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from tashika_server.agreements import ids
from tashika_server.agreements.agreement_record import Agreement
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import Verifier
from tashika_server.book import Change
from tashika_server.book import accounts as a
from tashika_server.ledger.billable import BillableTable
from tashika_server.ledger.days import DAY, Month
from tashika_server.ledger.document import (
    FORMAT,
    CitedTable,
    Document,
    DocumentLine,
    DocumentUnbilled,
    Party,
    ReceiptTree,
    digest_of,
    payee_sums,
    read_document,
    totals_of,
)
from tashika_server.ledger.errors import StatementAltered
from tashika_server.ledger.sheet import Line, Sheet, Unbilled
from tashika_server.ledger.tariff import Tariff
from tashika_server.ledger.tax import TaxCategory

__all__ = [
    "FREEZE",
    "Drafted",
    "Frame",
    "Receipts",
    "Statement",
    "Trees",
    "document_of",
    "find_statement",
    "keep_statements",
    "rated_by_day",
    "statement_document",
    "statements",
]

FREEZE = "statement.freeze"
"""What the trail calls it."""
Trees = Callable[[str], ReceiptTree | None]
"""Makes the tree of an agreement's receipts; None where it asks for none."""
Receipts = Callable[[Connection, Month], Trees]
"""Counts a month by day and kind, for all agreements at once, and returns what makes trees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was frozen, without its text: `statement_document` has that."""

    id: str
    month: str
    agreement: str
    verifier: str
    list_yen: int
    waived_yen: int
    due_yen: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all statements of one month have in common."""

    month: Month
    rated_at: datetime
    tax: TaxCategory
    table: BillableTable
    operators: Mapping[str, str]
    """Of issuers by their names: who does the work of an issuer that has delegated it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A document with its text, which takes longer to write than all else of it."""

    document: Document
    text: str


def document_of(
    frame: Frame, sheet: Sheet, agreement: Agreement, verifier: Verifier, tree: ReceiptTree | None
) -> Document:
    """Write down a rated sheet."""
    month = frame.month
    lines = tuple(map(_line, sheet.lines))
    unbilled = tuple(map(_unbilled, sheet.unbilled))
    provided: tuple[Line | Unbilled, ...] = (*sheet.lines, *sheet.unbilled)
    return Document(
        format=FORMAT,
        month=str(month),
        fiscal_year=month.fiscal_year,
        first=month.first,
        last=month.after - DAY,
        rated_at=frame.rated_at,
        verifier=Party(id=verifier.id, name=verifier.name, category=verifier.category),
        agreement=agreement.id,
        environment=agreement.environment,
        operators=_named(frame.operators, {each.what.issuer for each in provided}),
        lines=lines,
        unbilled=unbilled,
        days=sheet.days,
        payees=payee_sums(lines),
        totals=totals_of(lines, unbilled, frame.tax),
        tax=frame.tax,
        tariffs=_cited(sheet),
        billable=CitedTable(version=frame.table.version, digest=frame.table.digest),
        receipts=tree,
    )


def _named(operators: Mapping[str, str], issuers: Collection[str]) -> Mapping[str, str]:
    return {issuer: name for issuer, name in operators.items() if issuer in issuers}


def keep_statements(change: Change, drafted: Sequence[Drafted]) -> None:
    """Freeze documents: a row each, and an entry of the trail with its digest and sums."""
    newest = change.connection.scalar(select(func.max(a.statement.c.id))) or 0
    rows = [{"id": number, **_columns(each)} for number, each in enumerate(drafted, newest + 1)]
    if rows:
        change.connection.execute(insert(a.statement), rows)
    for statement in _read(change.connection, a.statement.c.id > newest):
        change.record(FREEZE, statement.id, before=None, after=statement)


def find_statement(connection: Connection, statement_id: str) -> Statement:
    """Look one up; NoSuchRecord."""
    row = ids.number(Kind.STATEMENT, statement_id)
    for found in _read(connection, a.statement.c.id == row):
        return found
    raise ids.missing(Kind.STATEMENT, statement_id)


def statements(
    connection: Connection, *, month: Month | None = None, verifier: str | None = None
) -> tuple[Statement, ...]:
    """List them all, or those of one month or one verifier."""
    which = []
    if month is not None:
        which.append(a.statement.c.month == str(month))
    if verifier is not None:
        which.append(a.statement.c.verifier_id == ids.number(Kind.VERIFIER, verifier))
    return _read(connection, *which)


def statement_document(connection: Connection, statement: Statement) -> Document:
    """Read what a statement says; StatementAltered if that is not what was frozen."""
    row = ids.number(Kind.STATEMENT, statement.id)
    query = select(a.statement.c.document).where(a.statement.c.id == row)
    text = connection.execute(query).scalar_one()
    document = read_document(text)
    sums = {name: getattr(statement, name) for name in _SUMS}
    if digest_of(text) != statement.digest or _sums(document) != sums:
        raise StatementAltered(
            f"{statement.id} is not what was frozen",
            rule="a statement's digest and sums are those of its text",
            remedy="restore the book from a copy, and look at the ledger's roots",
        )
    return document


def rated_by_day(connection: Connection, month: Month) -> Counter[tuple[date, str]]:
    """Count what the statements of a frozen month say, by day and verifier."""
    rated: Counter[tuple[date, str]] = Counter()
    for statement in statements(connection, month=month):
        for each in statement_document(connection, statement).days:
            rated[each.day, statement.verifier] += each.billable + each.unbilled
    return rated


_SUMS = ("list_yen", "waived_yen", "due_yen")
_SHOWN = [column for column in a.statement.c if column is not a.statement.c.document]
"""A list of a thousand statements need not read what they all say."""


def _sums(document: Document) -> dict[str, Any]:
    return {name: getattr(document.totals, name) for name in _SUMS}


def _columns(drafted: Drafted) -> dict[str, Any]:
    document = drafted.document
    return {
        "month": document.month,
        "agreement_id": ids.number(Kind.AGREEMENT, document.agreement),
        "verifier_id": ids.number(Kind.VERIFIER, document.verifier.id),
        "document": drafted.text,
        "digest": digest_of(drafted.text),
        **_sums(document),
    }


def _read(connection: Connection, *which: ColumnElement[bool]) -> tuple[Statement, ...]:
    query = select(*_SHOWN).where(*which).order_by(a.statement.c.id)
    return tuple(
        Statement(
            id=ids.label(Kind.STATEMENT, row.id),
            month=row.month,
            agreement=ids.label(Kind.AGREEMENT, row.agreement_id),
            verifier=ids.label(Kind.VERIFIER, row.verifier_id),
            list_yen=row.list_yen,
            waived_yen=row.waived_yen,
            due_yen=row.due_yen,
            digest=row.digest,
        )
        for row in connection.execute(query)
    )


# --- From sheets ----------------------------------------------------------------------------


def _line(line: Line) -> DocumentLine:
    listed, waiver = line.rate
    return DocumentLine(
        **line.what._asdict(),
        tariff=listed.id,
        waiver=waiver.id if waiver else None,
        payee=listed.price.payee,
        list_price=line.rate.list_yen,
        price=line.rate.due_yen,
        provisions=line.provisions,
        list_yen=line.list_yen,
        waived_yen=line.waived_yen,
        due_yen=line.due_yen,
    )


def _unbilled(each: Unbilled) -> DocumentUnbilled:
    rule = each.rule
    return DocumentUnbilled(
        **each.what._asdict(), rule=rule.name, ja=rule.ja, en=rule.en, provisions=each.provisions
    )


def _cited(sheet: Sheet) -> tuple[Tariff, ...]:
    rows = (row for line in sheet.lines for row in line.rate if row)
    return tuple(sorted({row.id: row for row in rows}.values(), key=lambda row: row.id))
