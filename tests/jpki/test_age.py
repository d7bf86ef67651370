"""Age by Japan's law, against the wording of Civil Code art. 143(2) counted out independently."""

import calendar
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.jpki import AT, certificate
from tashika.errors import ProfileRefused, WrongUse
from tashika.jpki import Family, JpkiCause, age_at_least
from tashika.pki.profile import BasicItem

JST = timezone(timedelta(hours=9))
SECOND = timedelta(seconds=1)


def born(raw: str):
    return certificate(items={BasicItem.BIRTH: raw})


def in_japan(year: int, month: int, day: int, *clock: int) -> datetime:
    return datetime(year, month, day, *clock, tzinfo=JST).astimezone(UTC)


@pytest.mark.parametrize(
    ("birth", "years", "midnight"),
    [
        pytest.param("420080401", 18, (2026, 4, 1), id="1 April"),
        pytest.param("420080101", 18, (2026, 1, 1), id="New Year"),
        pytest.param("420000229", 20, (2020, 2, 29), id="29 February, leap year"),
        pytest.param("420040229", 18, (2022, 3, 1), id="29 February, common year"),
        pytest.param("420000301", 18, (2018, 3, 1), id="1 March"),
        pytest.param("219260101", 100, (2026, 1, 1), id="a hundred"),
        pytest.param("520260401", 0, (2026, 4, 1), id="born today"),
    ],
)
def test_a_year_of_age_ends_with_the_eve_of_the_birthday(
    birth: str, years: int, midnight: tuple[int, int, int]
):
    given, turn = born(birth), in_japan(*midnight)
    assert age_at_least(given, years, at=turn) is True
    assert age_at_least(given, years, at=turn - SECOND) is False


def test_the_day_is_japans_wherever_the_clock_is():
    given = born("420080401")
    turn = datetime(2026, 3, 31, 15, tzinfo=UTC)
    for zone in (UTC, JST, timezone(timedelta(hours=-8)), timezone(timedelta(hours=14))):
        assert age_at_least(given, 18, at=turn.astimezone(zone))
        assert not age_at_least(given, 18, at=(turn - SECOND).astimezone(zone))


def end_of_age(birth: date, years: int) -> date:
    """Return the last day of so many years, word by word.

    It ends on the day before the day in the last year that corresponds to the first; where
    the last month has no such day, on that month's last day.
    """
    year = birth.year + years
    if birth.day > calendar.monthrange(year, birth.month)[1]:
        return date(year, birth.month, calendar.monthrange(year, birth.month)[1])
    return date(year, birth.month, birth.day) - timedelta(days=1)


CLOSE = st.tuples(st.integers(-2, 2), st.sampled_from([(0, 0), (8, 59), (9, 0), (23, 59)]))


@settings(max_examples=50, deadline=None)
@given(
    birth=st.dates(date(1927, 1, 1), date(1988, 12, 31))
    | st.sampled_from([date(year, 2, 29) for year in range(1928, 1989, 4)]),
    years=st.integers(1, 110),
    close=CLOSE,
)
def test_the_law_counted_out_says_the_same(birth: date, years: int, close: tuple):
    days, clock = close
    last = end_of_age(birth, years)
    at = datetime.combine(last + timedelta(days=days), time(*clock), JST)
    completed = at >= datetime.combine(last + timedelta(days=1), time(), JST)
    assert age_at_least(born(f"3{birth:%Y%m%d}"), years, at=at) is completed


@pytest.mark.parametrize(
    "raw", ["319800000", "319801200", "000000000", "019801231", "319811231x", "", "419801231"]
)
@pytest.mark.parametrize("years", [0, 1, 18])
def test_an_unsure_birth_date_is_never_guessed(raw: str, years: int):
    with pytest.raises(ProfileRefused) as refused:
        age_at_least(born(raw), years, at=AT)
    assert refused.value.cause is JpkiCause.BIRTH_UNDETERMINED


def test_only_a_signature_certificate_tells_the_age():
    with pytest.raises(ProfileRefused) as refused:
        age_at_least(certificate(Family.USER_AUTH), 18, at=AT)
    assert refused.value.cause is JpkiCause.ITEM_ABSENT


def test_other_items_are_not_read():
    given = certificate(items={BasicItem.NAME: b"\x05\x00", BasicItem.ADDRESS: None})
    assert age_at_least(given, 18, at=AT)


@pytest.mark.parametrize("years", [-1, 151, True, 18.0, "18", None])
def test_an_age_is_a_number_of_years(years: object):
    with pytest.raises(WrongUse, match="number of years"):
        age_at_least(certificate(), years, at=AT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "at",
    [AT.replace(tzinfo=None), datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)],
)
def test_a_time_has_its_zone_and_a_sane_year(at: datetime):
    with pytest.raises(WrongUse, match="zone"):
        age_at_least(certificate(), 18, at=at)
