"""JPKI's one tier: the issuer is found by its key among generations of one name."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from support.paths import AT, DAY, issue, names, root
from tashika.causes import Cause
from tashika.errors import CertificateRefused, WrongUse
from tashika.path.tier import MAX_GENERATIONS, issuer_among, with_links
from tashika.pki.certid import IssuerIdentity

GENERATIONS = [root("JPKI-SIM", key=f"generation {each}") for each in (1, 2, 3)]


def leaf(generation: int, **different: Any) -> bytes:
    return issue("EE", by="JPKI-SIM", by_key=f"generation {generation}", **different)


def refusal(certificate: bytes, generations=GENERATIONS) -> CertificateRefused:
    with pytest.raises(CertificateRefused) as refused:
        issuer_among(certificate, generations, at=AT)
    return refused.value


@pytest.mark.parametrize("generation", [1, 2, 3])
@pytest.mark.parametrize("key_ids", [True, False])
def test_the_generation_is_found_by_its_key(generation: int, *, key_ids: bool):
    found = issuer_among(leaf(generation, key_ids=key_ids), GENERATIONS, at=AT)
    trusted = x509.load_der_x509_certificate(GENERATIONS[generation - 1])
    assert found.identity == IssuerIdentity.of(trusted)


def test_the_name_alone_is_worth_nothing():
    assert refusal(leaf(4)).cause is Cause.NOT_ISSUED_BY_ISSUER


def test_a_forged_key_identifier_is_only_a_hint():
    forged = leaf(1, signed_by="somebody")
    assert refusal(forged).cause is Cause.NOT_ISSUED_BY_ISSUER


def test_c1_a_tampered_certificate_has_no_issuer():
    good = leaf(2)
    for place in range(-70, 0, 7):
        bad = bytearray(good)
        bad[place] ^= 1
        with pytest.raises(CertificateRefused):
            issuer_among(bytes(bad), GENERATIONS, at=AT)


@pytest.mark.parametrize(
    ("certificate", "cause"),
    [
        pytest.param(leaf(1, ca=True), Cause.CERTIFICATE_MALFORMED, id="a CA"),
        pytest.param(leaf(1, ends=-DAY / 2), Cause.EXPIRED, id="expired"),
        pytest.param(leaf(1, begins=DAY / 2), Cause.NOT_YET_VALID, id="not yet valid"),
        pytest.param(
            leaf(1, extra=[names(permitted=[x509.DNSName("x")])]),
            Cause.CERTIFICATE_MALFORMED,
            id="an unknown critical extension",
        ),
        pytest.param(
            leaf(
                1, extra=[(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING]), True)]
            ),
            Cause.CERTIFICATE_MALFORMED,
            id="for one purpose alone, and nobody has asked for it",
        ),
        pytest.param(b"nonsense", Cause.CERTIFICATE_MALFORMED, id="nonsense"),
    ],
)
def test_what_is_refused(certificate: bytes, cause: Cause):
    assert refusal(certificate).cause is cause


def test_a_generation_past_its_end_speaks_for_nobody():
    old = issue(
        "JPKI-SIM", by="JPKI-SIM", key="generation 1", by_key="generation 1", ca=True, ends=-DAY / 2
    )
    assert refusal(leaf(1), [old]).cause is Cause.ISSUER_UNSUITABLE


def test_no_generation_or_too_many():
    assert refusal(leaf(1), []).cause is Cause.NOT_ISSUED_BY_ISSUER
    with pytest.raises(WrongUse):
        issuer_among(leaf(1), GENERATIONS * MAX_GENERATIONS, at=AT)


def test_a_renewed_certificate_of_the_same_key_takes_over():
    old = link(1, 1, ends=-DAY / 2)
    assert issuer_among(leaf(1), [old, GENERATIONS[0]], at=AT)
    assert issuer_among(leaf(1), [GENERATIONS[0], old], at=AT)


def link(new: int, old: int, **different: Any) -> bytes:
    given = {"ca": True} | different
    return issue(
        "JPKI-SIM", by="JPKI-SIM", key=f"generation {new}", by_key=f"generation {old}", **given
    )


def test_links_lead_from_generation_to_generation():
    trusted = with_links(GENERATIONS[:1], [link(3, 2), link(2, 1)], at=AT)
    assert len(trusted) == 3
    assert issuer_among(leaf(3), trusted, at=AT)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(link(2, 3), id="under a key that is not trusted"),
        pytest.param(link(2, 1, ca=False), id="no CA's"),
        pytest.param(link(2, 1, ends=-timedelta(hours=1)), id="expired"),
        pytest.param(link(2, 1, signed_by="generation 2"), id="signed by itself"),
        pytest.param(
            issue("Other", by="JPKI-SIM", by_key="generation 1", ca=True), id="other name"
        ),
        pytest.param(
            link(2, 1, extra=[(names(permitted=[x509.DNSName("x")])[0], False)]), id="constrained"
        ),
    ],
)
def test_a_link_that_is_not_in_order_leads_nowhere(bad: bytes):
    trusted = with_links(GENERATIONS[:1], [bad], at=AT)
    assert len(trusted) == 1
    assert refusal(leaf(2), trusted).cause is Cause.NOT_ISSUED_BY_ISSUER
