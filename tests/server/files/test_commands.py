"""`tashika-server files`: what was kept comes out again, as of any moment, with a signed list."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support.archive import Cellar, came, openings
from support.crls import AT, DAY, NAKA, NISHI
from tashika_server.certificate_file import read_private_key
from tashika_server.cli import main
from tashika_server.files.facts import COMPACT, Facts, Kind
from tashika_server.files.manifest import BadManifest, public_der, read_manifest


@pytest.fixture
def cellar(tmp_path: Path) -> Cellar:
    return Cellar(tmp_path)


def run(capfd: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    capfd.readouterr()
    assert main(["files", *map(str, words)]) == code, capfd.readouterr().err
    return capfd.readouterr().out


def listed(capfd: pytest.CaptureFixture[str], cellar: Cellar, *words: object) -> Any:
    return json.loads(run(capfd, "list", cellar.file, "--json", *words))


def test_a_file_that_is_listed_can_be_got(cellar: Cellar, capfd: pytest.CaptureFixture[str]):
    body = cellar.keep(1)
    (row,) = listed(capfd, cellar)
    assert (row["issuer"], row["partition"], row["number"]) == ("user-auth-g3", NAKA, 1)
    out = cellar.directory / "out.crl"
    run(capfd, "get", cellar.file, row["sha256"], "--out", out)
    assert out.read_bytes() == body


def test_a_list_as_of_a_moment_in_japan(cellar: Cellar, capfd: pytest.CaptureFixture[str]):
    for number in (1, 2, 3):
        cellar.keep(number)
    japan = came(2).isoformat().replace("+00:00", "Z")
    assert [row["number"] for row in listed(capfd, cellar, "--at", japan)] == [2]
    jst = f"{AT:%Y-%m-%d}T{AT.hour + 9 + 3:02}:00+09:00"  # number 2 came three hours after AT
    assert [row["number"] for row in listed(capfd, cellar, "--at", jst)] == [2]


def test_what_is_not_in_order_is_told_and_ends_with_1(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    body = cellar.keep(1)
    assert "as it came" in run(capfd, "verify", cellar.file)
    file = cellar.archive.find(sha256(body).digest())
    cellar.archive.packed(file).unlink()
    (found,) = json.loads(run(capfd, "verify", cellar.file, "--json", code=1))
    assert (found["fault"], found["partition"]) == ("missing", NAKA)


def test_the_files_of_a_moment_come_with_a_signed_list(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    for number in (1, 2):
        cellar.keep(number)
    cellar.keep(1, partition=NISHI)
    out = cellar.directory / "bundle"
    run(capfd, "as-of", cellar.file, came(1).isoformat(), "--out", out)
    text, signature = (out / "manifest.json").read_bytes(), (out / "manifest.sig").read_bytes()
    trusted = public_der(read_private_key(cellar.directory / "ledger.key"))
    said = read_manifest(text, signature, trusted=trusted)
    assert [(each["partition"], each["number"]) for each in said["files"]] == [
        (NAKA, 1),
        (NISHI, 1),
    ]
    for each in said["files"]:
        content = (out / f"{each['sha256']}.crl").read_bytes()
        assert sha256(content).hexdigest() == each["sha256"]
        assert len(content) == each["size"]


@pytest.mark.parametrize("verb", ["as-of", "list"])
def test_however_many_partitions_there_are_the_catalogue_is_opened_once(
    cellar: Cellar, capfd: pytest.CaptureFixture[str], verb: str
):
    for name in (NAKA, NISHI):
        cellar.keep(1, partition=name)
    out = cellar.directory / "bundle"
    words = [came(1).isoformat(), "--out", out] if verb == "as-of" else []
    with openings() as opened:
        run(capfd, verb, cellar.file, *words)
    assert len(opened) == 2  # and once to see that it is one


def test_t15_a_partition_that_had_no_file_by_then_is_named(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    cellar.keep(1)
    out = cellar.directory / "bundle"
    words = ("as-of", cellar.file, came(1).isoformat(), "--out", out, "--json")
    said = json.loads(run(capfd, *words, code=1))
    assert said["missing"] == [["user-auth-g3", NISHI]]


def test_a_compact_set_is_no_partition_that_could_be_missing(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    for name in (NAKA, NISHI):
        cellar.keep(1, partition=name)
    made = Facts(
        kind=Kind.COMPACT_SET,
        issuer=cellar.source(NAKA).fingerprint,
        partition=COMPACT,
        number=1,
        base=None,
        this_update=AT,
        next_update=AT + DAY,
        sha256=sha256((cellar.directory / "spooled").read_bytes()).digest(),
    )
    cellar.archive.keep(made, cellar.directory / "spooled", at=came(9))
    for number, out in ((1, "before"), (9, "after")):
        words = ("as-of", cellar.file, came(number).isoformat(), "--out", cellar.directory / out)
        said = json.loads(run(capfd, *words, "--json"))
        assert {each["kind"] for each in said["files"]} == {"crl"}


def test_a_manifest_that_was_changed_or_signed_by_another_is_refused(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    for name in (NAKA, NISHI):
        cellar.keep(1, partition=name)
    out = cellar.directory / "bundle"
    run(capfd, "as-of", cellar.file, came(1).isoformat(), "--out", out)
    text, signature = (out / "manifest.json").read_bytes(), (out / "manifest.sig").read_bytes()
    trusted = public_der(read_private_key(cellar.directory / "ledger.key"))
    with pytest.raises(BadManifest):
        read_manifest(text.replace(b'"number":1', b'"number":2'), signature, trusted=trusted)
    with pytest.raises(BadManifest):
        read_manifest(text, signature[:-1], trusted=trusted)


def test_a_time_without_its_offset_is_refused(cellar: Cellar):
    with pytest.raises(SystemExit) as left:
        main(["files", "list", str(cellar.file), "--at", "2026-04-01T00:00"])
    assert left.value.code == 64


def test_where_no_files_are_kept_the_remedy_is_named(
    cellar: Cellar, capfd: pytest.CaptureFixture[str]
):
    cellar.file.write_text(cellar.file.read_text().replace('[files]\nkeep = "3650d"\n', ""))
    assert main(["files", "list", str(cellar.file)]) == 1
    assert "add the table [files]" in capfd.readouterr().err


def test_a_promise_beyond_what_is_kept_stops_the_start(cellar: Cellar):
    cellar.file.write_text(cellar.file.read_text() + 'archive_cutoff = "3651d"\n')
    assert main(["files", "list", str(cellar.file)]) == 78


@pytest.mark.parametrize(
    "words", [("as-of", "9000-04-01", "--out", "x"), ("list", "--at", "9000-04-01")]
)
def test_nothing_is_signed_or_said_of_a_moment_to_come(
    cellar: Cellar, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
):
    """The manifest would be evidence of what nobody can know."""
    verb, *more = words
    with pytest.raises(SystemExit, match="64"):
        main(["files", verb, str(cellar.file), *more])
    assert "still to come" in capfd.readouterr().err
