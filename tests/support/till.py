"""A house that has provided something: usage put into the book, tariffs, months to be closed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, insert, select, update

from support.registry import Office
from tashika.pki.profile import Family
from tashika_server.agreements import ids
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.period import day_begins
from tashika_server.agreements.registry import Agreement
from tashika_server.agreements.terms import Method
from tashika_server.book import Change
from tashika_server.book import accounts as a
from tashika_server.ledger.billable import BillableTable, shipped_billable
from tashika_server.ledger.days import Month, hours_of
from tashika_server.ledger.month import ClosingRules, FrozenMonth, draft_month, freeze_month
from tashika_server.ledger.statement import Trees
from tashika_server.ledger.tariff import Price, Tariff, TariffKind
from tashika_server.ledger.tariff_file import import_tariffs, published_tariff, read_tariffs
from tashika_server.ledger.tariff_record import Past, add_tariff
from tashika_server.ledger.tax import TaxCategory
from tashika_server.metering.usage import Delivery, Occasion, StandingCode

APRIL = Month(2026, 4)
AFTER = datetime(2026, 5, 1, 0, 10, tzinfo=UTC)
"""Nine in the morning of 1 May in Japan."""
STREAM = "ab" * 16
SIGNATURE, USER_AUTH = Family.SIGNATURE, Family.USER_AUTH
ISSUERS = {SIGNATURE: "signature-g3", USER_AUTH: "user-auth-g3", Family.OTHER: "other"}
OPERATORS = {"signature-g3": "Body S", "nobody-asked": "Body N"}
FROM = date(2026, 4, 1)


class Use(NamedTuple):
    """So many answers of one kind in one hour of a day."""

    day: date
    count: int = 1
    hour: int = 12
    family: Family = SIGNATURE
    method: Method = Method.OCSP
    standing: int = StandingCode.GOOD
    occasion: int = Occasion.FRESH
    delivery: int = Delivery.HANDED_OVER


def price(yen: int = 20, **changes: Any) -> Price:
    """A list price of signature OCSP from 1 April 2026, or what the changes make of it."""
    usual = Price(
        method=Method.OCSP,
        family=SIGNATURE,
        kind=TariffKind.LIST,
        payee="J-LIS",
        yen=yen,
        legal_basis="67(1)(ii)",
        approval="decision 1",
        valid_from=FROM,
    )
    return replace(usual, **changes)


def no_progress(done: int, total: int) -> None:
    assert 0 <= done <= total


def no_receipts(connection: Connection, month: Month) -> Trees:
    """Nobody has asked for receipts."""
    return lambda agreement: None


@dataclass
class Till(Office):
    """An operator at the registry and the accounts."""

    table: BillableTable = field(default_factory=shipped_billable)
    tax: TaxCategory = field(default_factory=TaxCategory)

    @property
    def rules(self) -> ClosingRules:
        return ClosingRules(
            table=self.table, tax=self.tax, receipts=no_receipts, operators=OPERATORS
        )

    # --- What the intake would write ---------------------------------------------------------

    def used(self, agreement: Agreement, *uses: Use) -> None:
        with self.change() as change:
            self.use(change, agreement, uses)

    def use(self, change: Change, agreement: Agreement, uses: Iterable[Use]) -> None:
        for use in uses:
            context = context_of(change, agreement, use)
            codes = (use.standing, use.occasion, use.delivery)
            kind = (hours_of(use.day)[use.hour], context, *codes)
            count_more(change.connection, kind, use.count)

    def taken_in(self, until: datetime | None = AFTER, *, state: str = "open") -> None:
        """One machine with one journal, both read up to a moment."""
        with self.change() as change:
            for table in (a.journal_stream, a.journal_node):
                change.connection.execute(table.delete())
            if until is not None:
                change.connection.execute(
                    insert(a.journal_node).values(node="node-1", read_to=until)
                )
            change.connection.execute(
                insert(a.journal_stream).values(
                    id=STREAM,
                    node="node-1",
                    started_at=day_begins(FROM),
                    segment=0,
                    offset=0,
                    sequence=0,
                    state=state,
                    caught_up_to=until,
                )
            )

    # --- Tariffs and months ------------------------------------------------------------------

    def published(self) -> None:
        prices = read_tariffs(published_tariff())
        self.do(import_tariffs, prices, past=Past.CHANGE)

    def priced(self, *prices: Price) -> list[Tariff]:
        return [self.do(add_tariff, each, past=Past.CHANGE) for each in prices]

    def close(self, month: Month = APRIL, *, at: datetime = AFTER) -> FrozenMonth:
        self.at = at
        with self.book.reading() as connection:
            draft = draft_month(connection, month, self.rules, at=at, progress=no_progress)
        return self.do(freeze_month, draft)


def context_of(change: Change, agreement: Agreement, use: Use) -> int:
    values = {
        "verifier_id": ids.number(Kind.VERIFIER, agreement.verifier),
        "holder_id": 0,
        "agreement_id": ids.number(Kind.AGREEMENT, agreement.id),
        "version": 1,
        "family": use.family,
        "issuer": ISSUERS[use.family],
        "fingerprint": bytes(32),
        "method": use.method,
        "purpose": "",
    }
    same = (a.usage_context.c[name] == value for name, value in values.items())
    found = change.connection.scalar(select(a.usage_context.c.id).where(*same))
    return found or change.insert(a.usage_context, values)


def count_more(connection: Connection, kind: tuple[int, ...], count: int) -> None:
    total = a.usage_total
    same = and_(*(column == value for column, value in zip(total.primary_key, kind, strict=True)))
    more = update(total).where(same).values(count=total.c.count + count)
    if not connection.execute(more).rowcount:
        connection.execute(insert(total).values((*kind, count)))
