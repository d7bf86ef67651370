"""The file of agreements: what is believed, what is kept, and for how long."""

import errno
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_network
from pathlib import Path

import pytest
import structlog

from support.verifiers import (
    AT,
    DAY,
    SOURCE,
    TOKEN,
    Key,
    ask,
    credential,
    name,
    of_authority,
    pinned,
    suspension,
    terms,
)
from tashika.pki.profile import Family
from tashika_server.agreements import refusals as r
from tashika_server.agreements.codec import read_terms, write_terms
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.snapshot import (
    Snapshot,
    SnapshotRefused,
    SnapshotWatcher,
    write_snapshot,
)
from tashika_server.agreements.terms import (
    CredentialKind,
    Environment,
    Grant,
    HaltKind,
    Method,
    Purpose,
    Terms,
    secret_digest,
)

MAX_AGE = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agreements"


@pytest.fixture
def watcher(path: Path) -> SnapshotWatcher:
    return SnapshotWatcher(path, max_age=MAX_AGE)


@pytest.fixture
def house(watcher: SnapshotWatcher, buckets: Buckets) -> Gatehouse:
    return Gatehouse(watcher, environment=Environment.PRODUCTION, buckets=buckets)


def publish(path: Path, *agreements: Terms, at: datetime = AT) -> None:
    write_snapshot(path, Snapshot(compiled_at=at, agreements=agreements))


def rich(key: Key) -> Terms:
    """An agreement with something in every field."""
    return terms(
        version=7,
        environment=Environment.TEST,
        valid_to=None,
        grants=(
            Grant(family=Family.USER_AUTH, method=Method.STATUS_API),
            Grant(
                family=Family.SIGNATURE,
                method=Method.FILE,
                issuers=frozenset({"b", "a", "c"}),
                purposes=frozenset({Purpose.CURRENT_STATUS}),
            ),
        ),
        credentials=(
            credential(holder="T-1", revoked_at=AT, rate=1.5, burst=3),
            pinned(key, id="C-000002"),
            of_authority(
                key, name("CN=銀行,C=JP"), id="C-000003", barred=frozenset({bytes(32), b"x" * 32})
            ),
            credential(id="C-000004", kind=CredentialKind.PATH_TOKEN, digest=secret_digest("p")),
            credential(id="C-000005", kind=CredentialKind.SIGNED_REQUEST, digest=b"s" * 32),
        ),
        networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
        daily=1000,
        signed_required=True,
        receipts=True,
        halts=(
            suspension(until=AT + DAY, family=Family.SIGNATURE, holder="T-1"),
            suspension(kind=HaltKind.ACCREDITATION, id=None),
        ),
    )


# --- there and back -------------------------------------------------------------------------


def test_every_field_comes_back(path: Path, watcher: SnapshotWatcher, key: Key):
    snapshot = Snapshot(compiled_at=AT, agreements=(terms(), rich(key)))
    write_snapshot(path, snapshot)
    assert watcher.load(AT) == snapshot


def test_the_same_agreements_give_the_same_bytes(key: Key):
    assert write_terms(rich(key)) == write_terms(read_terms(write_terms(rich(key))))


def test_times_come_back_in_utc(path: Path, watcher: SnapshotWatcher):
    japan = (AT + DAY).astimezone(timezone(timedelta(hours=9)))
    publish(path, terms(valid_to=japan))
    found = watcher.load(AT).agreements[0].valid_to
    assert found == japan
    assert found is not None
    assert found.tzinfo is UTC


def test_no_secret_is_in_the_file_and_not_everybody_reads_it(path: Path):
    publish(path, terms(credentials=(credential(digest=secret_digest("a secret")),)))
    assert b"a secret" not in path.read_bytes()
    assert path.stat().st_mode & 0o007 == 0


# --- what is not believed -------------------------------------------------------------------

BROKEN = {
    "empty": lambda _: b"",
    "one byte": lambda _: b"\n",
    "cut off": lambda good: good[:-10],
    "cut to two lines": lambda good: b"".join(good.splitlines(keepends=True)[:2]),
    "a line lost": lambda good: b"".join(good.splitlines(keepends=True)[:-1]),
    "a bit turned in the agreements": lambda good: good.replace(b'"rate": 100', b'"rate": 900'),
    "a bit turned in the head": lambda good: good.replace(b"2026-04-01", b"2027-04-01", 1),
    "another version": lambda good: good.replace(b"tashika-agreements 1", b"tashika-agreements 2"),
    "something else": lambda _: os.urandom(5000),
    "endless first line": lambda _: b"x" * 1_000_000,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_t24_a_file_that_cannot_be_believed_stops_a_start(
    path: Path, watcher: SnapshotWatcher, broken
):
    publish(path, terms())
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(SnapshotRefused, match="agreements"):
        watcher.load(AT)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_t40_a_file_that_cannot_be_believed_changes_nothing(path: Path, house: Gatehouse, broken):
    publish(path, terms())
    assert ask(house.gate(AT)).version == 1
    publish(path, terms(version=2))
    path.write_bytes(broken(path.read_bytes()))
    with structlog.testing.capture_logs() as logs:
        for seconds in range(1, 5):
            assert ask(house.gate(AT + seconds * SECOND)).version == 1
    assert [line["event"] for line in logs] == ["agreements_refused"]
    publish(path, terms(version=3))
    assert ask(house.gate(AT + 6 * SECOND)).version == 3


def test_t40_the_loss_of_every_agreement_is_not_believed(path: Path, house: Gatehouse):
    publish(path, terms())
    house.gate(AT)
    publish(path, at=AT + SECOND)
    assert ask(house.gate(AT + SECOND)).version == 1


def test_t24_a_vanished_file_changes_nothing(path: Path, house: Gatehouse):
    publish(path, terms())
    house.gate(AT)
    path.unlink()
    with structlog.testing.capture_logs() as logs:
        assert ask(house.gate(AT + SECOND)).version == 1
        assert ask(house.gate(AT + 2 * SECOND)).version == 1
    assert len(logs) == 1


LINES = {
    "no JSON": b"{",
    "a list": b"[]",
    "an unknown key": write_terms(terms())[:-2] + b', "colour": "red"}\n',
    "a key missing": write_terms(terms()).replace(b'"rate"', b'"rat"'),
    "an unknown family": write_terms(terms()).replace(b"signature", b"signet"),
    "an end before the start": write_terms(terms()).replace(b"2027-01-26", b"2020-01-26"),
    "a time without a zone": write_terms(terms()).replace(b"+00:00", b""),
    "a rate of nought": write_terms(terms()).replace(b"100.0", b"0"),
    "a short digest": write_terms(terms()).replace(b'"digest": "', b'"digest": "00000'),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_t24_an_agreement_that_makes_no_sense_is_refused(line: bytes):
    assert line != write_terms(terms())
    with pytest.raises(ValueError, match="unreadable"):
        read_terms(line)


def test_nothing_is_served_before_there_are_agreements(house: Gatehouse, path: Path):
    with pytest.raises(r.AgreementsMissing):
        house.gate(AT)
    publish(path, terms())
    assert ask(house.gate(AT + SECOND)).version == 1


def test_a_service_may_start_without_any_agreement(path: Path, house: Gatehouse):
    publish(path)
    with pytest.raises(r.UnknownCredential):
        ask(house.gate(AT))
    publish(path, terms(), at=AT + SECOND)
    assert ask(house.gate(AT + SECOND)).version == 1


# --- time -----------------------------------------------------------------------------------


def test_t4_agreements_serve_up_to_their_age_and_no_longer(path: Path, house: Gatehouse):
    publish(path, terms())
    ask(house.gate(AT + MAX_AGE - SECOND))
    with pytest.raises(r.AgreementsTooOld):
        house.gate(AT + MAX_AGE)
    assert r.AgreementsTooOld.reply.ocsp is not None
    assert r.AgreementsTooOld.reply.ocsp.name == "TRY_LATER"


def test_t4_recovery_needs_no_hands(path: Path, house: Gatehouse):
    publish(path, terms())
    house.gate(AT)
    late = AT + MAX_AGE + DAY
    with pytest.raises(r.AgreementsTooOld):
        house.gate(late)
    publish(path, terms(), at=late)
    ask(house.gate(late + SECOND))


def test_a_compiler_whose_clock_runs_ahead_lengthens_nothing(path: Path, house: Gatehouse):
    publish(path, terms(), at=AT + 30 * DAY)
    house.gate(AT)
    with pytest.raises(r.AgreementsTooOld):
        house.gate(AT + MAX_AGE)


def test_a_suspension_reaches_the_gate_within_a_second(path: Path, house: Gatehouse):
    publish(path, terms())
    ask(house.gate(AT))
    publish(path, terms(halts=(suspension(),)))
    with pytest.raises(r.ProvisionSuspended):
        ask(house.gate(AT + SECOND))


def test_what_could_not_be_opened_is_tried_again(path: Path, watcher: SnapshotWatcher, monkeypatch):
    """A flood of connections may leave no descriptor for a moment: a suspension must not wait."""
    publish(path, terms())
    watcher.current(AT)
    publish(path, terms(halts=(suspension(),)), at=AT + SECOND)
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(Path, "open", no_descriptor)
        for seconds in range(1, 4):
            assert not watcher.current(AT + seconds * SECOND).agreements[0].halts
    assert [line["event"] for line in logs] == ["agreements_refused"]
    assert watcher.current(AT + 4 * SECOND).agreements[0].halts


def no_descriptor(*_: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_a_signal_makes_it_look_at_once(path: Path, house: Gatehouse, watcher: SnapshotWatcher):
    publish(path, terms())
    house.gate(AT)
    publish(path, terms(version=2))
    assert ask(house.gate(AT)).version == 1
    watcher.look(AT)
    assert ask(house.gate(AT)).version == 2


def test_a_clock_put_back_does_not_stop_the_looking(path: Path, house: Gatehouse):
    publish(path, terms())
    house.gate(AT + 30 * 60 * SECOND)
    publish(path, terms(version=2))
    assert ask(house.gate(AT)).version == 2


def test_a_renewal_keeps_the_gate_and_a_change_only_reads_its_line(
    path: Path, house: Gatehouse, watcher: SnapshotWatcher
):
    other = terms(agreement="A-000002", credentials=(credential(digest=bytes(32)),))
    publish(path, terms(), other)
    first, gate = watcher.load(AT), house.gate(AT)
    publish(path, terms(), other, at=AT + SECOND)
    assert house.gate(AT + SECOND) is gate
    publish(path, terms(), replace(other, version=2), at=AT + 2 * SECOND)
    third = watcher.load(AT + 2 * SECOND)
    assert third.agreements[0] is first.agreements[0]
    assert third.agreements[1].version == 2
    assert house.gate(AT + 4 * SECOND) is not gate


def test_counts_go_on_when_agreements_change(path: Path, house: Gatehouse):
    publish(path, terms(daily=3))
    for _ in range(3):
        ask(house.gate(AT))
    publish(path, terms(daily=3, version=2), at=AT + SECOND)
    with pytest.raises(r.DayIsFull):
        ask(house.gate(AT + SECOND), Presented(SOURCE, TOKEN))
