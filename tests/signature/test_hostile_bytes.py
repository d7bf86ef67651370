"""Wrong bytes into every public function: a report or a documented error, and never valid."""

import os
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.mutations import mutants
from support.paths import AT
from support.signatures import (
    CA_LIST,
    DOCUMENT,
    ROOT_LIST,
    cms_signature,
    judge,
    ocsp_answer,
    pdf,
    raw,
    signer,
    submitted,
    terms,
    verify,
)
from tashika.errors import Malformed, SignatureRefused
from tashika.pki import der
from tashika.signature import (
    ChallengesInMemory,
    Form,
    KeepCertificate,
    KeepLists,
    Login,
    RelyingParty,
    SignatureReport,
    Stapled,
    Submitted,
    keep_evidence,
    read_evidence,
    recheck,
    verify_authentication,
)
from tashika.signature.attributes import read_attributes
from tashika.signature.schemes import read_scheme

MUTANTS_OF_ONE = 8
fuzzed = settings(
    max_examples=int(os.environ.get("TASHIKA_FUZZ", "3")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
seeds = st.integers(0, 2**32)
noises = st.binary(max_size=80) | st.binary(max_size=80).map(der.sequence)
forms = st.sampled_from(Form)


@cache
def whole_cms() -> bytes:
    coming = (ocsp_answer(b"\x30\x03\x0a\x01\x06"), ROOT_LIST, CA_LIST)
    return cms_signature(at=AT, crls=coming)


@cache
def whole_pdf() -> bytes:
    return pdf(room=1200)


@fuzzed
@given(noise=noises, form=forms)
def test_c11_noise_is_a_report_in_every_form(noise: bytes, form: Form):
    beside = DOCUMENT if form in (Form.RAW, Form.CMS) else None
    for made in (noise, b"%PDF-" + noise, b"<a>" + noise + b"</a>", b"-----BEGIN CMS-----" + noise):
        for certificate in (signer(), noise):
            handed_in = Submitted(
                signature=made, document=beside, certificate=certificate, form=form
            )
            assert not verify(handed_in)


@fuzzed
@given(seed=seeds)
def test_c1_c11_no_mutant_of_a_cms_vouches_for_anything_else(seed: int):
    for bad in mutants(whole_cms(), seed, MUTANTS_OF_ONE):
        report = verify(Submitted(signature=bad, form=Form.CMS))
        assert not report or report.presented.content == DOCUMENT, bad.hex()


@fuzzed
@given(seed=seeds)
def test_c1_c11_no_mutant_of_a_raw_signature_or_certificate_is_valid(seed: int):
    for bad in mutants(signer(), seed, MUTANTS_OF_ONE):
        assert bad == signer() or not verify(submitted(certificate=bad)), bad.hex()
    good = raw()
    for bad in mutants(good, seed, MUTANTS_OF_ONE):
        assert bad == good or not verify(submitted(signature=bad)), bad.hex()


@fuzzed
@given(at=st.floats(0, 1), octet=st.integers(1, 255))
def test_c1_no_pdf_with_another_octet_is_valid(at: float, octet: int):
    good = whole_pdf()
    place = int(at * (len(good) - 1))
    bad = bytearray(good)
    bad[place] ^= octet
    # In the signature's own place a digit may change case, or an octet that nobody reads.
    inside = good.index(b"<30") < place < good.index(b">/ByteRange")
    assert inside or not verify(Submitted(signature=bytes(bad), form=Form.PDF))


@fuzzed
@given(seed=seeds, noise=noises)
def test_c11_readers_refuse_as_documented(seed: int, noise: bytes):
    attributes = verify(Submitted(signature=whole_cms(), form=Form.CMS)).presented.covered
    for bad in (noise, *mutants(attributes, seed, MUTANTS_OF_ONE)):
        for read in (read_attributes, lambda data: read_scheme(data, "sha256")):
            with suppress(Malformed, SignatureRefused):
                read(bad)


@fuzzed
@given(place=st.floats(0, 1), octet=st.integers(0, 255), noise=st.binary(max_size=60))
def test_c11_evidence_is_read_as_documented_or_refused(place: float, octet: int, noise: bytes):
    good = kept()
    bad = bytearray(good)
    bad[int(place * (len(good) - 1))] = octet
    for data in (bytes(bad), noise):
        try:
            evidence = read_evidence(data)
        except Malformed:
            continue
        by = terms(judge=judge(lists=()), purpose=evidence.purpose or "none")
        if evidence.purpose:
            assert isinstance(recheck(data, DOCUMENT, by), SignatureReport)


@cache
def kept() -> bytes:
    return keep_evidence(
        verify(submitted()),
        certificate=KeepCertificate.WHOLE,
        lists=KeepLists.WHOLE,
        material=Stapled(lists=(ROOT_LIST, CA_LIST)),
    )


@fuzzed
@given(challenge=noises, signature=noises, certificate=noises)
def test_c11_a_login_is_a_report(challenge: bytes, signature: bytes, certificate: bytes):
    store, party = ChallengesInMemory(clock=lambda: AT), RelyingParty(name="bank.example")
    for each in (challenge, b"tashika-challenge-1\x00" + party.digest + bytes(7) + challenge):
        for who in (certificate, signer()):
            login = Login(challenge=each, signature=signature, certificate=who)
            report = verify_authentication(login, party, terms(), challenges=store, received_at=AT)
            assert not report


@pytest.mark.parametrize("form", [Form.CMS, Form.PDF, Form.XML])
def test_c11_what_is_too_large_is_refused_before_it_is_read(form: Form):
    head = b"%PDF-" if form is Form.PDF else b""
    size = {Form.CMS: 10, Form.PDF: 64, Form.XML: 2}[form] * 1024 * 1024 + 1
    report = verify(Submitted(signature=head + bytes(size), form=form))
    assert (report.cause, "longer than" in report.detail) == ("malformed", True)


def test_c11_depth_costs_nothing():
    deep = b""
    for _ in range(2000):
        deep = der.sequence(deep)
    for inside in (deep, der.sequence(der.oid("1.2.840.113549.1.7.2"), der.wrap(0xA0, deep))):
        assert verify(Submitted(signature=inside, form=Form.CMS)).cause == "malformed"
    assert not verify(submitted(stapled=Stapled(lists=(deep,), answers=(deep,)), candidates=()))
