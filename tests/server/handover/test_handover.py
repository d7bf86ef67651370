"""An issuer passes to another operator: everything arrives as it was given, once, or nothing."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.asking import Authority, ec_key, make_issuer, write_pem
from support.registry import START, Office
from tashika.pki.algorithms import PrivateKey
from tashika_server.agreements.compromises import (
    DeclareCompromise,
    WithdrawCompromise,
    declare_compromise,
    withdraw_compromise,
)
from tashika_server.book import Book, open_book, trail
from tashika_server.cli import main
from tashika_server.config.issuers import load_issuer
from tashika_server.config.problem import Complaints
from tashika_server.config.reading import read_settings
from tashika_server.handover import package, passing
from tashika_server.handover.package import (
    MANIFEST,
    SIGNATURE,
    HandoverRefused,
    read_package,
    seal_package,
)
from tashika_server.handover.passing import GIVEN, TAKEN, Passed, hand_over, take_over
from tashika_server.handover.portable import IssuerPart, LedgerPart, Portable
from tashika_server.handover.served import table
from tashika_server.issuer import (
    FRESHEST,
    Bounds,
    Covers,
    Expected,
    Issuer,
    Numbering,
    Partition,
    Probe,
    PushFeed,
)
from tashika_server.ledger.export import export_lines
from tashika_server.ledger.keys import public_pem
from tashika_server.ledger.root import public_key
from tashika_server.ledger.roots import close_days

KEY = ec_key("ledger")
PUBLIC = public_key(KEY)
DAY = timedelta(days=1)


class Giver:
    """An operator with an issuer, a register and a book with something in it."""

    def __init__(self, directory: Path, book: Book) -> None:
        register = directory / "register.txt"
        register.write_text("1-500\n")
        self.book = book
        self.people = Office(self.book)
        self.people.verifier()
        self.issuer = replace(
            make_issuer(Authority.make("CA", ec_key("ca"))), register=register, operator="Body A"
        )
        self.folder = directory / "given"
        self.parts: tuple[Portable, ...] = IssuerPart(), LedgerPart(book=self.book, keys=[PUBLIC])

    def give(self, key: PrivateKey = KEY) -> Passed:
        return hand_over(
            self.book, self.issuer, self.parts, self.folder, key, actor="sato", at=START
        )


@contextmanager
def copied(template: Path, directory: Path) -> Iterator[Book]:
    directory.mkdir()
    shutil.copy(template, directory / "book.sqlite")
    book = open_book(f"sqlite:///{directory / 'book.sqlite'}")
    try:
        yield book
    finally:
        book.close()


@pytest.fixture
def giver(sqlite_template: Path, tmp_path: Path) -> Iterator[Giver]:
    with copied(sqlite_template, tmp_path / "giver") as book:
        yield Giver(tmp_path / "giver", book)


@pytest.fixture
def taker(sqlite_template: Path, tmp_path: Path) -> Iterator[Book]:
    with copied(sqlite_template, tmp_path / "taker") as book:
        yield book


def take(book: Book, folder: Path, home: Path, *keys: bytes) -> Passed:
    parts = IssuerPart(), LedgerPart(book=book, keys=keys or [PUBLIC])
    return take_over(book, folder, parts, home, keys or [PUBLIC], actor="sato", at=START)


def entries(book: Book, action: str) -> list[trail.Entry]:
    with book.reading() as connection:
        return [each for each in trail.entries(connection) if each.action == action]


def test_what_is_given_is_taken_and_both_ledgers_say_so(giver: Giver, taker: Book, tmp_path: Path):
    given = giver.give()
    taken = take(taker, giver.folder, tmp_path / "home")
    assert taken == given
    (ours,), (theirs,) = entries(giver.book, GIVEN), entries(taker, TAKEN)
    assert ours.after == theirs.after
    assert ours.subject == theirs.subject
    kept = taken.folder(tmp_path / "home")
    assert (kept / "issuer" / "register.txt").read_text() == "1-500\n"
    assert read_package(kept, [PUBLIC]).operator == "Body A"
    assert f'certificate = "{kept}/issuer/ca.pem"' in table(kept / "issuer")


CRLS = {
    "complete": (
        Partition(
            name="",
            url="lab:/crl/x",
            mirrors=("http://mirror.invalid/x",),
            delta="lab:/crl/x.delta",
            covers=Covers.USER_CERTIFICATES,
            crl_issuer=Authority.make("CRLs", ec_key("crls")).certificate,
        ),
    ),
    "partitioned": (
        Partition(name="CN=1, OU=中区", url="lab:/1", mirrors=("lab:/2",), delta=FRESHEST),
        Partition(name="http://crl.invalid/2.crl", url="lab:/2"),
    ),
}


@pytest.mark.parametrize("crls", CRLS)
def test_it_is_served_by_the_next_operator_as_it_was(giver: Giver, tmp_path: Path, crls: str):
    """From what the giver's configuration says to what the receiver's will say."""
    giver.issuer = replace(
        giver.issuer,
        partitions=CRLS[crls],
        feed=PushFeed(url="lab:/feed", key=ec_key("feed").public_key()),
        bounds=Bounds(max_shrink=0.01, growth_slack=7, max_validity=timedelta(hours=36)),
        probes=(Probe(serial=2**70, standing=Expected.REVOKED),),
        numbering=Numbering.CONSECUTIVE,
        archive_cutoff=timedelta(days=1095),
        keep=4000 * DAY,
        keep_basis='2002 "16"',
    )
    giver.give()
    file = tmp_path / "tashika.toml"
    (settings,) = read_settings(file, table(giver.folder / "issuer")).issuer
    complaints = Complaints(file)
    found = load_issuer(settings, complaints)
    complaints.settle()
    assert found
    ours = {"operator": giver.issuer.operator, "guarded": giver.issuer.guarded}
    assert found.register
    assert found.register.read_text() == "1-500\n"
    assert replace(found, register=giver.issuer.register, **ours) == giver.issuer


def test_it_is_told_that_its_key_is_compromised(
    giver: Giver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """By no CRL can the next operator see it, who would call everything under it good."""
    order = DeclareCompromise(
        issuer="ca",
        fingerprint=giver.issuer.identity.fingerprint,
        family="user-auth",
        reason="theft",
        since=START,
    )
    config, key = configure(giver)
    with giver.book.writing(actor="sato", at=START) as change:
        declared = declare_compromise(change, order)
    export = ["handover", "export", str(config), "ca", "--to"]
    assert main([*export, str(tmp_path / "given")]) == 0
    assert main(["handover", "import", str(config), str(tmp_path / "given"), "--key", key]) == 0
    told = capsys.readouterr().out
    assert f"compromise declare CONFIG ca --since {START.isoformat()}" in told
    with giver.book.writing(actor="sato", at=START) as change:
        withdraw_compromise(change, WithdrawCompromise(compromise=declared.id, reason="found"))
    assert main([*export, str(tmp_path / "again")]) == 0
    assert "compromise" not in table(tmp_path / "again" / "issuer")


def test_no_private_key_is_given(giver: Giver):
    giver.give()
    for path in giver.folder.rglob("*"):
        assert path.is_dir() or b"PRIVATE KEY" not in path.read_bytes()


def change_a_file(folder: Path) -> None:
    path = folder / "issuer" / "register.txt"
    path.write_text(path.read_text().replace("500", "501"))


def leave_one_out(folder: Path) -> None:
    (folder / "ledger" / "ledger.jsonl").unlink()


def put_one_in(folder: Path) -> None:
    (folder / "issuer" / "more.txt").write_text("more")


def put_in_a_link(folder: Path) -> None:
    (folder / "issuer" / "more.txt").symlink_to("/etc/passwd")


def cut_one(folder: Path) -> None:
    path = folder / "ledger" / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-20])


def change_the_manifest(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_text(path.read_text().replace("Body A", "Body B"))


def forge_the_signature(folder: Path) -> None:
    other = (folder / SIGNATURE).read_text()
    (folder / SIGNATURE).write_text(other[:-3] + ("0" if other[-3] != "0" else "1") + other[-2:])


def lose_the_signature(folder: Path) -> None:
    (folder / SIGNATURE).unlink()


SPOILS: list[tuple[Callable[[Path], None], str]] = [
    (change_a_file, "register.txt was changed"),
    (leave_one_out, "ledger.jsonl is missing"),
    (put_one_in, "more.txt was put in"),
    (put_in_a_link, "no plain file"),
    (cut_one, "ledger.jsonl was changed"),
    (change_the_manifest, "not signed by that key"),
    (forge_the_signature, "not signed by that key"),
    (lose_the_signature, "is no hand-over"),
]


@pytest.mark.parametrize(("spoil", "why"), SPOILS)
def test_what_is_not_as_it_was_given_is_refused(giver: Giver, taker: Book, tmp_path, spoil, why):
    giver.give()
    spoil(giver.folder)
    with pytest.raises(HandoverRefused, match=why):
        take(taker, giver.folder, tmp_path / "home")
    assert entries(taker, TAKEN) == []
    assert not (tmp_path / "home").exists()


def test_another_key_than_the_givers_is_refused(giver: Giver, taker: Book, tmp_path: Path):
    giver.give()
    with pytest.raises(HandoverRefused, match="not signed by that key"):
        take(taker, giver.folder, tmp_path / "home", public_key(ec_key("stranger")))


def test_it_is_taken_once(giver: Giver, taker: Book, tmp_path: Path):
    giver.give()
    take(taker, giver.folder, tmp_path / "home")
    with pytest.raises(HandoverRefused, match="taken over already, by entry 1"):
        take(taker, giver.folder, tmp_path / "home")
    assert len(entries(taker, TAKEN)) == 1


def test_a_file_that_is_listed_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a").write_text("a")
    once = package._files

    def twice(where: Path) -> Any:
        return [*once(where), *once(where)]

    monkeypatch.setattr(package, "_files", twice)
    seal_package(
        folder,
        KEY,
        issuer="x",
        fingerprint=bytes(32),
        operator=None,
        parts=(),
        at=START,
    )
    monkeypatch.undo()
    with pytest.raises(HandoverRefused, match="lists a file twice"):
        read_package(folder, [PUBLIC])


@pytest.mark.parametrize(("numbers", "why"), [((1, 2), "no part 'ledger'"), ((2, 1), "newer")])
def test_parts_must_be_the_same(giver: Giver, taker: Book, tmp_path, numbers, why):
    give, take_in = numbers
    giver.parts = giver.parts[:give]
    giver.give()
    parts = (IssuerPart(), LedgerPart(book=taker, keys=[PUBLIC]))[:take_in]
    home = tmp_path / "home"
    with pytest.raises(HandoverRefused, match=why):
        take_over(taker, giver.folder, parts, home, [PUBLIC], actor="sato", at=START)


def test_after_a_change_of_its_key_a_ledger_is_given_and_taken_all_the_same(
    giver: Giver, taker: Book, tmp_path: Path
):
    newer = ec_key("newer ledger")
    close_days(giver.book, KEY, actor="office", at=START + DAY)
    close_days(giver.book, newer, actor="office", at=START + 2 * DAY)
    giver.give(newer)
    with pytest.raises(HandoverRefused, match="somebody else's key"):
        take(taker, giver.folder, tmp_path / "home", public_key(newer))
    with pytest.raises(HandoverRefused, match="not signed by that key"):
        take(taker, giver.folder, tmp_path / "home", PUBLIC)
    take(taker, giver.folder, tmp_path / "home", PUBLIC, public_key(newer))
    assert len(entries(taker, TAKEN)) == 1


def test_a_part_of_a_ledger_is_not_taken(giver: Giver, taker: Book, tmp_path: Path):
    close_days(giver.book, KEY, actor="office", at=START + DAY)

    class Part(LedgerPart):
        def give(self, _issuer: Issuer, folder: Path) -> None:
            with self.book.reading() as connection:
                lines = list(export_lines(connection, first=(START + DAY).date()))
            (folder / "ledger.jsonl").write_bytes(b"".join(lines))

    giver.parts = IssuerPart(), Part(book=giver.book, keys=[PUBLIC])
    giver.give()
    with pytest.raises(HandoverRefused, match=r"begins with entry \d+; ask for all of it"):
        take(taker, giver.folder, tmp_path / "home")


@dataclass(frozen=True)
class Long:
    """A part of years of files; somebody has work at the book while they are copied."""

    meanwhile: Callable[[], object]
    name: str = "long"

    def give(self, _issuer: Issuer, _folder: Path) -> None:
        self.meanwhile()

    def check(self, _fingerprint: bytes, _folder: Path) -> None:
        pass

    def take_in(self, _fingerprint: bytes, _folder: Path) -> None:
        self.meanwhile()


def take_long(book: Book, folder: Path, home: Path, meanwhile: Callable[[], object]) -> Passed:
    return take_over(book, folder, [Long(meanwhile)], home, [PUBLIC], actor="sato", at=START)


def test_the_book_can_be_written_while_files_are_given_and_taken(
    giver: Giver, taker: Book, tmp_path: Path
):
    giver.parts = (Long(lambda: giver.people.verifier(name="Bank B")),)
    giver.give()
    take_long(taker, giver.folder, tmp_path / "home", Office(taker).verifier)
    assert len(entries(giver.book, "verifier.add")) == 2
    assert len(entries(taker, "verifier.add")) == 1


def test_of_two_who_take_the_same_over_one_enters_it(giver: Giver, taker: Book, tmp_path: Path):
    giver.parts, home = (Long(lambda: None),), tmp_path / "home"
    giver.give()
    with pytest.raises(HandoverRefused, match="taken over already"):
        take_long(
            taker,
            giver.folder,
            home,
            lambda: take_long(taker, giver.folder, home, lambda: None),
        )
    assert len(entries(taker, TAKEN)) == 1


@pytest.mark.parametrize("step", ["copytree", "_put", "_enter"])
def test_a_crash_while_taking_over_loses_nothing(
    giver: Giver, taker: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    """After any step the same command finishes, and the ledger has it once."""

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    giver.give()
    with monkeypatch.context() as patched:
        patched.setattr(shutil if step == "copytree" else passing, step, die)
        with pytest.raises(Killed):
            take(taker, giver.folder, tmp_path / "home")
    assert entries(taker, TAKEN) == []
    passed = take(taker, giver.folder, tmp_path / "home")
    assert len(entries(taker, TAKEN)) == 1
    assert [each.name for each in (tmp_path / "home").iterdir()] == [
        passed.folder(tmp_path / "home").name
    ]


def test_a_hand_over_is_never_written_over(giver: Giver):
    giver.give()
    with pytest.raises(HandoverRefused, match="is there already"):
        giver.give()
    assert len(entries(giver.book, GIVEN)) == 1


def configure(giver: Giver) -> tuple[Path, str]:
    """Write a configuration, and return it with the file of the ledger's public key."""
    home = giver.folder.parent
    write_pem(home / "ca.pem", giver.issuer.certificate)
    write_pem(home / "ledger.key", KEY)
    (home / "ledger.pem").write_text(public_pem(PUBLIC))
    config = home / "tashika.toml"
    config.write_text(
        '[ledger]\nkey = "ledger.key"\n[[issuer]]\nname = "ca"\ncertificate = "ca.pem"\n'
        'crl = "file:///x.crl"\nregister = "register.txt"\n'
        'signers = [{ certificate = "ca.pem", key = "ledger.key" }]\n'
    )
    return config, str(home / "ledger.pem")


def test_the_commands(giver: Giver, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config, key = configure(giver)
    folder = tmp_path / "given"
    assert main(["handover", "export", str(config), "cb", "--to", str(folder)]) == 1
    assert "known here: ca" in capsys.readouterr().err
    assert main(["handover", "export", str(config), "ca", "--to", str(folder)]) == 0
    assert main(["handover", "verify", str(folder), "--key", key]) == 0
    capsys.readouterr()
    assert main(["handover", "import", str(config), str(folder), "--key", key]) == 0
    told = capsys.readouterr().out
    assert "[[issuer]]" in told
    assert 'crl = ["file:///x.crl"]' in told
    assert main(["handover", "import", str(config), str(folder), "--key", key]) == 1
    (folder / "issuer" / "ca.pem").unlink()
    assert main(["handover", "verify", str(folder), "--key", key]) == 1
