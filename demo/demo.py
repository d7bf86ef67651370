# ruff: noqa: INP001 - a script, no part of a package
"""`make demo`: a lost card becomes a signed answer, for those who may ask, and OpenSSL agrees.

Everything is real but the people and the verifiers: the commands are those of README.md, each
one a process of its own, over HTTP and TLS on ports that the kernel chose, on files in a
temporary folder.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stage import BIN, PATIENCE, Failed, Service, run, say, server, service, show

from tashika import BearerToken, Client, Report, Status

SOON = 2.0
"""Seconds within which a suspension has to bite."""


@dataclass(frozen=True, slots=True)
class Card:
    """One certificate of the holder's card, and the CA that issued it."""

    certificate: Path
    issuer: Path

    @property
    def named(self) -> tuple[object, ...]:
        """Return how commands are told of it, ours and OpenSSL's."""
        return "-issuer", self.issuer, "-cert", self.certificate


@dataclass(frozen=True, slots=True)
class Verifier:
    """One who asks, with what it shows."""

    lab: Path
    name: str

    @property
    def token_file(self) -> Path:
        """Where its bearer token is."""
        return self.lab / "verifiers" / f"{self.name}.token"

    def checks(self, card: Card, url: str, *, expect: int) -> str:
        """Ask with the SDK's command, which verifies everything and fails closed."""
        asked = ("--cert", card.certificate, "--issuer", card.issuer, "--url", url)
        words = (BIN / "tashika", "check", *asked, "--token-file", self.token_file)
        said = run(*words, expect=expect)
        show(said)
        return said

    def client(self, url: str) -> Client:
        """Open the SDK's client: one connection, kept for all its questions."""
        return Client(url, credential=BearerToken(self.token_file.read_text().strip()))


def openssl(card: Card, *asked: object, expect: str) -> None:
    """Ask with OpenSSL, which knows nothing of us; it must verify the answer and agree."""
    said = run("openssl", "ocsp", *card.named, "-CAfile", card.issuer, "-partial_chain", *asked)
    show(said)
    if "Response verify OK" not in said or f": {expect}\n" not in said:
        raise Failed(f"OpenSSL does not say {expect}:\n{said}")


def curl(card: Card, url: str, *shown: object) -> Path:
    """Put OpenSSL's question with curl, and return the file of the answer."""
    question, answer = Path("question.der"), Path("answer.der")
    run("openssl", "ocsp", *card.named, "-no_nonce", "-reqout", question)
    sent = ("-H", "Content-Type: application/ocsp-request", "--data-binary", f"@{question}")
    run("curl", "-sS", "-o", answer, *shown, *sent, url)
    return answer


def tell(lab: Path, verb: str, card: Card, *, expect: int = 0) -> None:
    """Have the simulated issuer do something to one certificate."""
    show(server("lab", verb, lab, "--cert", card.certificate, expect=expect))


def publish(lab: Path, bank: Verifier, card: Card, url: str, *, until: Status) -> None:
    """Publish all CRLs while the bank asks again and again, until the answer is new."""
    publishing = subprocess.Popen(
        [BIN / "tashika-server", "lab", "publish", lab], stdout=subprocess.PIPE, text=True
    )
    try:
        with bank.client(url) as client:
            asked_until(client, card, until)
        answered = time.time()
        show(publishing.communicate(timeout=PATIENCE)[0])
    finally:
        publishing.kill()
        publishing.communicate()
    published = min(file.stat().st_mtime for file in lab.glob("published/**/*.crl"))
    say(f"From the first new CRL file to a verified answer: {answered - published:.2f} s")


def asked_until(client: Client, card: Card, until: Status) -> Report:
    """Ask on one connection, again and again, until an answer has this status."""
    certificate, issuer = card.certificate.read_bytes(), card.issuer.read_bytes()
    deadline = time.monotonic() + PATIENCE
    while (report := client.check(certificate, issuer)).status is not until:
        if time.monotonic() > deadline:
            raise Failed(f"no answer says {until}: {report}")
        time.sleep(0.002)
    return report


def explain(lab: Path, heard: str, *, expect: str) -> None:
    """Have the operator read out of a refusal's id what decided it."""
    if not (found := re.search(r"refusal ([\w=-]+)", heard)):
        raise Failed(f"that was no refusal: {heard}")
    said = server("explain", lab / "tashika.toml", found[1])
    show(said)
    if not re.match(rf"refusal +{expect}\n", said):
        raise Failed(f"the reason is not {expect}")


def suspend(lab: Path, bank: Verifier, card: Card, url: str) -> str:
    """Suspend the bank while it asks, see when that bites, and return the suspension's id."""
    order = ("V-000001", "--ground", "user-auth-duty", "--reason", "demonstration", "--json")
    with ThreadPoolExecutor(1) as meanwhile, bank.client(url) as client:
        asked_until(client, card, Status.GOOD)
        asking = meanwhile.submit(asked_until, client, card, Status.UNDETERMINED)
        said = server("suspension", "add", lab / "tashika.toml", *order)
        ordered = time.monotonic()
        refused = asking.result(PATIENCE)
        took = time.monotonic() - ordered
    say(f"From the end of the command to the first refusal: {took:.2f} s")
    if took > SOON:
        raise Failed(f"that took longer than {SOON} s")
    explain(lab, refused.tried[-1].detail, expect="suspended")
    subjects: list[str] = [each["subject"] for each in json.loads(said)["changes"]]
    return next(each for each in subjects if each.startswith("S-"))


def demonstrate(lab: Path) -> None:
    """Tell the story."""
    say("Simulated certification authorities, municipalities, people, and verifiers")
    said = server("lab", "init", lab, "--people", 6, "--municipalities", 2, "--port", 0)
    show(said.partition("Start the service")[0])  # the rest is what comes below
    config, bank = lab / "tashika.toml", Verifier(lab, "bank")

    say("A citizen gets a card with two certificates")
    issued = json.loads(server("lab", "issue", lab, "--json"))
    cards = {
        Path(each["certificate"]).name.rpartition("-")[0]: Card(
            Path(each["certificate"]), Path(each["issuer"])
        )
        for each in issued
    }
    user_auth, signature = cards["user-auth"], cards["signature"]

    say("The service starts: supervisor, answer worker, refresher, office, simulated issuer")
    with service(lab) as ready:
        say(f"It is ready at {ready.url}, and over TLS at {ready.tls_url}")
        who_may_ask(lab, ready, user_auth)

        say("The card is reported lost: the municipality has both certificates put on hold")
        tell(lab, "hold", user_auth)
        tell(lab, "hold", signature)
        say("The authorities publish their CRLs, and tell the service")
        publish(lab, bank, user_auth, ready.url, until=Status.REVOKED)
        bank.checks(user_auth, ready.url, expect=1)

        say("The card is found: user authentication is released")
        tell(lab, "release", user_auth)
        say("The signature certificate is not: the rules allow no release")
        tell(lab, "release", signature, expect=1)
        say("The authorities publish again")
        publish(lab, bank, user_auth, ready.url, until=Status.GOOD)
        bank.checks(signature, ready.url, expect=1)

        say("The operator suspends the bank, which is asking on an open connection")
        suspension = suspend(lab, bank, user_auth, ready.url)
        say("The Act gives reason to stop the other family too: that waits for a decision")
        show(server("proposal", "list", config))
        say("The suspension is taken back, and the bank asks again")
        server("suspension", "end", config, suspension, "--reason", "end of demonstration")
        with bank.client(ready.url) as client:
            asked_until(client, user_auth, Status.GOOD)
        bank.checks(user_auth, ready.url, expect=0)

        say("What the operator sees, straight from the index")
        show(server("query", config, "--cert", signature.certificate, expect=1))

        last_word(lab, ready, user_auth, signature)
    say("The service has stopped cleanly. That was all real but the people and the verifiers.")


def who_may_ask(lab: Path, ready: Service, card: Card) -> None:
    """Show who is answered and who is not."""
    say("The bank has an agreement: it shows its token")
    Verifier(lab, "bank").checks(card, ready.url, expect=0)
    say("It also shows a client certificate, by curl over TLS; OpenSSL verifies the answer")
    shown = ("--cacert", lab / "tls/server.pem", "--cert", lab / "verifiers/bank.pem")
    answer = curl(card, ready.tls_url, *shown, "--key", lab / "verifiers/bank.key")
    openssl(card, "-respin", answer, "-no_nonce", expect="good")
    say("A broker is suspended: the same question, no answer, and the operator can say why")
    explain(lab, Verifier(lab, "broker").checks(card, ready.url, expect=2), expect="suspended")
    say("An insurer let its accreditation run out")
    heard = Verifier(lab, "insurer").checks(card, ready.url, expect=2)
    explain(lab, heard, expect="accreditation_lapsed")


def last_word(lab: Path, ready: Service, good: Card, revoked: Card) -> None:
    """Let OpenSSL ask for the ministry, which may put its token into the URL."""
    say("OpenSSL has the last word; it asks for the ministry, with a token in the URL")
    token = (lab / "verifiers/ministry.path-token").read_text().strip()
    openssl(good, "-url", ready.url_with(token), expect="good")
    openssl(revoked, "-url", ready.url_with(token), expect="revoked")


def main() -> int:
    """Run the demo in a temporary folder; 0 if every step did what it shows."""
    folder = tempfile.mkdtemp(prefix="tashika-demo-")
    os.chdir(folder)
    try:
        demonstrate(Path("lab"))
    except (Failed, subprocess.TimeoutExpired) as failed:
        say(f"FAILED: {failed}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
