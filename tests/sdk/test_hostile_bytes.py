"""Random and mutated bytes at every door: only the documented errors, and never 'good' (C11)."""

import asyncio
import dataclasses
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from support.mutations import mutants
from support.sdk import AT, STRICT, Bench
from tashika import (
    AsyncClient,
    Cause,
    Client,
    Question,
    load_certificate,
    verify_answer,
    verify_issued,
)
from tashika.errors import AnswerRefused, CertificateRefused, PkiError, WrongUse
from tashika.pki.response import BasicResponse, parse_response
from tashika.testing import FakeResponder
from tashika.transport import Reply

MUTANTS = 1_000
unhurried = settings(deadline=None)


@cache
def bench() -> Bench:
    return Bench()


@cache
def question() -> Question:
    return bench().question()


@cache
def answer() -> bytes:
    return bench().responder.answer(question().body)


@cache
def certificate() -> bytes:
    return bench().pki.certificate.public_bytes(Encoding.DER)


@cache
def issuer() -> bytes:
    return bench().pki.issuer.public_bytes(Encoding.DER)


def signed_part(data: bytes) -> bytes:
    """Return what a certificate's signature covers.

    Around it pyca tolerates a signature said to have unused bits, if they are zero.
    """
    return load_certificate(data).tbs_certificate_bytes


def verdict(body: bytes) -> Cause:
    try:
        return verify_answer(body, question(), STRICT, at=AT).cause
    except AnswerRefused as refused:
        return refused.cause


@unhurried
@given(st.binary(max_size=300) | st.builds(lambda tail: b"\x30\x82" + tail, st.binary()))
def test_c11_random_bytes_are_no_answer(body: bytes) -> None:
    assert verdict(body) in (Cause.MALFORMED, Cause.UNSUPPORTED)


@unhurried
@given(st.data())
def test_c11_a_cut_or_lengthened_answer_is_refused(data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(answer()) - 1))
    assert verdict(answer()[:length]) is Cause.MALFORMED
    assert verdict(answer() + data.draw(st.binary(min_size=1, max_size=9))) is Cause.MALFORMED


def test_c1_no_single_changed_octet_is_let_through() -> None:
    pki = bench().pki
    right = FakeResponder(pki, signer=pki.ca, clock=lambda: AT).answer(question().body)
    assert verdict(right) is Cause.GOOD
    for place in range(len(right)):
        for change in (0x01, 0x80):
            wrong = bytearray(right)
            wrong[place] ^= change
            assert verdict(bytes(wrong)) is not Cause.GOOD, place


@pytest.mark.parametrize("seed", range(4))
def test_c1_c11_a_mutated_answer_is_good_only_with_all_that_was_signed(seed: int) -> None:
    right = parse_response(answer())
    assert isinstance(right, BasicResponse)
    for mutant in mutants(answer(), seed, MUTANTS):
        if verdict(mutant) is Cause.GOOD:
            # Unsigned and harmless: something beside the responder's certificate.
            changed = parse_response(mutant)
            assert isinstance(changed, BasicResponse)
            assert dataclasses.replace(changed, certificates=right.certificates) == right
            assert signed_part(right.certificates[0]) in map(signed_part, changed.certificates[:1])


@unhurried
@given(st.binary(max_size=300) | st.builds(lambda tail: b"-----BEGIN" + tail, st.binary()))
def test_c11_random_bytes_are_no_certificate(data: bytes) -> None:
    with pytest.raises(PkiError):
        load_certificate(data)


@pytest.mark.parametrize("seed", range(2))
def test_c11_mutated_certificates_are_refused_by_the_documented_error(seed: int) -> None:
    for mutant in mutants(certificate(), seed, MUTANTS):
        try:
            verify_issued(mutant, issuer(), at=AT)
        except CertificateRefused:
            continue
        assert signed_part(mutant) == signed_part(certificate())


@pytest.mark.parametrize("seed", range(2))
def test_c11_mutated_issuers_raise_nothing_else(seed: int) -> None:
    for mutant in mutants(issuer(), seed, MUTANTS):
        try:
            verify_issued(certificate(), mutant, at=AT)
        except CertificateRefused:
            continue


@pytest.mark.parametrize("seed", range(2))
def test_c11_mutated_responder_certificates_are_refused(seed: int) -> None:
    """Embedded certificates come from strangers; nothing in them has been signed for yet."""
    own = bench().pki.responder.certificate.public_bytes(Encoding.DER)
    right = answer()
    before, _, after = right.partition(own)
    assert after == b""
    for mutant in mutants(own, seed, MUTANTS):
        if len(mutant) == len(own) and verdict(before + mutant) is Cause.GOOD:
            assert signed_part(mutant) == signed_part(own)


@settings(unhurried, max_examples=50)
@given(st.binary(max_size=100), st.binary(max_size=100))
def test_c11_check_reports_whatever_bytes_it_is_given(one: bytes, other: bytes) -> None:
    responder = bench().responder

    async def asked() -> set[Cause]:
        async with AsyncClient(responder.url, transport=responder, clock=lambda: AT) as client:
            return {
                (await client.check(one, bench().pki.issuer)).cause,
                (await client.check(bench().pki.certificate, other)).cause,
            }

    assert asyncio.run(asked()) == {Cause.CERTIFICATE_MALFORMED, Cause.ISSUER_UNSUITABLE}


class Babbler:
    """A transport that answers the same to everything."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        return Reply(self._body[: limit + 1])


@settings(unhurried, max_examples=50)
@given(st.binary(max_size=200))
def test_c11_check_reports_whatever_a_responder_answers(body: bytes) -> None:
    pki, now = bench().pki, datetime(2026, 4, 1, 10, tzinfo=UTC)
    with Client("http://babbler.test/", transport=Babbler(body), clock=lambda: now) as client:
        report = client.check(pki.certificate, pki.issuer)
    assert report.cause in (Cause.MALFORMED, Cause.UNSUPPORTED)


@unhurried
@given(st.text() | st.builds(lambda rest: "http://" + rest, st.text()))
def test_c11_any_text_is_a_usable_url_or_refused(text: str) -> None:
    with suppress(WrongUse):
        AsyncClient(text)


ODD = st.text("/?#%@:[]\\ \0é名.", max_size=9)


@settings(unhurried, max_examples=25)
@given(ODD.map("http://127.0.0.1:1{}".format))
def test_c11_a_url_that_was_taken_ends_in_a_report(url: str) -> None:
    pki = bench().pki

    async def asked() -> bool:
        async with AsyncClient(url, clock=lambda: AT) as client:
            return bool(await client.check(pki.certificate, pki.issuer))

    with suppress(WrongUse):
        assert not asyncio.run(asked())


@unhurried
@given(st.binary(max_size=200))
def test_c11_the_fake_responder_refuses_what_it_cannot_read(body: bytes) -> None:
    assert FakeResponder(bench().pki).answer(body)[:2] == b"\x30\x03"
