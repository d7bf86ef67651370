"""OCSP answers and compact sets as sources of check_path(), beside lists, for every issuer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.compact import DAY, PRESS, core, held, opened, revoked
from support.compact import PKI as OF_SETS
from support.judging import HOUR, LIST, PKI, Bench, crl
from support.sdk import AT
from tashika import Nonce, Policy, Reason
from tashika.issuance import Subject
from tashika.ocsp import ask
from tashika.path import (
    CrlSource,
    InOrder,
    NotChecked,
    PathCause,
    PathReport,
    StatusNeed,
    StatusSource,
    TrustAnchor,
    check_path,
    read_list,
)
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.compact.head import Otherwise
from tashika.pki.request import build_request
from tashika.pki.standing import Revoked
from tashika.status import CompactSource, HeldAnswer, OcspSource, SetUsed, Stapled, subject_of
from tashika.testing import FakeResponder, Fault, KeyPair, Pki

ANCHOR = TrustAnchor.of(PKI.issuer)
SUB = PKI.make("Test sub-CA", issuer=PKI.ca, ca=True)
LEAF = PKI.make("Test leaf", issuer=SUB)
NO_NONCE = Policy(nonce=Nonce.OFF)


def check(source: StatusSource, certificate: Any = LEAF.certificate) -> PathReport:
    return check_path(
        certificate, candidates=[SUB.certificate], anchors=[ANCHOR], source=source, at=AT
    )


def answer(
    about: KeyPair, issuer: KeyPair, *, signer: KeyPair | None = None, fault: Fault | None = None
) -> bytes:
    """Return what a responder that `issuer` delegated says of a certificate."""
    signer = signer or PKI.delegate(issuer=issuer)
    responder = FakeResponder(PKI, signer=signer, clock=lambda: AT)
    return responder.answer(question(about, issuer), fault=fault)


def question(about: KeyPair, issuer: KeyPair) -> bytes:
    asked = CertId.build(IssuerIdentity.of(issuer.certificate), about.certificate.serial_number)
    return build_request([asked])


def stapled(*answers: bytes) -> OcspSource:
    return OcspSource(HeldAnswer(body=each) for each in answers)


def test_every_certificate_of_a_path_is_answered_for_by_its_own_issuers_responder():
    of_sub, of_leaf = answer(SUB, PKI.ca), answer(LEAF, SUB)
    report = check(stapled(of_sub, of_leaf))
    assert report.path
    assert [each.evidence[0].source for each in report.path.statuses] == ["stapled answer"] * 2
    only_leaf = check(stapled(of_leaf))
    assert [need.place for need in only_leaf.needs] == [0]
    assert only_leaf.cause is PathCause.STATUS_MISSING


def test_an_anchor_that_is_a_name_and_a_key_is_enough():
    """No certificate of it is anywhere."""
    bare = replace(ANCHOR, key_id=None, name_constraints=None, path_length=None)
    source = stapled(answer(SUB, PKI.ca, signer=PKI.ca))
    report = check_path(SUB.certificate, anchors=[bare], source=source, at=AT)
    assert report
    revoking = FakeResponder(PKI, clock=lambda: AT)
    revoking.revoke(SUB.certificate)
    source = stapled(revoking.answer(question(SUB, PKI.ca)))
    report = check_path(SUB.certificate, anchors=[bare], source=source, at=AT)
    assert report.cause is PathCause.REVOKED


def test_of_two_answers_of_one_time_the_one_that_revokes_is_believed():
    revoking = FakeResponder(PKI, clock=lambda: AT)
    good = revoking.answer(question(SUB, PKI.ca))
    revoking.revoke(SUB.certificate)
    revoked = revoking.answer(question(SUB, PKI.ca))
    for given in ((good, revoked), (revoked, good)):
        report = check_path(SUB.certificate, anchors=[ANCHOR], source=stapled(*given), at=AT)
        assert report.cause is PathCause.REVOKED


@pytest.mark.parametrize(
    "signer",
    [
        pytest.param(PKI.delegate(), id="the responder of the CA above"),
        pytest.param(PKI.ca, id="the CA above"),
        pytest.param(PKI.namesake().responder, id="a namesake's responder"),
        pytest.param(PKI.delegate(issuer=SUB, nocheck=False), id="without ocsp-nocheck"),
        pytest.param(PKI.delegate(issuer=SUB, ca=True), id="a CA"),
        pytest.param(PKI.delegate(issuer=SUB, ends=-HOUR), id="expired"),
        pytest.param(PKI.delegate(issuer=SUB, purposes=[]), id="without purpose"),
        pytest.param(PKI.delegate(issuer=SUB, digital_signature=False), id="may not sign"),
        pytest.param(LEAF, id="the certificate itself"),
    ],
)
def test_c2_only_the_issuer_and_its_delegate_speak_for_it(signer: KeyPair):
    """By the key on the path, not by a name."""
    source = stapled(answer(SUB, PKI.ca), answer(LEAF, SUB, signer=signer))
    report = check(source)
    assert report.cause is PathCause.STATUS_UNUSABLE
    assert [each.about for each in source.tried] == [report.culprit]


def test_c2_the_issuer_itself_may_sign():
    assert check(stapled(answer(SUB, PKI.ca, signer=PKI.ca), answer(LEAF, SUB, signer=SUB)))


def test_c3_an_answer_about_somebody_else_is_silence_unless_it_was_asked_for():
    good = answer(SUB, PKI.ca)
    unasked = check(stapled(good, answer(PKI.end_entity, SUB)))
    assert unasked.cause is PathCause.STATUS_MISSING
    subject = Seen.of(LEAF).subject
    asked = HeldAnswer(
        body=answer(PKI.end_entity, SUB), question=ask(subject, NO_NONCE, bytes), source="one"
    )
    source = OcspSource([HeldAnswer(body=good), asked], policy=NO_NONCE)
    assert check(source).cause is PathCause.STATUS_UNUSABLE


class Seen(StatusSource):
    """Keeps whom it was asked about."""

    def __init__(self) -> None:
        self.subjects: list[Subject] = []

    @classmethod
    def of(cls, certificate: KeyPair) -> "Seen":
        seen = cls()
        check(seen, certificate.certificate)
        return seen

    @property
    def subject(self) -> Subject:
        return self.subjects[-1]

    def status(self, need: StatusNeed) -> Any:
        self.subjects.append(subject_of(need))
        return NotChecked("a look").status(need)


def test_a_subject_is_the_serial_under_its_issuers_name_and_key():
    sub, leaf = Seen.of(LEAF).subjects
    assert (sub.serial, sub.identity) == (SUB.certificate.serial_number, ANCHOR.identity)
    assert (leaf.serial, leaf.identity) == (
        LEAF.certificate.serial_number,
        IssuerIdentity.of(SUB.certificate),
    )
    assert str(leaf.serial) not in repr(leaf)


def test_sources_compose_in_any_order():
    answers, lists = stapled(answer(LEAF, SUB)), CrlSource([read_list(crl())])
    for order in ((answers, lists), (lists, answers)):
        assert check(InOrder(order))


def test_that_data_was_bad_says_more_than_that_other_data_was_missing():
    bad = stapled(answer(SUB, PKI.ca, fault=Fault.STALE), answer(LEAF, SUB))
    for order in ((bad, CrlSource(())), (CrlSource(()), bad)):
        assert check(InOrder(order)).cause is PathCause.STATUS_STALE


# --- compact sets --------------------------------------------------------------------------------


def by_set(path: Path, data: bytes, *, bench: Bench | None = None) -> PathReport:
    with opened(path / "set", data) as found:
        bench = bench or Bench(OF_SETS)
        bench.sets = (found,)
        return bench.judge()


SERIAL = OF_SETS.certificate.serial_number


def test_a_compact_set_spares_the_network(tmp_path: Path):
    bench = Bench(OF_SETS)
    report = by_set(tmp_path, PRESS.print(), bench=bench)
    assert report.path
    (used,) = report.path.statuses[0].evidence
    assert isinstance(used, SetUsed)
    assert not bench.net.asked


@pytest.mark.parametrize("entry", [revoked(SERIAL, Reason.SUPERSEDED), held(SERIAL)])
def test_a_compact_set_revokes(tmp_path: Path, entry: Any):
    report = by_set(tmp_path, PRESS.print([entry]))
    assert report.revoked == Revoked(entry.revoked_at, entry.reason)
    assert by_set(tmp_path, core(PRESS.print([entry]))).cause is PathCause.REVOKED


def test_t19_a_certificate_outside_the_register_is_not_good(tmp_path: Path):
    assert by_set(tmp_path, PRESS.print([], [(1, 2)])).cause is PathCause.REVOKED


@pytest.mark.parametrize(
    ("head", "cause"),
    [
        ({"otherwise": Otherwise.UNKNOWN}, "unknown"),
        ({"next_update": AT - DAY / 4, "this_update": AT - DAY}, "stale"),
        ({"this_update": AT + HOUR, "produced_at": AT + HOUR}, "from_the_future"),
    ],
)
def test_c4_a_set_that_cannot_tell_gives_way(tmp_path: Path, head: dict[str, Any], cause: str):
    bench = Bench(OF_SETS)
    report = by_set(tmp_path, replace(PRESS, changes=head).print(), bench=bench)
    assert report.cause in {PathCause.STATUS_UNUSABLE, PathCause.STATUS_STALE}
    assert report.tried[0].cause.value == cause
    bench.net.pages[LIST] = crl(by=OF_SETS.ca)
    assert by_set(tmp_path, replace(PRESS, changes=head).print(), bench=bench)


def test_c3_the_set_of_another_issuer_is_silence(tmp_path: Path):
    with opened(tmp_path / "set", PRESS.print()) as found:
        source = CompactSource([found])
        report = check_path(PKI.certificate, anchors=[ANCHOR], source=source, at=AT)
        assert (report.cause, source.tried) == (PathCause.STATUS_MISSING, [])
        namesake = Pki(at=AT)
        other = check_path(
            namesake.certificate,
            anchors=[TrustAnchor.of(namesake.issuer)],
            source=source,
            at=AT,
        )
        assert other.cause is PathCause.STATUS_MISSING


def test_the_work_of_a_thousand_answers_is_bounded():
    copies = [answer(PKI.end_entity, PKI.ca, fault=Fault.BAD_SIGNATURE)] * 1000
    source = stapled(*copies)
    report = check_path(PKI.certificate, anchors=[ANCHOR], source=source, at=AT)
    assert report.cause is PathCause.BUDGET_SPENT
    assert report.work["signatures"] <= 200


def test_a_list_in_pem_may_come_along_too():
    pem = x509.load_der_x509_crl(crl()).public_bytes(Encoding.PEM)
    assert Bench().judge(stapled=Stapled(lists=(pem,)))
