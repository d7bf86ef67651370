"""Receipts from the signature to the invoice: a verifier proves its own statement.

The operator's side is the product's, all but the network: journal, answer, intake, month,
statement. The verifier's is the SDK, with the key that the operator gave it.
"""

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from support.asking import Authority, ec_key, write_signer
from support.clock import FakeClock
from support.registry import ocsp
from support.till import AFTER, SIGNATURE, Till
from tashika import Client, ReceiptBook
from tashika.causes import Cause
from tashika.cli import main
from tashika.errors import SourceFailed
from tashika.pki import merkle
from tashika.pki.certid import IssuerIdentity
from tashika.pki.pseudonym import derive_key, pseudonym
from tashika.pki.receipt import Receipt, StandingCode, read_leaf
from tashika.pki.request import parse_request
from tashika.pki.response import SingleResponse
from tashika.pki.standing import Good, Reason, Revoked, Standing
from tashika.receipts import read_receipts
from tashika.transport import Reply
from tashika_server.agreements.act import Category
from tashika_server.agreements.errors import NoSuchRecord
from tashika_server.agreements.registry import Agreement, Period
from tashika_server.book import Book
from tashika_server.book import accounts as a
from tashika_server.durable import Durability
from tashika_server.ledger.errors import StatementAltered
from tashika_server.ledger.handing_out import hand_out
from tashika_server.ledger.month import ClosingRules
from tashika_server.ledger.receipts import proof, receipt_trees
from tashika_server.ledger.reconciliation import Reconciled, with_rated
from tashika_server.ledger.statement import find_statement, statement_document
from tashika_server.metering.alarms import alarms
from tashika_server.metering.disk import LocalDisk
from tashika_server.metering.ingest import Ingester, IngestParts
from tashika_server.metering.journal import MIN_SEGMENT_BYTES, Journal
from tashika_server.metering.record import SLOT_BYTES
from tashika_server.metering.recount import reconcile
from tashika_server.metering.segment import segment_path
from tashika_server.metering.settling import Settlement, settle
from tashika_server.metering.usage import Context, Delivery, Occasion, microseconds
from tashika_server.signing import NEVER_ISSUED, encode_answer, load_signer

FIRST = datetime(2026, 3, 31, 15, tzinfo=UTC)
"""The first second of April in Japan."""
LAST = datetime(2026, 4, 30, 14, 59, 59, tzinfo=UTC)
MASTER = bytes(range(32))
BEGUN = FIRST - timedelta(days=2)
COURT = Category.COURT
HOLD = Revoked(BEGUN, Reason.CERTIFICATE_HOLD)


@dataclass
class House(Till):
    """An operator whose months have receipts."""

    @property
    def rules(self) -> ClosingRules:
        return ClosingRules(
            table=self.table, tax=self.tax, receipts=receipt_trees(self.table), operators={}
        )


@dataclass(kw_only=True)
class Service:
    """Answers as a worker does, and is the transport of the verifier's client."""

    house: House
    agreement: Agreement
    directory: Path
    clock: FakeClock
    executor: Executor
    version: int = 1
    standing: Standing = field(default_factory=Good)
    occasion: Occasion = Occasion.FRESH
    delivery: Delivery = Delivery.HANDED_OVER
    receipts: bool = True

    def __post_init__(self) -> None:
        self.ca = Authority.make("JPKI for digital signature", ec_key("ca"), at=FIRST)
        certificate = self.ca.issue_responder(ec_key("responder"), at=FIRST, end=timedelta(60))
        files = write_signer(self.directory, certificate, ec_key("responder"))
        self.signer = load_signer(files, self.ca.certificate, at=FIRST)
        self.issuer = IssuerIdentity.of(self.ca.certificate)
        self.key = derive_key(MASTER, self.agreement.verifier)
        self.begin()

    def begin(self) -> None:
        """Begin a journal, as a worker that starts now."""
        self.journal = Journal.begin(
            self.directory / "journal",
            node="node-1",
            durability=Durability.OS,
            disk=LocalDisk(),
            executor=self.executor,
            segment_bytes=MIN_SEGMENT_BYTES,
            at=self.clock.now(),
        )

    def note(self, *serials: int) -> Receipt:
        """Journal answers; returns their place."""
        context = self.journal.context(
            Context(
                verifier=self.agreement.verifier,
                holder="",
                agreement=self.agreement.id,
                version=self.version,
                family=SIGNATURE,
                issuer="signature-g3",
                fingerprint=self.issuer.fingerprint,
                method="ocsp",
                purpose="",
            )
        )
        never = self.standing == NEVER_ISSUED
        code = StandingCode.of(self.standing, never_issued=never)
        at = microseconds(self.clock.now())
        first = self.journal.sequence
        for serial in serials:
            name = pseudonym(self.key, self.issuer.fingerprint, serial)
            self.journal.note(context, code, self.occasion, 1, name, at)
        self.journal.flush()
        self.journal.settle(first, len(serials), self.delivery)
        return Receipt(self.journal.stream, first)

    async def post(self, _url: str, body: bytes, *, limit: int) -> Reply:
        request, at = parse_request(body, max_cert_ids=4), self.clock.now()
        receipt = self.note(*(each.serial for each in request.cert_ids))
        if self.delivery is Delivery.ABANDONED:
            raise SourceFailed(Cause.UNREACHABLE, "the caller was gone")
        unsigned = encode_answer(
            [
                SingleResponse(
                    cert_id=each,
                    standing=self.standing,
                    this_update=at - timedelta(hours=1),
                    next_update=at + timedelta(days=1),
                    archive_cutoff=None,
                )
                for each in request.cert_ids
            ],
            nonce=request.nonce,
            signer=self.signer,
            algorithm=self.signer.algorithms[0],
            produced_at=at.replace(microsecond=0),
            receipt=receipt if self.receipts else None,
        )
        answer = unsigned.seal(unsigned.sign())
        assert len(answer) < limit
        return Reply(answer)


@dataclass(kw_only=True)
class Scene:
    """A verifier, its operator, and a month between them."""

    service: Service
    directory: Path

    def __post_init__(self) -> None:
        self.book = ReceiptBook(self.directory / "receipts", key=self.service.key)
        self.client = Client(
            "http://ocsp.test/",
            transport=self.service,
            receipts=self.book,
            clock=self.service.clock.now,
        )
        self.cards = [
            self.service.ca.issue(ec_key("card"), at=FIRST, end=timedelta(60), serial=serial)
            for serial in (1001, 1002)
        ]

    def check(self, *, at: datetime, card: int = 0, **changes: object) -> None:
        """Check a card at that time, answered with these changes."""
        self.service.clock.at = at
        before = {name: getattr(self.service, name) for name in changes}
        for name, value in changes.items():
            setattr(self.service, name, value)
        self.client.check(self.cards[card], self.service.ca.certificate)
        for name, value in before.items():
            setattr(self.service, name, value)

    def month(self) -> None:
        """Check cards from the first to the last second of April, and around them."""
        self.check(at=FIRST - timedelta(microseconds=1))
        self.check(at=FIRST)
        self.check(at=FIRST + timedelta(days=3, microseconds=999_999), card=1)
        self.check(at=FIRST + timedelta(days=9), standing=HOLD)
        self.check(at=FIRST + timedelta(days=9), standing=NEVER_ISSUED, card=1)
        self.check(at=FIRST + timedelta(days=10), occasion=Occasion.RETRY)
        self.check(at=FIRST + timedelta(days=11), delivery=Delivery.ABANDONED)
        self.check(at=LAST + timedelta(microseconds=999_999))
        self.check(at=LAST + timedelta(seconds=1))

    def take_in(self) -> int:
        self.service.clock.at = AFTER
        parts = IngestParts(
            book=self.service.house.book,
            journal=self.directory / "journal",
            node="node-1",
            clock=self.service.clock,
        )
        return Ingester(parts).take_in()

    def close(self) -> None:
        self.service.journal.end()
        self.take_in()
        self.service.house.close()

    def papers(self) -> list[str]:
        """Write what the verifier is given; returns the options that name it."""
        with self.service.house.book.reading() as connection:
            found = find_statement(connection, "M-000001")
            files = {each.suffix: each for each in hand_out(connection, found, self.directory)}
        return ["--statement", str(files[".json"]), "--answers", str(files[".answers"])]

    def compare(self) -> int:
        self.book.close()
        receipts = str(self.directory / "receipts")
        return main(["usage", "compare", "--json", *self.papers(), "--receipts", receipts])


@pytest.fixture
def scene(book: Book, tmp_path: Path) -> Iterator[Scene]:
    house = House(book, at=BEGUN)
    scope = replace(ocsp(SIGNATURE), receipts=True)
    agreement = house.active(house.verifier(COURT), scope=scope, period=Period(BEGUN, None))
    house.published()
    with ThreadPoolExecutor(1) as executor:
        service = Service(
            house=house,
            agreement=agreement,
            directory=tmp_path,
            clock=FakeClock(BEGUN),
            executor=executor,
        )
        scene = Scene(service=service, directory=tmp_path)
        with scene.book, scene.client:
            yield scene
        service.journal.end()


def test_a_verifier_proves_its_own_statement(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.month()
    scene.close()
    assert scene.compare() == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "equal"
    assert (told["uncertain"], told["unproved"]) == (1, 0)
    counts = [
        [each[name] for name in ("day", "standing", "stated", "received")]
        for each in told["counts"]
    ]
    assert counts == [
        ["2026-04-01", "good", 1, 1],
        ["2026-04-04", "good", 1, 1],
        ["2026-04-10", "never-issued", 1, 1],
        ["2026-04-10", "held", 1, 1],
        ["2026-04-11", "good", 1, 1],
        ["2026-04-12", "good", 1, 0],
        ["2026-04-30", "good", 1, 1],
    ]


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_a_replay_names_its_first_place_and_is_in_no_list(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.check(at=FIRST)
    scene.service.clock.at = FIRST + timedelta(days=1)
    scene.service.occasion = Occasion.REPLAY
    scene.service.note(1001)
    scene.close()
    assert scene.compare() == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert [(each["day"], each["stated"]) for each in counts] == [("2026-04-01", 1)]


def test_several_certificates_in_one_answer_have_a_place_each(scene: Scene) -> None:
    scene.service.clock.at = FIRST
    scene.service.note(1, 2, 3)
    scene.check(at=FIRST)
    (mine,) = read_receipts([scene.directory / "receipts"]).leaves
    assert read_leaf(mine).sequence == 3


def left_out(connection: Connection, last: ColumnElement[bool]) -> None:
    connection.execute(delete(a.receipt_leaf).where(last))


def moved(connection: Connection, last: ColumnElement[bool]) -> None:
    connection.execute(update(a.receipt_leaf).where(last).values(month="2026-05"))


def altered(connection: Connection, last: ColumnElement[bool]) -> None:
    leaf = connection.scalars(select(a.receipt_leaf.c.leaf).where(last)).one()
    revoked = leaf[:-1] + bytes((StandingCode.REVOKED,))
    connection.execute(update(a.receipt_leaf).where(last).values(leaf=revoked))


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fraud", [left_out, moved, altered])
def test_an_operator_that_changes_its_list_is_found_out(scene: Scene, fraud) -> None:
    """Whole sets of papers that lie are `tests/sdk/test_comparison.py`'s."""
    house = scene.service.house
    scene.month()
    scene.service.journal.end()
    scene.take_in()
    first, last = (a.receipt_leaf.c.sequence == number for number in (1, 7))
    with house.change() as change:
        fraud(change.connection, last)
    house.close()
    assert scene.compare() == 1  # the list is the statement's, and neither is the truth
    with house.change() as change:
        fraud(change.connection, first)
    with pytest.raises(StatementAltered):  # the list is not even the statement's
        scene.papers()


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_taking_in_again_or_bit_by_bit_keeps_every_leaf_once(scene: Scene) -> None:
    for day in range(1, 5):
        scene.check(at=FIRST + timedelta(days=day))
        scene.service.clock.advance(timedelta(hours=1))
        scene.service.journal.beat(scene.service.clock.now())
        scene.take_in()
        scene.take_in()
    for number in range(200):  # over several segments
        scene.service.clock.at = FIRST + timedelta(days=6, seconds=number)
        scene.service.note(number)
    scene.service.journal.end()
    scene.take_in()
    with scene.service.house.book.reading() as connection:
        found = connection.scalars(select(a.receipt_leaf.c.sequence)).all()
    assert sorted(found) == [*range(204)]


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_what_comes_too_late_changes_no_list_that_was_stated(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.month()
    scene.close()
    scene.service.clock.at = LAST
    scene.service.begin()
    scene.check(at=LAST)
    scene.service.journal.end()
    assert scene.take_in() == 1
    logged = capsys.readouterr()  # where to, and how, another test may have set
    assert "journal_alarm" in logged.out + logged.err
    assert scene.compare() == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["difference"] == "left-out"


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_only_versions_that_ask_have_leaves_and_the_rest_is_told(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    house, service = scene.service.house, scene.service
    middle = FIRST + timedelta(days=14)
    for version, receipts, start in ((2, False, BEGUN + timedelta(1)), (3, True, middle)):
        scope = replace(ocsp(SIGNATURE), receipts=receipts)
        house.amend(service.agreement.id, period=Period(start), scope=scope)
        scene.check(at=start + timedelta(days=3), version=version, receipts=receipts)
    scene.close()
    with house.book.reading() as connection:
        (leaf,) = connection.scalars(select(a.receipt_leaf.c.leaf))
    assert read_leaf(leaf).sequence == 1
    assert scene.compare() == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["unproved"]) == ("cannot-tell", 1)


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_an_agreement_that_asks_for_none_has_none(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    house = scene.service.house
    scene.service.agreement = house.active(house.verifier(COURT, name="Court B"), SIGNATURE)
    scene.check(at=FIRST, receipts=False)
    scene.close()
    with house.book.reading() as connection:
        assert connection.scalars(select(a.receipt_leaf.c.leaf)).all() == []
        document = statement_document(connection, find_statement(connection, "M-000002"))
    assert document.receipts is None


def test_journalled_ingested_and_rated_are_one_number_by_day(scene: Scene) -> None:
    scene.month()
    first, last = FIRST.date() + timedelta(days=1), date(2026, 4, 30)

    def reconciled() -> tuple[Reconciled, ...]:
        with scene.service.house.book.reading() as connection:
            rows = reconcile(connection, [scene.directory / "journal"], first, last)
            return with_rated(connection, rows, first, last)

    scene.take_in()
    assert {each.rated for each in reconciled()} == {None}
    scene.close()
    found = reconciled()
    assert sum(each.journalled for each in found) == 7
    assert {(each.difference, each.unrated) for each in found} == {(0, 0)}
    with scene.service.house.book.writing(actor="thief", at=AFTER) as change:
        more = update(a.usage_total).values(count=a.usage_total.c.count + 1)
        change.connection.execute(more)
    assert {(each.difference, each.unrated) for each in reconciled()} == {(-1, 1), (-2, 2)}
    with scene.service.house.book.writing(actor="thief", at=AFTER) as change:
        for table in (a.receipt_leaf, a.journal_segment, a.usage_total, a.journal_stream):
            change.connection.execute(delete(table))
    gone = reconciled()
    assert {(each.journalled, each.ingested) for each in gone} == {(0, 0)}
    assert sum(each.unrated for each in gone) == -7  # the statements remember


def test_one_answer_can_be_proved_to_anybody(scene: Scene) -> None:
    scene.month()
    scene.close()
    stream = scene.service.journal.stream
    with scene.service.house.book.reading() as connection:
        stated = statement_document(connection, find_statement(connection, "M-000001"))
        assert stated.receipts is not None
        for sequence in range(1, 8):
            found = proof(connection, stated, Receipt(stream, sequence))
            hashed = merkle.leaf_hash(found.leaf)
            merkle.check_proof(hashed, found.index, found.size, found.path, stated.receipts.root)
        with pytest.raises(NoSuchRecord, match="has no answer at"):
            proof(connection, stated, Receipt(stream, 0))
        with pytest.raises(NoSuchRecord, match="had no receipts"):
            proof(connection, replace(stated, receipts=None), Receipt(stream, 1))
    with scene.service.house.book.writing(actor="thief", at=AFTER) as change:
        change.connection.execute(delete(a.receipt_leaf).where(a.receipt_leaf.c.sequence == 3))
        with pytest.raises(StatementAltered, match="not as they were stated"):
            proof(change.connection, stated, Receipt(stream, 1))
        kept, papers = find_statement(change.connection, "M-000001"), scene.directory / "papers"
        with pytest.raises(StatementAltered, match="not as they were stated"):
            hand_out(change.connection, kept, papers)
    assert list(papers.iterdir()) == []


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_what_is_counted_around_damage_has_its_leaves_too(scene: Scene) -> None:
    service, house = scene.service, scene.service.house
    for number in range(30):
        service.clock.at = FIRST + timedelta(seconds=number)
        service.note(number)
    service.journal.end()
    directory = scene.directory / "journal" / service.journal.stream.hex()
    segment = segment_path(directory, 1)
    damaged = bytearray(segment.read_bytes())
    damaged[20 * SLOT_BYTES] ^= 1
    segment.write_bytes(damaged)
    scene.take_in()
    (alarm,) = house.see(alarms)
    with house.change() as change:
        settle(
            change,
            scene.directory / "journal",
            alarm.id,
            Settlement.LEAVE_OUT,
            node="node-1",
            reason="a bad sector",
        )
    scene.take_in()
    with house.book.reading() as connection:
        counted = connection.scalar(select(func.sum(a.usage_total.c.count)))
        leaves = connection.scalars(select(a.receipt_leaf.c.sequence)).all()
    assert 0 < len(leaves) == counted < 30
