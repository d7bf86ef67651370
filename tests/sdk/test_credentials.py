"""How a client shows who asks, and that no secret is ever shown to anybody else."""

import json
import logging
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from support.odd_files import odd_keys
from support.sdk import write_pems
from tashika import (
    AsyncClient,
    BearerToken,
    Cause,
    Client,
    Reply,
    RequestSigner,
)
from tashika.cli import main
from tashika.errors import WrongUse
from tashika.pki.algorithms import verify
from tashika.pki.signed_request import read_signature
from tashika.testing import FakeResponder
from tashika.transport import shown

SECRET = "tsk_s3cret-._~+/=="
UNAUTHORIZED = b"\x30\x03\x0a\x01\x06"


@pytest.fixture
def responder() -> FakeResponder:
    return FakeResponder()


# --- a token --------------------------------------------------------------------------------


async def ask(headers: dict[str, str], **how: object):
    """Ask a server that refuses; return what it heard and the report."""
    heard: list[web.Request] = []

    async def refuse(request: web.Request) -> web.Response:
        heard.append(request)
        kind = "application/ocsp-response"
        return web.Response(body=UNAUTHORIZED, content_type=kind, headers=headers)

    application = web.Application()
    application.router.add_post("/ocsp", refuse)
    responder = FakeResponder()
    async with (
        TestServer(application) as server,
        AsyncClient(str(server.make_url("/ocsp")), **how) as client,
    ):
        report = await client.check(responder.pki.certificate, responder.pki.issuer)
    return heard, report


async def test_a_token_travels_in_the_authorization_header(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    credential = BearerToken(SECRET)
    heard, report = await ask({}, credential=credential)
    assert [each.headers["Authorization"] for each in heard] == [f"Bearer {SECRET}"]
    assert report.cause is Cause.UNAUTHORIZED
    assert SECRET not in repr(credential) + str(credential) + repr(report) + caplog.text


async def test_without_a_token_there_is_no_such_header() -> None:
    heard, _ = await ask({})
    assert "Authorization" not in heard[0].headers


@pytest.mark.parametrize("secret", ["", "a b", "a\r\nX: y", "あ", "=a", " a"])
def test_what_is_no_token_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(WrongUse, match="a token consists of"):
        BearerToken(secret)


@pytest.mark.parametrize(
    "url", ["http://ocsp.example/", "http://192.0.2.1/", "http://localhost.x/"]
)
def test_a_token_is_never_sent_in_the_clear(url: str) -> None:
    with pytest.raises(WrongUse, match="over https only"):
        Client("https://ocsp.example/", url, credential=BearerToken(SECRET))
    Client(url).close()


# --- a refusal's id -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        ("cvpOhj0ybzZ4-_Q=", "refusal cvpOhj0ybzZ4-_Q="),
        ("<b>no</b>", ""),
        ("x" * 600, ""),
        ("", ""),
    ],
)
async def test_a_refusals_id_is_in_the_report(sent: str, detail: str) -> None:
    _, report = await ask({"Tashika-Refusal": sent} if sent else {})
    assert [(each.cause, each.detail) for each in report.tried] == [(Cause.UNAUTHORIZED, detail)]


# --- a signature ----------------------------------------------------------------------------


class Listening:
    """A transport that keeps the question."""

    def __init__(self, responder: FakeResponder) -> None:
        self.asked: list[bytes] = []
        self._responder = responder

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        self.asked.append(body)
        return Reply(self._responder.answer(body)[: limit + 1])


def certificate_of(key: ec.EllipticCurvePrivateKey, responder: FakeResponder) -> x509.Certificate:
    name, pattern = x509.Name.from_rfc4514_string("CN=bank,C=JP"), responder.pki.certificate
    times = pattern.not_valid_before_utc, pattern.not_valid_after_utc
    return x509.CertificateBuilder(name, name, key.public_key(), 7, *times).sign(key, SHA256())


def test_every_question_is_signed(responder: FakeResponder) -> None:
    key, listening = ec.generate_private_key(ec.SECP256R1()), Listening(responder)
    certificate = certificate_of(key, responder)
    credential = RequestSigner(key, certificate)
    with Client(responder.url, transport=listening, credential=credential) as client:
        assert client.check(responder.pki.certificate, responder.pki.issuer)
        assert client.check(responder.pki.certificate, responder.pki.issuer)
    first, second = map(read_signature, listening.asked)
    assert first.tbs != second.tbs
    verify(key.public_key(), first.algorithm, first.signature, first.tbs)
    assert repr(credential) == "RequestSigner(***)"


def test_a_signer_needs_a_strong_key_and_its_own_certificate(responder: FakeResponder) -> None:
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    with pytest.raises(WrongUse, match="of another key"):
        RequestSigner(other, certificate_of(key, responder))
    weak = ec.generate_private_key(ec.SECP192R1())
    with pytest.raises(WrongUse, match="cannot sign questions"):
        RequestSigner(weak, certificate_of(key, responder))


# --- the command ----------------------------------------------------------------------------


@pytest.fixture
def command(responder: FakeResponder, tmp_path: Path) -> list[str]:
    certificate, issuer = write_pems(responder, tmp_path)
    return ["check", "--cert", certificate, "--issuer", issuer, "--json"]


def test_the_command_reads_a_token_and_hides_it(
    command, responder: FakeResponder, tmp_path: Path, capsys
) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET + "\n")
    with responder.serve() as url:
        for options in (["--token", SECRET], ["--token-file", str(file)]):
            assert main([*command, "--url", url, *options]) == 0
            assert SECRET not in capsys.readouterr().out


def test_a_token_in_the_path_is_masked(command, capsys) -> None:
    assert main([*command, "--url", "http://127.0.0.1:9/t/secret/ocsp"]) == 2
    out = capsys.readouterr().out
    assert "secret" not in out
    assert json.loads(out)["tried"][0]["url"] == "http://127.0.0.1:9/t/***/ocsp"
    assert shown("https://h/ocsp/t") == "https://h/ocsp/t"


def test_a_locked_key_is_refused_and_nobody_is_asked_for_its_password(
    command, responder: FakeResponder, tmp_path: Path, capsys
) -> None:
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificate.write_bytes(responder.pki.end_entity.pem)
    key.write_bytes(odd_keys()["encrypted"])
    options = ["--client-cert", str(certificate), "--client-key", str(key)]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--url", "https://127.0.0.1:9/", *options])
    assert ended.value.code == 64
    assert (
        f"{key}: give PEM, a certificate and its own key without a password"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--token-file", "/nowhere"], "cannot read /nowhere: No such file"),
        (["--token-file", "/dev/null"], "/dev/null holds no token"),
        (["--client-cert", "/nowhere"], "--client-cert and --client-key go together"),
        (["--client-cert", "/nowhere", "--client-key", "/nowhere"], "cannot use /nowhere"),
        (
            ["--client-cert", "/dev/null", "--client-key", "/dev/null"],
            "give PEM, a certificate and",
        ),
        (["--tls-ca", "/nowhere"], "cannot use /nowhere: No such file"),
        (["--tls-ca", "/dev/null"], "cannot use /dev/null: give PEM"),
        (["--token", "a b"], "a token consists of"),
        (["--token", "a", "--token-file", "b"], "not allowed with"),
    ],
)
def test_credentials_of_no_use_are_a_usage_error(command, options, complaint, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--url", "http://127.0.0.1:9/", *options])
    assert ended.value.code == 64
    assert complaint in capsys.readouterr().err
