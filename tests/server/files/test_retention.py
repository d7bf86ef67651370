"""Files whose time is over go by rule, with one entry in the ledger, whatever is killed."""

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.archive import Cellar, came
from support.clock import FakeClock
from support.crls import AT, HOUR, NAKA, NISHI
from support.dying import run
from tashika_server.assembly.archiving import retentions_of
from tashika_server.assembly.keeping_office import office_parts
from tashika_server.book import Book, open_book
from tashika_server.book.trail import entries
from tashika_server.config import ConfigError, load_config
from tashika_server.files import retention
from tashika_server.files.archive import Archive
from tashika_server.files.catalog import Catalog
from tashika_server.files.retention import purge
from tashika_server.files.verifying import verify
from tashika_server.issuer import Retention, Retentions
from tashika_server.metering.master_key import ensure_master_key

KEEP = timedelta(days=31)
RULES = Retentions(usual=Retention(keep=KEEP, basis="2013 16, 35"), own={})


@pytest.fixture
def cellar(tmp_path: Path, sqlite_template: Path) -> Cellar:
    """Keep four CRLs of one partition, a delta among them, and one of another."""
    shutil.copy(sqlite_template, tmp_path / "book.sqlite")
    cellar = Cellar(tmp_path)
    cellar.keep(1)
    cellar.keep(2, base=1)
    cellar.keep(3)
    cellar.keep(4, base=3)
    cellar.keep(1, partition=NISHI)
    return cellar


@pytest.fixture
def book(cellar: Cellar) -> Iterator[Book]:
    opened = open_book(f"sqlite:///{cellar.directory / 'book.sqlite'}")
    yield opened
    opened.close()


def let_go(cellar: Cellar, book: Book, at: datetime) -> int:
    return purge(book, cellar.archive, RULES, actor="office:here", at=at)


def kept(cellar: Cellar, partition: str = NAKA) -> list[int]:
    fingerprint = cellar.source(NAKA).fingerprint
    rows = cellar.archive.catalog.of(fingerprint, partition)
    for row in rows:
        assert cellar.archive.packed(row).exists() is (row.leaving is None)
    return [row.number for row in rows if row.leaving is None]


def entered(book: Book) -> list[str]:
    with book.reading() as connection:
        return [each.after or "" for each in entries(connection) if each.action == "files.purge"]


def test_what_came_before_the_period_goes_and_the_ledger_says_by_which_article(
    cellar: Cellar, book: Book
):
    assert let_go(cellar, book, came(1) + KEEP + HOUR) == 1
    assert kept(cellar) == [2, 3, 4]
    (entry,) = entered(book)
    assert '"basis":"2013 16, 35"' in entry
    assert '"files":1' in entry


def test_the_newest_crl_stays_with_its_deltas_however_old(cellar: Cellar, book: Book):
    assert let_go(cellar, book, AT + timedelta(days=36_500)) == 2
    assert kept(cellar) == [3, 4]
    assert kept(cellar, NISHI) == [1]
    assert let_go(cellar, book, AT + timedelta(days=36_501)) == 0
    assert len(entered(book)) == 1


def test_what_has_gone_is_still_known_to_have_been_kept(cellar: Cellar, book: Book):
    let_go(cellar, book, AT + timedelta(days=36_500))
    fingerprint = cellar.source(NAKA).fingerprint
    known = cellar.archive.catalog.known(fingerprint, NAKA, came(1))
    assert [(each.number, each.leaving is None) for each in known] == [(1, False)]
    assert list(verify(cellar.archive)) == []


def test_each_issuer_has_its_own_period_and_basis(cellar: Cellar, book: Book):
    fingerprint = cellar.source(NAKA).fingerprint
    at = came(1) + KEEP + HOUR
    longer = Retention(keep=2 * KEEP, basis="2002 16")
    rules = Retentions(usual=RULES.usual, own={fingerprint: longer})
    assert purge(book, cellar.archive, rules, actor="office:here", at=at) == 0
    assert purge(book, cellar.archive, rules, actor="office:here", at=at + KEEP) == 1
    (entry,) = entered(book)
    assert '"basis":"2002 16"' in entry


def test_an_issuers_period_is_configured_and_no_less_than_it_promises(cellar: Cellar):
    text = cellar.file.read_text()
    cellar.file.write_text(text + 'keep = "100d"\nkeep_basis = "2002 16"\n')
    rules = retentions_of(cellar.config)
    fingerprint = cellar.source(NAKA).fingerprint
    assert rules.of(fingerprint) == Retention(keep=timedelta(days=100), basis="2002 16")
    assert rules.of(bytes(32)) == Retention(keep=timedelta(days=3650), basis="2013 16, 35")
    cellar.file.write_text(text + 'keep = "100d"\narchive_cutoff = "101d"\n')
    with pytest.raises(ConfigError, match="promises more than is kept"):
        load_config(cellar.file)
    cellar.file.write_text(text.replace('[files]\nkeep = "3650d"\n', "") + 'keep = "100d"\n')
    with pytest.raises(ConfigError, match="which nobody keeps"):
        load_config(cellar.file)


def test_an_office_purges_once_a_day_with_what_is_configured(cellar: Cellar):
    (cellar.directory / "run").mkdir()
    ensure_master_key(cellar.directory / "metering.key")
    parts = office_parts(cellar.config, clock=FakeClock(AT))
    assert parts.retention is not None
    (issuer,) = cellar.config.issuers
    assert parts.retention.rules.of(issuer.identity.fingerprint) == Retention(
        keep=timedelta(days=3650), basis="2013 35"
    )
    assert parts.console.files is not None
    assert parts.console.files.issuers.keys() == {"user-auth-g3"}


# --- The end of the process, at every step ------------------------------------------------------

STEPS: dict[str, tuple[Any, str]] = {
    "marked": (Catalog, "let_go"),
    "entered": (retention, "_enter"),
    "removed": (Path, "unlink"),
    "closed": (Catalog, "gone"),
}
BEGUN = {(step, when) for step in STEPS for when in ("before", "after")} - {("marked", "before")}
ENTERED = BEGUN - {("marked", "after"), ("entered", "before")}


def purge_until(directory: Path, step: str, when: str) -> None:
    """Purge everything that may go, and die by SIGKILL before or after the first such step."""
    archive = Archive.open(directory / "archive")
    book = open_book(f"sqlite:///{directory / 'book.sqlite'}")
    owner, name = STEPS[step]
    real = getattr(owner, name)

    def broken(*args: Any, **named: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, broken)
    purge(book, archive, RULES, actor="office:here", at=AT + timedelta(days=36_500))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_of_a_purge_leaves_one_entry_and_no_file_behind(
    cellar: Cellar, book: Book, step: str, when: str
):
    assert run(purge_until, cellar.directory, step, when) == -signal.SIGKILL
    known = cellar.archive.catalog.of(cellar.source(NAKA).fingerprint, NAKA)
    going = [1, 2] if (step, when) in BEGUN else []
    assert [each.number for each in known if each.leaving] == going
    assert len(entered(book)) == ((step, when) in ENTERED)
    assert list(verify(cellar.archive)) == []
    let_go(cellar, book, AT + timedelta(days=36_500))
    assert kept(cellar) == [3, 4]
    assert len(entered(book)) == 1
    assert cellar.archive.catalog.leaving() == []
