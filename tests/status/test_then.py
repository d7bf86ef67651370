"""Old signatures: data of the signing time and later, and revocations that came after it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from support.judging import DAY, HOUR, IDENTITY, LIST, ONE, PKI, SERIAL, Bench, crl
from support.sdk import AT
from tashika import Policy, Reason
from tashika.path import PathCause, PathReport
from tashika.pki import der
from tashika.pki.algorithms import ECDSA_SHA256, sign
from tashika.pki.certid import CertId
from tashika.status import Freshness, Kind, LaterRevocation, RevokedLater, Stapled
from tashika.testing import Fault

Flags = x509.ReasonFlags
NOW = AT + 90 * DAY
ENDS = PKI.certificate.not_valid_after_utc
LONG_AFTER = ENDS + 400 * DAY
"""The certificate and its CA have ended long ago."""


def then(later: LaterRevocation = LaterRevocation.UNDOES_UNLESS_HARMLESS, **policy: Any) -> Bench:
    return Bench(freshness=Freshness.SINCE_SIGNING, later_revocation=later, **policy)


def by_lists(*lists: bytes, now: datetime = NOW, bench: Bench | None = None) -> PathReport:
    return (bench or then()).judge(stapled=Stapled(lists=lists), now=now)


def test_archived_data_of_its_time_counts():
    archived = Bench().stapled()
    for stapled in (Stapled(answers=(archived,)), Stapled(lists=(crl(),))):
        assert then().judge(stapled=stapled, now=LONG_AFTER)


@pytest.mark.parametrize(
    ("of", "counts"),
    [
        (AT - 3 * DAY, False),  # past its nextUpdate when the signature was made
        (AT - HOUR, True),
        (AT + HOUR, True),
        (AT + 80 * DAY, True),
        (NOW + HOUR, False),  # from the future
    ],
)
def test_c4_data_counts_from_the_signing_time_to_now(of: datetime, counts: bool):  # noqa: FBT001 - parametrized
    assert bool(by_lists(crl(at=of))) is counts
    answer = Bench().stapled(at=of)
    assert bool(then().judge(stapled=Stapled(answers=(answer,)), now=NOW)) is counts


def test_by_default_what_was_made_later_counts_for_nothing():
    bench = Bench()
    for stapled in (
        Stapled(lists=(crl(at=AT + DAY),)),
        Stapled(answers=(bench.stapled(at=AT + DAY),)),
    ):
        assert not bench.judge(stapled=stapled, now=NOW)


def test_what_was_made_after_a_certificates_end_clears_nobody():
    """RFC 5280 3.3: by then its entry may be gone."""
    assert by_lists(crl(at=ENDS), now=LONG_AFTER)
    report = by_lists(crl(at=ENDS + timedelta(seconds=1)), now=LONG_AFTER)
    assert report.cause is PathCause.STATUS_STALE
    # It may revoke no better: it is not believed at all.
    late = crl(SERIAL, at=ENDS + DAY, since=AT - DAY)
    assert by_lists(late, now=LONG_AFTER).cause is PathCause.STATUS_STALE


def test_an_answer_made_after_the_end_counts_where_its_archive_goes_back_that_far():
    """RFC 6960 4.4.4."""
    short, bench, later = PKI.issue("Short", ends=DAY), then(), AT + 3 * DAY

    def judged(cutoff: datetime | None) -> PathReport:
        return bench.judge(
            certificate=short.certificate,
            stapled=Stapled(answers=(archive_answer(short, later, cutoff),)),
            now=NOW,
        )

    assert judged(None).cause is PathCause.STATUS_STALE
    assert judged(AT + 2 * DAY).cause is PathCause.STATUS_STALE
    assert judged(AT)


def archive_answer(subject: Any, at: datetime, cutoff: datetime | None) -> bytes:
    """Sign an answer, octet by octet: no library at hand writes an archive cutoff."""
    asked = CertId.build(IDENTITY, subject.certificate.serial_number)
    extensions = b""
    if cutoff:
        value = der.octet_string(der.generalized_time(cutoff))
        extension = der.sequence(der.oid("1.3.6.1.5.5.7.48.1.6"), value)
        extensions = der.wrap(der.explicit(1), der.sequence(extension))
    single = der.sequence(
        asked.der,
        der.wrap(der.implicit(0)),
        der.generalized_time(at),
        der.wrap(der.explicit(0), der.generalized_time(at + DAY)),
        extensions,
    )
    responder = der.wrap(der.explicit(2), der.octet_string(IDENTITY.hashes("sha1")[1]))
    tbs = der.sequence(responder, der.generalized_time(at), der.sequence(single))
    signature = der.bit_string(sign(PKI.ca.key, ECDSA_SHA256, tbs))
    basic = der.sequence(tbs, ECDSA_SHA256.der, signature)
    body = der.sequence(der.oid("1.3.6.1.5.5.7.48.1.1"), der.octet_string(basic))
    return der.sequence(der.integer(0, der.ENUMERATED), der.wrap(der.explicit(0), body))


HARMLESS = [Flags.affiliation_changed, Flags.superseded, Flags.cessation_of_operation]
OTHERS = [
    None,
    Flags.unspecified,
    Flags.key_compromise,
    Flags.ca_compromise,
    Flags.aa_compromise,
    Flags.privilege_withdrawn,
    Flags.certificate_hold,
]
LEAVES, DEFAULT = LaterRevocation.LEAVES, LaterRevocation.UNDOES_UNLESS_HARMLESS


@pytest.mark.parametrize("later", LaterRevocation)
@pytest.mark.parametrize("reason", [*HARMLESS, *OTHERS])
def test_a_later_revocation_does_what_the_policy_says(later: LaterRevocation, reason: Any):
    entry = crl(SERIAL, at=AT + 2 * DAY, since=AT + DAY, reason=reason)
    report = by_lists(entry, bench=then(later))
    stands = later is LEAVES or reason in HARMLESS
    assert report.cause is (PathCause.VALID if stands else PathCause.REVOKED)
    if report.path:
        seen = [each for each in report.path.statuses[0].evidence if isinstance(each, RevokedLater)]
        assert [each.revoked.at for each in seen] == [AT + DAY]


@pytest.mark.parametrize("later", LaterRevocation)
@pytest.mark.parametrize("reason", [*HARMLESS, *OTHERS])
def test_a_revocation_by_the_signing_time_undoes_it_whatever_its_reason(
    later: LaterRevocation, reason: Any
):
    for since in (AT - DAY, AT):
        entry = crl(SERIAL, at=AT + 2 * DAY, since=since, reason=reason)
        assert by_lists(entry, bench=then(later)).cause is PathCause.REVOKED


@pytest.mark.parametrize(
    ("lost", "cause"),
    [(AT - DAY, PathCause.REVOKED), (AT, PathCause.REVOKED), (AT + HOUR, PathCause.VALID)],
)
@pytest.mark.parametrize("later", LaterRevocation)
def test_the_time_since_when_a_key_is_lost_counts(
    later: LaterRevocation, lost: datetime, cause: PathCause
):
    """RFC 5280 5.3.2."""
    entry = crl(
        SERIAL,
        at=AT + 2 * DAY,
        since=AT + DAY,
        reason=Flags.key_compromise,
        invalid_since=lost,
    )
    assert by_lists(entry, bench=then(later)).cause is cause


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (Flags.cessation_of_operation, PathCause.VALID),
        (Flags.key_compromise, PathCause.REVOKED),
        (None, PathCause.REVOKED),
    ],
)
@pytest.mark.parametrize("lost", [None, AT + DAY])
def test_c2_a_ca_whose_key_is_lost_later_clears_nobody(
    reason: Any, lost: datetime | None, cause: PathCause
):
    """Whoever has the key now can sign that its certificates are in force."""
    sub = PKI.make("Test sub-CA", issuer=PKI.ca, ca=True)
    leaf = PKI.make("Test leaf", issuer=sub).certificate
    of_root = crl(
        sub.certificate.serial_number,
        at=AT + 9 * DAY,
        since=AT + DAY,
        reason=reason,
        invalid_since=lost,
    )
    report = then(LEAVES).judge(
        certificate=leaf,
        candidates=[sub.certificate],
        stapled=Stapled(lists=(of_root, crl(by=sub, at=AT + 9 * DAY))),
        now=NOW,
    )
    assert report.cause is cause


def test_by_default_a_later_revocation_counts_within_the_skew():
    """On receipt the Act asks whether it is in force, not since when it is not."""
    soon = crl(SERIAL, at=AT, since=AT + timedelta(minutes=1), reason=Flags.superseded)
    assert Bench().judge(stapled=Stapled(lists=(soon,))).cause is PathCause.REVOKED


def test_answers_say_it_as_lists_do():
    bench = then(LEAVES)
    bench.responder.revoke(PKI.certificate, at=AT + DAY, reason=Reason.KEY_COMPROMISE)
    answer = bench.stapled(at=AT + 2 * DAY)
    stapled = Stapled(answers=(answer,))
    assert bench.judge(stapled=stapled, now=NOW)
    assert then().judge(stapled=stapled, now=NOW).cause is PathCause.REVOKED


def test_never_issued_is_no_later_revocation():
    bench = then(LEAVES)
    bench.responder.disown(PKI.certificate)
    answer = bench.stapled(at=AT + DAY)
    assert bench.judge(stapled=Stapled(answers=(answer,)), now=NOW).cause is PathCause.REVOKED


def test_c5_a_responder_asked_now_answers_about_then():
    bench = then(order=(Kind.OCSP,))
    bench.clock.at = NOW
    bench.net.pages[ONE] = bench.answering()
    assert bench.judge(now=NOW)
    # It was asked now: an old answer is a replay, however well it speaks of then.
    bench.clock.at = AT + DAY
    assert not bench.judge(now=NOW)
    bench.clock.at = NOW
    bench.net.pages[ONE] = bench.answering(Fault.NO_NONCE)
    assert not bench.judge(now=NOW)


def test_c2_an_archived_answer_is_judged_by_its_responders_authority_when_it_signed():
    brief = PKI.delegate(begins=-DAY, ends=DAY)
    bench = then()
    bench.responder._signer = brief
    within, beyond = bench.stapled(at=AT), bench.stapled(at=AT + 2 * DAY)
    assert bench.judge(stapled=Stapled(answers=(within,)), now=LONG_AFTER)
    assert not bench.judge(stapled=Stapled(answers=(beyond,)), now=LONG_AFTER)


def test_fetched_lists_count_as_archived_ones_do():
    bench = then(order=(Kind.LISTS,))
    bench.net.pages[LIST] = crl(at=NOW - HOUR)
    assert bench.judge(now=NOW)
    assert not bench.judge(now=NOW - DAY)


def test_the_certificate_itself_must_be_in_its_validity_then():
    bench = then()
    early = PKI.certificate.not_valid_before_utc - DAY
    assert bench.judge(at=early, now=NOW).cause is PathCause.NOT_YET_VALID


def test_c4_the_greatest_age_holds_for_data_of_before():
    old = crl(at=AT - 3 * DAY, holds=30 * DAY)
    assert by_lists(old).cause is PathCause.STATUS_STALE
    bench = then(answers=Policy(max_age=HOUR))
    answer = bench.stapled(at=AT - 2 * HOUR)
    assert not bench.judge(stapled=Stapled(answers=(answer,)), now=NOW)
