"""What a report gives away, and what it takes to make one."""

import dataclasses
import pickle
from datetime import timedelta

import pytest

from support.sdk import AT, Bench
from tashika import Attempt, Cause, Report, Status
from tashika.errors import (
    AnswerRefused,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateRevoked,
    CheckFailed,
    CompactRefused,
    Malformed,
    NotGood,
    ProfileRefused,
    SignatureRefused,
    StatusUndetermined,
    TashikaError,
    WrongUse,
)
from tashika.jpki.causes import JpkiCause
from tashika.path import Outcome
from tashika.pki.compact.faults import Fault
from tashika.signature import SignatureCause

URL = "https://ocsp.example.jp:8443/secret-token/ocsp?key=secret"


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("cause", Cause)
def test_c1_no_report_is_good_or_revoked_without_a_checked_answer(cause: Cause) -> None:
    if cause.status is Status.UNDETERMINED:
        report = Report(at=AT, verdict=cause)
        assert (bool(report), report.cause, report.answer) == (False, cause, None)
        with pytest.raises(NotGood) as caught:
            report.require_good()
        assert caught.value.report is report
        assert cause.remedy in str(caught.value)
    else:
        with pytest.raises(WrongUse):
            Report(at=AT, verdict=cause)


def test_c1_nothing_else_passes_for_an_answer() -> None:
    class Forged:
        cause = Cause.GOOD

    with pytest.raises(WrongUse):
        Report(at=AT, verdict=Forged())  # type: ignore[arg-type]
    with pytest.raises(WrongUse):
        Report(at=AT, verdict="good")  # type: ignore[arg-type]


def test_a_report_tells_what_the_answer_told(bench: Bench) -> None:
    report = Report(at=AT, verdict=bench.verify(), source=URL)
    assert report
    assert report.status is Status.GOOD
    assert report.this_update == AT - timedelta(minutes=15)
    assert report.next_update == AT + timedelta(hours=24)
    assert report.produced_at == AT
    report.require_good()


def test_a_report_without_an_answer_tells_no_times() -> None:
    report = Report(at=AT, verdict=Cause.TIMED_OUT)
    told = (report.standing, report.this_update, report.next_update, report.produced_at)
    assert told == (None, None, None, None)


def test_reasons_not_to_rely_on_a_certificate_are_told_apart(bench: Bench) -> None:
    bench.responder.hold(bench.pki.certificate)
    held = Report(at=AT, verdict=bench.verify())
    bench.responder.disown(bench.pki.certificate)
    disowned = Report(at=AT, verdict=bench.verify())
    bench.responder.release(bench.pki.certificate)
    assert (held.never_issued, disowned.never_issued) == (False, True)
    for report, error in (
        (held, CertificateRevoked),
        (disowned, CertificateRevoked),
        (Report(at=AT, verdict=Cause.EXPIRED), CertificateExpired),
        (Report(at=AT, verdict=Cause.NOT_YET_VALID), CertificateNotYetValid),
        (Report(at=AT, verdict=Cause.UNKNOWN), StatusUndetermined),
    ):
        assert not report
        with pytest.raises(error):
            report.require_good()


def test_a_report_cannot_be_changed(bench: Bench) -> None:
    report = Report(at=AT, verdict=Cause.STALE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.verdict = bench.verify()  # type: ignore[misc]
    with pytest.raises(WrongUse):
        dataclasses.replace(report, verdict=Cause.GOOD)


def test_a_report_survives_a_pickle(bench: Bench) -> None:
    for verdict in (bench.verify(), Cause.STALE):
        report = Report(at=AT, verdict=verdict, tried=(Attempt(URL, Cause.TRY_LATER),))
        assert pickle.loads(pickle.dumps(report)) == report  # noqa: S301 - our own bytes


ERRORS = (
    CheckFailed(Cause.STALE, "why"),
    AnswerRefused(Cause.MALFORMED),
    ProfileRefused(JpkiCause.NOT_JPKI, "why"),
    SignatureRefused(SignatureCause.NOT_OF_PROFILE, "why", reason=JpkiCause.KEY),
    CompactRefused(Fault.EXPIRED, "why"),
    CertificateExpired(Report(at=AT, verdict=Cause.EXPIRED)),
    Malformed("why"),
    WrongUse("why"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: type(each).__name__)
def test_an_error_survives_a_pickle(error: TashikaError) -> None:
    """One that does not takes its pool of processes along (BrokenProcessPool)."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_c1_an_answer_and_a_status_are_true_only_if_good(bench: Bench) -> None:
    assert bench.verify()
    bench.responder.revoke(bench.pki.certificate)
    answer = bench.verify()
    bench.responder.release(bench.pki.certificate)
    assert not answer
    report = Report(at=AT, verdict=answer)
    assert (report.answer, report.standing, report.this_update) == (
        answer,
        answer.standing,
        answer.this_update,
    )
    assert [each for each in (*Status, *Outcome) if each] == [Status.GOOD, Outcome.VALID]


def test_no_representation_shows_a_serial_a_name_or_a_token(bench: Bench) -> None:
    question = bench.question()
    report = Report(
        at=AT, verdict=bench.verify(), source=URL, tried=(Attempt(URL, Cause.TRY_LATER),)
    )
    shown = [repr(each) for each in (report, report.tried, report.answer, question)]
    shown += [str(report), repr(question.subject)]
    serial = bench.pki.certificate.serial_number
    for text in shown:
        for secret in (str(serial), f"{serial:x}", "Test", "secret", "nnnn"):
            assert secret not in text
    assert shown[0] == (
        "<Report GOOD (good) at 2026-04-01T09:00:00Z from https://ocsp.example.jp:8443>"
    )


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_what_it_means_and_what_to_do(cause: Cause) -> None:
    assert cause.value == cause.name.lower()
    for sentence in (cause.meaning, cause.remedy):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
