"""The whole of it at the socket: JPKI signatures and logins, verified, kept and judged again."""

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

import tashika.jpki
from support.jpki import AT, JPKI, PROFILE, PURPOSE, profile
from support.sdk import QUICK
from tashika import (
    Addresses,
    AsyncClient,
    ByPath,
    CachePolicy,
    Challenge,
    ChallengesInMemory,
    Client,
    Configured,
    Digest,
    Freshness,
    KeepCertificate,
    KeyUse,
    Login,
    Means,
    Policy,
    ReceiptBook,
    RelyingParty,
    RevocationPolicy,
    SignatureReport,
    Stapled,
    Submitted,
    Terms,
    TrustAnchor,
    keep_evidence,
    read_evidence,
    recheck,
)
from tashika.errors import SignatureInvalid, SignatureUndetermined, WrongUse
from tashika.jpki import Family, Hierarchy, JpkiProfile, Recognised, terms
from tashika.language import Language, explain
from tashika.path import Outcome
from tashika.signature import PieceKind
from tashika.signature.evidence import write_evidence
from tashika.testing import FakeResponder, Fault, Jpki, KeyPair

FORM = "口座開設申込書 4711".encode()
SIGNER, HOLDER = JPKI.issue(Family.SIGNATURE), JPKI.issue(Family.USER_AUTH)
"""The two certificates of one card."""
BANK = RelyingParty(name="bank.example")
SIGNING = terms(PROFILE, PURPOSE[Family.SIGNATURE])
LOGGING_IN = terms(PROFILE, PURPOSE[Family.USER_AUTH])
DAY = timedelta(days=1)


def signed(message: bytes, by: KeyPair) -> bytes:
    return by.key.sign(message, ec.ECDSA(hashes.SHA256()))


def form(by: KeyPair = SIGNER, document: bytes = FORM) -> Submitted:
    return Submitted(document=document, signature=signed(document, by), certificate=by.certificate)


@pytest.fixture
def responder() -> FakeResponder:
    """The CA itself answers for its newest generation, as a responder may."""
    return FakeResponder(signer=JPKI.authority(Family.SIGNATURE), clock=lambda: AT)


@pytest.fixture
def url(responder: FakeResponder) -> Iterator[str]:
    with responder.serve() as url:
        yield url


def by_client(call: str, *given: Any, url: str, parts: Any = None, **how: Any) -> SignatureReport:
    with Client(url, **{"clock": lambda: AT} | (parts or {})) as client:
        return getattr(client, call)(*given, **how)


def by_async_client(
    call: str, *given: Any, url: str, parts: Any = None, **how: Any
) -> SignatureReport:
    async def asked() -> SignatureReport:
        async with AsyncClient(url, **{"clock": lambda: AT} | (parts or {})) as client:
            return await getattr(client, call)(*given, **how)

    return asyncio.run(asked())


Face = Callable[..., SignatureReport]
both = pytest.mark.parametrize("face", [by_client, by_async_client])


@both
def test_a_signed_form_is_valid_and_asked_about_once(face: Face, responder, url: str):
    report = face("verify_signature", form(), SIGNING, url=url)
    assert report, report.because
    assert (report.received_at, report.at, report.judged_at) == (AT, AT, AT)
    assert isinstance(report.recognised, Recognised)
    assert (report.recognised.family, report.use) == (Family.SIGNATURE, KeyUse.DECLARATION)
    assert report.purpose is PURPOSE[Family.SIGNATURE]
    assert len(responder.asked) == 1


@both
def test_a_certificate_revoked_meanwhile_is_invalid(face: Face, responder, url: str):
    responder.revoke(SIGNER.certificate)
    report = face("verify_signature", form(), SIGNING, url=url)
    assert (report.outcome, report.because) == (Outcome.INVALID, "revoked")
    assert "失効" in explain(report.because, Language.JAPANESE).meaning
    with pytest.raises(SignatureInvalid):
        report.require_valid()


@both
@pytest.mark.parametrize("fault", [Fault.DISCONNECT, Fault.HTTP_ERROR, Fault.TRY_LATER])
def test_c6_a_responder_that_is_down_leaves_it_undetermined(
    face: Face, fault: Fault, responder, url: str
):
    responder.order(fault)
    report = face("verify_signature", form(), SIGNING, url=url)
    assert report.cause == "certificate_undetermined"
    with pytest.raises(SignatureUndetermined):
        report.require_valid()


@both
def test_c12_a_responder_that_hangs_costs_the_total_and_no_more(face: Face, responder, url: str):
    responder.order(Fault.SLOW)
    parts = {"policy": Policy(deadlines=QUICK)}
    report = face("verify_signature", form(), SIGNING, url=url, parts=parts)
    assert (report.outcome, report.because) == (Outcome.UNDETERMINED, "timed_out")
    assert [each.cause for each in report.judgement.tried] == ["timed_out"]


@both
def test_the_cards_other_certificate_is_refused_and_nobody_is_asked(
    face: Face, responder, url: str
):
    report = face("verify_signature", form(HOLDER), SIGNING, url=url)
    assert (report.outcome, report.because) == (Outcome.INVALID, "key_usage")
    anyhow = replace(SIGNING, use=KeyUse.SIGNATURE)
    assert face("verify_signature", form(HOLDER), anyhow, url=url).because == "wrong_family"
    assert not responder.asked


def test_a_test_card_is_refused_and_nobody_is_asked(responder, url: str):
    trial = Jpki(at=AT, hierarchy=Hierarchy.TEST, generations=1)
    production = JpkiProfile(generations=trial.generations)
    by = terms(production, PURPOSE[Family.SIGNATURE])
    report = by_client("verify_signature", form(trial.issue(Family.SIGNATURE)), by, url=url)
    assert (report.outcome, report.because) == (Outcome.INVALID, "other_hierarchy")
    assert not responder.asked


def test_an_impostors_ca_of_the_same_name_is_refused(responder, url: str):
    impostor = Jpki(at=AT, generations=1).issue(Family.SIGNATURE)
    report = by_client("verify_signature", form(impostor), SIGNING, url=url)
    assert report.outcome is Outcome.INVALID
    assert not responder.asked


def test_another_document_is_refused_and_nobody_is_asked(responder, url: str):
    changed = replace(form(), document=FORM + b"0")
    report = by_client("verify_signature", changed, SIGNING, url=url)
    assert report.because == "bad_signature"
    assert not responder.asked


def test_a_clients_cache_and_receipts_serve_signatures_too(responder, url: str, tmp_path):
    responder.give_receipts()
    with ReceiptBook(tmp_path, key=bytes(32)) as book:
        parts = {"receipts": book, "policy": Policy(cache=CachePolicy()), "clock": lambda: AT}
        with Client(url, **parts) as client:
            reports = [client.verify_signature(form(), SIGNING) for _ in range(2)]
    assert all(reports)
    assert [each.judgement.remembered for each in reports] == [False, True]
    assert sum(len(each.read_bytes().splitlines()) for each in tmp_path.iterdir()) == 1


# --- evidence --------------------------------------------------------------------------------


def by_path(*responders: str, **policy: Any) -> Terms:
    anchors = tuple(map(TrustAnchor.of, JPKI.generations))
    means = Means(
        policy=RevocationPolicy(**policy),
        addresses=Configured(otherwise=Addresses(responders=responders)),
        nonces=secrets.token_bytes,
    )
    return replace(SIGNING, judge=ByPath(anchors=anchors, means=means))


@pytest.mark.parametrize("again", [SIGNING, by_path()], ids=["one tier", "by path"])
@pytest.mark.parametrize("revoked", [False, True])
def test_evidence_of_one_tier_holds_the_answer_and_says_the_verdict_again(
    responder,
    url: str,
    again: Terms,
    revoked: bool,  # noqa: FBT001 - parametrized
):
    if revoked:
        responder.revoke(SIGNER.certificate)
    report = by_client("verify_signature", form(), SIGNING, url=url)
    data = keep_evidence(report, certificate=KeepCertificate.WHOLE)
    (piece,) = (each for each in read_evidence(data).pieces if each.kind is PieceKind.ANSWER)
    assert piece.content == report.judgement.answer.encoded
    asked = len(responder.asked)
    later = recheck(data, FORM, again)
    assert (later.outcome, later.because.value) == (report.outcome, report.because.value)
    assert (later.at, later.judged_at) == (report.at, report.judged_at)
    assert len(responder.asked) == asked


@pytest.mark.parametrize("again", [SIGNING, by_path()], ids=["one tier", "by path"])
def test_evidence_without_its_answer_or_with_anothers_proves_nothing(
    responder, url: str, again: Terms
):
    report = by_client("verify_signature", form(), SIGNING, url=url)
    evidence = read_evidence(keep_evidence(report, certificate=KeepCertificate.WHOLE))
    others = tuple(each for each in evidence.pieces if each.kind is not PieceKind.ANSWER)
    assert not recheck(write_evidence(replace(evidence, pieces=others)), FORM, again)
    other = by_client("verify_signature", form(JPKI.issue(Family.SIGNATURE)), SIGNING, url=url)
    kept = read_evidence(keep_evidence(other)).pieces
    answers = tuple(each for each in kept if each.kind is PieceKind.ANSWER)
    swapped = write_evidence(replace(evidence, pieces=others + answers))
    assert not recheck(swapped, FORM, again)
    late = write_evidence(replace(evidence, at=AT + 9 * DAY, judged_at=AT + 9 * DAY))
    assert recheck(late, FORM, again).outcome is Outcome.UNDETERMINED


@pytest.mark.parametrize("revoked", [False, True])
def test_evidence_of_a_path_holds_the_answer_of_a_revocation_too(
    responder,
    url: str,
    revoked: bool,  # noqa: FBT001 - parametrized
):
    if revoked:
        responder.revoke(SIGNER.certificate)
    by = by_path(url)
    report = by_client("verify_signature", form(), by, url=url)
    assert bool(report) is not revoked
    assert len(Stapled.of(report.judgement).answers) == 1
    data = keep_evidence(report, certificate=KeepCertificate.WHOLE)
    for again in (by, SIGNING):
        later = recheck(data, FORM, again)
        assert (later.outcome, later.because.value) == (report.outcome, report.because.value)


def test_an_older_answer_is_judged_again_only_by_the_policy_that_took_it(responder, url: str):
    """The policy of the client is not in the file: say it again."""
    patient = Policy(max_age=timedelta(minutes=1))
    data = keep_evidence(
        by_client("verify_signature", form(), SIGNING, url=url),
        certificate=KeepCertificate.WHOLE,
    )
    assert recheck(data, FORM, SIGNING, policy=patient).because == "too_old"


def test_what_is_kept_of_a_login_and_of_a_digest_is_judged_again(url: str):
    submitted = replace(form(), document=Digest.of(FORM))
    report = by_client("verify_signature", submitted, SIGNING, url=url)
    data = keep_evidence(report)
    assert recheck(data, FORM, SIGNING).cause == "not_kept"
    whole = SIGNER.certificate.public_bytes(Encoding.DER)
    assert recheck(data, FORM, SIGNING, supplied=[whole])


# --- old signatures ----------------------------------------------------------------------------


def long_after() -> datetime:
    return AT + 40 * DAY


@both
def test_an_old_signature_is_judged_as_of_its_time_only_where_the_policy_says_so(face: Face):
    late = FakeResponder(signer=JPKI.authority(Family.SIGNATURE), clock=long_after)
    question: dict[str, Any] = {"url": late.url, "received_at": AT, "parts": {"clock": long_after}}
    question["parts"]["transport"] = late
    kept = Stapled(answers=(_answer_of(late),))
    old = replace(form(), stapled=kept)
    assert not face("verify_signature", old, by_path(), **question)
    since_signing = by_path(freshness=Freshness.SINCE_SIGNING)
    report = face("verify_signature", old, since_signing, **question)
    assert report, (report.because, report.judgement.tried)
    assert (report.at, report.judged_at) == (AT, long_after())
    data = keep_evidence(report, certificate=KeepCertificate.WHOLE)
    assert recheck(data, FORM, since_signing)
    assert not recheck(data, FORM, by_path())


def _answer_of(responder: FakeResponder) -> bytes:
    """Get an answer of the responder's time that nobody here asked for."""
    now, transport = responder._clock(), {"transport": responder, "clock": responder._clock}
    report = by_client("verify_signature", form(), SIGNING, url=responder.url, parts=transport)
    assert report.judged_at == now
    return report.judgement.answer.encoded


# --- logins ------------------------------------------------------------------------------------


@pytest.fixture
def authority() -> Iterator[str]:
    """The URL of the other CA's responder."""
    with FakeResponder(signer=JPKI.authority(Family.USER_AUTH), clock=lambda: AT).serve() as url:
        yield url


class Durable:
    """A store that is awaited, as one in a database is."""

    def __init__(self, store: ChallengesInMemory) -> None:
        self.store = store

    async def take(self, challenge: Challenge) -> bool:
        await asyncio.sleep(0)
        return self.store.take(challenge)


def challenged() -> tuple[ChallengesInMemory, Login]:
    store = ChallengesInMemory(clock=lambda: AT)
    challenge = Challenge.mint(BANK, at=AT, random=secrets.token_bytes)
    store.put(challenge)
    return store, Login(
        challenge=challenge.message,
        signature=signed(challenge.message, HOLDER),
        certificate=HOLDER.certificate,
    )


@pytest.mark.parametrize(
    ("face", "kind"), [(by_client, None), (by_async_client, None), (by_async_client, Durable)]
)
def test_a_login_is_valid_once_and_its_replay_refused(face: Face, kind: Any, authority: str):
    store, login = challenged()
    given: dict[str, Any] = {"challenges": kind(store) if kind else store, "url": authority}
    report = face("verify_authentication", login, BANK, LOGGING_IN, **given)
    assert report, report.because
    assert report.recognised.family is Family.USER_AUTH
    again = face("verify_authentication", login, BANK, LOGGING_IN, **given)
    assert (again.outcome, again.because) == (Outcome.INVALID, "challenge_spent")


def test_terms_of_one_kind_do_not_serve_the_other(authority: str):
    store, login = challenged()
    given: dict[str, Any] = {"challenges": store, "url": authority}
    report = by_client("verify_authentication", login, BANK, SIGNING, **given)
    assert report.because == "wrong_family"
    with pytest.raises(WrongUse, match="verify_authentication"):
        by_client("verify_signature", form(HOLDER), LOGGING_IN, url=authority)
    with pytest.raises(WrongUse, match="JpkiProfile"):
        terms(PROFILE, "loan 4711")  # type: ignore[arg-type]


def test_a_login_that_another_party_passes_on_is_refused(authority: str):
    store, login = challenged()
    shop = RelyingParty(name="shop.example")
    report = by_client(
        "verify_authentication", login, shop, LOGGING_IN, challenges=store, url=authority
    )
    assert report.because == "challenge_elsewhere"


def test_c1_a_closed_client_verifies_nothing(url: str):
    client = Client(url)
    client.close()
    with pytest.raises(WrongUse, match="closed"):
        client.verify_signature(form(), SIGNING)
    login = challenged()[1]
    with pytest.raises(WrongUse, match="TakeChallenge"):
        by_client("verify_authentication", login, BANK, LOGGING_IN, challenges=None, url=url)


def test_terms_of_a_profile_are_ready(url: str):
    assert SIGNING.profile is PROFILE
    assert LOGGING_IN.use is KeyUse.AUTHENTICATION
    assert terms(profile(), PURPOSE[Family.SIGNATURE]).use is KeyUse.DECLARATION


# --- the examples ------------------------------------------------------------------------------

HERE = Path(__file__).parents[2]
EXAMPLES = {
    "README": (HERE / "client_sdk" / "README.md", 1),
    "signatures": (HERE / "docs" / "signatures.md", 0),
}


def run(example: str, names: dict[str, Any], url: str) -> None:
    ready = example.replace("https://ocsp.example.jp/", url)
    assert ready != example
    exec(compile(ready, "example", "exec"), names)  # noqa: S102 - our own


@pytest.mark.parametrize("page", EXAMPLES)
def test_the_examples_run_as_they_stand(page: str):
    """With real names and policies, and keys made on the spot."""
    path, place = EXAMPLES[page]
    run_both_ways(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)[place], {})


def test_the_example_of_the_package_runs():
    lines = re.findall(r"(?m)^    (.+)$", (tashika.__doc__ or "").split("::")[1])
    names = {name: getattr(tashika, name) for name in ("Client", "Submitted")}
    names |= {"jpki": tashika.jpki, "JpkiProfile": JpkiProfile}
    run_both_ways("\n".join(lines), names | {"purpose": PURPOSE[Family.SIGNATURE]})


def run_both_ways(example: str, given: dict[str, Any]) -> None:
    card_world = Jpki(hierarchy=Hierarchy.PRODUCTION, generations=1)
    card = card_world.issue(Family.SIGNATURE)
    document = dict.fromkeys(("document", "contract", "form"), FORM)
    names = {
        "generations": card_world.generations,
        "signature": signed(FORM, card),
        "certificate": card.certificate,
    }
    responder = FakeResponder(signer=card_world.authority(Family.SIGNATURE))
    with responder.serve() as url:
        run(example, given | names | document, url)
        responder.revoke(card.certificate)
        with pytest.raises(SignatureInvalid):
            run(example, given | names | document, url)
