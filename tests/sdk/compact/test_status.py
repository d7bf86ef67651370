"""What a compact set says of certificates, against a plain dict; and when it says nothing."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.compact import DAY, PKI, PRESS, Press, core, delegate, held, opened, revoked
from support.sdk import AT
from tashika import Cause, Good, Policy, Reason, Revoked, Status, Unknown, verify_issued
from tashika.compact import CompactSet, Listing
from tashika.errors import AnswerRefused, WrongUse
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.compact.head import Otherwise
from tashika.pki.crl import CrlEntry

IDENTITY = IssuerIdentity.of(PKI.issuer)
SERIALS = st.one_of(st.integers(1, 900), st.integers(0, 1 << 159))
ENTRIES = st.dictionaries(
    SERIALS,
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.sampled_from([None, *Reason]),
        st.one_of(st.none(), st.integers(-(10**10), 10**10)),
    ),
    max_size=400,
)
EPOCH = AT.fromtimestamp(0, AT.tzinfo)


@settings(deadline=None, max_examples=30, suppress_health_check=[*HealthCheck])
@given(entries=ENTRIES, others=st.sets(SERIALS, max_size=30), register=st.booleans())
def test_it_says_what_a_plain_dict_says(
    tmp_path: Path,
    entries: dict[int, tuple[int, Reason | None, int | None]],
    others: set[int],
    register: bool,  # noqa: FBT001 - drawn
) -> None:
    oracle = {
        serial: CrlEntry(
            serial,
            EPOCH + timedelta(seconds=at),
            reason,
            since if since is None else EPOCH + timedelta(seconds=since),
        )
        for serial, (at, reason, since) in entries.items()
    }
    issued = [(1, 500), (700, 800)] if register else None
    with opened(tmp_path / "set", PRESS.print(oracle.values(), issued)) as found:
        for serial in others | oracle.keys():
            report = found.status(serial, at=AT)
            if entry := oracle.get(serial):
                assert report.standing == Revoked(
                    entry.revoked_at, entry.reason, entry.invalid_since
                )
                held = entry.reason is Reason.CERTIFICATE_HOLD
                assert report.cause is (Cause.ON_HOLD if held else Cause.REVOKED)
                assert found.find(serial) is (Listing.HELD if held else Listing.REVOKED)
            elif not issued or 1 <= serial <= 500 or 700 <= serial <= 800:
                assert report.standing == Good()
                assert report
            else:
                assert report.cause is Cause.NEVER_ISSUED
                assert report.never_issued


def test_without_the_details_a_revocation_is_older_than_all_that_is_asked(tmp_path: Path) -> None:
    data = PRESS.print([revoked(7, Reason.KEY_COMPROMISE), held(9)])
    with opened(tmp_path / "set", core(data)) as found:
        assert not found.has_details
        assert found.status(7, at=AT).standing == Revoked(EPOCH, None)
        assert found.status(9, at=AT).cause is Cause.ON_HOLD
        assert found.status(8, at=AT)


def test_a_register_of_many_ranges_is_asked_where_it_lies(tmp_path: Path) -> None:
    issued = [(10 * each, 10 * each + 4) for each in range(1, 3000)]
    with opened(tmp_path / "set", PRESS.print([], issued)) as found:
        assert [found.find(20_000 + each) for each in (0, 4, 5, 9)] == [
            *[Listing.ISSUED] * 2,
            *[Listing.NEVER_ISSUED] * 2,
        ]


@pytest.mark.parametrize(
    ("otherwise", "standing"), [(Otherwise.GOOD, Good()), (Otherwise.UNKNOWN, Unknown())]
)
def test_t19_what_is_not_listed_is_what_the_issuers_rule_says(
    tmp_path: Path, otherwise: Otherwise, standing: Good | Unknown
) -> None:
    press = Press(changes={"otherwise": otherwise})
    with opened(tmp_path / "set", press.print([revoked(1)])) as found:
        assert found.status(2, at=AT).standing == standing


@pytest.mark.parametrize(
    ("late", "policy", "cause"),
    [
        (timedelta(0), Policy(), Cause.GOOD),
        (-DAY, Policy(), Cause.FROM_THE_FUTURE),
        (DAY, Policy(), Cause.GOOD),  # within the skew
        (DAY + timedelta(minutes=5), Policy(), Cause.STALE),
        (DAY, Policy(max_age=DAY), Cause.TOO_OLD),
    ],
)
def test_c4_c13_its_times_are_judged_as_those_of_answers(
    tmp_path: Path, late: timedelta, policy: Policy, cause: Cause
) -> None:
    with opened(tmp_path / "set", PRESS.print()) as found:
        report = found.status(5, at=AT + late, policy=policy)
        assert report.cause is cause
        assert report.status is (Status.GOOD if cause is Cause.GOOD else Status.UNDETERMINED)


def test_once_its_signer_runs_out_it_says_nothing_more(tmp_path: Path) -> None:
    signer = Press(signer=delegate(ends=timedelta(hours=1)), named=True)
    with opened(tmp_path / "set", signer.print()) as found:
        assert found.status(5, at=AT)
        late = found.status(5, at=AT + timedelta(hours=2))
        assert late.cause is Cause.RESPONDER_UNAUTHORISED


def test_c3_a_certid_names_issuer_and_serial(tmp_path: Path) -> None:
    namesake = IssuerIdentity.of(PKI.namesake().issuer)
    with opened(tmp_path / "set", PRESS.print([revoked(7)])) as found:
        for name in ("sha1", "sha256"):
            assert found.status(CertId.build(IDENTITY, 7, name), at=AT).cause is Cause.REVOKED
            assert found.status(CertId.build(IDENTITY, 8, name), at=AT)
        assert found.status(CertId.build(namesake, 8), at=AT).cause is Cause.OTHER_CERTIFICATE
        assert found.status(-1, at=AT).cause is Cause.GOOD  # no certificate has it
        stranger = PKI.namesake()
        subject = verify_issued(stranger.certificate, stranger.issuer, at=AT)
        with pytest.raises(AnswerRefused):
            found.answer(subject, Policy(), at=AT)


def test_a_report_shows_no_path(tmp_path: Path) -> None:
    with opened(tmp_path / "set", PRESS.print()) as found:
        assert str(tmp_path) not in repr(found.status(1, at=AT))


def test_a_closed_set_is_wrong_use(tmp_path: Path) -> None:
    found = opened(tmp_path / "set", PRESS.print())
    found.close()
    with pytest.raises(WrongUse):
        found.find(1)


def test_a_set_that_is_written_into_says_nothing_more(tmp_path: Path) -> None:
    """As `cp` does, unlike `install`: what was cut off would end the process (SIGBUS)."""
    path = tmp_path / "set"
    for then in (PRESS.print(), b""):
        compact = opened(path, PRESS.print([revoked(2)]))
        assert compact.status(2, at=AT).cause is Cause.REVOKED
        path.write_bytes(then)
        os.utime(path, (0, 0))
        report = compact.status(2, at=AT)
        assert (report.cause, bool(report)) == (Cause.MALFORMED, False)
        assert "written into" in report.detail


def test_an_open_set_stays_what_it_was_while_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "set"
    before = opened(path, PRESS.print([revoked(1)]))
    (tmp_path / "new").write_bytes(PRESS.print([], number=2))
    (tmp_path / "new").replace(path)
    assert before.find(1) is Listing.REVOKED
    assert isinstance(opened(path), CompactSet)
