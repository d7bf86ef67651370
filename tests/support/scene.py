"""A scene: a lab, the service that runs on it, and a relying party at its socket.

    with Scene(directory) as scene:
        card = scene.issue(Family.USER_AUTH)
        scene.world.hold(card, at=now())
        scene.publish()
        assert scene.check(card).cause is Cause.ON_HOLD

Standings, commands and bytes go the way they go in reality: through files, sockets, processes.
"""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from cryptography import x509

from support.service import PATIENCE, Service
from tashika import Client, Deadlines, Policy, Report, Status
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.profile import Family
from tashika.pki.standing import Good
from tashika_server.lab import Certificate, World
from tashika_server.refresh.control import notify

BIN = Path(sys.executable).parent
PATIENT = Policy(
    deadlines=Deadlines(
        connect=timedelta(seconds=PATIENCE / 2),
        read=timedelta(seconds=PATIENCE / 2),
        total=timedelta(seconds=PATIENCE),
    )
)
"""Strict about what is proved, and in no hurry on a busy machine."""


def now() -> datetime:
    return datetime.now(UTC)


def command(*words: object, code: int = 0) -> str:
    """Run one command of ours as a person would, expect this exit code, return what it says."""
    name, *arguments = map(str, words)
    done = subprocess.run(
        [BIN / name, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def arrange(directory: Path, *changes: tuple[str, str]) -> None:
    """Change the configuration of a lab, each text where it stands once."""
    config = directory / "tashika.toml"
    text = config.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    config.write_text(text)


class Scene:
    """The service on the lab in `directory`; `with` starts and ends it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "tashika.toml"
        self.world = World.open(directory)
        self.service = Service(directory)

    def __enter__(self) -> Self:
        self.service.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()
        self.service.__exit__()

    @property
    def url(self) -> str:
        return self.service.url

    # The issuer's side

    def issue(self, family: Family = Family.USER_AUTH) -> Certificate:
        """Give somebody new a card, and see that the service knows it as issued."""
        issued = self.world.issue(at=now())
        self.notify()
        return next(one for one in issued if one.family is family)

    def publish(self) -> dict[str, Any]:
        """Publish every CRL and return what the service did with them."""
        self.world.publish(at=now())
        return self.notify()

    def notify(self) -> dict[str, Any]:
        answer = asyncio.run(notify(self.directory / "run"))
        assert answer, "nobody listened"
        return answer

    def file(self, certificate: Certificate) -> Path:
        return self.world.premises.layout.certificate(certificate)

    def issuer_file(self, certificate: Certificate) -> Path:
        return self.world.premises.layout.issuer(certificate.issuer)

    def crl_file(self, certificate: Certificate) -> Path:
        """Return the published list that speaks of a certificate."""
        assert certificate.municipality
        return self.world.premises.layout.crl(certificate.issuer, certificate.municipality)

    def truth(self, certificate: Certificate) -> Status:
        """Return what the issuer has recorded, published or not."""
        good = isinstance(self.world.standing(certificate), Good)
        return Status.GOOD if good else Status.REVOKED

    # The relying party's side

    def check(self, certificate: Certificate) -> Report:
        """Ask the service with the SDK, which verifies everything."""
        with Client(self.url, policy=PATIENT) as client:
            return client.check(certificate.der, self.issuer_file(certificate).read_bytes())

    def cert_id(self, certificate: Certificate, hash_name: str = "sha256") -> CertId:
        issuer = x509.load_pem_x509_certificate(self.issuer_file(certificate).read_bytes())
        return CertId.build(IssuerIdentity.of(issuer), certificate.serial, hash_name)

    # The operator's side

    def query(self, certificate: Certificate, *, code: int) -> dict[str, Any]:
        """Look a certificate up with the operator's command."""
        arguments = ("query", self.config, "--cert", self.file(certificate), "--json")
        said: dict[str, Any] = json.loads(command("tashika-server", *arguments, code=code))
        return said

    def generation(self) -> int:
        """Return the generation that the next answer rests on."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.request("GET", "/healthz")
            generation: int = json.loads(connection.getresponse().read())["generation"]
        finally:
            connection.close()
        return generation
