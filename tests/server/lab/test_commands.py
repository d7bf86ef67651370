"""`tashika-server lab`: what a person types and what comes back."""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from support.odd_files import STRANGE, UNREADABLE, spell, strange
from tashika.testing import Pki
from tashika_server.certificate_file import BadFile
from tashika_server.cli import lab as commands
from tashika_server.cli import main
from tashika_server.clock import SystemClock
from tashika_server.config import load_config
from tashika_server.lab import (
    Access,
    Algorithm,
    Cause,
    LabError,
    NotOfThisLab,
    Order,
    Unlawful,
    World,
    found_world,
)
from tashika_server.lab.layout import Layout
from tashika_server.refresh.control import listening

Lab = Callable[..., str]


@pytest.fixture
def lab(capsys: pytest.CaptureFixture[str]) -> Lab:
    """Run `lab VERB ...` and return what it printed."""

    def run(*arguments: object) -> str:
        parser = argparse.ArgumentParser()
        commands.add_commands(parser.add_subparsers())
        options = parser.parse_args(["lab", *map(str, arguments)])
        assert options.handler(options) == 0
        return capsys.readouterr().out

    return run


def test_init_tells_what_it_made_and_what_to_type_next(tmp_path: Path, lab: Lab) -> None:
    there = tmp_path / "lab"
    small = ("--people", 2, "--municipalities", 1, "--algorithm", "p384")
    said = lab("init", there, "--port=9000", *small)
    assert "Simulated (O=JPKI-SIM)" in said
    assert "4 certificates of 2 people, P-384/SHA-384 (hypothetical)" in said
    assert f"tashika-server serve {there}/tashika.toml" in said
    assert f"http://127.0.0.1:9000/ocsp --token-file {there}/verifiers/bank.token" in said
    assert "https://127.0.0.1:9001/ocsp" in said
    assert "refused: its provision was suspended" in said
    named = {word for word in said.split() if word.startswith(f"{there}/verifiers/")}
    assert len(named) == 4
    assert all(Path(each).is_file() for each in named)
    settings = load_config(there / "tashika.toml").settings
    assert settings.tls
    assert (settings.access, settings.responder.listen.port) == ("closed", 9000)
    assert [settings.tls.listen.port, settings.office.listen.port] == [9001, 9002]
    with pytest.raises(LabError, match="not an empty directory"):
        lab("init", there)


def test_an_open_world_has_no_verifiers(tmp_path: Path, lab: Lab) -> None:
    there = tmp_path / "lab"
    said = lab("init", there, "--open", "--people=1", "--municipalities=1", "--algorithm=p384")
    assert "verifier" not in said
    assert "--url http://127.0.0.1:8080/ocsp" in said
    assert not (there / "verifiers").exists()
    assert load_config(there / "tashika.toml").settings.access == "open"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab of today: commands take the time from the machine."""
    there = tmp_path_factory.mktemp("made") / "lab"
    order = Order(people=2, municipalities=1, port=0, algorithm=Algorithm.P384, access=Access.OPEN)
    found_world(there, order, at=SystemClock().now()).close()
    return there


@pytest.fixture
def there(made: Path, tmp_path: Path) -> Path:
    return Path(copytree(made, tmp_path / "lab"))


def newest(there: Path, lab: Lab, family: str) -> Path:
    named = [Path(each["certificate"]) for each in json.loads(lab("list", there, "--json"))]
    return [path for path in named if path.name.startswith(family)][-1]


def test_a_lost_card_from_hold_to_release_and_revocation(there: Path, lab: Lab) -> None:
    auth = newest(there, lab, "user-auth")
    for verb, standing in (("hold", "on-hold"), ("release", "good"), ("revoke", "revoked")):
        (told,) = json.loads(lab(verb, there, "--cert", auth, "--json"))
        assert (told["certificate"], told["standing"]) == (str(auth), standing)
    said = lab("publish", there)
    assert "6 CRLs as of" in said
    assert "1 entries" in said
    assert "no service is running" in said
    assert "cessation_of_operation" in lab("list", there)


def test_a_signature_certificate_stays_on_hold(there: Path, lab: Lab) -> None:
    signature = newest(there, lab, "signature")
    lab("hold", there, "--cert", signature)
    with pytest.raises(Unlawful, match="user terms section 9"):
        lab("release", there, "--cert", signature)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_can_be_typed(there: Path, lab: Lab, cause: Cause) -> None:
    signature = newest(there, lab, "signature")
    told = json.loads(lab("revoke", there, "--cert", signature, "--cause", cause, "--json"))
    assert (str(signature), "revoked") in {(one["certificate"], one["standing"]) for one in told}


def test_a_move_out_and_a_move_in(there: Path, lab: Lab) -> None:
    auth = newest(there, lab, "user-auth")
    said = lab("revoke", there, "--cert", auth, "--cause=move-out", "--planned=2100-01-01")
    assert "user authentication ends on 2100-02-01 00:00:00 JST" in said
    assert "good" in lab("move-in", there, "--cert", auth)
    with pytest.raises(Unlawful):
        lab("move-in", there, "--cert", auth)


def test_new_cards_and_a_renewal(there: Path, lab: Lab) -> None:
    issued = json.loads(lab("issue", there, "--people", 2, "--json"))
    assert len(issued) == 4
    assert all(Path(each["certificate"]).exists() for each in issued)
    old = issued[-1]["certificate"]
    (renewed,) = json.loads(lab("issue", there, "--cert", old, "--json"))
    assert renewed["certificate"] != old
    with World.open(there) as world:
        standings = {
            str(world.premises.layout.certificate(one)): world.standing(one)
            for one in world.certificates()
        }
    assert getattr(standings[old], "reason", None) is not None


def test_the_time_a_key_was_lost_is_japans_unless_it_says_otherwise() -> None:
    assert commands._moment("2026-01-01T09:00") == commands._moment("2026-01-01T00:00+00:00")


def test_der_is_read_as_well_as_pem(there: Path, tmp_path: Path, lab: Lab) -> None:
    pem = newest(there, lab, "user-auth").read_bytes()
    binary = tmp_path / "one.cer"
    binary.write_bytes(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))
    assert "on-hold" in lab("hold", there, "--cert", binary)


def test_bad_files_are_named(there: Path, tmp_path: Path, lab: Lab) -> None:
    with pytest.raises(BadFile, match=r"nowhere\.pem cannot be read: No such file"):
        lab("hold", there, "--cert", tmp_path / "nowhere.pem")
    elsewhere = tmp_path / "elsewhere"
    lab("init", elsewhere, "--open", "--people=2", "--municipalities=1", "--algorithm=p384")
    foreign = newest(elsewhere, lab, "user-auth")
    with pytest.raises(NotOfThisLab, match=f"{foreign} was not issued by this lab; `tashika-ser"):
        lab("hold", there, "--cert", foreign)


@pytest.mark.parametrize("verb", ["issue", "revoke"])
def test_a_certificate_that_cannot_be_read_is_named(
    there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    for content, spoilt in UNREADABLE.items():
        file = spell(tmp_path / content, spoilt)
        assert main(["lab", verb, str(there), "--cert", str(file)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"tashika-server: {file} ")
        assert "; " in line


def test_a_strange_certificate_is_not_of_this_lab(there: Path, tmp_path: Path, lab: Lab) -> None:
    card = x509.load_pem_x509_certificate(newest(there, lab, "user-auth").read_bytes())
    key = ec.generate_private_key(ec.SECP384R1())
    for which in STRANGE:
        file = spell(tmp_path / which, strange(which, card, key))
        with pytest.raises(BadFile if which == "version 4" else NotOfThisLab, match=f"^{file} "):
            lab("revoke", there, "--cert", file)


@pytest.mark.parametrize("serial", [2**64, 2**158])
def test_a_serial_that_no_lab_has_is_not_of_this_lab(
    there: Path, tmp_path: Path, lab: Lab, serial: int
) -> None:
    file = tmp_path / "public.pem"
    file.write_bytes(Pki().issue("public", serial=serial).pem)
    with pytest.raises(NotOfThisLab):
        lab("hold", there, "--cert", file)


def test_a_damaged_key_of_the_lab_is_named(there: Path, lab: Lab) -> None:
    key = Layout(there).authority_key("signature-g3")
    key.write_bytes(b"-----BEGIN PRIVATE KEY-----")
    with pytest.raises(BadFile, match=f"^{key} is not a private key"):
        lab("publish", there)


@pytest.mark.parametrize(
    "arguments",
    [
        ("init", "d", "--people", "0"),
        ("init", "d", "--port", "65534"),
        ("init", "d", "--book", "postgresql://lab:secret@db/lab"),
        ("init", "d", "--algorithm", "rsa1024"),
        ("revoke", "d", "--cert", "c", "--cause", "whim"),
        ("revoke", "d", "--cert", "c", "--since", "soon"),
        ("hold", "d"),
    ],
)
def test_wrong_arguments_are_refused_by_the_parser(arguments: tuple[str, ...], lab: Lab) -> None:
    with pytest.raises(SystemExit):
        lab(*arguments)


def test_publish_tells_the_running_service_and_what_it_reached(there: Path, lab: Lab) -> None:
    with refresher(there / "run"):
        assert "generation 7" in lab("publish", there)
        said = json.loads(lab("publish", there, "--json"))
    assert said["service"] == {"generation": 7, "published": 1}


@contextmanager
def refresher(run: Path) -> Iterator[None]:
    """Answer on a control socket from a thread, as the service's refresher does."""
    loop, stop, up = asyncio.new_event_loop(), asyncio.Event(), Event()

    async def refresh() -> dict[str, object]:
        return {"generation": 7, "published": 1}

    async def serve() -> None:
        async with listening(run, refresh):
            up.set()
            await stop.wait()

    thread = Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert up.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
