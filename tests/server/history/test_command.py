"""`tashika-server history`: a refresher's work, seen through the command."""

import asyncio
import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from support.archive import Cellar
from support.clock import FakeClock
from support.crls import AT, DAY, HOUR, NAKA, NISHI, hold, make_key
from tashika_server.agreements.compromises import (
    DeclareCompromise,
    WithdrawCompromise,
    declare_compromise,
    withdraw_compromise,
)
from tashika_server.assembly.refreshing import refresh_parts
from tashika_server.assembly.registering import registry_book
from tashika_server.cli import main
from tashika_server.refresh.process import Refresher


@pytest.fixture
def cellar(tmp_path: Path, sqlite_template: Path) -> Cellar:
    cellar = Cellar(tmp_path)
    shutil.copy(sqlite_template, tmp_path / "book.sqlite")
    lines = (f'{(tmp_path / file).as_uri()},"{name}"' for name, file in FILES.items())
    (tmp_path / "crls.csv").write_text("\n".join(["url,name", *lines]) + "\n")
    return cellar


FILES = {NAKA: "naka.crl", NISHI: "nishi.crl"}


def refresh(cellar: Cellar, number: int, *listed: object) -> None:
    """Take in the next CRLs, an hour after the last."""
    at = AT + number * HOUR
    for name, file in FILES.items():
        rows = listed if name == NAKA else ()
        body = cellar.ca.crl(rows, number=number, scope=name, this_update=at, next_update=at + DAY)
        (cellar.directory / file).write_bytes(body)

    async def once() -> None:
        parts = refresh_parts(cellar.config, lab_base=None, clock=FakeClock(at))
        async with Refresher.of(parts) as refresher:
            await refresher.refresh_all()

    asyncio.run(once())


def certificate(cellar: Cellar, serial: int) -> Path:
    name = x509.Name([])
    builder = x509.CertificateBuilder(
        cellar.ca.certificate.subject, name, make_key("holder").public_key(), serial, AT, AT + DAY
    )
    file = cellar.directory / f"{serial}.pem"
    signed = builder.sign(cellar.ca.key, SHA256())
    file.write_bytes(signed.public_bytes(Encoding.PEM))
    return file


def test_t21_the_story_of_a_hold_is_told_with_its_times(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    refresh(cellar, 1, 5)
    refresh(cellar, 2, 5, hold(7))
    refresh(cellar, 3, 5)
    file = certificate(cellar, 7)
    capfd.readouterr()
    between = (AT + 2 * HOUR).isoformat()
    words = ["history", str(cellar.file), "--cert", str(file), "--at", between]
    assert main([*words, "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert [(each["event"], each["crl"]) for each in said["events"]] == [
        ("held", 2),
        ("released", 3),
    ]
    assert said["known"]["reason"] == "certificate_hold"
    assert main(words) == 0
    assert "released" in capfd.readouterr().out


def test_a_certificate_to_which_nothing_happened_is_what_the_index_says(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    refresh(cellar, 1, 5)
    file = certificate(cellar, 5)
    assert main(["history", str(cellar.file), "--cert", str(file)]) == 0
    out = capfd.readouterr().out
    assert "revoked" in out
    assert "nothing has happened" in out
    before = AT.isoformat()
    words = ["history", str(cellar.file), "--cert", str(file), "--at", before]
    assert main(words) == 2
    assert "not remembered" in capfd.readouterr().out


def test_a_compromised_key_is_told_as_answers_tell_it(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    """Known from when it was declared; in force from its date on."""
    refresh(cellar, 1)
    refresh(cellar, 2)
    file = certificate(cellar, 7)
    issuer = cellar.config.issuers[0]
    order = DeclareCompromise(
        issuer=issuer.name,
        fingerprint=issuer.identity.fingerprint,
        family=issuer.family,
        reason="theft",
        since=AT + 2 * HOUR,
    )

    def standings(hour: int) -> tuple[str, str]:
        capfd.readouterr()
        moment = (AT + hour * HOUR).isoformat()
        words = ["history", str(cellar.file), "--cert", str(file), "--json", "--at", moment]
        assert main(words) == 0
        said = json.loads(capfd.readouterr().out)
        return said["known"]["standing"], said["in_force"]["standing"]

    book = registry_book(cellar.file, cellar.config.settings)
    with closing(book):
        with book.writing(actor="suzuki", at=AT + 4 * HOUR) as change:
            declared = declare_compromise(change, order)
        assert standings(1) == ("not-listed", "not-listed")
        assert standings(3) == ("not-listed", "revoked")
        assert standings(5) == ("revoked", "revoked")
        assert main(["history", str(cellar.file), "--cert", str(file)]) == 0
        assert f"({declared.id})" in capfd.readouterr().out
        with book.writing(actor="suzuki", at=AT + 6 * HOUR) as change:
            withdraw_compromise(change, WithdrawCompromise(compromise=declared.id, reason="found"))
        assert standings(5) == ("revoked", "not-listed")
        assert standings(7) == ("not-listed", "not-listed")
