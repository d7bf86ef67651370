# ruff: noqa: INP001 - a script, no part of a package
"""`make demo`: a lost card becomes a signed answer that a relying party, and OpenSSL, believe.

Everything is real but the people: the commands are those of README.md, each one a process of
its own, over HTTP on a port that the kernel chose, on files in a temporary folder.
"""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from tashika import Client, Status

BIN = Path(sys.executable).absolute().parent
PATIENCE = 120.0
"""Seconds for any one step; they take a few, key generation the most."""
BEGAN = time.monotonic()


class Failed(Exception):
    """A step did not do what it shows."""


def say(text: str = "") -> None:
    """Print what happens, with the seconds since the start."""
    stamp = f"[{time.monotonic() - BEGAN:6.2f} s] " if text else ""
    sys.stdout.write(f"{stamp}{text}\n")
    sys.stdout.flush()


def show(output: str) -> None:
    """Print what a command said, indented."""
    for line in output.strip().splitlines():
        sys.stdout.write(f"             | {line}\n")
    sys.stdout.flush()


def run(*command: object, expect: int = 0) -> str:
    """Run one command, return what it said; Failed unless it exits as expected."""
    words = [str(each) for each in command]
    done = subprocess.run(
        words,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != expect:
        raise Failed(f"{' '.join(words)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def server(*arguments: object, expect: int = 0) -> str:
    """Run `tashika-server`."""
    return run(BIN / "tashika-server", *arguments, expect=expect)


@dataclass(frozen=True, slots=True)
class Card:
    """One certificate of the holder's card, and the CA that issued it."""

    certificate: Path
    issuer: Path


@contextmanager
def service(lab: Path) -> Iterator[str]:
    """Run `tashika-server serve` and yield its URL; Failed unless it stops cleanly."""
    log = lab / "serve.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [BIN / "tashika-server", "serve", lab / "tashika.toml"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield _ready_url(process, log)
        process.send_signal(signal.SIGTERM)
        if code := process.wait(PATIENCE):
            raise Failed(f"serve ended with exit {code}\n{log.read_text()}")
    finally:
        process.kill()
        process.communicate()


def _ready_url(process: "subprocess.Popen[bytes]", log: Path) -> str:
    said, deadline = b"", time.monotonic() + PATIENCE
    printed = cast("BinaryIO", process.stdout).fileno()
    while not (found := re.search(rb"^ready (\S+)\n", said, re.MULTILINE)):
        readable, _, _ = select.select([printed], [], [], deadline - time.monotonic())
        piece = os.read(printed, 4096) if readable else b""
        if not piece:
            raise Failed(f"serve did not get ready\n{log.read_text()}")
        said += piece
    return found[1].decode()


def check(card: Card, url: str, *, expect: int) -> None:
    """Ask with the SDK, as a relying party would: it verifies everything and fails closed."""
    arguments = ("--cert", card.certificate, "--issuer", card.issuer, "--url", url)
    show(run(BIN / "tashika", "check", *arguments, expect=expect))


def openssl(card: Card, url: str, *, expect: str) -> None:
    """Ask with OpenSSL, which knows nothing of us; it must verify the answer and agree."""
    arguments = ("-issuer", card.issuer, "-cert", card.certificate, "-CAfile", card.issuer)
    said = run("openssl", "ocsp", *arguments, "-url", url, "-partial_chain")
    show(said)
    if "Response verify OK" not in said or f": {expect}\n" not in said:
        raise Failed(f"OpenSSL does not say {expect}:\n{said}")


def tell(lab: Path, verb: str, card: Card, *, expect: int = 0) -> None:
    """Have the simulated issuer do something to one certificate."""
    show(server("lab", verb, lab, "--cert", card.certificate, expect=expect))


def publish(lab: Path, card: Card, url: str, *, until: Status) -> None:
    """Publish all CRLs while a relying party asks again and again, until the answer is new."""
    publishing = subprocess.Popen(
        [BIN / "tashika-server", "lab", "publish", lab], stdout=subprocess.PIPE, text=True
    )
    try:
        answered = _answered(card, url, until)
        show(publishing.communicate(timeout=PATIENCE)[0])
    finally:
        publishing.kill()
        publishing.communicate()
    published = min(file.stat().st_mtime for file in lab.glob("published/**/*.crl"))
    say(f"From the first new CRL file to a verified answer: {answered - published:.2f} s")


def _answered(card: Card, url: str, until: Status) -> float:
    certificate, issuer = card.certificate.read_bytes(), card.issuer.read_bytes()
    deadline = time.monotonic() + PATIENCE
    with Client(url) as client:
        while client.check(certificate, issuer).status is not until:
            if time.monotonic() > deadline:
                raise Failed(f"no answer says {until}")
            time.sleep(0.01)
    return time.time()


def demonstrate(lab: Path) -> None:
    """Tell the story."""
    say("Simulated certification authorities, municipalities and people")
    show(server("lab", "init", lab, "--people", 6, "--municipalities", 2, "--port", 0))

    say("A citizen gets a card with two certificates")
    issued = json.loads(server("lab", "issue", lab, "--json"))
    cards = {
        Path(each["certificate"]).name.rpartition("-")[0]: Card(
            Path(each["certificate"]), Path(each["issuer"])
        )
        for each in issued
    }
    user_auth, signature = cards["user-auth"], cards["signature"]

    say("The service starts: supervisor, answer worker, refresher, and the simulated issuer")
    with service(lab) as url:
        say(f"It is ready at {url}")
        say("A relying party asks about the card: OpenSSL first, then the SDK")
        openssl(user_auth, url, expect="good")
        check(user_auth, url, expect=0)
        check(signature, url, expect=0)

        say("The card is reported lost: the municipality has both certificates put on hold")
        tell(lab, "hold", user_auth)
        tell(lab, "hold", signature)
        say("The authorities publish their CRLs, and tell the service")
        publish(lab, user_auth, url, until=Status.REVOKED)
        check(user_auth, url, expect=1)
        openssl(user_auth, url, expect="revoked")

        say("The card is found: user authentication is released")
        tell(lab, "release", user_auth)
        say("The signature certificate is not: the rules allow no release")
        tell(lab, "release", signature, expect=1)
        say("The authorities publish again")
        publish(lab, user_auth, url, until=Status.GOOD)
        check(user_auth, url, expect=0)
        check(signature, url, expect=1)

        say("What the operator sees, straight from the index")
        show(server("query", lab / "tashika.toml", "--cert", signature.certificate, expect=1))

        say("OpenSSL has the last word")
        openssl(user_auth, url, expect="good")
        openssl(signature, url, expect="revoked")
    say("The service has stopped cleanly. That was all real but the people.")


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
