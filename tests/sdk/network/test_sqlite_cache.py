"""A cache in a file: shared, sealed, verified again, and never worth more than nothing."""

import asyncio
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from support.party import ONE, Party
from support.sdk import AT
from tashika import CachePolicy, Cause, Nonce, Policy, SqliteCache
from tashika.errors import WrongUse
from tashika.network.answers import Arrived, _written
from tashika.network.seal import Seal
from tashika.network.subjects import key_of
from tashika.ocsp import ask
from tashika.testing import Fault

KEY, OTHER = bytes(range(32)), bytes(32)
KEEPING = Policy(cache=CachePolicy(refresh_ahead=0))
LATER = AT + timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.tcache"


def rows(file: Path) -> list[tuple[bytes, bytes, int]]:
    with sqlite3.connect(file) as opened:
        found = opened.execute("SELECT * FROM answers ORDER BY name").fetchall()
    opened.close()
    return found


def opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


async def test_what_one_client_heard_another_knows_after_a_restart(file: Path) -> None:
    here = Party(policy=KEEPING)
    with SqliteCache(file, key=KEY) as cache:
        first = await here.another(cache=cache).check(here.pki.certificate, here.pki.issuer)
    with SqliteCache(file, key=KEY) as cache:
        report = await here.another(cache=cache).check(here.pki.certificate, here.pki.issuer)
    assert report
    assert report.remembered
    assert (report.source, report.produced_at) == (ONE, first.produced_at)
    assert len(here.responder.asked) == 1


async def test_a_revocation_goes_to_the_others_at_once(file: Path) -> None:
    here = Party(policy=KEEPING)
    with SqliteCache(file, key=KEY) as cache:
        one, two = here.another(cache=cache), here.another(cache=cache)
        here.responder.revoke(here.pki.certificate)
        await one.check(here.pki.certificate, here.pki.issuer)
        here.responder.release(here.pki.certificate)
        report = await two.check(here.pki.certificate, here.pki.issuer)
    assert (report.cause, report.remembered) == (Cause.REVOKED, True)


async def test_what_another_process_renewed_is_found_when_ones_own_has_ended(file: Path) -> None:
    here = Party(policy=KEEPING)
    given = here.pki.certificate, here.pki.issuer
    with SqliteCache(file, key=KEY) as cache:
        one, two = here.another(cache=cache), here.another(cache=cache)
        await one.check(*given)
        await two.check(*given)
        here.advance(hours=1)
        here.responder.hold(here.pki.certificate)
        await one.check(*given)
        report = await two.check(*given)
    assert (report.cause, report.remembered) == (Cause.ON_HOLD, True)
    assert len(here.responder.asked) == 2


async def test_c14_an_older_good_does_not_mask_a_newer_revocation_of_another_process(
    file: Path,
) -> None:
    here = Party(policy=KEEPING)
    with SqliteCache(file, key=KEY) as cache:
        here.responder.revoke(here.pki.certificate)
        first, second = here.another(cache=cache), here.another(cache=cache)
        answers = second._desk.answers
        assert answers
        await first.check(here.pki.certificate, here.pki.issuer)
        here.responder.release(here.pki.certificate)
        here.advance(minutes=-5)
        subject = here.question().subject
        known = second._desk.subjects.verify(
            here.pki.certificate, here.pki.issuer, here.clock.now()
        )
        question = ask(subject, KEEPING, bytes)
        body = here.responder.answer(question.body)
        older = here.verify()
        here.advance(minutes=5)
        kept = answers.keep(known, older, Arrived(body, question.nonce, ONE, here.clock.now()))
    assert kept.answer.cause is Cause.REVOKED


async def test_the_file_tells_nobody_whose_certificates_were_checked(file: Path) -> None:
    here = Party(policy=KEEPING)
    serial = 0x7E5712345678
    certificate = here.pki.issue("Somebody", serial=serial).certificate
    with SqliteCache(file, key=KEY) as cache:
        await here.another(cache=cache).check(certificate, here.pki.issuer)
    everything = whole(file.parent)
    octets = serial.to_bytes(6, "big")
    for trace in (octets, octets.hex().encode(), str(serial).encode(), b"one.test", b"Test CA"):
        assert trace not in everything
    assert mode(file) == 0o600


def whole(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


def listed(folder: Path) -> list[Path]:
    return [*folder.iterdir()]


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


# --- tampered, foreign, damaged -------------------------------------------------------------


async def stored(here: Party, file: Path) -> None:
    with SqliteCache(file, key=KEY) as cache:
        assert await here.another(cache=cache).check(here.pki.certificate, here.pki.issuer)


async def asks_anew(here: Party, file: Path, *, key: bytes = KEY) -> bool:
    asked = len(here.responder.asked)
    with SqliteCache(file, key=key) as cache:
        report = await here.another(cache=cache).check(here.pki.certificate, here.pki.issuer)
    assert report.remembered is (len(here.responder.asked) == asked)
    return not report.remembered


@pytest.mark.parametrize("place", [0, 12, 40, -1])
async def test_c1_an_altered_entry_is_as_if_it_were_not_there(file: Path, place: int) -> None:
    here = Party(policy=KEEPING)
    await stored(here, file)
    ((_, sealed, _),) = rows(file)
    altered = bytearray(sealed)
    altered[place] ^= 1
    with opened(file) as database:
        database.execute("UPDATE answers SET sealed = ?", (bytes(altered),))
    database.close()
    assert await asks_anew(here, file)


@pytest.mark.parametrize("sealed", [b"", b"x", None, 5, "text"])
async def test_what_is_no_entry_at_all_is_not_there_either(file: Path, sealed: object) -> None:
    here = Party(policy=KEEPING)
    await stored(here, file)
    with opened(file) as database:
        database.execute("UPDATE answers SET sealed = ?", (b"" if sealed is None else sealed,))
    database.close()
    assert await asks_anew(here, file)


async def test_c11_a_text_that_is_none_is_no_entry(file: Path) -> None:
    here = Party(policy=KEEPING)
    await stored(here, file)
    with opened(file) as database:
        database.execute("UPDATE answers SET sealed = CAST(x'ff' AS TEXT)")
    database.close()
    assert await asks_anew(here, file)


async def test_an_entry_of_another_certificate_is_not_ours(file: Path) -> None:
    here = Party(policy=KEEPING)
    other = here.pki.issue("Another").certificate
    here.responder.revoke(here.pki.certificate)
    with SqliteCache(file, key=KEY) as cache:
        client = here.another(cache=cache)
        for each in (here.pki.certificate, other):
            await client.check(each, here.pki.issuer)
    with opened(file) as database:
        (one, first), (two, second) = database.execute("SELECT name, sealed FROM answers")
        database.execute("UPDATE answers SET sealed = ? WHERE name = ?", (second, one))
        database.execute("UPDATE answers SET sealed = ? WHERE name = ?", (first, two))
    database.close()
    with SqliteCache(file, key=KEY) as cache:
        report = await here.another(cache=cache).check(here.pki.certificate, here.pki.issuer)
    assert (report.cause, report.remembered) == (Cause.REVOKED, False)


async def test_a_file_under_another_key_is_of_no_use(file: Path) -> None:
    here = Party(policy=KEEPING)
    await stored(here, file)
    assert await asks_anew(here, file, key=OTHER)
    assert not await asks_anew(here, file, key=OTHER)


@pytest.mark.parametrize("fault", [*Fault])
async def test_c1_whoever_has_the_key_still_cannot_make_anything_good(
    file: Path, fault: Fault
) -> None:
    """What comes out of a cache is verified from its first byte, as what comes from a socket."""
    here = Party(policy=KEEPING)
    here.responder.order(fault)
    question = here.question()
    body = here.responder.answer(question.body, fault=fault)
    with SqliteCache(file, key=KEY) as cache:
        client = here.another(cache=cache)
        arrived = Arrived(body, question.nonce, ONE, here.clock.now())
        if here.refusal(fault) is None:
            return  # a fault of the way there does not show in bytes
        cache.store(key_of(question.subject), _written(arrived), until=LATER)
        report = await client.check(here.pki.certificate, here.pki.issuer)
        assert not report
        assert not report.remembered


@pytest.mark.parametrize(
    "value", [b"", b"\x00", b"\x01" * 12, b"\xff" * 40, b"\x01" + b"\xff" * 40, bytes(2000)]
)
async def test_c11_rubbish_in_a_cache_raises_nothing(file: Path, value: bytes) -> None:
    here = Party(policy=KEEPING)
    with SqliteCache(file, key=KEY) as cache:
        cache.store(key_of(here.question().subject), value, until=LATER)
        report = await here.another(cache=cache).check(here.pki.certificate, here.pki.issuer)
    assert report
    assert not report.remembered


async def test_c5_an_answer_without_a_nonce_is_no_use_where_one_is_required(file: Path) -> None:
    here = Party(policy=Policy(nonce=Nonce.OFF, cache=CachePolicy()))
    await stored(here, file)
    here.policy = Policy(cache=CachePolicy())
    assert await asks_anew(here, file)


async def test_c4_an_entry_ends_when_it_would_in_memory(file: Path) -> None:
    here = Party(policy=KEEPING)
    await stored(here, file)
    here.advance(minutes=59, seconds=59)
    assert not await asks_anew(here, file)
    here.advance(seconds=1)
    assert await asks_anew(here, file)


@pytest.mark.parametrize("rubbish", [b"no database at all" * 1000, None])
async def test_a_damaged_file_is_moved_aside_with_a_warning(
    file: Path, rubbish: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    here = Party(policy=KEEPING)
    await stored(here, file)
    damage(file, rubbish)
    with caplog.at_level(logging.WARNING, logger="tashika"):
        assert await asks_anew(here, file)
    assert "cache_damaged" in caplog.text
    assert file.with_name("answers.tcache.damaged") in listed(file.parent)
    assert not await asks_anew(here, file)


def damage(file: Path, rubbish: bytes | None) -> None:
    whole = file.read_bytes()
    file.write_bytes(rubbish or whole[:4096] + b"\xff" * (len(whole) - 4096))


def test_a_database_of_something_else_is_left_alone(file: Path) -> None:
    with opened(file) as database:
        database.execute("CREATE TABLE customers (name TEXT)")
    database.close()
    before = file.read_bytes()
    with pytest.raises(WrongUse, match="something else"):
        SqliteCache(file, key=KEY)
    assert file.read_bytes() == before


@pytest.mark.parametrize("key", [b"", bytes(31), KEY.hex()])
def test_a_key_of_no_use_is_refused(file: Path, key: bytes) -> None:
    with pytest.raises(WrongUse, match="32 random octets"):
        SqliteCache(file, key=key)


def test_a_path_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot keep a cache"):
        SqliteCache(tmp_path / "none" / "answers", key=KEY)
    with pytest.raises(WrongUse, match="at least"):
        SqliteCache(tmp_path / "answers", key=KEY, most=1)


def test_a_cache_without_a_policy_is_wrong_use(file: Path) -> None:
    with SqliteCache(file, key=KEY) as cache, pytest.raises(WrongUse, match=r"Policy\.cache"):
        Party().another(cache=cache)


# --- bounds, processes, threads -------------------------------------------------------------


def test_the_file_is_bounded_and_what_ends_soonest_goes(file: Path) -> None:
    most = 64 * 4096
    with SqliteCache(file, key=KEY, most=most) as cache:
        for number in range(250):
            until = LATER + timedelta(minutes=number)
            cache.store(number.to_bytes(32, "big"), bytes(1500), until=until)
        kept = [cache.load(each.to_bytes(32, "big")) is not None for each in range(250)]
    assert file.stat().st_size <= most
    assert kept[-1]
    assert not kept[0]
    assert kept == sorted(kept)


def test_what_is_past_its_time_is_purged(file: Path) -> None:
    with SqliteCache(file, key=KEY) as cache:
        for number in range(4):
            cache.store(bytes([number]), b"value", until=AT + timedelta(minutes=number))
        assert cache.purge(at=AT + timedelta(minutes=1)) == 2
        assert [cache.load(bytes([each])) for each in range(4)] == [None, None, b"value", b"value"]


def test_processes_and_threads_share_a_file(file: Path) -> None:
    code = (
        "import sys; from datetime import UTC, datetime; from tashika import SqliteCache\n"
        "until = datetime(2030, 1, 1, tzinfo=UTC)\n"
        "with SqliteCache(sys.argv[1], key=bytes(range(32))) as cache:\n"
        "    for each in range(50):\n"
        "        cache.store(b'theirs%d' % each, b'value', until=until)\n"
    )
    with SqliteCache(file, key=KEY) as cache:
        other = subprocess.Popen([sys.executable, "-c", code, file])

        def work(number: int) -> bytes | None:
            cache.store(b"ours%d" % number, b"value", until=LATER)
            return cache.load(b"ours%d" % number)

        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(work, range(50)))
        assert other.wait(60) == 0
        theirs = [cache.load(b"theirs%d" % each) for each in range(50)]
    # What the other process was in the way of for longer than 50 ms may be missing.
    assert set(found) | set(theirs) <= {b"value", None}
    assert b"value" in found
    assert b"value" in theirs


def test_a_cache_outlives_a_fork(file: Path) -> None:
    with SqliteCache(file, key=KEY) as cache:
        cache.store(b"name", b"value", until=LATER)
        child = os.fork()
        if child == 0:
            os._exit(0 if cache.load(b"name") == b"value" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert cache.load(b"name") == b"value"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 and later
def test_a_cache_that_another_thread_uses_at_the_fork_hangs_no_child(file: Path) -> None:
    with SqliteCache(file, key=KEY) as cache:
        cache.store(b"name", b"value", until=LATER)
        with cache._lock:
            child = os.fork()
            if child == 0:
                signal.alarm(10)  # what hangs is ended
                os._exit(0 if cache.load(b"name") == b"value" else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_file_that_was_removed_or_moved_aside_is_begun_anew(file: Path) -> None:
    """As another process does with a damaged one: it must not be parted from the others."""
    with SqliteCache(file, key=KEY) as cache:
        for step in (b"removed", b"moved"):
            for each in listed(file.parent):
                each.unlink() if step == b"removed" else each.rename(f"{each}.damaged")
            cache.store(step, b"value", until=LATER)
            with SqliteCache(file, key=KEY) as other:
                assert other.load(step) == b"value"


def test_opening_releases_no_lock_that_another_connection_holds(file: Path) -> None:
    """POSIX takes a process's locks from it when it closes any descriptor of the file."""
    count = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM answers')"
    with SqliteCache(file, key=KEY) as one, SqliteCache(file, key=KEY):
        one.store(b"name", b"value", until=LATER)
        # Whoever believes to be the last to close it removes the journal that is in use.
        subprocess.run([sys.executable, "-c", count, file], check=True, timeout=60)
        assert file.with_name(f"{file.name}-wal") in listed(file.parent)


def test_a_file_that_is_busy_costs_only_what_was_to_be_kept(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = 0.0
    with SqliteCache(file, key=KEY, monotonic=lambda: seconds) as cache:
        cache.store(b"before", b"value", until=LATER)
        blocking = opened(file)
        blocking.execute("BEGIN IMMEDIATE")
        for _ in range(100):  # waited for once, not each time: an event loop has other work
            cache.store(b"name", b"value", until=LATER)
        assert cache.load(b"name") is None
        assert cache.load(b"before") == b"value"
        blocking.execute("ROLLBACK")
        blocking.close()
        seconds = 1.0
        cache.store(b"name", b"value", until=LATER)
        assert cache.load(b"name") == b"value"
    assert caplog.text.count("cache_unusable") == 1


def test_a_file_that_is_busy_at_the_start_is_used_later(file: Path) -> None:
    SqliteCache(file, key=KEY).close()
    blocking = opened(file)
    blocking.execute("PRAGMA locking_mode = EXCLUSIVE")
    blocking.execute("BEGIN EXCLUSIVE")
    with SqliteCache(file, key=KEY) as cache:
        blocking.execute("ROLLBACK")
        blocking.close()
        cache.store(b"name", b"value", until=LATER)
        assert cache.load(b"name") == b"value"


def test_a_seal_binds_a_value_to_its_name_and_key() -> None:
    seal, other = Seal(KEY), Seal(OTHER)
    sealed = seal.seal(b"name", b"value")
    assert seal.open(b"name", sealed) == b"value"
    assert seal.seal(b"name", b"value") != sealed
    assert (seal.open(b"another", sealed), other.open(b"name", sealed)) == (None, None)
    assert seal.name(b"name") != other.name(b"name")


async def test_a_batch_is_remembered_too(file: Path) -> None:
    here = Party(policy=KEEPING)
    certificates = here.issue(5)
    for remembered in (False, True):
        with SqliteCache(file, key=KEY) as cache:
            reports = await here.another(cache=cache).check_many(certificates, here.pki.issuer)
        assert [(bool(each), each.remembered) for each in reports] == [(True, remembered)] * 5
    assert len(here.responder.asked) == 1
    await asyncio.sleep(0)
