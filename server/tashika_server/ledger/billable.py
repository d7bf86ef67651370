"""What is billable: a table over method, standing, occasion and delivery, kept as data.

Journals hold facts only; whether a fact costs anything is decided here, when a month is rated.
The table that ships leaves no case open, and one that does is refused.
"""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from itertools import product
from typing import Any, NamedTuple

from tashika_server.agreements.terms import Method
from tashika_server.book.plain import canonical, from_plain
from tashika_server.ledger.errors import BadBillableTable, UnknownUsage
from tashika_server.metering.usage import Delivery, Occasion, StandingCode

__all__ = ["TEST", "BillableTable", "Fact", "Rule", "read_billable", "shipped_billable"]

LISTS: dict[str, type[Enum]] = {
    "methods": Method,
    "standings": StandingCode,
    "occasions": Occasion,
    "deliveries": Delivery,
}


class Fact(NamedTuple):
    """What is known of a provision when it is asked whether it is billable."""

    method: Method
    standing: StandingCode
    occasion: Occasion
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table, with its reason for officials and verifiers."""

    name: str
    billable: bool
    ja: str
    en: str
    methods: tuple[Method, ...] = tuple(Method)
    standings: tuple[StandingCode, ...] = tuple(StandingCode)
    occasions: tuple[Occasion, ...] = tuple(Occasion)
    deliveries: tuple[Delivery, ...] = tuple(Delivery)

    @property
    def facts(self) -> frozenset[Fact]:
        """All that it fits."""
        lists = (self.methods, self.standings, self.occasions, self.deliveries)
        return frozenset(map(Fact._make, product(*lists)))


TEST = Rule(
    name="test",
    billable=False,
    ja="試験環境の取決めによる回答",
    en="an answer under an agreement of the test environment",
)
"""Stands before every table: what is answered in the test environment provides nothing."""


class BillableTable:
    """The rules of one version, in order; the first that fits a fact decides."""

    def __init__(self, version: str, rules: tuple[Rule, ...]) -> None:
        self.version = version
        self.rules = rules
        self._decisions: dict[Fact, Rule] = {}
        for rule in reversed(rules):
            self._decisions.update(dict.fromkeys(rule.facts, rule))

    def decide(self, fact: Fact) -> Rule:
        """Return the rule that decides; UnknownUsage if the table is older than the fact."""
        if fact not in self._decisions:
            raise UnknownUsage(
                f"{_text(fact)}: the table {self.version} says nothing of this",
                rule="every kind of provision is decided by one rule",
                remedy="use a table that knows it",
            )
        return self._decisions[fact]

    def demand_whole(self) -> None:
        """Raise BadBillableTable if a fact is left open or a rule can never decide."""
        for rule in set(self.rules) - set(self._decisions.values()):
            raise _bad(f"the rule {rule.name!r} never applies")
        for fact in map(Fact._make, product(Method, StandingCode, Occasion, Delivery)):
            if fact not in self._decisions:
                raise _bad(f"nothing is said of {_text(fact)}")

    @property
    def text(self) -> str:
        """The whole table as canonical JSON, for the book; `from_text` reads it."""
        return canonical({"version": self.version, "rules": self.rules})

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text, so that a version cannot come to mean something else unseen."""
        return hashlib.sha256(self.text.encode()).digest()

    @classmethod
    def from_text(cls, text: str) -> "BillableTable":
        """Rebuild the table that a month was frozen with."""
        content = json.loads(text)
        return cls(content["version"], from_plain(content["rules"], tuple[Rule, ...]))


def shipped_billable() -> BillableTable:
    """Return the table that ships."""
    return read_billable(files("tashika_server.ledger").joinpath("billable.toml").read_text())


def read_billable(text: str) -> BillableTable:
    """Read a table from TOML; BadBillableTable."""
    try:
        content = tomllib.loads(text)
        version, rows = content.pop("version"), content.pop("rule")
        rules = tuple(map(_rule, rows))
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise _bad(f"it is not a version and rules with known words ({wrong})") from None
    if content or not (isinstance(version, str) and version):
        raise _bad("it has no version, or keys that are not known")
    table = BillableTable(version, rules)
    table.demand_whole()
    return table


def _rule(row: dict[str, Any]) -> Rule:
    values: dict[str, Any] = {}
    for key, value in row.items():
        if key in LISTS:
            members = {_word(each): each for each in LISTS[key]}
            values[key] = tuple(members[word] for word in value)
        elif type(value) is not (bool if key == "billable" else str) or value == "":
            raise ValueError(f"{key} is {value!r}")
        else:
            values[key] = value
    return Rule(**values)


def _text(fact: Fact) -> str:
    return ", ".join(map(_word, fact))


def _word(member: Enum) -> str:
    return member.name.lower().replace("_", "-")


def _bad(what: str) -> BadBillableTable:
    return BadBillableTable(
        f"the table of what is billable cannot be used: {what}",
        rule="every kind of provision is decided by exactly one rule",
        remedy="correct the file; the months that are frozen keep the table they cite",
    )
