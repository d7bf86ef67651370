"""Verifiers: the parties that may come to ask.

A verifier's category is what the Act knows it as; everything it may be given follows from
that and from the version of the Act its records are kept by. Ending a verifier ends its
agreements too and is in `agreement`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from tashika.pki.profile import Family
from tashika_server.agreements import ids
from tashika_server.agreements.act import (
    CATEGORIES,
    ActVersion,
    Category,
    CategoryFacts,
    Clause,
    cite,
    notification_clause,
)
from tashika_server.agreements.errors import Duplicate, NotEntitled, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import tables as t

__all__ = [
    "Verifier",
    "add_verifier",
    "change_verifier",
    "close_verifier",
    "demand_not_ended",
    "find_verifier",
    "verifiers",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A party that may come to ask."""

    id: str
    name: str
    category: Category
    act: ActVersion
    """By which version of the Act its records are kept."""
    registered_at: datetime
    ended_at: datetime | None = None

    @property
    def facts(self) -> CategoryFacts:
        """What the Act says of its category."""
        return CATEGORIES[self.category]

    def demand(self, families: Iterable[Family]) -> None:
        """Raise NotEntitled if its category may not hold one of the families."""
        for family in families:
            if family not in self.facts.families:
                raise NotEntitled(
                    f"{self.id} is a party of category {self.category}, "
                    f"which may not be given {family} information",
                    rule=self.cite(
                        "the categories that may ask are listed there",
                        notification_clause(self.category, family),
                    ),
                    remedy="it may hold: " + ", ".join(sorted(self.facts.families)),
                )

    def cite(self, rule: str, *clauses: Clause | None) -> str:
        """Name a rule with its articles in this verifier's version of the Act."""
        return cite(rule, clauses, self.act)


def add_verifier(change: Change, *, name: str, category: Category, act: ActVersion) -> Verifier:
    """Register a party; it may ask nothing yet."""
    name = worded(name, "name")
    its = t.verifier.c
    same = (its.name == name, its.category == category, its.ended_at.is_(None))
    for each in _ROWS.list(change.connection, None, *same):
        raise Duplicate(
            f"{name} is registered as {each.id} in this category",
            rule="one record for one party in one category",
            remedy="use that record, or end it first",
        )
    return _ROWS.add(
        change,
        "verifier.add",
        name=name,
        category=category,
        act_version=act,
        registered_at=change.at,
    )


def change_verifier(
    change: Change, verifier_id: str, *, name: str | None = None, act: ActVersion | None = None
) -> Verifier:
    """Rename a verifier or keep its records by another version of the Act.

    The category stays: another one is another party before the Act.
    """
    before = find_verifier(change.connection, verifier_id)
    demand_not_ended(before)
    return _ROWS.alter(
        change,
        "verifier.change",
        before,
        name=before.name if name is None else worded(name, "name"),
        act_version=act or before.act,
    )


def close_verifier(change: Change, verifier: Verifier) -> Verifier:
    """Mark a verifier as ended; `agreement.end_verifier` first ends all that hangs on it."""
    return _ROWS.alter(change, "verifier.end", verifier, ended_at=change.at)


def find_verifier(connection: Connection, verifier_id: str) -> Verifier:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, verifier_id)


def verifiers(connection: Connection) -> tuple[Verifier, ...]:
    """List them all, the ended ones too."""
    return _ROWS.list(connection)


def demand_not_ended(verifier: Verifier) -> None:
    """Raise WrongState if the verifier has left."""
    if verifier.ended_at is not None:
        raise WrongState(
            f"{verifier.id} has ended",
            rule="an ended verifier is not changed any more",
            remedy="register the party anew",
        )


def _verifier(row: Row[Any]) -> Verifier:
    return Verifier(
        id=ids.label(Kind.VERIFIER, row.id),
        name=row.name,
        category=Category(row.category),
        act=ActVersion(row.act_version),
        registered_at=row.registered_at,
        ended_at=row.ended_at,
    )


_ROWS = Rows(kind=Kind.VERIFIER, table=t.verifier, read=_verifier)
