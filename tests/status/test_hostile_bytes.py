"""Random and mutated bytes at every door of the judge: a report, and never a valid one (C11)."""

from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from support.judging import LIST, ONE, PKI, Bench, crl
from support.mutations import mutants
from tashika import Cause
from tashika.errors import SourceFailed
from tashika.path import PathReport
from tashika.pki.response import BasicResponse, parse_response
from tashika.status import Freshness, Kind, Stapled
from tashika.status.stapled import MAX_STAPLED

DOORS = ["answer", "list", "stapled answer", "stapled list", "certificate"]
FEW = settings(max_examples=40, deadline=None)


@cache
def valid(door: str) -> bytes:
    if "answer" in door:
        return Bench().stapled()
    return crl() if "list" in door else PKI.certificate.public_bytes(Encoding.DER)


def through(door: str, body: bytes, freshness: Freshness = Freshness.AT_CHECK) -> PathReport:
    bench = Bench(freshness=freshness)
    bench.net.pages = {"answer": {ONE: body}, "list": {LIST: body}}.get(door, {})
    stapled = {
        "stapled answer": Stapled(answers=(body,)),
        "stapled list": Stapled(lists=(body,)),
    }.get(door, Stapled())
    if door == "certificate":
        return bench.judge(certificate=body or b"\x00")
    return bench.judge(stapled=stapled)


@FEW
@given(st.sampled_from(DOORS), st.sampled_from(Freshness), st.binary(max_size=300))
def test_c11_random_bytes_are_worth_nothing(door: str, freshness: Freshness, body: bytes):
    assert not through(door, body, freshness)


@FEW
@given(st.sampled_from(DOORS), st.sampled_from(Freshness), st.integers(0, 2**32))
def test_c1_c11_a_mutant_is_worth_nothing_unless_all_that_was_signed_is_there(
    door: str, freshness: Freshness, seed: int
):
    whole = valid(door)
    for body in mutants(whole, seed, 4):
        if body != whole and through(door, body, freshness):
            # Unsigned and harmless: something beside the responder's certificate.
            assert "answer" in door
            right, changed = parse_response(whole), parse_response(body)
            assert isinstance(right, BasicResponse)
            assert isinstance(changed, BasicResponse)
            assert changed.tbs == right.tbs


@pytest.mark.parametrize("failure", Cause)
def test_c11_every_failure_of_a_fetch_ends_in_a_report(failure: Cause):
    bench = Bench(order=(Kind.OCSP,))
    bench.net.pages[ONE] = SourceFailed(failure, "x")
    report = bench.judge()
    assert not report
    assert [each.cause for each in report.tried] == [failure]


def test_c8_only_so_much_that_came_along_is_looked_at():
    good = Bench().stapled()
    assert Bench().judge(stapled=Stapled(answers=(*[b"x"] * (MAX_STAPLED - 1), good)))
    assert not Bench().judge(stapled=Stapled(answers=(*[b"x"] * MAX_STAPLED, good)))
