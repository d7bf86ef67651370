"""The SDK and its command at a closed responder: identified as an agreement says, or refused."""

import json
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from cryptography import x509

from support import verifiers
from support.access import SECRET, closed, terms_of_today
from support.asking import GOOD, NOTEBOOK, ec_key, write_pem
from support.service import wait_until
from support.verifiers import credential, issue_der, name, new_key, pinned, suspension
from tashika import BearerToken, Cause, Client, RequestSigner
from tashika.cli import main
from tashika_server.agreements import refusals as r
from tashika_server.agreements.terms import CredentialKind
from tashika_server.clock import SystemClock
from tashika_server.responder import TlsFiles, TlsIdentity

NOW = datetime.now(UTC)
LIFE = {"begin": NOW - verifiers.DAY, "end": NOW + verifiers.DAY}
VALID = {"valid_from": LIFE["begin"], "valid_to": LIFE["end"]}
SUBJECT = name("CN=bank,C=JP")


class Bank:
    """A closed responder of today, a citizen's certificate, and the bank's own."""

    def __init__(self, counter, directory) -> None:
        self.counter = counter
        authority = counter.counter.authority
        self.citizen = authority.issue(ec_key("citizen"), at=NOW, serial=GOOD, subject="Citizen")
        self.issuer = authority.certificate
        self.key = new_key()
        self.certificate = x509.load_der_x509_certificate(
            issue_der(self.key, self.key, SUBJECT, **LIFE)
        )
        self.files = {
            "--cert": write_pem(directory / "citizen.pem", self.citizen),
            "--issuer": write_pem(directory / "issuer.pem", self.issuer),
            "--client-cert": write_pem(directory / "bank.pem", self.certificate),
            "--client-key": write_pem(directory / "bank.key", self.key),
        }

    def agree(self, **changes: Any):
        self.counter.agree(terms_of_today(NOW, **changes), at=NOW)

    def live(self, **how: Any):
        return self.counter.live(clock=SystemClock(), **how)

    def check(self, port, shown=None):
        with Client(f"http://127.0.0.1:{port}/ocsp", credential=shown) as client:
            return client.check(self.citizen, self.issuer)

    def command(self, url, *names: str, more=()):
        """Run `tashika check` with these files and return its exit code and its JSON."""
        files = [str(part) for each in names for part in (each, self.files[each])]
        with redirect_stdout(StringIO()) as said:
            code = main(["check", "--json", "--url", url, *files, *more])
        return code, json.loads(said.getvalue())


@pytest.fixture
def bank(tmp_path):
    with closed(tmp_path, at=NOW) as counter:
        yield Bank(counter, tmp_path)


def test_a_token_is_answered_and_a_refusal_is_explained_by_its_id(bank):
    bank.agree()
    with bank.live() as port:
        assert bank.check(port, BearerToken(SECRET))
        report = bank.check(port, BearerToken("another"))
    assert report.cause is Cause.UNAUTHORIZED
    note = NOTEBOOK.read(report.tried[0].detail.removeprefix("refusal "))
    assert note.refusal is r.UnknownCredential


def test_the_command_shows_a_token(bank):
    bank.agree()
    asked = ("--cert", "--issuer")
    with bank.live() as port:
        url = f"http://127.0.0.1:{port}/ocsp"
        assert bank.command(url, *asked, more=("--token", SECRET))[0] == 0
        code, report = bank.command(url, *asked)
    assert (code, report["cause"]) == (2, "unauthorized")


def test_questions_are_signed_where_the_agreement_demands_it(bank):
    signing = credential(
        id="C-000009",
        kind=CredentialKind.SIGNED_REQUEST,
        digest=verifiers.digest_of(bank.key),
        **VALID,
    )
    bank.agree(signed_required=True, credentials=(credential(**VALID), signing))
    with bank.live() as port:
        assert bank.check(port, RequestSigner(bank.key, bank.certificate))
        assert bank.check(port, BearerToken(SECRET)).cause is Cause.SIG_REQUIRED


def test_the_command_shows_a_client_certificate(bank, tmp_path):
    key, subject = new_key(), name("CN=127.0.0.1")
    names = x509.SubjectAlternativeName([x509.IPAddress(verifiers.ip_address("127.0.0.1"))])
    server = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 9, LIFE["begin"], LIFE["end"])
        .add_extension(names, critical=False)
        .sign(key, verifiers.SHA256())
    )
    files = TlsFiles(
        certificate=write_pem(tmp_path / "server.pem", server),
        key=write_pem(tmp_path / "server.key", key),
    )
    trust = ("--tls-ca", str(files.certificate))
    shown = ("--cert", "--issuer", "--client-cert", "--client-key")
    bank.agree(credentials=(pinned(bank.key, **VALID),))
    with bank.live(tls=TlsIdentity(files, at=NOW)) as port:
        url = f"https://127.0.0.1:{port}/ocsp"
        assert bank.command(url, *shown, more=trust)[0] == 0
        assert bank.command(url, *shown[:2], more=trust)[1]["cause"] == "unauthorized"
        bank.agree(credentials=(pinned(bank.key, **VALID),), halts=(suspension(since=NOW),))

        def refused():
            code, report = bank.command(url, *shown, more=trust)
            return (code, report["cause"]) == (2, "unauthorized")

        wait_until(refused, "a refusal", seconds=2)
