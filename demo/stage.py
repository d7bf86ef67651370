# ruff: noqa: INP001 - beside a script, no part of a package
"""What the demonstration stands on: commands run as processes, a service, and the time.

Not the story: that is `demo.py`.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

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
class Service:
    """A running service: where it answers, in clear and over TLS if it does that."""

    url: str
    tls_url: str

    def url_with(self, token: str) -> str:
        """Return the URL for a client that can set nothing else."""
        return self.url.removesuffix("/ocsp") + f"/t/{token}/ocsp"


@contextmanager
def service(lab: Path) -> Iterator[Service]:
    """Run `tashika-server serve`; Failed unless it stops cleanly."""
    log = lab / "serve.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [BIN / "tashika-server", "serve", lab / "tashika.toml"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        url = _ready_url(process, log)
        secured = re.findall(r"https://[0-9.:]+/ocsp", log.read_text())
        yield Service(url, secured[0] if secured else "")
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
