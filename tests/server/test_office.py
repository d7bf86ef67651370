"""The office: what the book says reaches the workers' file, whatever becomes of the book."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog

from support.asking import Authority, ec_key, make_issuer
from support.book import Postgres, postgres, upgraded
from support.clock import FakeClock
from support.registry import START, Office
from support.service import Service, make_lab
from tashika_server.agreements import registry
from tashika_server.agreements.compromise_file import (
    COMPROMISE_FILE,
    STATUS_FILE,
    CompromiseFile,
)
from tashika_server.agreements.grounds import Ground
from tashika_server.agreements.refusals import AgreementsTooOld
from tashika_server.agreements.registry import DeclareCompromise, Suspend, WithdrawCompromise
from tashika_server.agreements.snapshot import SNAPSHOT_FILE, Snapshot, SnapshotWatcher
from tashika_server.book import Book, Mode, open_book
from tashika_server.book.trail import last_number
from tashika_server.cli import main
from tashika_server.console.application import ConsoleParts
from tashika_server.index import IndexReader, IndexWriter
from tashika_server.issuer import Issuer
from tashika_server.metering.ingest import IngestParts
from tashika_server.office import compiler
from tashika_server.office.compiler import CompilerParts
from tashika_server.office.control import notify
from tashika_server.office.freshness import FreshnessParts
from tashika_server.office.intake import IntakeParts
from tashika_server.office.process import OfficeParts, serve
from tashika_server.office.refreshes import RefreshParts

SOON = timedelta(milliseconds=50)
NEVER = timedelta(days=1)
PATIENCE = 30.0
MAX_AGE = timedelta(hours=1)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "LOOK_EVERY", SOON)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is seen unless somebody says so."""
    monkeypatch.setattr(compiler, "LOOK_EVERY", NEVER)


@asynccontextmanager
async def open_office(
    book: Book,
    run: Path,
    *,
    clock: FakeClock,
    stamp_every: timedelta = NEVER,
    issuers: tuple[Issuer, ...] = (),
) -> AsyncIterator[Callable[[], Snapshot]]:
    """Keep office for the length of the block; lends what a worker would read."""
    index = IndexReader.open(run / "index")
    parts = OfficeParts(
        compiler=CompilerParts(
            book=book,
            snapshot=run / SNAPSHOT_FILE,
            compromises=run / COMPROMISE_FILE,
            issuers={},
            stamp_every=stamp_every,
            clock=clock,
        ),
        console=ConsoleParts(
            files=None,
            metrics=bytes,
            book=book,
            two_person=frozenset(),
            issuers={},
            session_life=NEVER,
            tls=None,
            clock=clock,
        ),
        intake=IntakeParts(
            ingest=IngestParts(book=book, journal=run / "journal", node="here", clock=clock),
            keep=NEVER,
        ),
        refreshes=RefreshParts(
            book=book,
            index=index,
            node="here",
            issuers={},
            released=run / "released-files",
            clock=clock,
        ),
        freshness=FreshnessParts(index=index, issuers=issuers, clock=clock),
        closing=None,
        retention=None,
        run=run,
    )
    stop, ready = asyncio.Event(), asyncio.Event()
    keeping = asyncio.create_task(serve(parts, None, ready=ready.set, stop=stop.wait()))
    await asyncio.wait_for(ready.wait(), PATIENCE)
    watcher = SnapshotWatcher(run / SNAPSHOT_FILE, max_age=MAX_AGE)

    def read() -> Snapshot:
        watcher.look(clock.now())
        return watcher.current(clock.now())

    try:
        yield read
    finally:
        stop.set()
        await asyncio.wait_for(keeping, PATIENCE)


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not claim():  # noqa: ASYNC110 - files and logs raise no event
            await asyncio.sleep(0.01)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def ids(snapshot: Snapshot) -> list[str]:
    return [terms.agreement for terms in snapshot.agreements]


async def test_it_compiles_at_the_start_and_when_told(slow, book: Book, run: Path):
    people = Office(book)
    people.active(people.verifier())
    async with open_office(book, run, clock=FakeClock(START)) as read:
        assert ids(read()) == ["A-000001"]
        halts = read().agreements[0].halts
        people.submit(Suspend(verifier="V-000001", ground=Ground.SIGNATURE_DUTY, reason="a breach"))
        with book.reading() as connection:
            last = last_number(connection)
        assert await notify(run) == {"agreements": 1, "entry": last}
        assert len(read().agreements[0].halts) == len(halts) + 1
    assert await notify(run) is None


async def test_compromises_reach_the_workers_and_the_public(slow, book: Book, run: Path):
    people, key = Office(book), bytes(range(32))
    order = DeclareCompromise(
        issuer="signature-g3", fingerprint=key, family="signature", reason="lost"
    )
    async with open_office(book, run, clock=FakeClock(START)):
        file = CompromiseFile(run / COMPROMISE_FILE)
        assert file.current() == {}
        proposed = people.submit(order)
        await notify(run)
        assert file.current() == {}
        people.actor = "suzuki"
        people.approve(proposed.id)
        await notify(run)
        (known,) = file.current().values()
        assert (known.id, known.fingerprint, known.since) == ("K-000001", key, START)
        assert "signature-g3" in (run / "notices.html").read_text()
        assert "signature-g3" in (run / "notices.atom").read_text()
        (run / COMPROMISE_FILE).unlink()
        await notify(run)
        assert CompromiseFile(run / COMPROMISE_FILE).current().keys() == {key}


async def test_the_status_page_says_at_once_that_a_key_is_compromised(slow, book: Book, run: Path):
    """Nobody may read "fresh" for half a minute after the public notice, nor after a start."""
    people, issuer = Office(book), make_issuer(Authority.make("CA", ec_key("ca")))
    fingerprint = issuer.identity.fingerprint
    with IndexWriter.open(run / "index", 2**24) as index:
        index.expect(fingerprint, [""])
    order = DeclareCompromise(
        issuer=issuer.name, fingerprint=fingerprint, family="signature", reason="lost"
    )
    proposed = people.submit(order)
    people.actor = "suzuki"
    people.approve(proposed.id)
    async with open_office(book, run, clock=FakeClock(START), issuers=(issuer,)):
        page = run / STATUS_FILE
        await until(lambda: page.exists() and "key compromised" in page.read_text())
        people.actor = "sato"
        proposed = people.submit(WithdrawCompromise(compromise="K-000001", reason="found"))
        people.actor = "suzuki"
        people.approve(proposed.id)
        await notify(run)
        await until(lambda: "key compromised" not in page.read_text())


async def test_it_sees_what_another_machine_changed(quick, book: Book, run: Path):
    people = Office(book)
    async with open_office(book, run, clock=FakeClock(START)) as read:
        assert ids(read()) == []
        people.active(people.verifier())
        await until(lambda: ids(read()) == ["A-000001"])


async def test_an_unchanged_book_is_stamped_anew_so_that_workers_go_on(quick, book, run):
    clock = FakeClock(START)
    async with open_office(book, run, clock=clock, stamp_every=timedelta(0)) as read:
        now = clock.advance(MAX_AGE * 2)
        await until(lambda: (run / SNAPSHOT_FILE).read_text().count(now.isoformat()) == 1)
        assert read().compiled_at == now


async def test_a_rehearsal_changes_nothing_for_the_workers(slow, book: Book, run: Path):
    people = Office(book)
    agreement = people.active(people.verifier())
    async with open_office(book, run, clock=FakeClock(START)) as read:
        before = (run / SNAPSHOT_FILE).read_bytes()
        with people.change(Mode.REHEARSE) as change:
            registry.end_agreement(change, agreement.id)
        assert "error" not in (await notify(run) or {"error": ""})
        assert (run / SNAPSHOT_FILE).read_bytes() == before
        assert ids(read()) == [agreement.id]


async def test_what_ends_soon_is_said_ahead(slow, book: Book, run: Path):
    people = Office(book)
    people.active(people.verifier())
    clock = FakeClock(START + timedelta(days=330))
    with structlog.testing.capture_logs() as logs:
        async with open_office(book, run, clock=clock):
            await until(lambda: len(events(logs, "ends_soon")) == 2)
    said = {(each["what"], each["subject"]) for each in events(logs, "ends_soon")}
    assert said == {("accreditation", "V-000001"), ("agreement", "A-000001")}


# --- T4: the book is away -------------------------------------------------------------------


@pytest.fixture
def own_postgres() -> Postgres:
    with postgres() as server:
        yield server


async def test_t4_postgresql_stops_and_comes_back_without_hands(quick, own_postgres, run: Path):
    clock = FakeClock(START)
    book = upgraded(own_postgres.dsn("postgres"))
    people = Office(book)
    people.active(people.verifier())
    with structlog.testing.capture_logs() as logs:
        async with open_office(book, run, clock=clock, stamp_every=timedelta(0)) as read:
            assert ids(read()) == ["A-000001"]
            await asyncio.to_thread(own_postgres.stop)
            told = await notify(run)
            assert told is not None
            assert "error" in told
            await until(lambda: bool(events(logs, "agreements_not_compiled")))
            assert ids(read()) == ["A-000001"]
            clock.advance(MAX_AGE)
            with pytest.raises(AgreementsTooOld):
                read()
            await asyncio.to_thread(own_postgres.start)
            await until(lambda: bool(events(logs, "agreements_compiled_again")))
            assert ids(read()) == ["A-000001"]
    assert len(events(logs, "agreements_not_compiled")) == 1
    book.close()


def events(logs, name: str) -> list:
    return [each for each in logs if each["event"] == name]


async def test_t4_an_office_that_starts_without_its_book_leaves_the_file_and_waits(
    quick, sqlite_template: Path, run: Path, tmp_path: Path
):
    (run / SNAPSHOT_FILE).write_text("what was there")
    book = open_book(f"sqlite:///{tmp_path / 'book.sqlite'}")
    async with open_office(book, run, clock=FakeClock(START)) as read:
        assert (run / SNAPSHOT_FILE).read_text() == "what was there"
        shutil.copy(sqlite_template, tmp_path / "book.new")
        (tmp_path / "book.new").rename(tmp_path / "book.sqlite")
        await until(lambda: (run / SNAPSHOT_FILE).read_text() != "what was there")
        assert ids(read()) == []
    book.close()


async def test_a_run_folder_that_is_full_or_gone_stops_nothing(quick, book: Book, run: Path):
    people = Office(book)
    async with open_office(book, run, clock=FakeClock(START)) as read:
        (run / SNAPSHOT_FILE).unlink()
        (run / SNAPSHOT_FILE).mkdir()
        people.active(people.verifier())
        assert "error" in (await notify(run) or {})
        (run / SNAPSHOT_FILE).rmdir()
        await until((run / SNAPSHOT_FILE).is_file)
        assert ids(read()) == ["A-000001"]


# --- As a process ---------------------------------------------------------------------------


def log_in(url: str, token: str) -> Any:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)) as connection:
        connection.request("POST", "/v1/sessions", headers={"Authorization": f"Bearer {token}"})
        return json.load(connection.getresponse())


def test_closed_service_keeps_office_and_commands_reach_it(tmp_path: Path, capsys):
    make_lab(tmp_path)
    config = tmp_path / "tashika.toml"
    text = config.read_text().replace('access = "open"', 'access = "closed"')
    config.write_text(text + '\n[office]\nlisten = "127.0.0.1:0"\n')
    assert main(["book", "upgrade", str(config)]) == 0
    enrol = ["operator", "add", str(config), "--name", "sato", "--role", "auditor", "--json"]
    capsys.readouterr()
    assert main(enrol) == 0
    token = json.loads(capsys.readouterr().out)["secret"]
    with Service(tmp_path) as service:
        url = service.wait_for_event("management_ready")["url"]
        compiled = service.wait_for_event("agreements_compiled")
        add = ["verifier", "add", str(config), "--name", "Bank A", "--category", "court"]
        assert main(add) == 0
        # The command returns when the office has compiled: nothing to wait for.
        assert service.events("agreements_compiled")[-1]["entry"] > compiled["entry"]
        assert log_in(url, token)["operator"]["name"] == "sato"
        killed = service.kill("office")
        assert service.wait_for_successor("office", of=killed)
        service.wait_for_event("management_ready", more_than=1)
        assert service.stop() == 0
    assert token not in service.log.read_text()
