"""The commands as a person meets them: exit codes, one clear line, never a traceback."""

import gc
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509

from support.lab import copied, first
from support.odd_files import STRANGE, UNREADABLE, odd_keys, spell, strange
from support.service import PATIENCE, make_lab
from tashika.pki.crl import CrlEntry
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server import book, index, supervisor
from tashika_server import config as configuration
from tashika_server.cli import (
    CODES,
    EX_CONFIG,
    EX_PIPE,
    EX_TEMPFAIL,
    EX_USAGE,
    NOUNS,
    _parser,
    main,
)
from tashika_server.cli.loading import loading
from tashika_server.config import load_config
from tashika_server.files import errors as files_errors
from tashika_server.history import errors as history_errors
from tashika_server.index import Changes, IndexWriter, Mark, Quarantined
from tashika_server.lab import World

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def young(tmp_path_factory) -> Path:
    return make_lab(tmp_path_factory.mktemp("young"))


@pytest.fixture
def world(young, tmp_path) -> Iterator[World]:
    with copied(young, tmp_path) as world:
        yield world


@pytest.fixture
def config(world, tmp_path) -> Path:
    return tmp_path / "tashika.toml"


def test_wrong_usage_is_64(capsys) -> None:
    for arguments in ([], ["nonsense"], ["serve"], ["query", "x"], ["config", "chekc", "x"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == EX_USAGE
    assert "Traceback" not in capsys.readouterr().err


def test_the_help_names_every_command_and_says_what_it_is_for(capsys) -> None:
    for words in ([], *([noun] for noun in NOUNS)):
        with pytest.raises(SystemExit) as left:
            main([*words, "--help"])
        assert left.value.code == 0
        said = capsys.readouterr().out
        assert all(noun in said for noun in (words or NOUNS))
        assert all(NOUNS[noun] in " ".join(said.split()) for noun in words)


def test_a_command_does_not_load_what_others_need() -> None:
    code = """
import sys
from tashika_server.cli import _parser
for noun, unwanted in (("", "lmdb"), ("lab", "sqlalchemy"), ("verifier", "lmdb")):
    _parser([noun] if noun else [])
    assert not {unwanted, "aiohttp"} & {*sys.modules}, (noun, unwanted)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def test_without_a_service_there_is_nothing_to_reload(config, capsys) -> None:
    assert main(["reload", str(config)]) == EX_TEMPFAIL
    assert capsys.readouterr().err.startswith("tashika-server: no service has answered in ")


def test_the_unit_for_systemd_says_what_the_command_understands() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(Path(__file__).parents[2] / "config" / "systemd" / "tashika.service")
    for key, noun in (("ExecStart", "serve"), ("ExecReload", "reload")):
        words = unit["Service"][key].split()[1:]
        assert _parser(words).parse_args(words).noun == noun


@pytest.mark.parametrize("unit", ["tashika-compact", "tashika-doctor"])
def test_a_timer_for_systemd_runs_what_the_command_understands(unit: str) -> None:
    folder = Path(__file__).parents[2] / "config" / "systemd"
    found = {}
    for kind in ("service", "timer"):
        found[kind] = ConfigParser(strict=False, interpolation=None)
        found[kind].read(folder / f"{unit}.{kind}")
    words = found["service"]["Service"]["ExecStart"].split()[1:]
    assert _parser(words).parse_args(words).handler
    assert found["timer"]["Timer"]["OnCalendar"]


def test_every_error_with_an_exit_code_of_its_own_exists() -> None:
    known = {
        each.__name__
        for module in (book, configuration, files_errors, history_errors, index, supervisor)
        for each in errors(module)
    }
    assert CODES.keys() <= known


def errors(module: ModuleType) -> list[type]:
    return [each for each in vars(module).values() if isinstance(each, type)]


@pytest.mark.parametrize(
    ("dsn", "code", "says"),
    [
        ("postgresql:///x?host=/nowhere", EX_TEMPFAIL, "cannot be used"),
        ("mysql://x/y", EX_CONFIG, "write sqlite:///FILE"),
        ("sqlite:///none.sqlite", EX_CONFIG, "`tashika-server book upgrade` makes one"),
    ],
)
def test_t4_trouble_with_the_book_has_its_exit_code(
    tmp_path, capsys, dsn: str, code: int, says: str
) -> None:
    file = tmp_path / "tashika.toml"
    file.write_text(f'[book]\ndsn = "{dsn}"\n')
    assert main(["verifier", "list", str(file)]) == code
    said = capsys.readouterr().err
    assert said.startswith("tashika-server: ")
    assert says in said


def test_whoever_stops_reading_gets_no_traceback(config) -> None:
    """As `| head -1` does."""
    command = [sys.executable, "-m", "tashika_server", "config", "check", str(config)]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (EX_PIPE, "")


# --- config check --------------------------------------------------------------------------------


def test_a_sound_configuration_is_ok(config, capsys) -> None:
    assert main(["config", "check", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "OK"
    assert "  issuer user-auth-g3 (user-auth): CRLs 2, signers 2, register yes" in lines


def problems(config: Path, capsys) -> list[str]:
    assert main(["config", "check", str(config)]) == EX_CONFIG
    said = capsys.readouterr()
    assert not said.out
    prefix = f"tashika-server: {config}: "
    assert all(line.startswith(prefix) for line in said.err.splitlines())
    return [line.removeprefix(prefix) for line in said.err.splitlines()]


def test_every_problem_is_one_line_with_file_key_and_remedy(config, capsys) -> None:
    config.write_text(config.read_text().replace("[responder]", "[respondr]"))
    assert problems(config, capsys) == ['respondr: is not a known key; did you mean "responder"?']


def test_closed_access_wants_a_book_and_says_how_to_make_it(config, capsys) -> None:
    config.write_text(config.read_text().replace('access = "open"', 'access = "closed"'))
    (problem,) = problems(config, capsys)
    assert problem.startswith("book: there is no book at ")
    assert "`tashika-server book upgrade` makes one" in problem
    assert main(["serve", str(config)]) == EX_CONFIG
    assert main(["book", "upgrade", str(config)]) == 0
    assert main(["config", "check", str(config)]) == 0
    assert "  book: the tables are as needed" in capsys.readouterr().out


def test_the_books_address_may_lie_in_a_file_of_its_own(config, tmp_path, capsys) -> None:
    text = config.read_text().replace('access = "open"', 'access = "closed"')
    config.write_text(text + '\n[book]\ndsn_file = "dsn"\n')
    assert "dsn cannot be read; name a readable file" in problems(config, capsys)[0]
    (tmp_path / "dsn").write_text("sqlite:///elsewhere.sqlite\n")
    assert main(["book", "upgrade", str(config)]) == 0
    assert (tmp_path / "elsewhere.sqlite").exists()


def test_t4_a_book_that_cannot_be_reached_does_not_stop_the_start(config, capsys) -> None:
    text = config.read_text().replace('access = "open"', 'access = "closed"')
    config.write_text(text + '\n[book]\ndsn = "postgresql:///x?host=/nowhere"\n')
    assert main(["config", "check", str(config)]) == 0
    assert "cannot be used" in capsys.readouterr().out


def test_t24_a_certificate_of_the_office_that_is_none_stops_the_start(config, capsys) -> None:
    signer, odd = "signers/user-auth-g3", config.with_name("odd.key")
    odd.write_bytes(odd_keys()["encrypted"])
    for certificate, key, ca, blamed in (
        ("tashika.toml", f"{signer}.key", "", "tashika.toml"),
        (f"{signer}.pem", "odd.key", "", "odd.key"),
        (f"{signer}.pem", "signers/user-auth-g2.key", "", f"{signer}.pem"),
        (f"{signer}.pem", f"{signer}.key", "tashika.toml", "tashika.toml"),
    ):
        tls = f'certificate = "{certificate}", key = "{key}"'
        tls += f', client_ca = "{ca}"' if ca else ""
        text = config.read_text().partition("\n[office]")[0]
        config.write_text(f"{text}\n[office]\ntls = {{ {tls} }}\n")
        (problem,) = problems(config, capsys)
        assert problem.startswith(f"office.tls: {config.parent / blamed} ")
        assert "; " in problem


def test_t20_a_signer_of_another_ca_stops_the_start(config, world, capsys) -> None:
    mine, other = (world.premises.layout.signer(f"user-auth-g{n}") for n in (3, 2))
    mine.write_bytes(other.read_bytes())
    mine.with_suffix(".key").write_bytes(other.with_suffix(".key").read_bytes())
    (problem,) = problems(config, capsys)
    assert problem.startswith(f"issuer[user-auth-g3].signers: {mine}: not issued directly")
    assert main(["serve", str(config)]) == EX_CONFIG


def test_t20_a_signer_with_another_key_stops_the_start(config, world, capsys) -> None:
    mine, other = (world.premises.layout.signer(f"user-auth-g{n}") for n in (3, 2))
    mine.with_suffix(".key").write_bytes(other.with_suffix(".key").read_bytes())
    (problem,) = problems(config, capsys)
    assert "is not the key of the certificate" in problem


def test_t24_a_spoilt_register_stops_the_start(config, world, capsys) -> None:
    world.premises.layout.register("signature-g1").write_text("7\n5\n")
    (problem,) = problems(config, capsys)
    assert problem.startswith("issuer[signature-g1].register: ")
    assert "line 2 does not ascend; sort" in problem


# --- query ---------------------------------------------------------------------------------------


class Look:
    """An index for the lab's world, written by hand, and the command that looks into it."""

    def __init__(self, world: World, config: Path, capsys) -> None:
        self.config = config
        self.capsys = capsys
        self.card = first(world, Family.USER_AUTH)
        self.file = world.premises.layout.certificate(self.card)
        loaded = load_config(config)
        (self.issuer,) = (each for each in loaded.issuers if each.name == self.card.issuer)
        self.fingerprint = self.issuer.identity.fingerprint
        self.index = loaded.settings.index.path
        self.partitions = [each.name for each in self.issuer.partitions]
        with IndexWriter.open(self.index, 1 << 24) as writer:
            writer.expect(self.fingerprint, self.partitions)

    def publish(self, *entries: CrlEntry, next_update: datetime = NOW + timedelta(days=1)) -> None:
        with IndexWriter.open(self.index, 1 << 24) as writer:
            for number, partition in enumerate(self.partitions, 1):
                mark = Mark(
                    number=number,
                    this_update=NOW - timedelta(hours=1),
                    next_update=next_update,
                    sha256=bytes(32),
                    entries=0,
                    etag=None,
                    last_modified=None,
                )
                changes = Changes(added=entries if number == 1 else ())
                writer.publish(self.fingerprint, partition, changes, mark)

    def quarantine(self, why: Quarantined) -> None:
        with IndexWriter.open(self.index, 1 << 24) as writer:
            writer.quarantine(self.fingerprint, why)

    def query(self) -> tuple[int, dict, str]:
        arguments = ["query", str(self.config), "--cert", str(self.file)]
        code = main([*arguments, "--json"])
        assert main(arguments) == code
        said = self.capsys.readouterr().out
        found, end = json.JSONDecoder().raw_decode(said)
        return code, found, said[end:].strip()


@pytest.fixture
def look(world, config, capsys) -> Look:
    return Look(world, config, capsys)


def test_a_revoked_certificate_is_shown_with_its_source(look) -> None:
    since = NOW - timedelta(hours=2)
    look.publish(CrlEntry(look.card.serial, since, Reason.CERTIFICATE_HOLD, None))
    code, found, words = look.query()
    assert code == 1
    assert found["standing"] == "revoked"
    assert found["reason"] == "certificate_hold"
    assert found["revoked_at"] == f"{since:%Y-%m-%dT%H:%M:%SZ}"
    assert found["crl"]["number"] == 1
    assert found["generation"] >= 2
    assert words.startswith("REVOKED (unsigned: for the operator, not for a relying party)")
    assert "CRL 1 of " in words


def test_without_a_register_nothing_is_good_but_by_stated_policy(look) -> None:
    look.publish()
    code, found, _ = look.query()
    assert (code, found["declined"]) == (2, "not_loaded")  # it has one, which has not come
    text = look.config.read_text()
    stated = re.sub(r"^register = .*$", 'without_register = "good"', text, flags=re.MULTILINE)
    look.config.write_text(stated)
    code, found, words = look.query()
    assert (code, found["standing"], found["issued"]) == (0, "good", None)
    assert words.startswith("GOOD")


def test_t15_while_a_partition_is_missing_nothing_is_known(look) -> None:
    code, found, words = look.query()
    assert code == 2
    assert (found["standing"], found["declined"], found["crl"]) == (None, "not_loaded", None)
    assert words.startswith("NOT DETERMINED")
    assert "missing is not empty" in words
    assert found["missing"] == look.partitions
    assert f"never came   {look.partitions[0]}" in words


def test_stale_data_says_nothing(look) -> None:
    look.publish(next_update=NOW - timedelta(minutes=1))
    code, found, _ = look.query()
    assert (code, found["declined"]) == (2, "status_stale")


def test_quarantine_is_shown_with_its_reason(look) -> None:
    look.publish()
    detail = "number 4 is not above 5; ask the issuer"
    why = Quarantined(partition=look.partitions[0], at=NOW, check="number", detail=detail)
    look.quarantine(why)
    _, found, words = look.query()
    assert found["quarantined"][0]["detail"] == detail
    assert f"number: {detail}" in words
    assert look.partitions[0] in words


def test_a_certificate_of_nobody_we_serve_is_said_to_be_so(look, world, capsys) -> None:
    alien = world.premises.layout.issuer("user-auth-g3")
    look.config.write_text(look.config.read_text().split('[[issuer]]\nname = "user-auth-g3"')[0])
    assert main(["query", str(look.config), "--cert", str(alien)]) == 2
    assert "no configured issuer signed this certificate" in capsys.readouterr().err


def test_query_before_anything_was_loaded_is_not_determined(config, world, capsys) -> None:
    file = world.premises.layout.certificate(first(world, Family.USER_AUTH))
    assert main(["query", str(config), "--cert", str(file)]) == 2
    assert "no index" in capsys.readouterr().err


def strange_card(world: World, which: str) -> bytes:
    """Write a card's certificate with something strange about it, signed by its CA."""
    card = first(world, Family.USER_AUTH)
    (authority,) = (each for each in world.premises.authorities() if each.name == card.issuer)
    return strange(which, x509.load_der_x509_certificate(card.der), authority.key)


@pytest.mark.parametrize("content", [*UNREADABLE, "version 4"])
def test_what_is_no_certificate_is_wrong_usage(
    config, world, tmp_path, capsys, content: str
) -> None:
    spoilt = UNREADABLE[content] if content in UNREADABLE else strange_card(world, content)
    file = spell(tmp_path / "x", spoilt)
    with pytest.raises(SystemExit) as left:
        main(["query", str(config), "--cert", str(file)])
    assert left.value.code == EX_USAGE
    *_, line = capsys.readouterr().err.splitlines()
    assert f"{file} " in line
    assert "; " in line


@pytest.mark.parametrize("which", [each for each in STRANGE if each != "version 4"])
def test_a_strange_certificate_of_ours_is_looked_up_all_the_same(
    look, world, tmp_path, which: str
) -> None:
    look.file = spell(tmp_path / "x", strange_card(world, which))
    look.publish(CrlEntry(look.card.serial, NOW, None, None))
    code, found, _ = look.query()
    assert (code, found["issuer"]) == (1, look.card.issuer)


def test_the_collector_passes_over_what_is_loaded_and_is_at_work_again() -> None:
    already = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        loaded = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= already + len(loaded)
