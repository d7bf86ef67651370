"""The judge: what it asks for, in which order, what it believes, and where it ends."""

import re
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from support.judging import (
    DAY,
    HOUR,
    IDENTITY,
    LIST,
    ONE,
    OTHER_LIST,
    PKI,
    SERIAL,
    TWO,
    Bench,
    asked,
    crl,
)
from support.sdk import AT
from tashika import Cause, CertIdHash, Nonce, Policy
from tashika.errors import WrongUse
from tashika.path import Demands, ListUsed, Outcome, PathCause, TrustAnchor
from tashika.pki.request import parse_request
from tashika.pki.standing import Good, Reason
from tashika.status import (
    Addresses,
    AnswerUsed,
    Configured,
    FetchLimits,
    Kind,
    NamedBy,
    RevocationPolicy,
    Stapled,
    UrlsFrom,
    judge,
)
from tashika.testing import FakeResponder, Fault, KeyPair

RESPONDERS = Configured(otherwise=Addresses(responders=(ONE, TWO)))
BOTH = Configured(otherwise=Addresses(responders=(ONE, TWO), lists=(LIST, OTHER_LIST)))


def causes(report: Any) -> list[tuple[str, str]]:
    return [(each.source, each.cause.value) for each in report.tried]


def test_a_responders_answer_settles_it_and_is_kept_as_evidence():
    bench = Bench()
    bench.net.pages[ONE] = bench.answering()
    report = bench.judge()
    assert report
    assert report.path
    (status,) = report.path.statuses
    (used,) = status.evidence
    assert isinstance(used, AnswerUsed)
    assert (status.standing, used.source, used.produced_at) == (Good(), ONE, AT)


def test_what_a_report_rests_on_says_the_same_again_with_nobody_to_ask():
    leaf, sub = chain()
    bench = Bench()
    bench.addresses = Configured(
        by_issuer={IDENTITY: Addresses(lists=(LIST,))}, otherwise=Addresses(responders=(ONE,))
    )
    of_sub = FakeResponder(PKI, signer=sub, clock=bench.clock.now)
    bench.net.pages |= {LIST: crl(), ONE: of_sub.answer}
    given: dict[str, Any] = {"certificate": leaf.certificate, "candidates": [sub.certificate]}
    report = bench.judge(**given)
    kept = Stapled.of(report)
    assert (len(kept.answers), kept.lists) == (1, (crl_of(bench),))
    again = Bench(order=(Kind.STAPLED,)).judge(**given, stapled=kept)
    assert report.path
    assert again.path
    assert [each.standing for each in again.path.statuses] == [Good(), Good()]
    assert Stapled.of(again) == kept
    assert Stapled.of(Bench().judge()) == Stapled()


def test_a_list_settles_it_too():
    bench = Bench()
    bench.net.pages[LIST] = crl()
    report = bench.judge()
    assert report.path
    (used,) = report.path.statuses[0].evidence
    assert isinstance(used, ListUsed)
    assert used.encoded == crl_of(bench)
    assert causes(report) == [(ONE, "unreachable")]
    bench.net.pages[LIST] = crl(SERIAL, reason=x509.ReasonFlags.superseded)
    revoked = bench.judge()
    assert (revoked.outcome, revoked.cause) == (Outcome.INVALID, PathCause.REVOKED)
    assert revoked.revoked
    assert revoked.revoked.reason is Reason.SUPERSEDED


def crl_of(bench: Bench) -> bytes:
    page = bench.net.pages[LIST]
    assert isinstance(page, bytes)
    return page


def test_what_came_along_is_asked_last_unless_the_policy_puts_it_first():
    for stapled in (Stapled(answers=(Bench().stapled(),)), Stapled(lists=(crl(),))):
        last, first = Bench(), Bench(order=(Kind.STAPLED, Kind.OCSP))
        assert last.judge(stapled=stapled)
        assert first.judge(stapled=stapled)
        assert (last.net.asked, first.net.asked) == ([ONE, LIST], [])


def test_c5_an_old_answer_that_came_along_hides_no_revocation():
    bench = Bench()
    before = Stapled(answers=(bench.stapled(at=AT - HOUR),))
    bench.responder.revoke(PKI.certificate)
    bench.net.pages[ONE] = bench.answering()
    assert bench.judge(stapled=before).cause is PathCause.REVOKED


@pytest.mark.parametrize(
    ("order", "asked"),
    [
        ((Kind.OCSP, Kind.LISTS), [ONE, TWO, LIST, OTHER_LIST]),
        ((Kind.LISTS, Kind.OCSP), [LIST, OTHER_LIST, ONE, TWO]),
        ((Kind.LISTS,), [LIST, OTHER_LIST]),
        ((Kind.OCSP, Kind.STAPLED), [ONE, TWO]),
        ((Kind.STAPLED,), []),
    ],
)
def test_sources_are_asked_in_the_policys_order_each_once(order: tuple[Kind, ...], asked: list):
    bench = Bench(order=order)
    bench.addresses = BOTH
    report = bench.judge()
    assert report.cause is PathCause.STATUS_MISSING
    assert bench.net.asked == asked
    assert causes(report) == [(url, "unreachable") for url in asked]


def test_the_first_that_settles_it_is_believed_and_ends_the_asking():
    stapled = Stapled(lists=(crl(SERIAL),))
    for order, cause in (
        ((Kind.OCSP, Kind.STAPLED), PathCause.VALID),
        ((Kind.STAPLED, Kind.OCSP), PathCause.REVOKED),
    ):
        bench = Bench(order=order)
        bench.net.pages[ONE] = bench.answering()
        assert bench.judge(stapled=stapled).cause is cause


@pytest.mark.parametrize(
    "fault", [Fault.NO_NONCE, Fault.WRONG_NONCE, Fault.STALE, Fault.BAD_SIGNATURE, Fault.TRY_LATER]
)
@pytest.mark.parametrize("revoked", [False, True])
def test_c5_c6_a_failed_source_goes_on_to_the_next(fault: Fault, revoked: bool):  # noqa: FBT001 - parametrized
    bench = Bench()
    bench.addresses = RESPONDERS
    if revoked:
        bench.responder.revoke(PKI.certificate)
    bench.net.pages |= {ONE: bench.answering(fault), TWO: bench.answering()}
    report = bench.judge()
    assert report.cause is (PathCause.REVOKED if revoked else PathCause.VALID)
    assert [each.source for each in report.tried] == [ONE]


def test_c5_each_responder_gets_a_nonce_of_its_own():
    bench, seen, made = Bench(), list[bytes | None](), list[bytes]()

    def counted(length: int) -> bytes:
        made.append(bytes([len(made)]) * length)
        return made[-1]

    def noting(body: bytes) -> bytes:
        seen.append(parse_request(body).nonce)
        return bench.responder.answer(body, fault=Fault.WRONG_NONCE)

    bench.addresses = RESPONDERS
    bench.net.pages |= {ONE: noting, TWO: noting}
    assert not bench.judge(nonces=counted)
    assert seen == made == [bytes(32), b"\x01" * 32]


@pytest.mark.parametrize("hash_name", [CertIdHash.SHA1, CertIdHash.SHA256])
@pytest.mark.parametrize("nonce", Nonce)
def test_c3_c5_the_question_is_as_the_policy_says(hash_name: CertIdHash, nonce: Nonce):
    bench, asked = Bench(answers=Policy(nonce=nonce, certid_hash=hash_name)), list[bytes]()
    bench.net.pages[ONE] = lambda body: asked.append(body) or bench.responder.answer(body)
    assert bench.judge()
    (question,) = map(parse_request, asked)
    assert [each.hash_name for each in question.cert_ids] == [hash_name.value]
    assert (question.nonce is None) == (nonce is Nonce.OFF)


def test_stapled_answers_have_no_nonce_of_ours_and_need_none():
    assert Bench().judge(stapled=Stapled(answers=(Bench().stapled(),)))
    # One with a nonce answered somebody else; its times still say what it is worth.
    foreign = Bench().responder.answer(asked(PKI, Policy()))
    assert Bench().judge(stapled=Stapled(answers=(foreign,)))


@pytest.mark.parametrize("fault", [Fault.STALE, Fault.BAD_SIGNATURE, Fault.WRONG_CERTID])
def test_c1_c4_bad_stapled_data_does_not_stand_in_the_way(fault: Fault):
    bench = Bench(order=(Kind.STAPLED, Kind.OCSP))
    stapled = Stapled(answers=(bench.stapled(fault), b"noise"), lists=(b"noise",))
    bench.net.pages[ONE] = bench.answering()
    report = bench.judge(stapled=stapled)
    assert report
    assert "stapled answer" in {each.source for each in report.tried}
    bench.net.pages.clear()
    assert not bench.judge(stapled=stapled)


def test_of_several_answers_the_newest_speaks():
    bench = Bench()
    before = bench.stapled(at=AT - HOUR)
    bench.responder.revoke(PKI.certificate, at=AT - HOUR / 2)
    after = bench.stapled()
    for answers in ((before, after), (after, before)):
        assert bench.judge(stapled=Stapled(answers=answers)).cause is PathCause.REVOKED


def test_a_signed_unknown_settles_nothing():
    bench = Bench()
    bench.responder.forget(PKI.certificate)
    bench.net.pages[ONE] = bench.answering()
    report = bench.judge()
    assert (report.outcome, report.cause) == (Outcome.UNDETERMINED, PathCause.STATUS_UNUSABLE)
    assert causes(report)[0] == (ONE, "unknown")


# --- a path of three ----------------------------------------------------------------------------


def chain() -> tuple[KeyPair, KeyPair]:
    sub = PKI.make("Test sub-CA", issuer=PKI.ca, ca=True)
    return PKI.make("Test leaf", issuer=sub), sub


def test_everybody_on_the_path_is_asked_about_in_one_round():
    leaf, sub = chain()
    bench = Bench()
    judging = judge(
        leaf.certificate,
        candidates=[sub.certificate],
        trust=[TrustAnchor.of(PKI.issuer)],
        at=AT,
        means=bench.means(),
    )
    wants = next(judging)
    assert len(wants) == 2
    asked = [parse_request(each.question or b"").cert_ids[0].serial for each in wants]
    assert asked == [each.certificate.serial_number for each in (sub, leaf)]
    assert {each.named_by for each in wants} == {NamedBy.CONFIGURATION}
    judging.close()


def test_c9_nobody_is_asked_about_a_path_that_does_not_hold():
    leaf, _ = chain()
    bench = Bench(urls_from=UrlsFrom.CERTIFICATES_TOO)
    expired = PKI.issue("Expired", ends=-DAY).certificate
    forged = PKI.namesake().certificate
    for certificate in (leaf.certificate, expired, forged, b"noise"):
        assert not bench.judge(certificate=certificate)
    assert not bench.net.asked


# --- addresses -----------------------------------------------------------------------------------


def pointing(*urls: str) -> x509.Certificate:
    located = [
        x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
        )
        for url in urls
    ]
    points = [
        x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
        for url in urls
    ]
    extensions: list[Any] = [
        (x509.AuthorityInformationAccess(located), False),
        (x509.CRLDistributionPoints(points), False),
    ]
    return PKI.make("Pointing", issuer=PKI.ca, extensions=extensions).certificate


PUBLIC = "http://ocsp.elsewhere.test/"


def test_c9_a_certificates_urls_are_asked_only_by_a_policy_that_says_so():
    bench = Bench()
    bench.judge(certificate=pointing(PUBLIC))
    assert bench.net.asked == [ONE, LIST]
    bench = Bench(urls_from=UrlsFrom.CERTIFICATES_TOO)
    bench.judge(certificate=pointing(PUBLIC))
    assert bench.net.asked == [ONE, PUBLIC, LIST, PUBLIC]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://user@ocsp.test/",
        "http://ocsp.test:8080/",
        "ftp://ocsp.test/",
        "ldap://ldap.test/cn=CA",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
    ],
)
def test_c9_a_certificate_leads_nobody_inside(url: str):
    bench = Bench(urls_from=UrlsFrom.CERTIFICATES_TOO)
    bench.judge(certificate=pointing(url))
    assert bench.net.asked == [ONE, LIST]


def test_c9_a_certificate_names_few_urls_and_they_are_marked():
    bench = Bench(urls_from=UrlsFrom.CERTIFICATES_TOO, order=(Kind.OCSP,))
    bench.addresses = Configured()
    many = [f"http://{number}.test/" for number in range(20)]
    certificate, anchors = pointing(*many), [TrustAnchor.of(PKI.issuer)]
    (want,) = next(judge(certificate, trust=anchors, at=AT, means=bench.means()))
    assert want.named_by is NamedBy.CERTIFICATE
    bench.judge(certificate=certificate)
    assert bench.net.asked == many[:4]


def test_addresses_are_of_an_issuer_by_name_and_key():
    bench = Bench()
    bench.addresses = Configured(
        by_issuer={IDENTITY: Addresses(responders=(TWO,))},
        otherwise=Addresses(responders=(ONE,)),
    )
    bench.net.pages[TWO] = bench.answering()
    assert bench.judge()
    assert bench.net.asked == [TWO]


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        (FetchLimits(rounds=1), [ONE]),
        (FetchLimits(fetches=2), [ONE, TWO]),
        (FetchLimits(octets=1), [ONE, TWO, LIST]),
    ],
)
def test_c8_the_bounds_end_the_asking_and_are_reported(limits: FetchLimits, asked: list[str]):
    bench = Bench(limits=limits)
    bench.addresses = BOTH
    bench.net.pages[LIST] = b"0"
    report = bench.judge()
    assert report.outcome is Outcome.UNDETERMINED
    assert bench.net.asked == asked
    assert PathCause.BUDGET_SPENT in {each.cause for each in report.tried}


@pytest.mark.parametrize(("more", "valid"), [(0, True), (-1, False)])
def test_c8_lists_of_one_round_share_the_bound(more: int, *, valid: bool):
    leaf, sub = chain()
    lists = {LIST: crl(), OTHER_LIST: crl(by=sub)}
    total = sum(map(len, lists.values())) + more
    bench = Bench(limits=FetchLimits(octets=total), order=(Kind.LISTS,))
    bench.net.pages |= lists
    bench.addresses = Configured(
        by_issuer={IDENTITY: Addresses(lists=(LIST,))},
        otherwise=Addresses(lists=(OTHER_LIST,)),
    )
    report = bench.judge(certificate=leaf.certificate, candidates=[sub.certificate])
    assert bool(report) is valid
    assert bench.net.asked == [LIST, OTHER_LIST]
    assert [each.cause for each in report.tried] == [Cause.TOO_LARGE] * (not valid)


def test_c8_a_list_of_the_limit_is_read_and_one_octet_more_is_not():
    body = crl()
    for octets, cause in ((len(body), PathCause.VALID), (len(body) - 1, PathCause.STATUS_MISSING)):
        bench = Bench(limits=FetchLimits(list_octets=octets), order=(Kind.LISTS, Kind.STAPLED))
        bench.net.pages[LIST] = body
        report = bench.judge()
        assert report.cause is cause
        assert bool(report) or causes(report) == [(LIST, "too_large")]
        assert bool(
            Bench(limits=FetchLimits(list_octets=octets)).judge(stapled=Stapled(lists=(body,)))
        ) is (cause is PathCause.VALID)


def test_c10_a_hostile_heap_of_candidates_costs_what_the_budget_says():
    endless = count()
    heap = (b"\x30" + bytes([number % 251]) * 20 for number in endless)
    bench = Bench()
    bench.net.pages[ONE] = bench.answering()
    assert bench.judge(candidates=heap).cause is PathCause.BUDGET_SPENT
    assert next(endless) <= Demands().limits.candidates + 2


def test_a_hostile_heap_of_stapled_data_costs_what_the_bound_says():
    report = Bench().judge(stapled=Stapled(answers=(b"\x30",) * 5000, lists=(b"\x30",) * 5000))
    assert not report
    assert len([each for each in report.tried if each.source.startswith("stapled")]) <= 64


@pytest.mark.parametrize("name", ["rounds", "fetches", "list_octets", "octets"])
def test_limits_are_at_least_one(name: str):
    with pytest.raises(WrongUse, match=name):
        FetchLimits(**{name: 0})


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": ()},
        {"order": (Kind.OCSP, Kind.OCSP)},
        {"order": ("ocsp",)},
        {"order": [Kind.OCSP]},
        {"when_silent": True},
        {"freshness": "at receipt"},
        {"urls_from": None},
    ],
)
def test_a_policy_that_can_never_work_is_refused(wrong: dict[str, Any]):
    with pytest.raises(WrongUse, match=re.escape(next(iter(wrong)))):
        RevocationPolicy(**wrong)


def test_the_judge_is_sent_one_thing_for_each_want():
    judging = judge(
        PKI.certificate, trust=[TrustAnchor.of(PKI.issuer)], at=AT, means=Bench().means()
    )
    next(judging)
    with pytest.raises(WrongUse, match="one body"):
        judging.send([])


@pytest.mark.parametrize(
    "times",
    [
        {"now": AT - HOUR},
        {"now": AT.replace(tzinfo=None)},
        {"at": AT.replace(tzinfo=None)},
        {"at": AT.replace(tzinfo=None), "now": AT},
    ],
)
def test_times_have_zones_and_now_is_not_before_the_time_in_question(times: dict[str, Any]):
    with pytest.raises(WrongUse, match="zone"):
        Bench().judge(**times)


def test_c13_lists_are_judged_by_the_tolerance_of_the_demands():
    bench = Bench()
    bench.net.pages[LIST] = crl(at=AT + 30 * timedelta(minutes=1))
    assert bench.judge().cause is PathCause.STATUS_STALE
    assert bench.judge(demands=Demands(skew=HOUR))


def test_nothing_of_a_certificate_or_a_path_is_in_what_is_shown():
    bench = Bench()
    secret = "http://one.test/t/secret-token"
    bench.addresses = Configured(otherwise=Addresses(responders=(secret,)))
    report = bench.judge()
    shown = f"{report!r}{report.tried!r}{report.needs!r}"
    assert "secret" not in shown
    assert str(SERIAL) not in shown
    assert f"{SERIAL:x}" not in shown
