"""The responder over TLS: client certificates, resumed sessions, living connections, roll-over."""

import os
import re
import select
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL
from structlog.testing import capture_logs

from soak.memory import MIB, own_bytes
from support import verifiers
from support.access import AUTHORIZATION, closed, terms
from support.asking import (
    AT,
    DAY,
    GOOD,
    HASTE,
    NOTEBOOK,
    HttpMessage,
    Relief,
    Wire,
    get,
    post,
    write_pem,
)
from support.garbage import alive, no_search
from support.service import wait_until
from support.verifiers import credential, issue_der, name, new_key, suspension
from tashika.pki.response import BasicResponse, parse_response
from tashika_server.agreements import refusals as r
from tashika_server.agreements.client_refusals import ClientCertificateRevoked
from tashika_server.agreements.notes import HEADER
from tashika_server.agreements.terms import Credential
from tashika_server.index import Entry
from tashika_server.refusal import Refusal
from tashika_server.responder import Patience, TlsFiles, TlsIdentity
from tashika_server.responder.connection import Connection
from tashika_server.responder.framing import Framing
from tashika_server.responder.rim import Asked
from tashika_server.responder.tls import TlsRefused
from tashika_server.responder.tls_connection import RECORD, TlsConnection

SECOND = timedelta(seconds=1)
SUBJECT = name("CN=bank,C=JP")
NOW = datetime.now(UTC)
BEGIN = min(NOW, AT) - DAY
"""Of the server's certificate: its clock stands at AT, its clients go by the wall's."""


# --- certificates, and somebody who uses them -----------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A certificate and its key, as values and as files."""

    key: ec.EllipticCurvePrivateKey
    certificate: Path
    private: Path


def hold(directory, label, der, key):
    return Holder(
        key=key,
        certificate=write_pem(directory / f"{label}.pem", x509.load_der_x509_certificate(der)),
        private=write_pem(directory / f"{label}.key", key),
    )


def serve_as(directory, *, begin=BEGIN, end=NOW + DAY, label="server"):
    """Make a server's certificate for localhost."""
    key, subject = new_key(), name("CN=localhost")
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), begin, end
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    holder = hold(directory, label, builder.sign(key, SHA256()).public_bytes(DER), key)
    return TlsFiles(certificate=holder.certificate, key=holder.private)


DER = verifiers.Encoding.DER


@pytest.fixture
def files(tmp_path):
    return serve_as(tmp_path)


@pytest.fixture
def bank(tmp_path):
    key = new_key()
    return hold(tmp_path, "bank", issue_der(key, key, SUBJECT), key)


@pytest.fixture
def counter(tmp_path, bank):
    with closed(tmp_path, terms(credentials=(credential(), verifiers.pinned(bank.key)))) as made:
        yield made


@contextmanager
def live(counter, files, **how: Any):
    how = {"patience": Patience()} | how
    with counter.live(tls=TlsIdentity(files, at=AT), **how) as port:
        yield port


@pytest.fixture
def port(counter, files):
    with live(counter, files) as port:
        yield port


def client(files, holder=None, *, most=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=str(files.certificate))
    context.maximum_version = most
    if holder:
        context.load_cert_chain(holder.certificate, holder.private)
    return context


class TlsWire(Wire):
    """A raw client that speaks TLS."""

    def __init__(self, port, context, *, session=None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), 10)
        self.socket = context.wrap_socket(plain, server_hostname="localhost", session=session)
        self._read = self.socket.makefile("rb")

    def ask(self, question) -> HttpMessage:
        self.say(post(question))
        heard = self.hear()
        assert heard is not None
        return heard


def verdict(message):
    """Return None for an answer, else the refusal that the id names."""
    if isinstance(parse_response(message.body), BasicResponse):
        return None
    return NOTEBOOK.read(message.headers[HEADER.lower()]).refusal


def ask(port, context, question):
    with TlsWire(port, context) as wire:
        return verdict(wire.ask(question))


# --- who has which key ----------------------------------------------------------------------


@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_pinned_certificate_that_nobody_vouches_for_is_answered(counter, port, files, bank, most):
    context = client(files, bank, most=most)
    with TlsWire(port, context) as wire:
        assert wire.socket.version() == most.name.replace("v1_", "v1.")
        for _ in range(3):
            assert verdict(wire.ask(counter.question(GOOD))) is None


def test_another_certificate_of_the_pinned_key_is_the_same_holder(
    tmp_path, counter, port, files, bank
):
    renewed = hold(tmp_path, "renewed", issue_der(bank.key, bank.key, name("CN=new")), bank.key)
    assert ask(port, client(files, renewed), counter.question(GOOD)) is None


def test_a_certificate_of_a_registered_ca_and_subject_is_answered(tmp_path, files):
    authority, key = new_key(), new_key()
    of_authority = verifiers.of_authority(authority, SUBJECT)
    with closed(tmp_path, terms(credentials=(of_authority,))) as counter:
        asked = counter.question(GOOD)
        with live(counter, files) as port:
            for issuer, subject, wanted in (
                (authority, SUBJECT, None),
                (authority, name("CN=other"), r.UnknownCredential),
                (new_key(), SUBJECT, r.UnknownCredential),
            ):
                shown = hold(tmp_path, "client", issue_der(issuer, key, subject), key)
                assert ask(port, client(files, shown), asked) is wanted


def test_without_a_certificate_a_token_will_do_and_nothing_will_not(counter, port, files):
    asked = counter.question(GOOD)
    assert ask(port, client(files), asked) is r.NoCredential
    with TlsWire(port, client(files)) as wire:
        wire.say(post(asked, AUTHORIZATION))
        assert verdict(wire.hear()) is None


def test_a_stranger_is_refused_with_an_id_and_not_by_an_alert(tmp_path, counter, port, files):
    key = new_key()
    stranger = hold(tmp_path, "stranger", issue_der(key, key, SUBJECT), key)
    assert ask(port, client(files, stranger), counter.question(GOOD)) is r.UnknownCredential


def test_a_certificate_out_of_time_or_not_for_clients_is_refused(tmp_path, counter, files, bank):
    late = issue_der(bank.key, bank.key, SUBJECT, begin=AT - 2 * DAY, end=AT - DAY)
    servers = (x509.oid.ExtendedKeyUsageOID.SERVER_AUTH,)
    unfit = issue_der(bank.key, bank.key, SUBJECT, usages=servers)
    with live(counter, files) as port:
        for der, wanted in ((late, r.CertificateOutOfTime), (unfit, r.CertificateUnusable)):
            shown = hold(tmp_path, "shown", der, bank.key)
            assert ask(port, client(files, shown), counter.question(GOOD)) is wanted


def test_curl_asks_with_a_certificate(tmp_path, counter, port, files, bank):
    question = tmp_path / "question.der"
    question.write_bytes(counter.question(GOOD))
    url = f"https://localhost:{port}/ocsp"
    posting = ("--data-binary", f"@{question}", "-H", "Content-Type: application/ocsp-request")
    showing = ("--cert", bank.certificate, "--key", bank.private)
    trust = ("--cacert", files.certificate, "--silent", "--show-error", "--fail")
    for shown, answered in ((showing, True), ((), False)):
        command = ["curl", *trust, *shown, *posting, url]
        body = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
        assert isinstance(parse_response(body), BasicResponse) is answered


# --- T25: nothing is remembered with the session --------------------------------------------


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
CLIENT = 1500
"""The serial of a client certificate by the issuer that the counter serves."""


def agree_to(counter, *credentials: Credential, **changes: Any):
    counter.agree(terms(credentials=credentials, **changes))
    counter.clock.advance(SECOND)


def revoke_at_its_issuer(counter, _):
    index, ours = counter.counter.index, counter.issuer.identity.fingerprint
    index.entries[ours, CLIENT] = Entry(serial=CLIENT, revoked_at=AT)
    index.generation += 1


def restore(counter, key):
    agree_to(counter, verifiers.pinned(key))
    counter.counter.index.entries.pop((counter.issuer.identity.fingerprint, CLIENT), None)
    counter.counter.index.generation += 1


ENDS = {
    "suspended": (
        lambda counter, key: agree_to(counter, verifiers.pinned(key), halts=(suspension(),)),
        r.ProvisionSuspended,
    ),
    "revoked": (
        lambda counter, key: agree_to(counter, verifiers.pinned(key, revoked_at=AT)),
        r.CredentialRevoked,
    ),
    "forgotten": (lambda counter, _: agree_to(counter, credential()), r.UnknownCredential),
    "revoked at its issuer": (revoke_at_its_issuer, ClientCertificateRevoked),
}


@pytest.fixture
def holder(tmp_path, counter, bank):
    """The bank's key with a certificate by the issuer that the counter serves."""
    certificate = counter.counter.authority.issue(bank.key, serial=CLIENT)
    return hold(tmp_path, "issued", certificate.public_bytes(DER), bank.key)


@pytest.mark.parametrize("case", [*product(VERSIONS, ENDS)], ids=str)
def test_t25_on_new_and_resumed_sessions_and_on_living_connections(
    counter, port, files, holder, case
):
    most, end = case
    happen, refusal = ENDS[end]
    context, asked = client(files, holder, most=most), counter.question(GOOD)
    with TlsWire(port, context) as living:
        assert verdict(living.ask(asked)) is None
        session = living.socket.session
        with TlsWire(port, context, session=session) as resumed:
            assert resumed.socket.session_reused
            assert verdict(resumed.ask(asked)) is None
            session = resumed.socket.session
        happen(counter, holder.key)
        assert verdict(living.ask(asked)) is refusal
        with TlsWire(port, context, session=session) as resumed:
            assert resumed.socket.session_reused
            assert verdict(resumed.ask(asked)) is refusal
        assert ask(port, context, asked) is refusal
        restore(counter, holder.key)
        assert verdict(living.ask(asked)) is None


def test_t29_no_session_is_kept_for_a_client(port, files, bank, counter):
    """It would be with all the certificates that the client sent, 100 kB from anybody at all."""
    context = client(files, bank, most=ssl.TLSVersion.TLSv1_2)
    context.options |= ssl.OP_NO_TICKET  # else the client keeps it
    with TlsWire(port, context) as wire:
        assert verdict(wire.ask(counter.question(GOOD))) is None
        session = wire.socket.session
    with TlsWire(port, context, session=session) as wire:
        assert not wire.socket.session_reused


def test_t25_openssl_resumes_a_session_and_is_refused_too(tmp_path, counter, port, files, bank):
    """The session of `openssl s_client`, kept in a file, from before the suspension."""
    kept, question = tmp_path / "session.pem", post(counter.question(GOOD), "Connection: close")
    command = [
        *("openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", files.certificate),
        *("-cert", bank.certificate, "-key", bank.private, "-ign_eof", "-nocommands", "-quiet"),
    ]

    def converse(*options: object) -> tuple[str, bytes]:
        done = subprocess.run(
            [*command, *options], input=question, capture_output=True, check=False, timeout=30
        )
        return done.stderr.decode(), done.stdout.partition(b"\r\n\r\n")[2]

    _, body = converse("-sess_out", kept)
    assert isinstance(parse_response(body), BasicResponse)
    counter.agree(terms(credentials=(verifiers.pinned(bank.key),), halts=(suspension(),)))
    counter.clock.advance(SECOND)
    _, body = converse("-sess_in", kept)
    assert not isinstance(parse_response(body), BasicResponse)


# --- what strangers may do to it ------------------------------------------------------------


def test_t36_a_handshake_that_is_not_finished_ends(counter, files):
    with live(counter, files, patience=HASTE) as port:
        started = time.monotonic()
        with Wire(port) as silent, Wire(port) as stuck:
            stuck.say(b"\x16\x03\x01\x02\x00\x01")
            assert silent.hear() is None
            assert stuck.hear() is None
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("rubbish", [b"GET /ocsp HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"x" * 400])
def test_what_is_not_tls_is_shown_the_door(counter, port, files, bank, rubbish):
    with Wire(port) as wire:
        wire.say(rubbish)
        wire.socket.settimeout(5)
        while wire.socket.recv(4096):
            pass
    assert ask(port, client(files, bank), counter.question(GOOD)) is None


def test_t29_old_versions_and_renegotiation_are_refused(port, files):
    command = ["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", files.certificate]
    for options in (
        ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        ["-tls1_2", "-cipher", "AES128-SHA"],
    ):
        done = subprocess.run(
            [*command, *options], input=b"", capture_output=True, timeout=30, check=False
        )
        assert done.returncode != 0
    done = subprocess.run(
        [*command, "-tls1_2"], input=b"R\n", capture_output=True, timeout=30, check=False
    )
    assert b"no renegotiation" in done.stderr


def test_t29_huge_status_requests_leave_no_memory_behind(counter, port, files, bank):
    """What a client would like stapled may be as long as an extension; it is not kept."""
    hello = client_hello(status_request(b"\xa2\x16\x04\x14" + bytes(20), times=2400))

    def greet(times):
        for _ in range(times):
            with Wire(port) as wire:
                wire.say(hello)
                assert wire.socket.recv(1) == b"\x16", "a ServerHello"

    greet(20)
    before = own_bytes([os.getpid()])
    greet(100)
    assert own_bytes([os.getpid()]) - before < 100 * len(hello) / 2
    assert ask(port, client(files, bank), counter.question(GOOD)) is None


def status_request(responder_id, *, times):
    """Write the extension (RFC 6066 8): OCSP, many responder ids, no extensions of its own."""
    body = b"\x01" + vector(vector(responder_id) * times) + vector(b"")
    return b"\x00\x05" + vector(body)


def client_hello(extension):
    """Write what begins TLS 1.2 (RFC 5246 7.4.1.2), in records of at most 2^14 octets."""
    groups = b"\x00\x0a" + vector(vector(b"\x00\x17"))
    algorithms = b"\x00\x0d" + vector(vector(b"\x04\x03"))
    offered = vector(b"\xc0\x2b\xc0\x2c") + b"\x01\x00"
    body = b"\x03\x03" + bytes(32) + b"\x00" + offered + vector(groups + algorithms + extension)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    records = (message[at : at + 2**14] for at in range(0, len(message), 2**14))
    return b"".join(b"\x16\x03\x01" + vector(each) for each in records)


def vector(content):
    return len(content).to_bytes(2, "big") + content


def test_large_and_pipelined_conversations_arrive_whole(counter, port, files, bank):
    nonces = [number.to_bytes(4, "big") for number in range(100)]
    with TlsWire(port, client(files, bank)) as wire:
        wire.say(b"".join(post(counter.question(GOOD, nonce=nonce)) for nonce in nonces))
        assert [parse_response(wire.hear().body).nonce for _ in nonces] == nonces


def test_t18_who_asks_faster_than_is_answered_waits_with_the_kernel(counter, port, files, bank):
    """Whatever else had come with what is deciphered would be kept here, and without end."""
    many, asked = 2400, get("/ocsp/" + "M" * 3000)
    with TlsWire(port, client(files)) as wire:
        wire.socket.setblocking(False)
        before, replies, rest = own_bytes([os.getpid()]), 0, b""
        while replies < many:
            with suppress(ssl.SSLWantReadError):
                heard = wire.socket.recv(65536)
                assert heard, "the server has closed"
                replies += heard.count(b"HTTP/1.1 ")
            rest = rest or asked * 64
            try:
                rest = rest[wire.socket.send(rest) :]
            except ssl.SSLWantWriteError:
                select.select([wire.socket], [wire.socket], [], 1)
        grown = own_bytes([os.getpid()]) - before
    assert grown < 20 * MIB
    assert ask(port, client(files, bank), counter.question(GOOD)) is None


def test_t18_a_conversation_that_is_over_leaves_nothing_behind(counter, port, files, bank):
    kinds = TlsConnection, Connection, Framing, Asked, Refusal
    assert ask(port, client(files, bank), counter.question(GOOD)) is None
    with no_search():
        before = alive(*kinds)
        ask(port, client(files, bank), counter.question(GOOD))
        with socket.create_connection(("127.0.0.1", port)) as strange:
            strange.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_until(lambda: alive(*kinds) <= before, "all have gone")


def test_a_caller_that_says_goodbye_is_let_go(counter, port, files, bank):
    with TlsWire(port, client(files, bank)) as wire:
        assert verdict(wire.ask(counter.question(GOOD))) is None
        wire.socket.settimeout(5)
        wire.socket.unwrap()


def test_who_asks_and_says_goodbye_at_once_is_answered_first(counter, port, files):
    """As over plain TCP: a goodbye says that nothing more comes, not that nothing is heard."""
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        wire = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        wire.set_connect_state()
        with pytest.raises(SSL.WantReadError):
            wire.do_handshake()
        plain.sendall(wire.bio_read(RECORD))
        while wire.get_state_string() != b"SSL negotiation finished successfully":
            wire.bio_write(plain.recv(RECORD))
            with suppress(SSL.WantReadError):
                wire.do_handshake()
        wire.sendall(post(counter.question(GOOD), AUTHORIZATION) * 20)
        wire.shutdown()
        plain.sendall(wire.bio_read(RECORD))
        heard = b""
        with suppress(SSL.ZeroReturnError):
            while True:
                try:
                    heard += wire.recv(RECORD)
                except SSL.WantReadError:
                    assert wire.bio_write(plain.recv(RECORD))
    assert heard.count(b"HTTP/1.1 200 ") == 20


def test_the_server_says_goodbye(counter, port, files, bank):
    """Without close_notify a cut answer could pass for a whole one."""
    with TlsWire(port, client(files, bank)) as wire:
        wire.socket.suppress_ragged_eofs = False
        wire.say(post(counter.question(GOOD), "Connection: close"))
        assert verdict(wire.hear()) is None
        assert wire.socket.recv(1) == b""


def test_draining_ends_handshakes_and_idle_conversations_at_once(counter, files, bank):
    with live(counter, files) as port:
        idle = TlsWire(port, client(files, bank))
        assert verdict(idle.ask(counter.question(GOOD))) is None
        half = Wire(port)
        half.say(b"\x16")
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    with idle, half:
        assert idle.hear() is None
        assert half.hear() is None


# --- the server's own certificate -----------------------------------------------------------


def test_the_servers_certificate_is_replaced_without_a_restart(tmp_path, counter, files, bank):
    with live(counter, files) as port:
        before = client(files, bank)
        living = TlsWire(port, before)
        serve_as(tmp_path)
        wait_until(lambda: connects(port, client(files, bank)), "the new certificate", seconds=20)
        assert not connects(port, before)
        with living:
            assert verdict(living.ask(counter.question(GOOD))) is None


def connects(port, context):
    try:
        with TlsWire(port, context):
            return True
    except ssl.SSLError:
        return False


def test_t24_a_bad_replacement_is_not_taken_up_and_a_bad_start_is_refused(tmp_path, files):
    identity = TlsIdentity(files, at=AT)
    used, other = identity.context, serve_as(tmp_path, label="other")
    for spoilt in (other.key.read_bytes(), b"", b"nonsense"):
        files.key.write_bytes(spoilt)
        identity.refresh(at=AT)
        assert identity.context is used
        with pytest.raises(TlsRefused, match=re.escape(str(files.key))):
            TlsIdentity(files, at=AT)
    files.key.unlink()
    identity.refresh(at=AT)
    assert identity.context is used
    serve_as(tmp_path)
    identity.refresh(at=AT)
    assert identity.context is not used
    for outside in (BEGIN - SECOND, NOW + 2 * DAY):
        with pytest.raises(TlsRefused, match="is valid from"):
            TlsIdentity(files, at=outside)


def test_t37_a_certificate_that_is_put_in_place_ahead_is_taken_up_when_it_begins(tmp_path, files):
    identity = TlsIdentity(files, at=AT)
    used = identity.context
    serve_as(tmp_path, begin=AT + SECOND)
    with capture_logs() as logs:
        for _ in range(3):
            identity.refresh(at=AT)
            assert identity.context is used
    assert [each["event"] for each in logs] == ["tls_certificate_refused"]
    identity.refresh(at=AT + SECOND)
    assert identity.context is not used


def test_healthz_over_tls_asks_nobody_who_they_are(port, files):
    with TlsWire(port, client(files)) as wire:
        wire.say(get("/healthz"))
        assert wire.hear().status == 200


def test_a_handshake_under_way_is_finished_and_answered_when_the_worker_is_relieved(counter, files):
    relief, question = Relief(), counter.question(GOOD)
    with (
        live(counter, files, relief=relief) as port,
        TlsWire(port, client(files)) as known,
        socket.create_connection(("127.0.0.1", port), 10) as plain,
    ):
        known.say(get("/healthz"))  # so whoever came before is known as well
        assert known.hear().status == 200
        relief()
        while "connection" not in (heard := known.ask(question)).headers:
            assert heard.status == 200
        with client(files).wrap_socket(plain, server_hostname="localhost") as late:
            late.sendall(get("/healthz"))
            assert late.recv(4096).startswith(b"HTTP/1.1 200 ")
