"""What a statement says: one agreement in one frozen month, whole in itself.

It carries the tariff rows and names the table it was reckoned by, so that whoever holds it can
reckon again. Its text is canonical JSON (sorted keys, no white space, UTF-8) and its digest the
SHA-256 of that text. Making one and keeping it in the book is in `statement`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.terms import Environment, Method
from tashika_server.book.plain import canonical, from_plain, plain
from tashika_server.ledger.errors import StatementAltered
from tashika_server.ledger.sheet import DayCount, What
from tashika_server.ledger.tariff import Tariff
from tashika_server.ledger.tax import TaxCategory

__all__ = [
    "FORMAT",
    "CitedTable",
    "Document",
    "DocumentLine",
    "DocumentUnbilled",
    "Party",
    "PayeeSum",
    "ReceiptCount",
    "ReceiptTree",
    "Totals",
    "digest_of",
    "payee_sums",
    "read_document",
    "totals_of",
]

FORMAT = "tashika-statement-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """To whom a statement is, as the registry had it when the month was frozen."""

    id: str
    name: str
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """Provisions at one price; `tariff` and `waiver` name the rows."""

    family: Family
    method: Method
    issuer: str
    tariff: str
    waiver: str | None
    payee: str
    list_price: int
    price: int
    provisions: int
    list_yen: int
    waived_yen: int
    due_yen: int

    @property
    def what(self) -> What:
        """What was provided."""
        return What(self.family, self.method, self.issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentUnbilled:
    """Provisions that cost nothing, and why."""

    family: Family
    method: Method
    issuer: str
    rule: str
    ja: str
    en: str
    provisions: int

    @property
    def what(self) -> What:
        """What was provided."""
        return What(self.family, self.method, self.issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums of a statement."""

    provisions: int
    billable: int
    list_yen: int
    waived_yen: int
    due_yen: int
    tax_yen: int
    total_yen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeSum:
    """What is due to one payee."""

    payee: str
    due_yen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedTable:
    """The table of what is billable, by its version and the SHA-256 of its text."""

    version: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ReceiptCount:
    """Provisions of one kind on one day, as a verifier can count them by its receipts."""

    day: date
    family: Family
    method: Method
    issuer: str
    fingerprint: bytes
    """Of the issuer, as receipts name it."""
    standing: str
    delivery: str
    billable: bool
    receipted: bool
    """Whether each of them carries a receipt of its own."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptTree:
    """The Merkle tree over the receipts of the agreement's month (RFC 9162 2.1)."""

    receipts: int
    root: bytes
    counts: tuple[ReceiptCount, ...]
    """All provisions of the month by day and kind, with receipts and without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """All that a statement says; the days are days of Japan."""

    format: str
    month: str
    fiscal_year: int
    first: date
    last: date
    rated_at: datetime
    """Usage and tariffs are those that the book held then."""
    verifier: Party
    agreement: str
    environment: Environment
    operators: Mapping[str, str] = field(default_factory=dict)
    """The operators of record of the issuers that have one, when the month was frozen."""
    lines: tuple[DocumentLine, ...]
    unbilled: tuple[DocumentUnbilled, ...]
    days: tuple[DayCount, ...]
    payees: tuple[PayeeSum, ...]
    totals: Totals
    tax: TaxCategory
    tariffs: tuple[Tariff, ...]
    billable: CitedTable
    receipts: ReceiptTree | None

    @property
    def text(self) -> str:
        """The document as it is hashed, kept and sent."""
        said = plain(self)
        if not self.operators:
            # As it was written before statements named any: those still hold.
            del said["operators"]
        return canonical(said)

    def demand_sound(self) -> None:
        """Raise StatementAltered unless it adds up and its prices are those of its tariff rows."""
        rows = {row.id: row for row in self.tariffs}
        for line in self.lines:
            _demand({line.tariff, line.waiver or line.tariff} <= rows.keys(), "a tariff row")
            listed = rows[line.tariff].price
            price = rows[line.waiver].price if line.waiver else listed
            _demand(
                (line.list_price, line.price, line.payee) == (listed.yen, price.yen, listed.payee),
                f"the price of a line under {line.tariff}",
            )
            _demand(line.list_yen == line.provisions * line.list_price, "a line's list amount")
            _demand(line.due_yen == line.provisions * line.price, "a line's amount due")
            _demand(line.waived_yen == line.list_yen - line.due_yen, "a line's waiver")
        totals = totals_of(self.lines, self.unbilled, self.tax)
        _demand(self.totals == totals, "the totals")
        _demand(self.payees == payee_sums(self.lines), "the sums for the payees")
        by_day = (sum(day.billable for day in self.days), sum(day.unbilled for day in self.days))
        _demand(by_day == (totals.billable, totals.provisions - totals.billable), "the days")


def digest_of(text: str) -> bytes:
    """Return the digest of a statement's text."""
    return hashlib.sha256(text.encode()).digest()


def read_document(text: str) -> Document:
    """Read a statement's text; StatementAltered if it is none or does not add up."""
    try:
        document = from_plain(json.loads(text), Document)
        written_again = document.text
    except Exception as wrong:
        raise _altered("its form") from wrong
    # A number in quotes is read as that number, and so on: only the canonical text is the one.
    _demand(written_again == text, "its form")
    _demand(document.format == FORMAT, "its format")
    document.demand_sound()
    return document


def totals_of(
    lines: Iterable[DocumentLine], unbilled: Iterable[DocumentUnbilled], tax: TaxCategory
) -> Totals:
    """Add up a statement."""
    lines = tuple(lines)
    billable = sum(line.provisions for line in lines)
    due_yen = sum(line.due_yen for line in lines)
    return Totals(
        provisions=billable + sum(each.provisions for each in unbilled),
        billable=billable,
        list_yen=sum(line.list_yen for line in lines),
        waived_yen=sum(line.waived_yen for line in lines),
        due_yen=due_yen,
        tax_yen=tax.tax_yen(due_yen),
        total_yen=tax.total_yen(due_yen),
    )


def payee_sums(lines: Iterable[DocumentLine]) -> tuple[PayeeSum, ...]:
    """Add up what is due to each payee."""
    due: Counter[str] = Counter()
    for line in lines:
        due[line.payee] += line.due_yen
    return tuple(PayeeSum(payee=payee, due_yen=yen) for payee, yen in sorted(due.items()))


def _demand(holds: bool, what: str) -> None:  # noqa: FBT001 - a claim, not a switch
    if not holds:
        raise _altered(what)


def _altered(what: str) -> StatementAltered:
    return StatementAltered(
        f"the statement does not hold: {what}",
        rule="a statement adds up, and says what its tariff rows say",
        remedy="compare it with the operator's digest, and with the ledger's roots",
    )
