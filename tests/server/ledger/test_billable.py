"""What is billable: the shipped table, case by case, and tables that are refused."""

from itertools import product

import pytest

from tashika_server.agreements.terms import Method
from tashika_server.ledger.billable import BillableTable, Fact, read_billable, shipped_billable
from tashika_server.ledger.errors import BadBillableTable, UnknownUsage
from tashika_server.metering.usage import Delivery, Occasion, StandingCode

TABLE = shipped_billable()
GIVEN = Fact(Method.OCSP, StandingCode.GOOD, Occasion.FRESH, Delivery.HANDED_OVER)


def test_a_status_that_was_told_and_handed_over_is_billable_and_nothing_else():
    expected = {
        (standing, occasion, Delivery.HANDED_OVER)
        for standing in ("GOOD", "REVOKED", "HELD")
        for occasion in ("FRESH", "CACHED")
    }
    for fact in map(Fact._make, product(Method, StandingCode, Occasion, Delivery)):
        is_told = (fact.standing.name, fact.occasion.name, fact.delivery) in expected
        assert TABLE.decide(fact).billable is is_told, fact


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, "provision"),
        ({"occasion": Occasion.RETRY}, "retry"),
        ({"occasion": Occasion.REPLAY}, "replay"),
        ({"standing": StandingCode.UNKNOWN}, "unknown"),
        ({"standing": StandingCode.NEVER_ISSUED}, "never-issued"),
        ({"delivery": Delivery.ABANDONED}, "abandoned"),
        # The uncertain answers are one class, whatever else they were.
        ({"delivery": Delivery.UNKNOWN, "occasion": Occasion.RETRY}, "delivery-unknown"),
        ({"delivery": Delivery.UNKNOWN, "standing": StandingCode.UNKNOWN}, "delivery-unknown"),
    ],
)
def test_every_class_has_its_reason_in_two_languages(change, rule):
    decided = TABLE.decide(GIVEN._replace(**change))
    assert decided.name == rule
    assert decided.ja.strip()
    assert decided.en.isascii()


def test_a_table_is_rebuilt_from_its_text():
    again = BillableTable.from_text(TABLE.text)
    assert (again.version, again.rules, again.digest) == (TABLE.version, TABLE.rules, TABLE.digest)


def test_a_table_that_is_older_than_a_fact_does_not_guess():
    old = BillableTable("old", tuple(r for r in TABLE.rules if r.name != "retry"))
    with pytest.raises(UnknownUsage, match="old says nothing"):
        old.decide(GIVEN._replace(occasion=Occasion.RETRY))


ALL = '[[rule]]\nname = "all"\nbillable = true\nja = "x"\nen = "x"\n'
BAD = {
    "empty": ("", "version"),
    "no rules": ('version = "1"', "rule"),
    "no version": (ALL, "version"),
    "an unknown key": (f'version = "1"\nmore = 1\n{ALL}', "keys"),
    "an unknown word": (f'version = "1"\n{ALL}standings = ["bad"]', "bad"),
    "a key of a rule": (f'version = "1"\n{ALL}price = 20', "price"),
    "a number for a claim": (f'version = "1"\n{ALL.replace("true", "1")}', "billable is 1"),
    "an empty reason": (
        f'version = "1"\n{ALL.replace(chr(34) + "x" + chr(34), chr(34) * 2, 1)}',
        "ja is ''",
    ),
    "a hole": (f'version = "1"\n{ALL}standings = ["good"]', "nothing is said of ocsp, revoked"),
    "a rule in vain": (f'version = "1"\n{ALL}{ALL.replace("all", "vain")}', "'vain' never applies"),
    "not TOML": ("[[", "TOML|words"),
}


@pytest.mark.parametrize("case", BAD)
def test_t40_a_table_with_holes_or_mistakes_is_refused(case: str):
    text, told = BAD[case]
    with pytest.raises(BadBillableTable, match=told):
        read_billable(text)
