"""The commands as a person meets them: exit codes, one clear line, never a traceback."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.lab import copied, first
from support.service import make_lab
from tashika.pki.crl import CrlEntry
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.cli import EX_CONFIG, EX_USAGE, main
from tashika_server.config import load_config
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
    tls = 'tls = { certificate = "tashika.toml", key = "tashika.toml" }'
    config.write_text(config.read_text() + f"\n[office]\n{tls}\n")
    assert problems(config, capsys)[0].startswith("office.tls: cannot be loaded")


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


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\n", b"\x30\x80"])
def test_what_is_no_certificate_is_wrong_usage(config, tmp_path, capsys, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(SystemExit) as left:
        main(["query", str(config), "--cert", str(tmp_path / "x")])
    assert left.value.code == EX_USAGE
    assert "holds no certificate" in capsys.readouterr().err
