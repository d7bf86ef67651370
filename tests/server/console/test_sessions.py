"""Who is let in, for how long, and what happens to who guesses."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.clock import FakeClock
from support.console import SESSION, Console, console
from support.registry import START
from tashika_server.agreements.errors import BadPeriod, Duplicate, WrongState
from tashika_server.book import Book
from tashika_server.console.operators import Proof, Role, add_operator, end_operator, operators
from tashika_server.console.sessions import FAILURES, MOST_OF_ONE, WINDOW, Failures, Sessions

WHO = "/v1/sessions/current"


async def who(api: Console, session: str | None) -> int:
    return (await api.call("GET", WHO, bearer=session)).status


async def test_a_token_opens_a_session_and_only_a_session_opens_the_rest(api: Console):
    token = await api.enrol("sato", Role.AUDITOR)
    ticket = await api.log_in(token)
    assert ticket.body["operator"]["name"] == "sato"
    assert ticket.body["operator"]["role"] == "auditor"
    assert await who(api, ticket.body["session"]) == HTTPStatus.OK
    assert await who(api, token) == HTTPStatus.UNAUTHORIZED
    assert await who(api, None) == HTTPStatus.UNAUTHORIZED


async def test_a_session_ends_by_time_and_by_logging_out(api: Console):
    token = await api.enrol("sato", Role.AUDITOR)
    first, second = [(await api.log_in(token)).body["session"] for _ in range(2)]
    out = await api.call("DELETE", WHO, bearer=first)
    assert out.status == HTTPStatus.OK
    assert await who(api, first) == HTTPStatus.UNAUTHORIZED
    assert await who(api, second) == HTTPStatus.OK
    api.clock.advance(SESSION)
    assert await who(api, second) == HTTPStatus.UNAUTHORIZED


async def test_t25_an_ended_operator_is_out_at_once_sessions_included(api: Console):
    session = await api.session(Role.REGISTRAR)
    with api.book.writing(actor="root", at=api.clock.now()) as change:
        end_operator(change, "O-000001")
    for method, path in (
        ("GET", WHO),
        ("GET", "/v1/verifiers"),
        ("POST", "/v1/proposals/P-1/approve"),
    ):
        answer = await api.call(method, path, bearer=session)
        assert answer.status == HTTPStatus.UNAUTHORIZED
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await api.log_in(api.tokens[Role.REGISTRAR])).status == HTTPStatus.UNAUTHORIZED


async def test_who_guesses_has_to_wait_and_open_sessions_do_not_suffer(api: Console):
    session = await api.session(Role.AUDITOR)
    token = api.tokens[Role.AUDITOR]
    for _ in range(FAILURES):
        assert (await api.log_in("tso_wrong")).status == HTTPStatus.UNAUTHORIZED
    held_up = await api.log_in(token)
    assert held_up.status == HTTPStatus.TOO_MANY_REQUESTS
    assert 0 < int(held_up.headers["Retry-After"]) <= WINDOW.total_seconds() + 1
    assert await who(api, session) == HTTPStatus.OK
    api.clock.advance(WINDOW)
    assert (await api.log_in(token)).status == HTTPStatus.OK


def test_failures_are_counted_by_the_network_of_one_caller_and_are_bounded():
    failures = Failures()
    for number in range(FAILURES):
        failures.count(f"2001:db8::{number:x}", START)
    assert failures.wait("2001:db8::ffff", START) == WINDOW
    assert failures.wait("2001:db8:0:1::1", START) is None
    for number in range(10_000):
        failures.count(f"10.0.{number // 256}.{number % 256}", START)
    assert failures.wait("2001:db8::1", START) is None
    assert len(failures._counts) == 10_000


def test_one_operator_holds_a_bounded_number_of_sessions(book: Book):
    with book.writing(actor="root", at=START) as change:
        operator = add_operator(change, name="a program", role=Role.FINANCE).operator
    sessions = Sessions(life=SESSION)
    secrets = [sessions.open(operator, START)[0] for _ in range(MOST_OF_ONE + 1)]
    assert sessions.find(secrets[0], START) is None
    assert all(sessions.find(each, START) for each in secrets[1:])


def test_operators_are_told_apart_and_end(book: Book):
    at = FakeClock(START)
    with book.writing(actor="root", at=at.now()) as change:
        enrolled = add_operator(change, name=" Sato  Hanako ", role=Role.REGISTRAR)
    assert enrolled.operator.name == "Sato Hanako"
    assert enrolled.secret not in str(enrolled)
    with pytest.raises(Duplicate), book.writing(actor="root", at=at.now()) as change:
        add_operator(change, name="sato hanako", role=Role.FINANCE)
    with pytest.raises(BadPeriod), book.writing(actor="root", at=at.now()) as change:
        add_operator(change, name="x", role=Role.FINANCE, ends=START + timedelta(days=400))
    with book.writing(actor="root", at=at.now()) as change:
        end_operator(change, enrolled.operator.id)
        add_operator(change, name="sato hanako", role=Role.FINANCE)
    with pytest.raises(WrongState), book.writing(actor="root", at=at.now()) as change:
        end_operator(change, enrolled.operator.id)
    with book.reading() as connection:
        assert [each.id for each in operators(connection)] == ["O-000001", "O-000002"]
    assert "secret" not in str(change.entries)


# --- mTLS -----------------------------------------------------------------------------------


class Staff:
    """A CA of the house with the server's certificate and those of people."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Staff CA")])
        self.certificate = self._sign("Staff CA", self.key, ca=True)
        (folder / "ca.pem").write_text(self.certificate)

    def issue(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_text(self._sign(name, key, ca=False))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, secret

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> str:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = (
            x509.CertificateBuilder(
                self.name, subject, key.public_key(), x509.random_serial_number()
            )
            .not_valid_before(START - timedelta(days=1))
            .not_valid_after(START + timedelta(days=3000))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture
def staff(tmp_path: Path) -> Staff:
    return Staff(tmp_path)


@pytest.fixture
def server_side(staff: Staff) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*staff.issue("server"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(staff.folder / "ca.pem")
    return context


@pytest.fixture
def client_side(staff: Staff) -> Callable[..., ssl.SSLContext]:
    def make(*files: Path) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=staff.folder / "ca.pem")
        context.check_hostname = False
        if files:
            context.load_cert_chain(*files)
        return context

    return make


async def test_a_client_certificate_opens_a_session(book, staff, server_side, client_side):
    certificate, key = staff.issue("sato")
    with book.writing(actor="root", at=START) as change:
        enrolled = add_operator(
            change, name="sato", role=Role.AUDITOR, certificate=certificate.read_text()
        )
    assert (enrolled.secret, enrolled.operator.proof) == (None, Proof.CERTIFICATE)
    async with console(book, tls=server_side, client=client_side(certificate, key)) as api:
        ticket = await api.log_in(None)
        assert ticket.body["operator"]["name"] == "sato"
        assert await who(api, ticket.body["session"]) == HTTPStatus.OK
        assert (await api.log_in("tso_wrong")).status == HTTPStatus.UNAUTHORIZED
    async with console(book, tls=server_side, client=client_side(*staff.issue("other"))) as api:
        assert (await api.log_in(None)).status == HTTPStatus.UNAUTHORIZED
    async with console(book, tls=server_side, client=client_side()) as api:
        assert (await api.log_in(None)).status == HTTPStatus.UNAUTHORIZED
