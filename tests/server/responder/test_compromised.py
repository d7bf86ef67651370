"""An issuer's key is compromised: everything under it is revoked, with the next answer."""

import errno
import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding

from support.access import closed, terms
from support.asking import (
    AT,
    DAY,
    GOOD,
    HELD,
    NEIGHBOUR,
    NEVER,
    REVOKED,
    Counter,
    Wire,
    dn,
    ec_key,
    get,
    live,
    open_counter,
    post,
    talk,
)
from support.clock import FakeClock
from support.published import published
from support.verifiers import of_authority
from tashika.pki.response import BasicResponse, parse_response
from tashika.pki.standing import Good, Reason, Revoked, Standing
from tashika_server.agreements.client_refusals import ClientCertificateRevoked
from tashika_server.agreements.compromise_file import (
    COMPROMISE_FILE,
    Compromised,
    CompromiseFile,
    write_compromises,
)
from tashika_server.agreements.presented import ClientCertificate, Presented
from tashika_server.cli.query import look_up
from tashika_server.index import Entry
from tashika_server.issuer import Issuer
from tashika_server.refusal import NotLoaded, StatusStale
from tashika_server.responder import Asker, Desk, HeedingIndex, answer
from tashika_server.responder.compromised import RENEWED

HERE, HOUR = ip_address("127.0.0.1"), timedelta(hours=1)
LOST = AT - HOUR
"""When the key was lost."""
BY_LAW = Revoked(LOST, Reason.CA_COMPROMISE)


@dataclass(kw_only=True, eq=False)
class Case:
    """A desk that heeds a file, and whoever asks there."""

    counter: Counter
    desk: Desk
    file: Path
    clock: FakeClock

    def declare(self, *issuers: Issuer, since: datetime = LOST) -> None:
        write_compromises(
            self.file,
            (
                Compromised(id=f"K-{n:06}", fingerprint=each.identity.fingerprint, since=since)
                for n, each in enumerate(issuers, start=1)
            ),
        )

    def ask(self, serial: int, *, nonce: bytes | None = None) -> Standing:
        given = answer(
            self.counter.question(serial, nonce=nonce), NEIGHBOUR, self.desk, at=self.clock.at
        )
        read = parse_response(given.body)
        assert isinstance(read, BasicResponse)
        return read.responses[0].standing


def heeding(desk: Desk, file: Path, clock: FakeClock) -> Desk:
    return replace(
        desk, index=HeedingIndex(index=desk.index, file=CompromiseFile(file), clock=clock)
    )


@pytest.fixture
def case(tmp_path: Path) -> Case:
    counter, clock, file = open_counter(tmp_path), FakeClock(AT), tmp_path / COMPROMISE_FILE
    made = Case(counter=counter, desk=heeding(counter.desk, file, clock), file=file, clock=clock)
    made.declare()
    return made


def test_everything_under_the_key_is_revoked(case: Case):
    assert case.ask(GOOD) == Good()
    case.declare(case.counter.issuer)
    assert case.ask(GOOD) == BY_LAW
    assert case.ask(NEVER) == BY_LAW  # T19: a forged certificate is one that was never issued


@pytest.mark.parametrize(
    ("serial", "since", "standing"),
    [
        (REVOKED, LOST, Revoked(AT - DAY, Reason.KEY_COMPROMISE, AT - 8 * DAY)),
        (REVOKED, AT - 2 * DAY, Revoked(AT - 2 * DAY, Reason.CA_COMPROMISE)),
        (HELD, LOST, Revoked(AT - DAY, Reason.CA_COMPROMISE)),
        (HELD, AT - 2 * DAY, Revoked(AT - 2 * DAY, Reason.CA_COMPROMISE)),
    ],
)
def test_the_earlier_date_counts(case: Case, serial, since, standing):
    """A later one would make signatures good that were not."""
    case.declare(case.counter.issuer, since=since)
    assert case.ask(serial) == standing


def test_what_was_kept_is_not_given_any_more(case: Case):
    for nonce in (None, bytes(16)):
        case.declare()
        for _ in range(3):
            assert case.ask(GOOD, nonce=nonce) == Good()
        case.declare(case.counter.issuer)
        assert case.ask(GOOD, nonce=nonce) == BY_LAW
        assert case.ask(GOOD, nonce=nonce) == BY_LAW


def test_it_can_be_taken_back(case: Case):
    case.declare(case.counter.issuer)
    assert case.ask(GOOD) == BY_LAW
    case.declare()
    assert case.ask(GOOD) == Good()


def test_its_crls_are_not_waited_for(case: Case):
    """What the key has signed proves nothing any more, whether it is there or not."""
    case.counter.index.coverage.clear()
    with pytest.raises(NotLoaded):
        case.ask(GOOD)
    case.declare(case.counter.issuer)
    assert case.ask(GOOD) == BY_LAW


def test_the_answer_holds_for_minutes_and_goes_on(case: Case):
    case.clock.at = AT + 2 * DAY
    with pytest.raises(StatusStale):
        case.ask(GOOD)
    case.declare(case.counter.issuer)
    for _ in range(20):
        assert case.ask(GOOD) == BY_LAW
        case.clock.advance(RENEWED)


def test_other_issuers_are_answered_as_ever(tmp_path: Path):
    with published(tmp_path) as world:
        clock, file = FakeClock(AT), tmp_path / COMPROMISE_FILE
        mine, other = world.issuers
        world.desk = heeding(world.desk, file, clock)
        for each in world.issuers:
            world.register(each)
        write_compromises(
            file,
            [Compromised(id="K-000001", fingerprint=mine.identity.fingerprint, since=LOST)],
        )
        for issuer, standing in ((mine, BY_LAW), (other, Good())):
            given = world.ask(world.question(GOOD, issuer=issuer))
            assert given.responses[0].standing == standing
        world.publish(other, added=[Entry(GOOD, AT - HOUR, None, None)])
        given = world.ask(world.question(GOOD, issuer=other))
        assert isinstance(given.responses[0].standing, Revoked)


def test_a_living_connection_hears_it_with_the_next_answer(case: Case):
    with live(case.desk, clock=case.clock) as port, Wire(port) as wire:
        for issuers, standing in (((), Good()), ((case.counter.issuer,), BY_LAW), ((), Good())):
            case.declare(*issuers)
            wire.say(post(case.counter.question(GOOD)))
            heard = wire.hear()
            assert heard
            read = parse_response(heard.body)
            assert isinstance(read, BasicResponse)
            assert read.responses[0].standing == standing


def test_a_verifiers_certificate_under_the_key_lets_nobody_in(tmp_path: Path):
    key = ec_key("ca")
    agreement = terms(credentials=(of_authority(key, dn("bank")),))
    with closed(tmp_path, agreement) as counter:
        client = counter.counter.authority.issue(ec_key("bank"), serial=1500, subject="bank")
        der = client.public_bytes(Encoding.DER)
        asker = Asker(Presented(HERE, certificate=ClientCertificate.read(der)))
        file, clock = tmp_path / COMPROMISE_FILE, FakeClock(AT)
        desk = heeding(counter.desk, file, clock)
        write_compromises(file, ())
        assert answer(counter.question(GOOD), asker, desk, at=AT).body
        mine = counter.issuer.identity.fingerprint
        write_compromises(file, [Compromised(id="K-000001", fingerprint=mine, since=LOST)])
        for at in (AT, AT + 10 * RENEWED):
            clock.at = at
            with pytest.raises(ClientCertificateRevoked):
                answer(counter.question(GOOD), asker, desk, at=AT)


# --- the file -------------------------------------------------------------------------------


def test_nothing_is_said_before_anybody_can_know(case: Case):
    case.file.unlink()
    case.desk = heeding(case.counter.desk, case.file, case.clock)
    with pytest.raises(NotLoaded):
        case.ask(GOOD)


def test_a_declaration_that_could_not_be_opened_is_heeded_as_soon_as_it_can_be(case, monkeypatch):
    """A flood of connections may leave no descriptor for a moment."""

    def no_descriptor(_: Path) -> bytes:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    assert case.ask(GOOD) == Good()
    case.declare(case.counter.issuer)
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(Path, "read_bytes", no_descriptor)
        assert [case.ask(GOOD) for _ in range(3)] == [Good()] * 3
    assert [line["event"] for line in logs] == ["compromises_refused"]
    assert case.ask(GOOD) == BY_LAW


@pytest.mark.parametrize("spoil", ["delete", "cut", "flip", "empty"])
def test_a_spoiled_file_changes_nothing(case: Case, spoil: str):
    case.declare(case.counter.issuer)
    assert case.ask(GOOD) == BY_LAW
    content = bytearray(case.file.read_bytes())
    content[-3] ^= 1
    match spoil:
        case "delete":
            case.file.unlink()
        case "cut":
            case.file.write_bytes(content[:-1])
        case "flip":
            case.file.write_bytes(content)
        case "empty":
            case.file.write_bytes(b"")
    with structlog.testing.capture_logs() as logs:
        assert case.ask(GOOD) == BY_LAW
        assert case.ask(NEVER) == BY_LAW
    assert len(logs) == (0 if spoil == "delete" else 1)  # once, and not with every turn
    fresh = CompromiseFile(case.file)
    case.desk = replace(
        case.desk, index=HeedingIndex(index=case.counter.index, file=fresh, clock=case.clock)
    )
    with pytest.raises(NotLoaded):
        case.ask(GOOD)


def test_the_operators_look_up_says_the_same(tmp_path: Path):
    with published(tmp_path) as world:
        issuer, index = world.issuers[0], world.writer.reader
        mine = issuer.identity.fingerprint
        known = {mine: Compromised(id="K-000001", fingerprint=mine, since=LOST)}
        found = look_up(index, issuer, GOOD, known, at=AT)
    assert (found.standing, found.compromise) == (BY_LAW, "K-000001")


# --- the public notices ---------------------------------------------------------------------


def test_everybody_may_read_the_notices(tmp_path: Path, case: Case):
    (tmp_path / "notices.atom").write_bytes(b"<feed/>")
    (tmp_path / "notices.html").write_bytes(b"<html/>")
    (tmp_path / "status.html").write_bytes(b"<table/>")
    with live(case.desk, clock=case.clock, public=tmp_path) as port:
        feed, page = talk(port, get("/notices.atom")), talk(port, get("/notices"))
        head, status = talk(port, get("/healthz")), talk(port, get("/status"))
        refused = talk(port, get("/notices.txt"))
    assert (feed.status, feed.body) == (200, b"<feed/>")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    assert (page.status, page.body) == (200, b"<html/>")
    assert page.headers["content-type"].startswith("text/html")
    assert (status.status, status.body) == (200, b"<table/>")
    assert (head.status, refused.status) == (200, 404)


def test_without_an_office_there_are_none(case: Case):
    with live(case.desk, clock=case.clock) as port:
        assert talk(port, get("/notices")).status == 404
