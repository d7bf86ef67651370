"""Soft-fail: only by policy, only for silence, never true (C6)."""

import pytest
from cryptography import x509

from support.judging import LIST, ONE, PKI, TWO, Bench, crl
from tashika.causes import Cause
from tashika.errors import SourceFailed
from tashika.path import Outcome, PathCause
from tashika.status import Addresses, Configured, Kind, Stapled, WhenSilent
from tashika.testing import Fault
from tashika.testing.faults import WIRE

SILENT = sorted(WIRE - {Fault.ENDLESS})


def soft(**policy: object) -> Bench:
    return Bench(when_silent=WhenSilent.TOLERATE, order=(Kind.STAPLED, Kind.OCSP), **policy)


@pytest.mark.parametrize("fault", SILENT)
def test_silence_is_tolerated_by_policy_alone_and_names_itself(fault: Fault):
    hard, bench = Bench(order=(Kind.OCSP,)), soft()
    for each in (hard, bench):
        each.net.pages[ONE] = each.answering(fault)
    refused, report = hard.judge(), bench.judge()
    assert (refused.cause, refused.tolerated) == (PathCause.STATUS_MISSING, False)
    assert (report.cause, report.tolerated) == (PathCause.STATUS_TOLERATED, True)
    assert (bool(report), report.outcome, report.path) == (False, Outcome.UNDETERMINED, None)
    assert "status_tolerated" in repr(report)
    assert report.tried
    assert report.needs


@pytest.mark.parametrize(
    "fault", [Fault.TRY_LATER, Fault.UNAUTHORIZED, Fault.EMPTY, Fault.OVERSIZED, Fault.ENDLESS]
)
def test_c6_nothing_that_was_said_wrongly_is_tolerated(fault: Fault):
    """The others are in the matrix."""
    bench = soft()
    bench.net.pages[ONE] = bench.answering(fault)
    report = bench.judge()
    assert not report
    assert not report.tolerated


def test_revoked_is_never_tolerated():
    bench = soft()
    bench.addresses = Configured(otherwise=Addresses(responders=(ONE, TWO)))
    bench.responder.revoke(PKI.certificate)
    bench.net.pages[TWO] = bench.answering()
    assert bench.judge().cause is PathCause.REVOKED


@pytest.mark.parametrize(
    "fault", [Fault.BAD_SIGNATURE, Fault.STALE, Fault.TRY_LATER, Fault.GARBAGE]
)
def test_c6_one_bad_answer_among_silence_is_enough_to_refuse(fault: Fault):
    for bad, silent in ((ONE, TWO), (TWO, ONE)):
        bench = soft()
        bench.addresses = Configured(otherwise=Addresses(responders=(ONE, TWO)))
        bench.net.pages |= {bad: bench.answering(fault), silent: SourceFailed(Cause.TIMED_OUT)}
        assert not bench.judge().tolerated


def test_a_signed_unknown_is_no_silence():
    bench = soft()
    bench.responder.forget(PKI.certificate)
    bench.net.pages[ONE] = bench.answering()
    assert not bench.judge().tolerated


@pytest.mark.parametrize(
    "stapled",
    [
        Stapled(answers=(b"noise",)),
        Stapled(lists=(b"noise",)),
        Stapled(lists=(crl(key=PKI.end_entity),)),
    ],
)
def test_bad_data_that_came_along_is_no_silence(stapled: Stapled):
    report = soft().judge(stapled=stapled)
    assert not report.tolerated
    assert len(report.tried) == 2


def test_a_list_that_says_nothing_of_the_certificate_is_no_silence():
    bench = Bench(when_silent=WhenSilent.TOLERATE)
    assert bench.judge().tolerated
    scope = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
    bench.net.pages[LIST] = crl(extra=[(scope, True)])
    report = bench.judge()
    assert not report.tolerated
    assert [each.cause for each in report.tried][1:] == [PathCause.STATUS_MISSING]


def test_nobody_configured_is_a_mistake_and_no_silence():
    bench = soft()
    bench.addresses = Configured()
    assert not bench.judge().tolerated


def test_a_path_that_does_not_hold_is_not_tolerated():
    bench = soft()
    assert not bench.judge(certificate=PKI.namesake().certificate).tolerated
