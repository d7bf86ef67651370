"""Tariffs in the book: every row ever entered, each with the time at which it was.

No row is altered: a correction is a row that supersedes another as a whole, so that what was
believed at any earlier time can be found again.
"""

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from tashika.pki.profile import Family
from tashika_server.agreements import ids
from tashika_server.agreements.act import Category
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import find_verifier
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.terms import Method
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import accounts as a
from tashika_server.ledger.days import DAY, day_of
from tashika_server.ledger.errors import BadTariff, TariffOverlap
from tashika_server.ledger.tariff import Price, Rates, Tariff, TariffKind

__all__ = ["Past", "add_tariff", "end_tariff", "find_tariff", "rates", "tariffs"]

MOST = 1_000_000
"""No provision costs so many yen: the published price is 20 at most, so this is a slip."""


class Past(StrEnum):
    """Whether a change may reach days that are over. The default leaves them as they are."""

    KEEP = "keep"
    CHANGE = "change"
    """It may; months that are frozen stay as they are all the same."""


def tariffs(connection: Connection) -> tuple[Tariff, ...]:
    """List all rows in the order in which they were entered, the superseded ones too."""
    return _ROWS.list(connection)


def rates(
    connection: Connection, *, newest: str | None = None, at: datetime | None = None
) -> Rates:
    """Return what is believed now, or was when row `newest` had been entered, or at an instant."""
    which = []
    if newest is not None:
        which.append(a.tariff.c.id <= ids.number(Kind.TARIFF, newest))
    if at is not None:
        which.append(a.tariff.c.entered_at <= at)
    return Rates(_ROWS.list(connection, None, *which))


def find_tariff(connection: Connection, tariff_id: str) -> Tariff:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, tariff_id)


def add_tariff(
    change: Change, price: Price, *, supersedes: str | None = None, past: Past = Past.KEEP
) -> Tariff:
    """Enter a row, in place of another as a whole if it supersedes one.

    Raises BadTariff, TariffOverlap and NoSuchRecord. Frozen months never change.
    """
    price = _sound(change.connection, price)
    believed = rates(change.connection)
    replaced = None if supersedes is None else find_tariff(change.connection, supersedes)
    _demand_believed(believed, replaced)
    _demand_room(believed, price, replaced)
    if past is Past.KEEP:
        _demand_present(day_of(change.at), replaced, price)
    return _ROWS.add(
        change,
        "tariff.add",
        **_columns(price),
        entered_by=change.actor,
        entered_at=change.at,
        supersedes=ids.number(Kind.TARIFF, supersedes),
    )


def end_tariff(change: Change, tariff_id: str, last: date, *, past: Past = Past.KEEP) -> Tariff:
    """Let a row apply until the day `last` and no longer, by a row that supersedes it."""
    ended = replace(find_tariff(change.connection, tariff_id).price, valid_to=last + DAY)
    return add_tariff(change, ended, supersedes=tariff_id, past=past)


# --- What is refused ------------------------------------------------------------------------


def _sound(connection: Connection, price: Price) -> Price:
    """Tidy the words of a price; BadTariff if it makes no sense, NoSuchRecord."""
    if price.verifier is not None:
        find_verifier(connection, price.verifier)
    if price.category is not None and price.verifier is not None:
        raise BadTariff(
            "the row is for a category and for a verifier",
            rule="a row is for one verifier, for one category or for all",
            remedy="leave the category out; the verifier has but one",
        )
    if not 0 <= price.yen <= MOST:
        raise BadTariff(
            f"{price.yen} yen is no price of a provision",
            rule=f"a price is 0 to {MOST} yen",
            remedy="write whole yen; a free provision is a row of 0 yen",
        )
    if price.valid_to is not None and price.valid_to <= price.valid_from:
        raise BadTariff(
            f"the row ends on {price.valid_last}, before it begins on {price.valid_from}",
            rule="a row is in force on one day at least",
            remedy="give a later last day; to take a row back, supersede it by the right one",
        )
    return replace(
        price,
        payee=worded(price.payee, "payee"),
        legal_basis=worded(price.legal_basis, "legal basis"),
        approval=worded(price.approval, "approval"),
        issuer=None if price.issuer is None else worded(price.issuer, "issuer"),
        note=worded(price.note, "note") if price.note else "",
    )


def _demand_believed(believed: Rates, replaced: Tariff | None) -> None:
    if replaced is not None and replaced not in believed.rows:
        raise BadTariff(
            f"{replaced.id} is superseded already",
            rule="a row is superseded once",
            remedy="supersede the row that took its place; `tariff list` shows it",
        )


def _demand_room(believed: Rates, price: Price, replaced: Tariff | None) -> None:
    for other in believed.with_aim(price.aim):
        if other != replaced and other.price.meets(price):
            raise TariffOverlap(
                f"{other.id} prices the same from {other.price.valid_from}"
                + ("" if other.price.valid_to is None else f" to {other.price.valid_last}"),
                rule="one price of one specificity for one day",
                remedy=f"first `tariff end {other.id}` on the day before, "
                f"or add this with `--supersedes {other.id}`",
            )


def _demand_present(today: date, replaced: Tariff | None, price: Price) -> None:
    changed = _first_changed(replaced.price if replaced else None, price)
    if changed is not None and changed < today:
        raise BadTariff(
            f"the row changes what provisions cost since {changed}, and today is {today}",
            rule="a price is known by the day on which it applies",
            remedy="let it begin today or later; if the past was priced wrongly, "
            "say `--retroactive` (frozen months keep their statements)",
        )


def _first_changed(old: Price | None, new: Price) -> date | None:
    """Return the first day that costs something else than before, None if no day does."""
    if old is None:
        return new.valid_from
    if (old.aim, old.yen, old.payee) != (new.aim, new.yen, new.payee):
        return min(old.valid_from, new.valid_from)
    if old.valid_from != new.valid_from:
        return min(old.valid_from, new.valid_from)
    if old.valid_to == new.valid_to:
        return None
    return min(end for end in (old.valid_to, new.valid_to) if end is not None)


# --- Rows -----------------------------------------------------------------------------------


def _columns(price: Price) -> dict[str, Any]:
    columns = {name: getattr(price, name) for name in Price.__dataclass_fields__}
    columns["verifier_id"] = ids.number(Kind.VERIFIER, columns.pop("verifier"))
    return columns


def _tariff(row: Row[Any]) -> Tariff:
    return Tariff(
        id=ids.label(Kind.TARIFF, row.id),
        price=Price(
            method=Method(row.method),
            family=Family(row.family),
            kind=TariffKind(row.kind),
            payee=row.payee,
            yen=row.yen,
            legal_basis=row.legal_basis,
            approval=row.approval,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            category=None if row.category is None else Category(row.category),
            verifier=ids.label(Kind.VERIFIER, row.verifier_id),
            issuer=row.issuer,
            note=row.note,
        ),
        entered_by=row.entered_by,
        entered_at=row.entered_at,
        supersedes=ids.label(Kind.TARIFF, row.supersedes),
    )


_ROWS = Rows(kind=Kind.TARIFF, table=a.tariff, read=_tariff)
