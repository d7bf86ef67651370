"""A closed responder: who is answered, who is refused and how that looks, up to the wire."""

import base64
import json
import logging
import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from support import verifiers
from support.access import AUTHORIZATION, BANK, GRANT, SECRET, closed, terms, terms_of_today
from support.asking import (
    AT,
    GOOD,
    NEIGHBOUR,
    NEVER,
    NOTEBOOK,
    REVOKED,
    Wire,
    get,
    live,
    open_counter,
    post,
    talk,
    write_pem,
)
from support.authority import openssl
from support.compiled import interpreted
from support.verifiers import (
    Key,
    credential,
    digest_of,
    issue_der,
    name,
    new_key,
    suspension,
)
from tashika.pki.profile import Family
from tashika.pki.response import BasicResponse, ErrorResponse, ResponseStatus, parse_response
from tashika.pki.signed_request import sign_request
from tashika.pki.standing import Good
from tashika_server.agreements import refusals as r
from tashika_server.agreements.notes import HEADER
from tashika_server.agreements.presented import Presented, Proxies
from tashika_server.agreements.scan import NEIGHBOURS
from tashika_server.agreements.terms import (
    CredentialKind,
    Environment,
    HaltKind,
    Method,
    Purpose,
    secret_digest,
)
from tashika_server.clock import SystemClock
from tashika_server.refusal import BadHttp, MalformedQuestion
from tashika_server.responder import Answer, Asker, Reception, Replay, answer
from tashika_server.responder.line import MOST, Line

SECOND = timedelta(seconds=1)
SUBJECT = name("CN=bank,C=JP")
LOOPBACK = Proxies((ip_network("127.0.0.1"),))
EVERY_SERIAL = (GOOD, REVOKED, NEVER, 0, 2**150)


@pytest.fixture
def counter(tmp_path):
    with closed(tmp_path) as made:
        yield made


@pytest.fixture
def port(counter):
    with counter.live() as port:
        yield port


@pytest.fixture(scope="module")
def key() -> Key:
    return new_key()


@dataclass
class Untouchable:
    """An index that nobody may look at."""

    def snapshot(self):
        pytest.fail("the index was touched")


def standing(message):
    read = parse_response(message.body)
    assert isinstance(read, BasicResponse)
    assert message.headers["cache-control"] == "no-store"
    return read.responses[0].standing


def refused(message):
    """Return the refusal that the id names; the rest of the reply must be its row."""
    read = parse_response(message.body)
    assert isinstance(read, ErrorResponse)
    assert message.headers["cache-control"] == "no-store"
    note = NOTEBOOK.read(message.headers[HEADER.lower()])
    assert read.status is note.refusal.reply.ocsp
    assert message.status == note.refusal.reply.http
    return note.refusal


# --- before the index -----------------------------------------------------------------------


def deviations():
    """List every way to be refused for who one is or what the agreement says: one change each."""
    yesterday, tomorrow = AT - verifiers.DAY, AT + verifiers.DAY
    sourced = Presented(ip_address("127.0.0.1"), token=verifiers.TOKEN)
    other = {"kind": CredentialKind.PATH_TOKEN}
    for refusal, agreed, asker in (
        (r.NoCredential, {}, NEIGHBOUR),
        (r.UnknownCredential, {}, Asker(sourced._replace(token=bytes(32)))),
        (r.UnknownCredential, {"credentials": (credential(**other),)}, BANK),
        (r.CredentialRevoked, {"credentials": (credential(revoked_at=yesterday),)}, BANK),
        (r.CredentialNotBegun, {"credentials": (credential(valid_from=tomorrow),)}, BANK),
        (r.CredentialEnded, {"credentials": (credential(valid_to=AT),)}, BANK),
        (r.OtherEnvironment, {"environment": Environment.TEST}, BANK),
        (r.AgreementNotBegun, {"valid_from": tomorrow}, BANK),
        (r.AgreementEnded, {"valid_to": AT}, BANK),
        (r.NotNotified, {"halts": (suspension(kind=HaltKind.NOTIFICATION),)}, BANK),
        (r.AccreditationLapsed, {"halts": (suspension(kind=HaltKind.ACCREDITATION),)}, BANK),
        (r.ProvisionSuspended, {"halts": (suspension(),)}, BANK),
        (r.FamilyNotGranted, {"grants": (replace(GRANT, family=Family.SIGNATURE),)}, BANK),
        (r.MethodNotGranted, {"grants": (replace(GRANT, method=Method.FILE),)}, BANK),
        (r.IssuerNotGranted, {"grants": (replace(GRANT, issuers=frozenset({"x"})),)}, BANK),
        (
            r.PurposeNotGranted,
            {"grants": (replace(GRANT, purposes=frozenset({Purpose.CURRENT_STATUS})),)},
            Asker(sourced, Purpose.SIGNATURE_VERIFICATION),
        ),
        (r.SignatureMissing, {"signed_required": True}, BANK),
        (r.SourceNotAllowed, {"networks": (ip_network("10.0.0.0/8"),)}, BANK),
    ):
        yield pytest.param(refusal, agreed, asker, id=refusal.__name__)


DEVIATIONS = list(deviations())


def fields(asker):
    """Write an asker as header fields."""
    if asker.presented.token:
        secret = SECRET if asker.presented.token == verifiers.TOKEN else "another"
        yield f"Authorization: Bearer {secret}"
    if asker.purpose:
        yield f"Tashika-Purpose: {asker.purpose}"


@pytest.mark.parametrize(("refusal", "agreed", "asker"), DEVIATIONS)
def test_whoever_may_not_ask_is_refused_before_the_index_is_touched(
    tmp_path, refusal, agreed, asker
):
    with closed(tmp_path, terms(**agreed)) as counter:
        desk = replace(counter.desk, index=Untouchable())
        for serial in EVERY_SERIAL:
            with pytest.raises(refusal):
                answer(counter.question(serial), asker, desk, at=AT)


def test_too_many_and_too_fast_are_refused_before_the_index_is_touched(tmp_path):
    agreed = terms(max_cert_ids=2, burst=2, rate=0.001)
    with closed(tmp_path, agreed) as counter:
        desk = replace(counter.desk, index=Untouchable())
        with pytest.raises(r.TooManyForAgreement):
            answer(counter.question(GOOD, REVOKED, NEVER), BANK, desk, at=AT)
        assert answer(counter.question(GOOD, REVOKED), BANK, counter.desk, at=AT)
        with pytest.raises(r.TooFast):
            answer(counter.question(GOOD), BANK, desk, at=AT)


def test_the_usual_question_does_touch_it(counter):
    """So that the tests above show something."""
    desk = replace(counter.desk, index=Untouchable())
    with pytest.raises(pytest.fail.Exception):
        answer(counter.question(GOOD), BANK, desk, at=AT)


@pytest.mark.parametrize(("refusal", "agreed", "asker"), DEVIATIONS)
def test_a_refusal_is_the_same_bytes_whatever_the_serial(tmp_path, refusal, agreed, asker):
    del refusal
    with closed(tmp_path, terms(**agreed)) as counter, counter.live() as port:
        heard = [
            talk(port, post(counter.question(serial), *fields(asker))) for serial in EVERY_SERIAL
        ]
    assert all(each == heard[0] for each in heard)


@pytest.mark.parametrize(("refusal", "agreed", "asker"), DEVIATIONS)
def test_every_refusal_is_its_row_on_the_wire_with_an_id_that_names_it(
    tmp_path, refusal, agreed, asker
):
    with closed(tmp_path, terms(**agreed)) as counter, counter.live() as port:
        shown = list(fields(asker))
        for asked in (post(counter.question(GOOD), *shown), in_path(counter, *shown)):
            assert refused(talk(port, asked)) is refusal


def base64_of(data):
    return base64.b64encode(data).decode()


def in_path(counter, *headers: str, before=""):
    return get(f"{before}/ocsp/{base64_of(counter.question(GOOD))}", *headers)


def test_nobody_is_told_more_than_malformed_of_nonsense(counter):
    for asker in (BANK, NEIGHBOUR):
        with pytest.raises(MalformedQuestion):
            answer(b"\x30\x00", asker, counter.desk, at=AT)


# --- what is shown on the wire --------------------------------------------------------------


def test_a_bearer_token_is_answered_and_the_answer_is_for_nobodys_cache(counter, port):
    for asked in (post(counter.question(GOOD), AUTHORIZATION), in_path(counter, AUTHORIZATION)):
        heard = talk(port, asked)
        assert standing(heard) == Good()
        assert not {"etag", "expires", "last-modified"} & heard.headers.keys()
        assert HEADER.lower() not in heard.headers


def test_the_permit_travels_with_the_answer(counter):
    asker = replace(BANK, purpose=Purpose.CURRENT_STATUS)
    given = answer(counter.question(GOOD), asker, counter.desk, at=AT)
    permit = given.permit
    assert (permit.verifier, permit.agreement, permit.version) == ("V-000001", "A-000001", 1)
    assert (permit.credential, permit.purpose) == ("C-000001", Purpose.CURRENT_STATUS)


def test_two_authorization_fields_are_no_token(counter, port):
    heard = talk(port, post(counter.question(GOOD), AUTHORIZATION, "Authorization: Bearer x"))
    assert refused(heard) in (r.UnknownCredential, r.NoCredential)


@pytest.mark.parametrize("purpose", ["signature-verification", "current-status"])
def test_a_purpose_may_be_stated(counter, port, purpose):
    stated = f"Tashika-Purpose: {purpose}"
    assert standing(talk(port, post(counter.question(GOOD), AUTHORIZATION, stated))) == Good()


def test_a_purpose_that_the_act_does_not_know_is_refused(counter, port):
    stated = "Tashika-Purpose: curiosity"
    heard = talk(port, post(counter.question(GOOD), AUTHORIZATION, stated))
    assert refused(heard) is r.PurposeNotGranted


@pytest.mark.parametrize(
    "before", ["/t/bank-token", "//t/bank-token", "http://localhost/t/bank-token"]
)
def test_a_token_in_the_path_is_answered_by_post_and_by_get(tmp_path, before):
    agreed = terms(credentials=(credential(kind=CredentialKind.PATH_TOKEN),))
    with closed(tmp_path, agreed) as counter, counter.live() as port:
        assert standing(talk(port, in_path(counter, before=before))) == Good()
        asked = post(counter.question(GOOD), path=f"{before}/ocsp")
        assert standing(talk(port, asked)) == Good()
        assert refused(talk(port, post(counter.question(GOOD), AUTHORIZATION))) is (
            r.UnknownCredential
        )


@interpreted
def test_a_token_in_the_path_never_gets_into_a_log(tmp_path, capfd, caplog):
    agreed = terms(credentials=(credential(kind=CredentialKind.PATH_TOKEN),))
    caplog.set_level(logging.DEBUG)
    with capture_logs() as events, closed(tmp_path, agreed) as counter:
        broken = replace(counter.desk, shelf=None)  # an internal fault, with its traceback
        with live(broken, clock=counter.clock) as port:
            talk(port, in_path(counter, before=f"/t/{SECRET}"))
            for odd in (f"/t/{SECRET}/other", f"/t/{SECRET}/ocsp/*", f"/t/{SECRET}/ocsp/\x01"):
                talk(port, get(odd, AUTHORIZATION))
            with Wire(port) as wire:
                wire.say(f"GET /t/{SECRET}/ocsp HTTP/9\r\nA{SECRET}\r\n\r\n".encode())
                wire.hear_all()
    assert any(event["event"] == "answer_failed" for event in events)
    out, err = capfd.readouterr()
    assert SECRET not in out + err + caplog.text + json.dumps(events, default=repr)


def test_a_proxys_word_about_a_client_counts_and_a_strangers_does_not(tmp_path):
    key = new_key()
    agreed = terms(credentials=(verifiers.pinned(key),), networks=(ip_network("192.0.2.0/24"),))
    header = f"Client-Cert: :{base64_of(issue_der(key, key, SUBJECT))}:"
    via = "X-Forwarded-For: 10.9.9.9, 192.0.2.7"
    behind = Reception(proxies=LOOPBACK, certificate_header="Client-Cert")
    with closed(tmp_path, agreed) as counter:
        asked = counter.question(GOOD)
        with counter.live(reception=behind) as port:
            assert standing(talk(port, post(asked, header, via))) == Good()
            assert refused(talk(port, post(asked, header))) is r.SourceNotAllowed
            assert refused(talk(port, post(asked, via))) is r.NoCredential
            doubled = post(asked, header, header, via)
            assert refused(talk(port, doubled)) is r.CertificateUnusable
            assert refused(talk(port, post(asked, "Client-Cert: x", via))) is r.CertificateUnusable
        with counter.live() as port:
            assert refused(talk(port, post(asked, header, via))) is r.NoCredential


DISGUISES = {
    "an underscore": ("Client_Cert: {}", r.NoCredential),
    "an empty one before": ("Client-Cert:\r\nClient-Cert: {}", r.CertificateUnusable),
    "two in one": ("Client-Cert: {}, {}", r.CertificateUnusable),
    "a space before the colon": ("Client-Cert : {}", BadHttp),
    "a folded line": ("X: y\r\n Client-Cert: {}", BadHttp),
    "a bare line feed": ("X: y\nClient-Cert: {}", BadHttp),
    "a bare carriage return": ("X: y\rClient-Cert: {}", BadHttp),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_certificate_gets_past_a_trusted_proxy_in_disguise(tmp_path, key, disguise):
    """What a proxy may take for another header, or for part of one, is no certificate here."""
    field, refusal = DISGUISES[disguise]
    shown = f":{base64_of(issue_der(key, key, SUBJECT))}:"
    agreed = terms(credentials=(verifiers.pinned(key),))
    behind = Reception(proxies=LOOPBACK, certificate_header="Client-Cert")
    with closed(tmp_path, agreed) as counter, counter.live(reception=behind) as port:
        heard = talk(port, post(counter.question(GOOD), field.format(shown, shown)))
    assert NOTEBOOK.read(heard.headers[HEADER.lower()]).refusal is refusal


def test_a_certificate_in_a_trailer_is_none(tmp_path, key):
    shown = f"Client-Cert: :{base64_of(issue_der(key, key, SUBJECT))}:"
    head = "POST /ocsp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: Client-Cert"
    behind = Reception(proxies=LOOPBACK, certificate_header="Client-Cert")
    agreed = terms(credentials=(verifiers.pinned(key),))
    with closed(tmp_path, agreed) as counter, counter.live(reception=behind) as port:
        asked = counter.question(GOOD)
        chunk = f"{head}\r\n\r\n{len(asked):x}\r\n".encode() + asked
        heard = talk(port, chunk + f"\r\n0\r\n{shown}\r\n\r\n".encode())
    assert refused(heard) is r.NoCredential


def test_retry_after_says_when_to_come_back(tmp_path):
    with (
        closed(tmp_path, terms(rate=0.5, burst=1, max_cert_ids=1)) as counter,
        counter.live() as port,
    ):
        asked = post(counter.question(GOOD), AUTHORIZATION)
        assert standing(talk(port, asked)) == Good()
        heard = talk(port, asked)
        assert refused(heard) is r.TooFast
        assert heard.headers["retry-after"] in ("1", "2")


def test_the_open_gate_lets_in_this_machine_and_nobody_else(tmp_path):
    counter = open_counter(tmp_path)
    assert answer(counter.question(GOOD), NEIGHBOUR, counter.desk, at=AT).permit is None
    stranger = Asker(Presented(ip_address("192.0.2.7")))
    with pytest.raises(r.NoCredential):
        answer(counter.question(GOOD), stranger, counter.desk, at=AT)


def test_a_walk_through_serials_raises_an_alarm_with_the_verifier_and_no_serial(tmp_path):
    with closed(tmp_path, terms(burst=1000, rate=1000.0)) as counter:
        for serial in range(1000, 1000 + NEIGHBOURS + 1):
            answer(counter.question(serial), BANK, counter.desk, at=AT)
    (alarm,) = {each.sign: each for each in counter.alarms}.values()
    assert (alarm.verifier, alarm.issuer) == ("V-000001", counter.issuer.name)


# --- signed questions -----------------------------------------------------------------------


def signer(key):
    kind = CredentialKind.SIGNED_REQUEST
    return credential(id="C-000009", kind=kind, digest=digest_of(key))


def signed(key, question):
    along = [issue_der(key, key, SUBJECT)]
    return sign_request(question, requestor=SUBJECT.public_bytes(), key=key, certificates=along)


def test_a_signed_question_is_answered_once_and_again_only_with_the_same_bytes(tmp_path, key):
    agreed = terms(
        signed_required=True,
        credentials=(credential(), signer(key)),
        burst=1,
        max_cert_ids=1,
        rate=0.0001,
    )
    with closed(tmp_path, agreed) as counter, counter.live() as port:
        asked = counter.question(GOOD, nonce=b"n" * 16)
        first = talk(port, post(signed(key, asked)))
        again = talk(port, post(signed(key, asked)))  # ECDSA signs the same differently
        assert standing(first) == Good()
        assert again.body == first.body
        assert again.headers["tashika-replay"] == "?1"
        assert "tashika-replay" not in first.headers
        assert refused(talk(port, post(asked, AUTHORIZATION))) is r.SignatureMissing
        other = signed(key, counter.question(GOOD, nonce=b"m" * 16))
        assert refused(talk(port, post(other))) is r.TooFast


def test_a_replay_is_given_under_the_agreement_of_today(tmp_path, key):
    """Nobody who is suspended since has the earlier answer again."""
    credentials = (signer(key),)
    with closed(tmp_path, terms(credentials=credentials)) as counter:
        asked = signed(key, counter.question(GOOD))
        assert isinstance(answer(asked, NEIGHBOUR, counter.desk, at=AT), Answer)
        replay = answer(asked, NEIGHBOUR, counter.desk, at=AT)
        assert isinstance(replay, Replay)
        assert replay.permit.credential == "C-000009"
        counter.agree(terms(credentials=credentials, halts=(suspension(),)), at=AT + SECOND)
        with pytest.raises(r.ProvisionSuspended):
            answer(asked, NEIGHBOUR, counter.desk, at=AT + SECOND)


def test_a_question_that_could_not_be_answered_is_no_replay(tmp_path, key):
    with closed(tmp_path, terms(credentials=(signer(key),))) as counter:
        asked = signed(key, counter.question(GOOD))
        broken = replace(counter.desk, index=Untouchable())
        with pytest.raises(pytest.fail.Exception):
            answer(asked, NEIGHBOUR, broken, at=AT)
        assert isinstance(answer(asked, NEIGHBOUR, counter.desk, at=AT), Answer)


def test_a_replay_touches_neither_the_index_nor_the_limits(tmp_path, key):
    agreed = terms(credentials=(signer(key),), burst=1, max_cert_ids=1, rate=0.0001)
    with closed(tmp_path, agreed) as counter:
        asked = signed(key, counter.question(GOOD, nonce=b"n" * 16))
        first = answer(asked, NEIGHBOUR, counter.desk, at=AT)
        untouched = replace(counter.desk, index=Untouchable())
        for _ in range(3):
            assert answer(asked, NEIGHBOUR, untouched, at=AT).body == first.body


def test_openssl_signs_a_question_and_is_answered(tmp_path, key):
    bank = x509.load_der_x509_certificate(issue_der(key, key, SUBJECT))
    signing = (
        *("-signer", write_pem(tmp_path / "bank.pem", bank)),
        *("-signkey", write_pem(tmp_path / "bank.key", key)),
    )
    with closed(tmp_path, terms(credentials=(signer(key),))) as counter, counter.live() as port:
        issuer = write_pem(tmp_path / "issuer.pem", counter.issuer.certificate)
        asked = ("ocsp", "-issuer", issuer, "-serial", GOOD, "-noverify")
        url = ("-url", f"http://127.0.0.1:{port}/ocsp")
        assert "\ngood\n" in openssl(*asked, *url, *signing)
        openssl(*asked, *url, code=1)


# --- what changes while a connection lives --------------------------------------------------


def test_t25_a_suspension_bites_on_a_living_connection_and_resumption_too(counter, port):
    asked = post(counter.question(GOOD), AUTHORIZATION)
    with Wire(port) as wire:
        for halts, wanted in (((), None), ((suspension(),), r.ProvisionSuspended), ((), None)):
            counter.agree(terms(halts=halts))
            counter.clock.advance(SECOND)
            wire.say(asked)
            heard = wire.hear()
            if wanted is None:
                assert standing(heard) == Good()
            else:
                assert refused(heard) is wanted


def test_a_suspension_bites_within_two_seconds_under_load(tmp_path):
    """By the clock on the wall, on connections that never rest."""
    clock = SystemClock()
    now = clock.now()
    answered, turned = [], []
    with closed(tmp_path, at=now) as counter:
        counter.agree(terms_of_today(now), at=now)

        def load():
            with Wire(port) as wire:
                while True:
                    wire.say(post(counter.question(GOOD), AUTHORIZATION))
                    read = parse_response(wire.hear().body)
                    if isinstance(read, ErrorResponse):
                        assert read.status is ResponseStatus.UNAUTHORIZED
                        turned.append(time.monotonic())
                        return
                    answered.append(time.monotonic())

        with counter.live(clock=clock) as port:
            threads = [threading.Thread(target=load) for _ in range(4)]
            for each in threads:
                each.start()
            while len(answered) < 100:
                time.sleep(0.01)
            suspended = time.monotonic()
            halted = suspension(since=clock.now())
            counter.agree(terms_of_today(now, halts=(halted,)), at=clock.now())
            for each in threads:
                each.join(20)
    assert len(turned) == 4
    assert max(turned) - suspended < 2.0
    assert max(answered) - suspended < 2.0


def test_t24_a_spoilt_file_of_agreements_changes_nothing_and_is_reported(counter, port):
    asked = post(counter.question(GOOD), AUTHORIZATION)
    assert standing(talk(port, asked)) == Good()
    for spoilt in (b"", b"nonsense", counter.path.read_bytes()[:40]):
        with capture_logs() as events:
            counter.path.write_bytes(spoilt)
            counter.clock.advance(SECOND)
            assert standing(talk(port, asked)) == Good()
        assert [event["event"] for event in events] == ["agreements_refused"]


def test_t24_without_agreements_that_can_be_read_nobody_is_answered(tmp_path):
    with closed(tmp_path) as counter:
        counter.path.write_bytes(b"nonsense")
        with counter.live() as port:
            begun = time.monotonic()
            heard = talk(port, post(counter.question(GOOD), AUTHORIZATION))
            assert refused(heard) is r.AgreementsMissing
            assert time.monotonic() - begun < 2


def test_t4_agreements_too_old_are_not_acted_on_until_newer_ones_come(counter, port):
    asked = post(counter.question(GOOD), AUTHORIZATION)
    counter.clock.advance(timedelta(hours=1) - SECOND)
    assert standing(talk(port, asked)) == Good()
    counter.clock.advance(SECOND)
    assert refused(talk(port, asked)) is r.AgreementsTooOld
    counter.agree(terms())
    counter.clock.advance(SECOND)
    assert standing(talk(port, asked)) == Good()


def test_t18_who_makes_up_addresses_has_one_turn_for_all_of_them(tmp_path):
    """Else one machine with a network of IPv6 fills the line, and no verifier finds room."""
    line: Line[str] = Line()
    with closed(tmp_path) as counter:

        def name(asker):
            return counter.desk.admission.name(asker, at=AT)

        strangers = [f"2001:db8:0:{number:x}::{number:x}" for number in range(MOST)]
        for each in (*strangers, "2001:db8:1::", "192.0.2.1", "192.0.2.2"):
            line.join(name(Asker(Presented(ip_address(each)))), each)
        assert line.join(name(BANK), "bank")
    assert line.take(5) == [strangers[0], "2001:db8:1::", "192.0.2.1", "192.0.2.2", "bank"]


def test_t18_a_verifier_over_its_rate_is_turned_away_at_once_and_others_are_answered(tmp_path):
    greedy = terms(rate=0.001, burst=1, max_cert_ids=1)
    modest = terms(
        agreement="A-000002",
        verifier="V-000002",
        credentials=(credential(id="C-000002", digest=secret_digest("modest")),),
        rate=1e6,
        burst=1000,
    )
    with closed(tmp_path, greedy, modest) as counter, counter.live() as port:
        asked = counter.question(GOOD)
        talk(port, post(asked, AUTHORIZATION))
        slowest = 0.0
        with Wire(port) as flood, Wire(port) as calm:
            for _ in range(50):
                flood.say(post(asked, AUTHORIZATION) * 10)
                begun = time.monotonic()
                calm.say(post(asked, "Authorization: Bearer modest"))
                assert standing(calm.hear()) == Good()
                slowest = max(slowest, time.monotonic() - begun)
                for _ in range(10):
                    assert refused(flood.hear()) is r.TooFast
    assert slowest < 1.0
