"""Who may ask, at the sockets of a real service: credentials, refusals, suspension, the book.

The world is that of `lab init`, its book on PostgreSQL. Commands are processes, as for an operator.
"""

import asyncio
import json
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from support.book import Postgres, postgres
from support.lab import FAST, first
from support.service import PATIENCE, Service, wait_until
from tashika import BearerToken, Client, Status
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.names import name_text
from tashika.pki.profile import Family
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, ErrorResponse, ResponseStatus, parse_response
from tashika_server.agreements.notes import HEADER, KEY_FILE, Notebook
from tashika_server.cli.explain import describe
from tashika_server.lab import Access, World, found_world
from tashika_server.refresh.control import notify

BIN = Path(sys.executable).parent
SOON = 2.0
"""Seconds within which a suspension has to bite."""


def command(name: str, *words: object) -> str:
    done = subprocess.run(
        [BIN / name if (BIN / name).exists() else name, *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class House:
    """A closed world with its service, and one card that everybody asks about."""

    def __init__(self, directory: Path, *, book: str) -> None:
        order = replace(FAST, access=Access.CLOSED, book=book)
        self.directory = directory
        self.world: World = found_world(directory, order, at=datetime.now(UTC))
        self.config = directory / "tashika.toml"
        text = self.config.read_text()
        self.config.write_text(text.replace("workers = 1", "workers = 2"))
        self.service = Service(directory)
        card = first(self.world, Family.USER_AUTH)
        self.card = self.world.premises.layout.certificate(card)
        self.issuer = self.world.premises.layout.issuer(card.issuer)

    def __enter__(self) -> Self:
        self.service.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.__exit__()
        self.world.close()

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def tls_url(self) -> str:
        return str(self.service.wait_for_event("tls_listening")["url"])

    def shown(self, name: str) -> Path:
        return self.directory / "verifiers" / name

    def pair(self, name: str) -> tuple[Path, Path]:
        return self.shown(f"{name}.pem"), self.shown(f"{name}.key")

    def token(self, name: str) -> str:
        return self.shown(f"{name}.token").read_text().strip()

    def question(self, serial: int | None = None) -> bytes:
        card, issuer = (x509.load_pem_x509_certificate(each.read_bytes()) for each in self.named)
        identity = IssuerIdentity.of(issuer)
        return build_request([CertId.build(identity, serial or card.serial_number)])

    @property
    def named(self) -> tuple[Path, Path]:
        return self.card, self.issuer

    def openssl(self, *words: object) -> str:
        card, issuer = self.named
        return command("openssl", "ocsp", "-issuer", issuer, "-cert", card, *words)

    def operator(self, *words: object) -> str:
        noun, verb, *more = words
        return command("tashika-server", noun, verb, self.config, *more)

    def suspend(self, verifier: str) -> str:
        """Order it, and return the suspension's id."""
        order = ("--ground", "user-auth-duty", "--reason", "a breach", "--json")
        said = json.loads(self.operator("suspension", "add", verifier, *order))
        subjects = [each["subject"] for each in said["changes"]]
        return str(next(each for each in subjects if each.startswith("S-")))

    def resume(self, suspension: str) -> None:
        self.operator("suspension", "resume", suspension, "--reason", "put right")

    def publish(self) -> None:
        """Publish what has happened in the world, and have it taken in."""
        self.world.publish(at=datetime.now(UTC))
        said = asyncio.run(notify(self.directory / "run"))
        assert said
        assert not said["failed"] + said["quarantined"]


class Line:
    """One connection that is kept for every question, by a verifier with its credential."""

    def __init__(
        self, house: House, *, token: str | None = None, pair: tuple[Path, Path] | None = None
    ) -> None:
        self._question = house.question()
        self._headers = {"Content-Type": "application/ocsp-request"}
        self._connection: HTTPConnection
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        if pair:
            tls = ssl.create_default_context(cafile=house.directory / "tls" / "server.pem")
            tls.load_cert_chain(*pair)
            place = urlsplit(house.tls_url).netloc
            self._connection = HTTPSConnection(place, timeout=PATIENCE, context=tls)
        else:
            self._connection = HTTPConnection(urlsplit(house.url).netloc, timeout=PATIENCE)
        self._connection.connect()
        self._socket = self._connection.sock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, question: bytes | None = None) -> tuple[HTTPResponse, bytes]:
        self._connection.request("POST", "/ocsp", question or self._question, self._headers)
        response = self._connection.getresponse()
        body = response.read()
        assert self._connection.sock is self._socket, "another connection was opened"
        return response, body

    def is_answered(self) -> bool:
        _, body = self.ask()
        read = parse_response(body)
        assert isinstance(read, BasicResponse) or read.status is ResponseStatus.UNAUTHORIZED
        return isinstance(read, BasicResponse)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="module")
def house(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("closed") / "lab"
    with House(directory, book=server.dsn("postgres")) as house:
        yield house


# --- Credentials --------------------------------------------------------------------------------


def test_the_bank_is_answered_to_its_token(house: House) -> None:
    with Client(house.url, credential=BearerToken(house.token("bank"))) as client:
        card, issuer = (each.read_bytes() for each in house.named)
        assert client.check(card, issuer).status is Status.GOOD


@pytest.mark.parametrize("name", ["bank", "ministry"])
def test_a_client_certificate_is_answered_over_tls_and_openssl_verifies(
    house: House, tmp_path: Path, name: str
) -> None:
    """The bank's key is pinned; the ministry's subject is known, under a CA."""
    question, answer = tmp_path / "question.der", tmp_path / "answer.der"
    house.openssl("-no_nonce", "-reqout", question)
    command(
        *("curl", "-sS", "-o", answer, "--cacert", house.directory / "tls" / "server.pem"),
        *("--cert", house.pair(name)[0], "--key", house.pair(name)[1]),
        *("-H", "Content-Type: application/ocsp-request"),
        *("--data-binary", f"@{question}", house.tls_url),
    )
    assert ": good" in house.openssl("-CAfile", house.issuer, "-respin", answer, "-no_nonce")


def test_openssl_is_answered_to_a_token_in_the_url_and_to_a_signature(house: House) -> None:
    path_token = house.shown("ministry.path-token").read_text().strip()
    url = house.url.removesuffix("/ocsp") + f"/t/{path_token}/ocsp"
    assert ": good" in house.openssl("-CAfile", house.issuer, "-url", url)
    signer = house.pair("bank-signer")
    signed = ("-signer", signer[0], "-signkey", signer[1], "-CAfile", house.issuer)
    assert ": good" in house.openssl(*signed, "-url", house.url)
    assert path_token not in house.service.log.read_text()


# --- Refusals -----------------------------------------------------------------------------------

REFUSED = {
    "broker": ("suspended", "user-auth-follows-signature", "37(3)(vi)"),
    "insurer": ("accreditation_lapsed", "", "17(2)"),
    "association": ("family_not_granted", "", ""),
}


def test_a_refusal_is_explained_to_the_operator_by_its_id(house: House) -> None:
    notebook = Notebook.open(house.directory / "run" / KEY_FILE)
    for name, (refusal, ground, article) in REFUSED.items():
        with Line(house, token=house.token(name)) as line:
            response, body = line.ask()
        assert parse_response(body) == ErrorResponse(ResponseStatus.UNAUTHORIZED)
        said = describe(notebook.read(response.headers[HEADER]))
        assert (said["refusal"], said["ground"]) == (refusal, ground)
        assert article in said["article"]
        assert re.fullmatch(
            r"V-\d{6} A-\d{6} C-\d{6}", "{verifier} {agreement} {credential}".format(**said)
        )
    words = ("explain", house.config, response.headers[HEADER], "--json")
    assert json.loads(command("tashika-server", *words)) == said


def test_nobody_is_answered_without_a_credential_or_to_a_guess(house: House) -> None:
    for token in (None, "tsk_guess"):
        with Line(house, token=token) as line:
            assert not line.is_answered()


def test_the_refused_learn_nothing_about_which_serials_there_are(house: House) -> None:
    """Good, revoked elsewhere, never issued: the same bytes, however often it is asked."""
    with Line(house, token=house.token("broker")) as line:
        heard = {line.ask(house.question(serial))[1] for serial in (None, 1, 2, 10**6, 10**40)}
    assert len(heard) == 1


# --- Suspension ---------------------------------------------------------------------------------


PACE = 0.01
"""Seconds between questions on one line: there are commands to run beside the load."""


class Load:
    """Asks on and on on one line, and notes when answers turned into refusals and back."""

    def __init__(self, line: Line) -> None:
        self.turns: list[tuple[float, bool]] = []
        self.count = 0
        self._line = line
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._stumbled: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(PATIENCE)
        assert self._stumbled is None, self._stumbled

    def _ask(self) -> None:
        try:
            while not self._over.wait(PACE):
                answered = self._line.is_answered()
                self.count += 1
                if not self.turns or self.turns[-1][1] is not answered:
                    self.turns.append((time.monotonic(), answered))
        except BaseException as stumbled:  # noqa: BLE001 - told of at the end, in the test's thread
            self._stumbled = stumbled

    def wait_for_turn(self, number: int) -> float:
        """Return when the answers turned for this time, the first being the first answer."""
        wait_until(lambda: self._stumbled or len(self.turns) > number, f"turn {number}")
        return self.turns[number][0]


def test_t25_a_suspension_bites_within_two_seconds_on_open_connections_under_load(
    house: House,
) -> None:
    """In clear by token and over TLS by certificate; and the resumption likewise."""
    token = house.token("bank")
    lines: list[Callable[[], Line]] = [lambda: Line(house, token=token)] * 2
    lines += [lambda: Line(house, pair=house.pair("bank"))] * 2
    with ExitStack() as stack:
        opened = [stack.enter_context(make()) for make in lines]
        loads = [stack.enter_context(Load(line)) for line in opened]
        assert all(each.wait_for_turn(0) for each in loads)
        suspension = house.suspend("V-000001")
        ordered = time.monotonic()
        assert max(each.wait_for_turn(1) for each in loads) - ordered < SOON
        house.resume(suspension)
        resumed = time.monotonic()
        assert max(each.wait_for_turn(2) for each in loads) - resumed < SOON
        counted = [each.count for each in loads]
        wait_until(lambda: all(each.count > 100 for each in loads), f"a load {counted}")
    assert [[answered for _, answered in each.turns] for each in loads] == [
        [True, False, True] for _ in loads
    ]


# --- A client certificate that its issuer revokes ------------------------------------------------


def test_t25_a_client_certificate_revoked_at_its_issuer_lets_nobody_in(house: House) -> None:
    """One of the issuers that are served: known from its next CRL on, on open connections too."""
    card = house.world.issue(at=datetime.now(UTC))[0]
    house.publish()
    certificate = house.world.premises.layout.certificate(card)
    pair = certificate, certificate.with_suffix(".key")
    subject = name_text(x509.load_pem_x509_certificate(pair[0].read_bytes()).subject.public_bytes())
    known = ("--certificate", house.issuer, "--subject", subject)
    house.operator("credential", "add", "A-000001", "--kind", "mtls-ca", "--label", "card", *known)
    with Line(house, pair=pair) as living:
        wait_until(living.is_answered, "the new credential", seconds=SOON)
        for happen, answered in ((house.world.hold, False), (house.world.release, True)):
            happen(card, at=datetime.now(UTC))
            house.publish()
            assert living.is_answered() is answered
            with Line(house, pair=pair) as new:
                assert new.is_answered() is answered


# --- The book's absence -------------------------------------------------------------------------


def test_t4_the_book_may_go_and_come_back(house: House, server: Postgres) -> None:
    """Answers go on while it is away; what is ordered after its return bites in time."""

    def answered() -> list[str]:
        return [name for name in ("platform-shop", "broker") if is_answered(house, name)]

    assert answered() == ["platform-shop"]
    server.stop()
    house.service.wait_for_event("agreements_not_compiled")
    assert answered() == ["platform-shop"]
    server.start()
    house.service.wait_for_event("agreements_compiled_again")
    house.suspend("V-000003")
    wait_until(lambda: not answered(), "a refusal", seconds=SOON)


def is_answered(house: House, name: str) -> bool:
    with Line(house, token=house.token(name)) as line:
        return line.is_answered()
