"""T25: a verifier's own certificate is looked up too, and one that is revoked lets nobody in.

nginx once asked OCSP about a client certificate, heard "revoked" and let it in all the same
(CVE-2026-28755).
"""

import base64
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from support import verifiers
from support.access import ClosedCounter, closed, terms
from support.asking import (
    AT,
    DAY,
    GOOD,
    HELD,
    NEIGHBOUR,
    NEVER,
    NOTEBOOK,
    REVOKED,
    Authority,
    dn,
    ec_key,
    key_usage,
    make_issuer,
    post,
    talk,
)
from support.verifiers import credential, digest_of, of_authority, pinned
from tashika.pki.response import ResponseStatus, parse_response
from tashika.pki.signed_request import sign_request
from tashika_server.agreements import refusals as r
from tashika_server.agreements.client_refusals import (
    ClientCertificateRevoked,
    ClientStandingUnknown,
)
from tashika_server.agreements.notes import HEADER
from tashika_server.agreements.presented import ClientCertificate, Presented, Proxies
from tashika_server.agreements.terms import CredentialKind
from tashika_server.cli.explain import describe
from tashika_server.index import Changes, Entry, IndexReader, IndexWriter, Mark
from tashika_server.responder import Answer, Asker, Reception, Replay, answer, client_standing

SUBJECT, KEY, OURS = "bank", ec_key("bank"), ec_key("ca")
"""The bank's certificate is by the very authority about whose certificates it asks."""
CLIENT = 1500
HERE = ip_address("127.0.0.1")
BEHIND = Reception(proxies=Proxies((ip_network("127.0.0.1"),)), certificate_header="Client-Cert")
AUTHORITY = Authority.make("JPKI for user authentication", OURS)
CREDENTIALS = (
    of_authority(OURS, dn(SUBJECT)),
    pinned(KEY, id="C-000002"),
    credential(id="C-000003", kind=CredentialKind.SIGNED_REQUEST, digest=digest_of(KEY)),
)


@pytest.fixture
def counter(tmp_path):
    with closed(tmp_path, terms(credentials=CREDENTIALS)) as made:
        yield made


def issued(serial: int = CLIENT, *extensions: x509.ExtensionType, **how: Any) -> bytes:
    """Have a certificate for the bank issued by the authority that the counter serves."""
    made = AUTHORITY.issue(KEY, *extensions, serial=serial, **({"subject": SUBJECT} | how))
    return made.public_bytes(Encoding.DER)


def shown(der: bytes, **more: Any) -> Asker:
    return Asker(Presented(HERE, certificate=ClientCertificate.read(der), **more))


def signed(question: bytes, der: bytes) -> bytes:
    name = dn(SUBJECT).public_bytes()
    return sign_request(question, requestor=name, key=KEY, certificates=[der])


def on_a_connection(counter: ClosedCounter, der: bytes, serial: int) -> Answer | Replay:
    return answer(counter.question(serial), shown(der), counter.desk, at=AT)


def under_the_question(counter: ClosedCounter, der: bytes, serial: int) -> Answer | Replay:
    return answer(signed(counter.question(serial), der), NEIGHBOUR, counter.desk, at=AT)


WAYS = pytest.mark.parametrize("ask", [on_a_connection, under_the_question])
Ask = Callable[[ClosedCounter, bytes, int], Answer | Replay]


# --- what the index says of it --------------------------------------------------------------


@WAYS
def test_a_certificate_of_ours_that_is_in_force_is_answered(counter, ask: Ask):
    assert ask(counter, issued(), GOOD).body


@WAYS
@pytest.mark.parametrize("serial", [REVOKED, HELD, NEVER])
def test_t25_revoked_held_or_never_issued_it_lets_nobody_in(counter, ask: Ask, serial):
    with pytest.raises(ClientCertificateRevoked) as refused:
        ask(counter, issued(serial), GOOD)
    assert refused.value.reply.ocsp is ResponseStatus.UNAUTHORIZED
    assert refused.value.grounds.agreement == "A-000001"
    assert refused.value.grounds.credential in {each.id for each in CREDENTIALS}


def a_list_is_missing(counter):
    counter.index.coverage.clear()


def the_lists_are_overdue(counter):
    (mark, coverage) = next(iter(counter.index.coverage.items()))
    counter.index.coverage[mark] = replace(coverage, next_update=AT)


@WAYS
@pytest.mark.parametrize("silence", [a_list_is_missing, the_lists_are_overdue])
def test_t25_where_the_index_cannot_tell_it_is_to_try_later(counter, ask: Ask, silence):
    silence(counter.counter)
    with pytest.raises(ClientStandingUnknown) as refused:
        ask(counter, issued(), GOOD)
    assert refused.value.reply.ocsp is ResponseStatus.TRY_LATER


@WAYS
def test_t25_while_the_register_or_the_index_is_missing_too(tmp_path, ask: Ask):
    def with_register(authority):
        return replace(make_issuer(authority), register=tmp_path / "register")

    agreed = terms(credentials=CREDENTIALS)
    with closed(tmp_path, agreed, issuer=with_register, register=None) as counter:
        with pytest.raises(ClientStandingUnknown):
            ask(counter, issued(), GOOD)
        counter.desk = replace(counter.desk, index=IndexReader.open(tmp_path / "nowhere"))
        with pytest.raises(ClientStandingUnknown):
            ask(counter, issued(), GOOD)


def test_without_a_register_its_signature_shows_that_it_was_issued(tmp_path):
    with closed(tmp_path, terms(credentials=CREDENTIALS), register=None) as counter:
        assert on_a_connection(counter, issued(NEVER), GOOD).body


def test_t25_the_next_question_after_the_commit_is_judged_by_it(tmp_path, counter):
    """On the index as it is on disk: listed, released, and listed for good."""
    ours = counter.issuer.identity.fingerprint
    entry = Entry(serial=CLIENT, revoked_at=AT - DAY)
    with IndexWriter.open(tmp_path / "index", 1 << 24) as writer:
        desk = replace(counter.desk, index=writer.reader)
        asker, asked = shown(issued()), counter.question(GOOD)
        writer.expect(ours, [""])
        for number, changes in enumerate(
            (Changes(), Changes(added=[entry]), Changes(removed=[entry]), Changes(added=[entry]))
        ):
            writer.publish(ours, "", changes, mark(number))
            for _ in range(2):
                if changes.added:
                    with pytest.raises(ClientCertificateRevoked):
                        answer(asked, asker, desk, at=AT)
                else:
                    assert answer(asked, asker, desk, at=AT).body


def mark(number: int) -> Mark:
    return Mark(
        number=number,
        this_update=AT - DAY,
        next_update=AT + DAY,
        sha256=bytes(32),
        entries=1,
        etag=None,
        last_modified=None,
    )


def test_one_generation_is_asked_once_and_serves_the_whole_answer(counter):
    asker, looked_up = shown(issued()), counter.counter.index.looked_up
    for nonce in (b"1", b"2", b"3"):
        answer(counter.question(GOOD, nonce=nonce), asker, counter.desk, at=AT)
    assert looked_up == [CLIENT, GOOD, GOOD, GOOD]
    counter.counter.index.generation += 1
    answer(counter.question(GOOD), asker, counter.desk, at=AT)
    assert looked_up[4:] == [CLIENT, GOOD]


def test_more_certificates_than_are_kept_are_judged_just_as_well(counter, monkeypatch):
    monkeypatch.setattr(client_standing, "MOST_KEPT", 2)
    good = [shown(issued(CLIENT + each)) for each in range(3)]
    bad = shown(issued(REVOKED))
    for _ in range(2):
        for asker in good:
            assert answer(counter.question(GOOD), asker, counter.desk, at=AT).body
        with pytest.raises(ClientCertificateRevoked):
            answer(counter.question(GOOD), bad, counter.desk, at=AT)


# --- what is looked up, and what is not -----------------------------------------------------


class Untouchable:
    def snapshot(self):
        pytest.fail("the index was touched")


def test_the_refused_have_only_their_own_serial_looked_up(counter):
    for serial in (GOOD, REVOKED, NEVER, 0, 2**150):
        with pytest.raises(ClientCertificateRevoked):
            on_a_connection(counter, issued(REVOKED), serial)
    assert set(counter.counter.index.looked_up) == {REVOKED}


@pytest.mark.parametrize("state", ["revoked", "overdue"])
def test_a_refusal_is_the_same_bytes_whatever_is_asked_about(counter, state):
    own = REVOKED if state == "revoked" else CLIENT
    if state == "overdue":
        the_lists_are_overdue(counter.counter)
    header = f"Client-Cert: :{base64.b64encode(issued(own)).decode()}:"
    with counter.live(reception=BEHIND) as port:
        heard = [
            talk(port, post(counter.question(serial), header))
            for serial in (GOOD, REVOKED, NEVER, 0, 2**150)
        ]
    assert all(each == heard[0] for each in heard)
    note = NOTEBOOK.read(heard[0].headers[HEADER.lower()])
    assert note.refusal is (ClientCertificateRevoked if own == REVOKED else ClientStandingUnknown)
    assert parse_response(heard[0].body).status is note.refusal.reply.ocsp
    explained = describe(note)
    assert explained["refusal"] == note.refusal.reply.metric
    assert explained["credential"] == "C-000002"
    assert explained["ja"] == note.refusal.reply.ja


def test_who_is_not_known_has_nothing_looked_up(counter):
    desk = replace(counter.desk, index=Untouchable())
    stranger = AUTHORITY.issue(ec_key("stranger"), serial=REVOKED, subject="stranger")
    with pytest.raises(r.UnknownCredential):
        answer(counter.question(GOOD), shown(stranger.public_bytes(Encoding.DER)), desk, at=AT)


@pytest.mark.parametrize("name", ["JPKI for user authentication", "Somebody"])
def test_what_others_have_issued_is_not_ours_to_know(counter, name):
    """Another generation of the CA, under its name, is another issuer too."""
    other = Authority.make(name, ec_key("other ca"))
    der = other.issue(KEY, serial=REVOKED, subject=SUBJECT).public_bytes(Encoding.DER)
    assert on_a_connection(counter, der, GOOD).body
    assert counter.counter.index.looked_up == [GOOD]


def test_a_certificate_beside_a_token_neither_helps_nor_hinders(tmp_path):
    with closed(tmp_path) as counter:
        asker = shown(issued(REVOKED), token=verifiers.TOKEN)
        assert answer(counter.question(GOOD), asker, counter.desk, at=AT).body
        assert counter.counter.index.looked_up == [GOOD]


def test_a_thief_of_the_key_uses_up_nobodys_limits(tmp_path):
    agreed = terms(credentials=CREDENTIALS, burst=1, max_cert_ids=1, rate=0.0001)
    with closed(tmp_path, agreed) as counter:
        for _ in range(5):
            with pytest.raises(ClientCertificateRevoked):
                on_a_connection(counter, issued(REVOKED), GOOD)
        assert on_a_connection(counter, issued(), GOOD).body
        with pytest.raises(r.TooFast):
            on_a_connection(counter, issued(), GOOD)


def test_t25_an_earlier_answer_is_given_again_only_while_the_signer_is_in_force(counter):
    asked = signed(counter.question(GOOD), issued())
    assert isinstance(answer(asked, NEIGHBOUR, counter.desk, at=AT), Answer)
    assert isinstance(answer(asked, NEIGHBOUR, counter.desk, at=AT), Replay)
    revoke(counter)
    with pytest.raises(ClientCertificateRevoked):
        answer(asked, NEIGHBOUR, counter.desk, at=AT)


def revoke(counter):
    index, ours = counter.counter.index, counter.issuer.identity.fingerprint
    index.entries[ours, CLIENT] = Entry(serial=CLIENT, revoked_at=AT - DAY)
    index.generation += 1


# --- the certificate of a registered CA -----------------------------------------------------

NO_SIGNATURES = key_usage("key_encipherment", "key_agreement")
SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
ANYBODY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
MAY_SIGN = key_usage("digital_signature")
LATE, EARLY = {"begin": -3 * DAY, "end": -DAY}, {"begin": DAY, "end": 3 * DAY}


def altered() -> bytes:
    """Give a certificate another serial number after it was signed."""
    before, after = (b"\x02\x02" + each.to_bytes(2, "big") for each in (REVOKED, CLIENT))
    return issued(REVOKED).replace(before, after, 1)


OF_ANOTHER_CA = Authority.make(AUTHORITY.name, ec_key("other ca")).issue(KEY, subject=SUBJECT)
SHOWN = {
    "usual": (issued(), None),
    "fit": (issued(CLIENT, MAY_SIGN, CLIENTS), None),
    "for any use": (issued(CLIENT, ANYBODY), None),
    "of another subject": (issued(subject="another"), r.UnknownCredential),
    "altered": (altered(), r.UnknownCredential),
    "of another CA": (OF_ANOTHER_CA.public_bytes(Encoding.DER), r.UnknownCredential),
    "late": (issued(**LATE), r.CertificateOutOfTime),
    "early": (issued(**EARLY), r.CertificateOutOfTime),
    "for servers": (issued(CLIENT, SERVERS), r.CertificateUnusable),
    "not to sign": (issued(CLIENT, NO_SIGNATURES), r.CertificateUnusable),
    "for clients, not to sign": (issued(CLIENT, NO_SIGNATURES, CLIENTS), r.CertificateUnusable),
}


@pytest.mark.parametrize("case", SHOWN)
def test_signature_validity_and_key_usage_are_verified(tmp_path, case):
    der, refusal = SHOWN[case]
    with closed(tmp_path, terms(credentials=CREDENTIALS[:1])) as counter:
        if refusal is None:
            assert on_a_connection(counter, der, GOOD).body
        else:
            with pytest.raises(refusal):
                on_a_connection(counter, der, GOOD)


@WAYS
def test_a_pinned_key_that_may_not_sign_is_refused_too(counter, ask: Ask):
    counter.agree(terms(credentials=CREDENTIALS[1:]))
    with pytest.raises(r.CertificateUnusable) as refused:
        ask(counter, issued(CLIENT, NO_SIGNATURES), GOOD)
    assert refused.value.grounds.verifier == "V-000001"
