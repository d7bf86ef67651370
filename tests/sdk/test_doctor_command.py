"""The command ``tashika doctor``: finds what is wrong in a set-up, and says what to do."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.sdk import write_pems
from tashika.cli import main
from tashika.cli.doctor import examination
from tashika.testing import FakeResponder, Fault, KeyPair, Pki


class Shifted:
    """A clock beside ours."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


class Practice:
    """A relying party with one responder, and its doctor."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.clock = Shifted()
        self.responder = FakeResponder(clock=self.clock.now)
        self.certificate, self.issuer = write_pems(self.responder, folder)
        self._capsys = capsys

    def examine(
        self, *options: str, tls: ssl.SSLContext | None = None
    ) -> tuple[int, dict[str, str]]:
        """Return the exit status and the gravities by reason."""
        with self.responder.serve(tls=tls) as url:
            code, said = self.say("--url", url, "--json", *options)
        found = json.loads(said)["findings"]
        return code, {each["reason"]: each["gravity"] for each in found}

    def say(self, *options: str) -> tuple[int, str]:
        code = main(["doctor", "--cert", self.certificate, "--issuer", self.issuer, *options])
        shown = self._capsys.readouterr()
        assert not shown.err
        return code, shown.out

    def write(self, name: str, pair: KeyPair) -> tuple[str, str]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(pair.pem)
        key.write_bytes(pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(certificate), str(key)


@pytest.fixture
def practice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Practice:
    return Practice(tmp_path, capsys)


def test_a_good_set_up_exits_0_with_one_question(practice: Practice) -> None:
    assert practice.examine() == (0, {"connected": "well", "answered": "well"})
    assert len(practice.responder.asked) == 1


def test_a_revoked_test_certificate_shows_that_all_works(practice: Practice) -> None:
    practice.responder.revoke(practice.responder.pki.certificate)
    assert practice.examine() == (0, {"connected": "well", "answered": "well"})


def test_a_responder_without_nonces_is_asked_without(practice: Practice) -> None:
    practice.responder.order(Fault.NO_NONCE)
    code, found = practice.examine()
    assert (code, found["answered"], found["no_nonce"]) == (1, "well", "warning")
    assert len(practice.responder.asked) == 2


@pytest.mark.parametrize("fault", [Fault.MALFORMED_REQUEST, Fault.UNAUTHORIZED])
def test_an_old_responder_is_asked_by_sha1_once(practice: Practice, fault: Fault) -> None:
    practice.responder.order(fault)
    code, found = practice.examine()
    assert (code, found[fault]) == (2, "failure")
    assert ("nobody_asks" in found) == (fault is Fault.UNAUTHORIZED)
    assert len(practice.responder.asked) == {"malformed_request": 3, "unauthorized": 2}[fault]


def test_a_responder_that_knows_sha1_alone_is_found_out(practice: Practice) -> None:
    answer = practice.responder.answer

    def only_by_sha1(body: bytes, *, fault: Fault | None = None) -> bytes:
        by_sha1 = bytes.fromhex("06052b0e03021a") in body
        return answer(body, fault=fault if by_sha1 else Fault.MALFORMED_REQUEST)

    practice.responder.answer = only_by_sha1  # type: ignore[method-assign]
    code, found = practice.examine()
    assert (code, found["answered"], found["no_sha256"]) == (1, "well", "warning")


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_name_that_no_host_can_have_is_a_finding(practice: Practice, host: str) -> None:
    code, said = practice.say("--url", f"http://{host}/")
    assert code == 2
    assert "no host has such a name" in said


@pytest.mark.parametrize("seconds", [-60, 60])
def test_c13_clocks_that_differ_within_the_skew_are_a_warning(
    practice: Practice, seconds: int
) -> None:
    practice.clock.by = timedelta(seconds=seconds)
    assert practice.examine()[1]["clock_off"] == "warning"


def test_c13_beyond_the_skew_it_is_a_failure(practice: Practice) -> None:
    practice.clock.by = timedelta(hours=1)
    assert practice.examine()[1]["from_the_future"] == "failure"


def test_c4_data_that_is_too_old_is_a_failure(practice: Practice) -> None:
    practice.responder.order(Fault.TOO_OLD)
    assert practice.examine()[1]["too_old"] == "failure"


def test_nobody_there(practice: Practice) -> None:
    with practice.responder.serve() as url:
        pass
    code, said = practice.say("--url", url)
    assert code == 2
    assert said.startswith(f"failure  {url}  unreachable: The responder cannot be reached. Check")


def test_a_certificate_that_its_issuer_did_not_issue_is_told_without_asking(
    practice: Practice,
) -> None:
    Path(practice.issuer).write_bytes(Pki().ca.pem)
    assert practice.examine() == (2, {"not_issued_by_issuer": "failure"})
    Path(practice.issuer).write_bytes(b"nothing")
    assert practice.examine() == (2, {"issuer_unsuitable": "failure"})
    assert not practice.responder.asked


def test_tls_is_looked_at_on_its_own(practice: Practice) -> None:
    site, key, ca = tls_site(practice)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(site, key)
    assert practice.examine(tls=served) == (2, {"tls_untrusted": "failure"})
    found = practice.examine("--tls-ca", ca, tls=served)
    assert found == (1, {"connected": "well", "tls_ends_soon": "warning", "answered": "well"})
    with practice.responder.serve() as url:
        code, said = practice.say("--url", url.replace("http:", "https:"))
    assert (code, "tls_failed" in said) == (2, True)


def tls_site(practice: Practice) -> tuple[str, str, str]:
    pki = Pki(name="Test web CA")
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    ends = timedelta(days=20)
    pair = pki.make("Test site", issuer=pki.ca, ends=ends, extensions=[(address, False)])
    return *practice.write("site", pair), practice.write("web-ca", pki.ca)[0]


@pytest.mark.parametrize(
    ("ends", "gravity", "reason"),
    [
        (timedelta(days=-1), "failure", "client_certificate_unfit"),
        (timedelta(days=20), "warning", "client_certificate_ends_soon"),
        (timedelta(days=90), None, None),
    ],
)
def test_a_client_certificate_that_ends_is_told(
    practice: Practice, ends: timedelta, gravity: str | None, reason: str | None
) -> None:
    shown, key = practice.write("client", practice.responder.pki.issue("Client", ends=ends))
    _, found = practice.examine("--client-cert", shown, "--client-key", key)
    assert {name: each for name, each in found.items() if "client" in name} == (
        {reason: gravity} if reason else {}
    )


def test_it_speaks_japanese_and_hides_tokens_in_urls(practice: Practice) -> None:
    with practice.responder.serve() as url:
        code, said = practice.say("--url", f"{url}t/secret/ocsp", "--lang", "ja")
    assert code == 0
    assert "レスポンダに接続できます。" in said
    assert "/t/***/ocsp" in said
    assert "secret" not in said


def test_json_has_both_languages(practice: Practice) -> None:
    with practice.responder.serve() as url:
        _, said = practice.say("--url", url, "--json")
    told = json.loads(said)
    assert told["worst"] == "well"
    assert told["findings"][0]["en"]["meaning"] == "The responder takes connections."
    assert told["findings"][0]["ja"]["meaning"] == "レスポンダに接続できます。"


def test_c4_data_half_as_old_as_allowed_is_a_warning(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tashika.testing.responder._DATA_AGE", timedelta(hours=30))
    assert practice.examine()[1]["data_old"] == "warning"


def test_questions_in_clear_to_another_machine_are_a_warning(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "ip_address", lambda _: IPv4Address("192.0.2.1"))
    assert practice.examine()[1]["in_clear"] == "warning"
