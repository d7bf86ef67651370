"""Tariffs: the most specific row of a day wins, and what was entered is never altered."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from support.till import AFTER, FROM, SIGNATURE, USER_AUTH, Till, Use, price
from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.errors import BadScope, NoSuchRecord
from tashika_server.agreements.terms import Method
from tashika_server.book.trail import entries
from tashika_server.ledger.errors import BadTariff, BadTariffFile, LedgerError, TariffOverlap
from tashika_server.ledger.month import frozen_since
from tashika_server.ledger.tariff import Price, Provision, Rates, Tariff, TariffKind
from tashika_server.ledger.tariff_file import import_tariffs, published_tariff, read_tariffs
from tashika_server.ledger.tariff_record import Past, add_tariff, end_tariff, rates, tariffs

pytestmark = pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)

DAY = timedelta(days=1)
BANK = Category.ACCREDITED_VERIFIER
ASKED = Provision(Method.OCSP, SIGNATURE, "signature-g3", BANK, "V-000001")
LATER = date(2026, 4, 20)


def yen(rates: Rates, day: date = FROM, **changes: Any) -> int | None:
    rate = rates.rate(ASKED._replace(**changes), day)
    return None if rate is None else rate.due_yen


# --- Which row wins -------------------------------------------------------------------------


def test_the_more_specific_row_wins_the_party_before_the_issuer(till: Till, bank):
    ladder = [
        {},
        {"issuer": "signature-g3"},
        {"category": BANK},
        {"category": BANK, "issuer": "signature-g3"},
        {"verifier": bank.id},
        {"verifier": bank.id, "issuer": "signature-g3"},
    ]
    for number, specific in enumerate(ladder, 1):
        till.priced(price(number, **specific))
        assert yen(till.see(rates)) == number
    believed = till.see(rates)
    assert yen(believed, verifier="V-000002") == 4
    assert yen(believed, category=Category.COURT, verifier="V-000002") == 2
    assert yen(believed, category=Category.COURT, verifier="V-000002", issuer="g2") == 1
    assert yen(believed, verifier="V-000001", issuer="g2") == 5
    assert yen(believed, family=USER_AUTH) is None
    assert yen(believed, method=Method.FILE) is None


def test_a_row_is_in_force_from_its_first_day_to_its_last(till: Till):
    till.priced(price(valid_to=LATER))
    believed = till.see(rates)
    days = (FROM - DAY, FROM, LATER - DAY, LATER)
    assert [yen(believed, day) for day in days] == [None, 20, 20, None]


def test_a_waiver_alone_is_no_price(till: Till):
    till.priced(price(0, kind=TariffKind.WAIVER))
    assert yen(till.see(rates)) is None


# --- Overlap, supersession, and what was believed -----------------------------------------------


@pytest.mark.parametrize(
    "second",
    [
        price(21),
        price(21, valid_from=date(2020, 1, 1)),
        price(21, valid_from=LATER - DAY),
        price(21, valid_from=date(2020, 1, 1), valid_to=FROM + DAY),
    ],
)
def test_an_overlap_is_refused_naming_the_row_and_the_commands(till: Till, second: Price):
    till.priced(price(valid_to=LATER))
    with pytest.raises(TariffOverlap, match="T-000001 prices the same from 2026-04-01") as refused:
        till.priced(second)
    assert "--supersedes T-000001" in refused.value.remedy
    assert len(till.see(tariffs)) == 1


@pytest.mark.parametrize(
    "beside",
    [
        price(21, valid_from=LATER),
        price(21, valid_from=date(2020, 1, 1), valid_to=FROM),
        price(0, kind=TariffKind.WAIVER),
        price(21, issuer="g2"),
        price(21, category=Category.COURT),
        price(21, family=USER_AUTH),
    ],
)
def test_rows_of_other_days_or_another_specificity_stand_beside_it(till: Till, beside: Price):
    till.priced(price(valid_to=LATER), beside)
    assert len(till.see(rates).rows) == 2


def test_a_correction_supersedes_and_what_was_believed_before_is_found_again(till: Till):
    first = till.priced(price(20))[0]
    till.wait()
    second = till.do(add_tariff, price(25), supersedes=first.id, past=Past.CHANGE)
    assert yen(till.see(rates)) == 25
    assert yen(till.see(rates, newest=first.id)) == 20
    assert yen(till.see(rates, at=first.entered_at)) == 20
    assert yen(till.see(rates, at=first.entered_at - DAY)) is None
    assert till.see(tariffs) == (first, second)
    assert [each.action for each in till.see(lambda c: list(entries(c)))] == ["tariff.add"] * 2
    with pytest.raises(BadTariff, match="T-000001 is superseded already"):
        till.do(add_tariff, price(30), supersedes=first.id, past=Past.CHANGE)


def test_a_row_for_the_wrong_party_is_superseded_as_a_whole(till: Till, bank):
    other = till.verifier(name="Bank B")
    till.priced(price(20))
    (wrong,) = till.priced(price(5, verifier=bank.id))
    till.do(add_tariff, price(5, verifier=other.id), supersedes=wrong.id, past=Past.CHANGE)
    believed = till.see(rates)
    assert (yen(believed, verifier=bank.id), yen(believed, verifier=other.id)) == (20, 5)


def test_the_end_of_a_waiver_is_a_change_of_data(till: Till):
    till.published()
    assert yen(till.see(rates), date(2027, 4, 1)) == 0
    waiver = next(row for row in till.see(rates).rows if row.price.kind is TariffKind.WAIVER)
    till.do(end_tariff, waiver.id, date(2027, 3, 31))
    believed = till.see(rates)
    assert [yen(believed, date(2027, month, 1)) for month in (3, 4)] == [0, 20]
    assert yen(believed, date(2027, 3, 31)) == 0


# --- The past -------------------------------------------------------------------------------

TODAY = date(2026, 4, 10)
PAST = {
    "a row of the past": (None, price(7, valid_from=TODAY - DAY)),
    "another price since then": ("T-000001", price(21)),
    "an end in the past": ("T-000001", price(valid_to=TODAY - DAY)),
    "an earlier start": ("T-000001", price(valid_from=date(2025, 4, 1))),
    "another payee": ("T-000001", price(payee="another")),
    "of another issuer": ("T-000001", price(valid_from=TODAY, issuer="g2")),
}


@pytest.mark.parametrize("case", PAST)
def test_the_past_is_changed_only_when_asked_for(till: Till, case: str):
    till.priced(price())
    till.at = AFTER.replace(month=4, day=10, hour=3)
    supersedes, changed = PAST[case]
    if supersedes is None:
        changed = replace(changed, issuer="g1")
    with pytest.raises(BadTariff, match="--retroactive"):
        till.do(add_tariff, changed, supersedes=supersedes)
    till.do(add_tariff, changed, supersedes=supersedes, past=Past.CHANGE)


def test_what_leaves_every_past_day_as_it_was_needs_no_asking(till: Till):
    till.priced(price())
    till.at = AFTER.replace(month=4, day=9, hour=15)  # the 10th has begun in Japan
    ended = till.do(end_tariff, "T-000001", TODAY)
    till.do(add_tariff, price(25, valid_from=TODAY + DAY))
    till.do(add_tariff, replace(ended.price, note="looked at"), supersedes=ended.id)
    till.do(add_tariff, price(1, valid_from=TODAY, issuer="g2"))


def test_a_change_of_the_past_leaves_frozen_months_alone(till: Till, agreement):
    till.priced(price())
    till.used(agreement, Use(FROM, 3))
    till.taken_in()
    frozen = till.close()
    till.do(add_tariff, price(25), supersedes="T-000001", past=Past.CHANGE)
    assert till.see(frozen_since, FROM) == ("2026-04",)
    assert till.see(frozen_since, date(2026, 5, 1)) == ()
    assert frozen.due_yen == 60
    assert yen(till.see(rates, newest=frozen.tariff)) == 20


# --- What makes no sense --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nonsense", "error"),
    [
        (price(-1), BadTariff),
        (price(1_000_001), BadTariff),
        (price(valid_to=FROM), BadTariff),
        (price(category=BANK, verifier="V-000001"), BadTariff),
        (price(verifier="V-000009"), NoSuchRecord),
        (price(payee=" "), BadScope),
        (price(approval=""), BadScope),
        (price(issuer=""), BadScope),
    ],
)
def test_nonsense_is_refused(till: Till, bank, nonsense: Price, error: type[Exception]):
    with pytest.raises(error):
        till.priced(nonsense)
    assert till.see(tariffs) == ()


# --- Files ----------------------------------------------------------------------------------


def test_the_published_tariff_lists_prices_and_waives_them_without_an_end(till: Till):
    till.published()
    rows = till.see(rates).rows
    waivers = [row.price for row in rows if row.price.kind is TariffKind.WAIVER]
    assert [each.valid_from for each in waivers] == [date(2023, 1, 1)] * 2
    assert [each.valid_to for each in waivers] == [None] * 2
    assert all("end not announced" in each.note for each in waivers)
    listed = {
        (row.price.family, row.price.method): row.price.yen
        for row in rows
        if row.price.kind is TariffKind.LIST
    }
    assert listed == {
        (SIGNATURE, Method.OCSP): 20,
        (USER_AUTH, Method.OCSP): 2,
        (SIGNATURE, Method.FILE): 0,
        (USER_AUTH, Method.FILE): 0,
    }


def test_a_file_that_is_in_the_book_changes_nothing(till: Till):
    till.published()
    before = till.see(tariffs)
    till.published()
    assert till.see(tariffs) == before


ROW = published_tariff().partition("[[tariff]]")[2].partition("[[tariff]]")[0]
FILES = {
    "empty": ("", "the file has no row"),
    "only comments": ("# nothing", "the file has no row"),
    "an empty list": ("tariff = []", "the file has no row"),
    "not TOML": ("[[tariff", "not TOML"),
    "no rows": ("tariff = 5", "something else"),
    "other things": (f"more = 1\n[[tariff]]{ROW}", "something else"),
    "a row that is none": ("tariff = [5]", "row 1 is no row"),
    "a missing key": ("[[tariff]]" + ROW.replace("yen = 20", ""), "row 1 has no yen"),
    "a misspelt key": ("[[tariff]]" + ROW.replace("yen", "yenn"), "did you mean"),
    "a fraction": ("[[tariff]]" + ROW.replace("20\n", "20.5\n", 1), "yen is 20.5"),
    "a claim for a number": ("[[tariff]]" + ROW.replace("20\n", "true\n", 1), "yen is True"),
    "a price in quotes": ("[[tariff]]" + ROW.replace("20\n", '"20"\n', 1), "yen is '20'"),
    "a time for a day": ("[[tariff]]" + ROW.replace("01-01", "01-01T00:00:00"), "valid_from is"),
    "an unknown word": ("[[tariff]]" + ROW.replace('"ocsp"', '"ocpp"'), "did you mean"),
    "a negative price": ("[[tariff]]" + ROW.replace("20\n", "-20\n", 1), "-20 yen is no price"),
    "a row twice": (f"[[tariff]]{ROW}[[tariff]]{ROW}".replace("20\n", "21\n", 1), "prices the"),
}


@pytest.mark.parametrize("case", FILES)
def test_t40_a_bad_tariff_file_refuses_and_the_book_keeps_the_last_good(till: Till, case: str):
    till.priced(price(9, issuer="kept"))
    before = till.see(tariffs)
    text, told = FILES[case]
    with pytest.raises(LedgerError, match=told) as refused:
        till.do(lambda change: import_tariffs(change, read_tariffs(text), past=Past.CHANGE))
    assert refused.value.remedy
    assert till.see(tariffs) == before


def test_t40_an_empty_file_is_named_as_such(book_dsn):
    with pytest.raises(BadTariffFile, match="nothing is changed"):
        read_tariffs("")


def test_the_newest_row_is_the_one_entered_last_however_many_there_are(book_dsn):
    many = [
        Tariff(id=f"T-{number:06d}", price=price(), entered_by="x", entered_at=AFTER)
        for number in (999_999, 1_000_000)
    ]
    assert Rates(many).newest == "T-1000000"


def test_a_family_that_the_publication_does_not_speak_of_has_no_price(till: Till):
    till.published()
    assert yen(till.see(rates), family=Family.OTHER) is None
    assert yen(till.see(rates), method=Method.CORRESPONDING) is None
