"""Every check of the numbered list, alone: a CRL that is in order but for one thing."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from asn1crypto import core

from support.crls import AT, DAY, FOUNDED, HOUR, NAKA, NISHI, Ca, Row, hold
from support.reading import Taken, accepting
from support.reading import take as take_from
from tashika.pki import der
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, Mark
from tashika_server.index.layout import pack_entry
from tashika_server.issuer import Bounds
from tashika_server.refresh.accept import AcceptedCrl
from tashika_server.refresh.diff import diff
from tashika_server.refresh.guards import check_bounds
from tashika_server.refresh.heads import MAX_SKEW
from tashika_server.refresh.hearing import Listed
from tashika_server.refresh.source import Check, NotTaken, Source

SECOND = timedelta(seconds=1)
UNKNOWN = "1.2.3.4"
CA = Ca.found("g3")
OLDER = Ca.found("g2")
STRANGER = Ca.found("g1", unit="JPKI for digital signature")
LAST = Mark(
    number=5,
    this_update=AT - 2 * HOUR,
    next_update=AT + DAY,
    sha256=bytes(32),
    entries=0,
    etag=None,
    last_modified=None,
)


def source(ca: Ca = CA, name: str = NAKA) -> Source:
    issuer = ca.issuer({name: "lab:/x"})
    return Source(issuer, issuer.partitions[0], issuer.identity.fingerprint)


def take(body: bytes, *, mark: Mark | None = None, name: str = NAKA, ca: Ca = CA) -> Taken:
    return take_from(body, source(ca, name), mark, at=AT)


def refused(body: bytes, **how: Any) -> NotTaken:
    with pytest.raises(NotTaken) as caught:
        take(body, **how)
    return caught.value


def test_a_crl_in_order_is_taken_sorted_by_serial():
    rows = [Row(300, reason="superseded", since=AT - 2 * DAY), Row(7), hold(2**100)]
    taken = take(CA.crl(rows, number=6, scope=NAKA), mark=LAST)
    crl = taken.crl
    assert (crl.number, crl.this_update, crl.next_update) == (6, AT - HOUR, AT + DAY)
    assert taken.entries == [
        Entry(7, AT - DAY),
        Entry(300, AT - DAY, Reason.SUPERSEDED, AT - 2 * DAY),
        Entry(2**100, AT - DAY, Reason.CERTIFICATE_HOLD),
    ]


def test_only_accept_makes_an_accepted_crl():
    with pytest.raises(TypeError, match="accept"):
        AcceptedCrl(
            number=1,
            base=None,
            this_update=AT,
            next_update=AT,
            freshest=None,
            listed=Listed(BytesIO(), 0, frozenset()),
            seal=None,
        )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        CA.crl([1], scope=NAKA)[:-1],
        CA.crl([1], scope=NAKA) + b"\0",
        b"-----BEGIN X509 CRL-----\n",
        CA.crl([1], scope=NAKA, number=None, key_id=None, version="v1"),
    ],
    ids=["empty", "html", "truncated", "trailing", "pem", "version 1"],
)
def test_what_is_no_crl_is_quarantined(body: bytes):
    assert refused(body).check is Check.FORM


@pytest.mark.parametrize(
    "body",
    [
        STRANGER.crl([1], scope=NAKA),
        OLDER.crl([1], scope=NAKA),
        CA.crl([1], scope=NAKA, key_id=b"someone else's"),
    ],
    ids=["another CA", "another generation of the same name", "another key named"],
)
def test_t14_a_crl_of_another_issuer_is_quarantined(body: bytes):
    assert refused(body).check is Check.ISSUER


@pytest.mark.parametrize(
    "body",
    [
        CA.crl([1], scope=NAKA, spoil_signature=True),
        CA.crl([1], scope=NAKA, signed_by=OLDER),
        OLDER.crl([1], scope=NAKA, key_id=None),
        STRANGER.crl([1], scope=NAKA, key_id=CA.key_id, named=CA),
    ],
    ids=["spoiled", "signed by another", "another generation, no key named", "foreign"],
)
def test_a_crl_that_the_issuer_did_not_sign_is_quarantined(body: bytes):
    assert refused(body).check is Check.SIGNATURE


def test_a_ca_that_may_not_sign_crls_is_not_believed():
    ca = Ca.found(may_sign_crls=False)
    assert refused(ca.crl([1], scope=NAKA), ca=ca).check is Check.SIGNATURE


def test_a_crl_that_names_no_key_is_judged_by_its_signature():
    assert take(CA.crl([1], scope=NAKA, key_id=None)).entries


def test_t14_a_crl_of_another_partition_is_quarantined():
    assert refused(CA.crl([1], scope=NISHI)).check is Check.SCOPE


def test_t14_a_partition_that_names_none_is_quarantined():
    assert refused(CA.crl([1])).check is Check.SCOPE


def test_t14_a_partition_is_not_taken_for_the_complete_crl():
    assert refused(CA.crl([1], scope=NAKA), name="").check is Check.SCOPE
    assert refused(CA.crl([1], scope_flags={"only_contains_user_certs": True}), name="")


@pytest.mark.parametrize(
    "flags",
    [
        {"only_contains_ca_certs": True},
        {"only_contains_attribute_certs": True},
        {"only_some_reasons": {"key_compromise"}},
        {"only_some_reasons": set()},
        {"indirect_crl": True},
    ],
    ids="-".join,
)
def test_t28_a_crl_that_leaves_something_out_is_quarantined(flags: dict[str, Any]):
    check = Check.REASONS if "only_some_reasons" in flags else Check.SCOPE
    assert refused(CA.crl([1], scope=NAKA, scope_flags=flags)).check is check


def test_a_crl_of_user_certificates_only_is_enough():
    assert take(CA.crl([1], scope=NAKA, scope_flags={"only_contains_user_certs": True})).entries


def test_the_complete_crl_has_no_distribution_point():
    assert take(CA.crl([1]), name="").entries


def test_names_compare_as_names_and_uris_as_uris():
    loose = NAKA.upper().replace("CRLDP", " crldp")
    assert take(CA.crl([1], scope=loose)).entries
    uri = "http://crl.example/A.crl"
    assert take(CA.crl([1], scope=uri), name=uri).entries
    assert refused(CA.crl([1], scope=uri.lower()), name=uri).check is Check.SCOPE


def test_t27_an_unknown_critical_extension_is_quarantined():
    body = CA.crl([1], scope=NAKA, extra=[(UNKNOWN, True, der.NULL)])
    assert refused(body).check is Check.CRITICAL
    entry = CA.crl([1, Row(2, extra=((UNKNOWN, True, der.NULL),))], scope=NAKA)
    assert refused(entry).check is Check.CRITICAL
    assert "entry 2" in refused(entry).detail
    other = der.sequence(der.wrap(der.explicit(4), CA.certificate.subject.public_bytes()))
    issuer = Row(2, extra=(("2.5.29.29", True, other),))  # of an indirect CRL
    assert refused(CA.crl([1, issuer], scope=NAKA)).check is Check.CRITICAL


def test_an_unknown_extension_that_is_not_critical_does_no_harm():
    rows = [Row(1, extra=((UNKNOWN, False, der.NULL),))]
    assert take(CA.crl(rows, scope=NAKA, extra=[(UNKNOWN, False, der.NULL)])).entries


@pytest.mark.parametrize("number", [None, 4, 5], ids=["none", "lower", "same, other content"])
def test_a_crl_whose_number_does_not_rise_is_quarantined(number: int | None):
    assert refused(CA.crl([1], scope=NAKA, number=number), mark=LAST).check is Check.NUMBER


@pytest.mark.parametrize("at", [AT + MAX_SKEW + SECOND, AT - 3 * HOUR], ids=["future", "older"])
def test_a_crl_from_another_time_is_quarantined(at: datetime):
    body = CA.crl([1], scope=NAKA, number=6, this_update=at)
    assert refused(body, mark=LAST).check is Check.THIS_UPDATE


def test_the_issuers_clock_may_be_a_little_ahead():
    body = CA.crl([1], scope=NAKA, this_update=AT + MAX_SKEW, next_update=AT + DAY)
    assert take(body).crl.this_update == AT + MAX_SKEW


@pytest.mark.parametrize("at", [None, AT - SECOND, AT], ids=["none", "past", "now"])
def test_a_crl_without_a_future_is_quarantined(at: datetime | None):
    assert refused(CA.crl([1], scope=NAKA, next_update=at)).check is Check.NEXT_UPDATE


def test_t11_a_crl_that_would_hold_too_long_is_quarantined():
    longest = Bounds().max_validity
    assert take(CA.crl([1], scope=NAKA, this_update=AT, next_update=AT + longest)).crl
    too_long = CA.crl([1], scope=NAKA, this_update=AT, next_update=AT + longest + SECOND)
    why = refused(too_long)
    assert why.check is Check.VALIDITY
    assert "10 days" in why.detail
    assert "max_validity" in why.detail


def test_t27_a_delta_is_quarantined_with_or_without_its_numbers():
    assert refused(CA.crl([1], scope=NAKA, base=1, number=2)).check is Check.DELTA
    assert refused(CA.crl([1], scope=NAKA, base=1, number=None)).check is Check.NUMBER


@pytest.mark.parametrize(
    "at",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1950, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        FOUNDED - SECOND,
        AT + MAX_SKEW + SECOND,
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
    ids=lambda at: f"{at.year:04}-{at.month}",
)
def test_t7_an_entry_with_an_absurd_date_is_quarantined(at: datetime):
    assert refused(CA.crl([1, Row(2, at=at)], scope=NAKA)).check is Check.ENTRIES
    assert refused(CA.crl([1, Row(2, since=at)], scope=NAKA)).check is Check.ENTRIES


def test_t7_an_entry_with_a_zero_date_is_quarantined():
    body = CA.crl([1, Row(2, at=FOUNDED)], scope=NAKA)
    zero = CA.altered(body, core.UTCTime(FOUNDED).dump(), b"\x17\x0d000000000000Z")
    assert refused(zero).check is Check.ENTRIES


def test_a_serial_listed_twice_is_quarantined():
    assert refused(CA.crl([1, 2, 1], scope=NAKA)).check is Check.ENTRIES


def test_remove_from_crl_belongs_in_deltas():
    rows = [Row(1, reason="remove_from_crl")]
    assert refused(CA.crl(rows, scope=NAKA)).check is Check.ENTRIES


def test_an_undefined_reason_is_quarantined():
    reason = ("2.5.29.21", False, b"\x0a\x01\x07")
    assert refused(CA.crl([Row(1, extra=(reason,))], scope=NAKA)).check is Check.ENTRIES


def test_what_is_said_names_no_serial():
    for rows in ([987654321, 987654321], [Row(987654321, at=FOUNDED - DAY)]):
        assert "987654321" not in str(refused(CA.crl(rows, scope=NAKA)))


# --- diff and bounds ------------------------------------------------------------------------


def compared(before: list[Entry], rows: list[Row | int]) -> Changes:
    with accepting(CA.crl(rows, scope=NAKA), source(), None, at=AT) as (crl, room):
        changes = diff(map(pack_entry, before), crl, room)
        return Changes(
            added=list(changes.added),
            changed=list(changes.changed),
            removed=list(changes.removed),
        )


def entry(serial: int, reason: Reason | None = None) -> Entry:
    return Entry(serial, AT - DAY, reason)


def test_the_difference_is_what_was_added_changed_and_removed():
    before = [entry(1), entry(2), entry(4, Reason.CERTIFICATE_HOLD), entry(9)]
    changes = compared(before, [0, 2, Row(4, reason="key_compromise"), 5])
    assert changes.added == [entry(0), entry(5)]
    assert changes.changed == [(entry(4, Reason.CERTIFICATE_HOLD), entry(4, Reason.KEY_COMPROMISE))]
    assert changes.removed == [entry(1), entry(9)]


def test_an_empty_crl_removes_everything_and_the_first_adds_everything():
    assert compared([entry(1), entry(2)], []).removed == [entry(1), entry(2)]
    assert compared([], [2, 1]).added == [entry(1), entry(2)]
    assert compared([entry(1)], [1]) == Changes(added=[], changed=[], removed=[])


TIGHT = Bounds(max_shrink=0.1, max_growth=0.5, shrink_slack=2, growth_slack=3)


def broken(changes: Changes, *, entries: int, family: Family = Family.USER_AUTH) -> Check | None:
    mark = Mark(**{name: getattr(LAST, name) for name in LAST.__slots__} | {"entries": entries})
    issuer = CA.issuer({NAKA: "lab:/x"}, family=family, bounds=TIGHT)
    try:
        check_bounds(changes, issuer, mark, at=AT)
    except NotTaken as failure:
        return failure.check
    return None


def some(count: int, reason: Reason | None = None) -> list[Entry]:
    return [entry(serial, reason) for serial in range(count)]


@pytest.mark.parametrize(("most", "entries"), [(2, 5), (10, 100)], ids=["slack", "fraction"])
def test_entries_vanish_within_bounds(most: int, entries: int):
    assert broken(Changes(removed=some(most)), entries=entries) is None
    assert broken(Changes(removed=some(most + 1)), entries=entries) is Check.BOUNDS


@pytest.mark.parametrize(("most", "entries"), [(3, 0), (50, 100)], ids=["slack", "fraction"])
def test_entries_appear_within_bounds(most: int, entries: int):
    assert broken(Changes(added=some(most)), entries=entries) is None
    assert broken(Changes(added=some(most + 1)), entries=entries) is Check.BOUNDS


def test_t21_released_holds_vanish_freely_where_a_hold_may_be_released():
    holds = Changes(removed=some(99, Reason.CERTIFICATE_HOLD))
    assert broken(holds, entries=100) is None
    assert broken(holds, entries=100, family=Family.SIGNATURE) is Check.BOUNDS


def test_t21_a_revocation_cannot_be_laundered_into_a_hold():
    revoked, held = some(20), some(20, Reason.CERTIFICATE_HOLD)
    weaker = Changes(changed=list(zip(revoked, held, strict=True)))
    final = Changes(changed=list(zip(held, revoked, strict=True)))
    assert broken(weaker, entries=20) is Check.BOUNDS
    assert broken(final, entries=20) is None


def test_the_first_crl_of_a_partition_is_not_measured():
    issuer = CA.issuer({NAKA: "lab:/x"}, bounds=TIGHT)
    check_bounds(Changes(added=some(1000)), issuer, None, at=AT)
