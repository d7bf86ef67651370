"""OpenSSL's client asks a live responder, by POST and, through curl, by GET."""

import base64
import subprocess
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from support.asking import (
    GOOD,
    HELD,
    NEVER,
    REVOKED,
    Authority,
    ec_key,
    live,
    open_counter,
    rsa_key,
    write_pem,
)
from support.linting import lint
from tashika_server.clock import SystemClock

SAID = {GOOD: "good", REVOKED: "revoked", HELD: "revoked", NEVER: "revoked"}


@pytest.fixture(scope="module", params=["p256", "rsa", "p384", "ca signs itself"])
def asker(request, tmp_path_factory):
    """OpenSSL knows no other time than the machine's, so this desk stands in the present."""
    directory = tmp_path_factory.mktemp("openssl")
    at = datetime.now(UTC).replace(microsecond=0)
    kind = request.param
    key = {"rsa": rsa_key(), "p384": ec_key("384", ec.SECP384R1)}.get(kind, ec_key("responder"))
    ca_key = rsa_key("ca") if kind == "rsa" else ec_key("ca")
    authority = Authority.make("JPKI for user authentication", ca_key, at=at)
    counter = open_counter(
        directory,
        at=at,
        authority=authority,
        key=ca_key if kind == "ca signs itself" else key,
        signer=authority.certificate if kind == "ca signs itself" else None,
    )
    write_pem(directory / "ca.pem", authority.certificate)
    for serial in SAID:
        leaf = authority.issue(ec_key("leaf"), at=at, serial=serial, subject=f"holder {serial}")
        write_pem(directory / f"{serial}.pem", leaf)
    with live(counter.desk, clock=SystemClock()) as port:
        yield OpenSSL(directory, f"http://127.0.0.1:{port}/ocsp")


class OpenSSL:
    def __init__(self, directory, url) -> None:
        self.directory, self.url = directory, url

    def ask(self, *serials: int, options=""):
        certificates = " ".join(f"-cert {each}.pem" for each in serials)
        return self.run(
            f"openssl ocsp -issuer ca.pem {options} {certificates} -url {self.url} -CAfile ca.pem"
        )

    def write_request(self, *serials: int, nonce="-no_nonce"):
        certificates = " ".join(f"-cert {each}.pem" for each in serials)
        self.run(f"openssl ocsp -issuer ca.pem {certificates} {nonce} -reqout request.der")
        return (self.directory / "request.der").read_bytes()

    def verify(self, serial):
        output = self.run(
            f"openssl ocsp -issuer ca.pem -cert {serial}.pem -no_nonce -CAfile ca.pem "
            "-respin answer.der -resp_text"
        )
        assert verified(output)
        return output

    def run(self, command):
        """`openssl ocsp` exits 0 on revoked and on stale data; so its words count too."""
        run = subprocess.run(
            command.split(),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout + run.stderr


def verified(output):
    assert "Response verify OK" in output
    assert "WARNING" not in output  # neither of times nor of a missing nonce
    return True


@pytest.mark.parametrize("options", ["", "-sha1", "-sha256", "-sha384", "-sha512"])
def test_openssl_agrees_on_a_good_certificate(asker, options):
    output = asker.ask(GOOD, options=options)
    assert verified(output)
    assert f"{GOOD}.pem: good" in output


def test_openssl_agrees_on_a_revoked_one(asker):
    output = asker.ask(REVOKED)
    assert verified(output)
    assert f"{REVOKED}.pem: revoked" in output
    assert "Reason: keyCompromise" in output


def test_openssl_agrees_on_a_hold(asker):
    output = asker.ask(HELD)
    assert verified(output)
    assert f"{HELD}.pem: revoked" in output
    assert "Reason: certificateHold" in output


def test_t19_openssl_agrees_on_one_never_issued(asker):
    output = asker.ask(NEVER)
    assert verified(output)
    assert "Revocation Time: Jan  1 00:00:00 1970 GMT" in output


def test_openssl_agrees_on_several(asker):
    output = asker.ask(GOOD, REVOKED, HELD, NEVER)
    assert verified(output)
    for serial, said in SAID.items():
        assert f"{serial}.pem: {said}" in output


def test_openssl_asks_without_a_nonce(asker):
    assert verified(asker.ask(GOOD, options="-no_nonce"))


def test_curl_asks_by_get_and_openssl_verifies(asker):
    text = base64.b64encode(asker.write_request(REVOKED)).decode()
    for path in (text, quote(text, safe="")):
        headers = asker.run(f"curl -sS --fail -D - -o answer.der {asker.url}/{path}")
        assert "max-age=300" in headers
        output = asker.verify(REVOKED)
        assert "Reason: keyCompromise" in output
        assert "Invalidity Date" in output


def test_t5_curl_posts_with_expect(asker):
    asker.write_request(HELD)
    asker.run(
        "curl -sS --fail -H Expect:100-continue --data-binary @request.der "
        f"-o answer.der {asker.url}"
    )
    assert "Reason: certificateHold" in asker.verify(HELD)


def test_pkilint_finds_nothing_in_what_is_sent(asker):
    asker.write_request(*SAID, nonce="-nonce")
    asker.run(f"curl -sS --fail --data-binary @request.der -o answer.der {asker.url}")
    assert lint((asker.directory / "answer.der").read_bytes()) == ""
