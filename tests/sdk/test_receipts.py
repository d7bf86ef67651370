"""Receipts as a relying party keeps them: every answer once, no serials, crashes shown."""

import errno
import json
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.clock import FakeClock
from support.strategies import steady
from tashika import AsyncClient, Client, Good, Receipt, ReceiptBook, Unknown, receipts
from tashika.errors import Malformed, WrongUse
from tashika.ocsp import SEAL, CheckedAnswer
from tashika.pki.certid import IssuerIdentity
from tashika.pki.pseudonym import pseudonym
from tashika.pki.receipt import Leaf, StandingCode, leaf, read_leaf
from tashika.receipts import read_receipts
from tashika.testing import FakeResponder, Fault

AT = datetime(2026, 4, 30, 14, 59, 58, tzinfo=UTC)
"""Two seconds before May in Japan."""
KEY, STREAM = bytes(range(32)), b"s" * 16


class Desk:
    """A responder that gives receipts, and a book for them."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock(AT)
        self.responder = FakeResponder(clock=self.clock.now)
        self.responder.give_receipts(STREAM)
        self.directory = directory
        self.book = ReceiptBook(directory, key=KEY)

    def client(self, *urls: str) -> Client:
        return Client(
            *(urls or (self.responder.url,)),
            transport=self.responder,
            receipts=self.book,
            clock=self.clock.now,
        )

    def expected(self, sequence: int, standing: StandingCode, at: datetime = AT) -> bytes:
        pki = self.responder.pki
        issuer = IssuerIdentity.of(pki.issuer).fingerprint
        name = pseudonym(KEY, issuer, pki.certificate.serial_number)
        return leaf(STREAM, sequence, int(at.timestamp()), issuer, name, standing)

    def kept(self) -> list[bytes]:
        found = read_receipts([self.directory])
        assert found.torn == 0
        return found.leaves

    def files(self) -> list[Path]:
        return sorted(self.directory.iterdir()) if self.directory.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "receipts")
    with desk.book:
        yield desk


def answer(sequence: int = 0, standing: Good | Unknown = Good()) -> CheckedAnswer:  # noqa: B008 - frozen
    return CheckedAnswer(
        standing=standing,
        this_update=AT,
        next_update=None,
        produced_at=AT,
        never_issued=False,
        issuer=bytes(32),
        receipt=Receipt(STREAM, sequence),
        seal=SEAL,
    )


def test_every_answer_is_kept_as_the_leaf_that_the_operator_writes(desk: Desk) -> None:
    pki, responder = desk.responder.pki, desk.responder
    with desk.client() as client:
        for change in (responder.release, responder.revoke, responder.hold, responder.disown):
            change(pki.certificate)
            client.check(pki.certificate, pki.issuer)
        responder.forget(pki.certificate)
        report = client.check(pki.certificate, pki.issuer)
    assert report.receipt == Receipt(STREAM, 4)
    codes = [StandingCode[each] for each in ("GOOD", "REVOKED", "HELD", "NEVER_ISSUED", "UNKNOWN")]
    assert desk.kept() == [desk.expected(*each) for each in enumerate(codes)]


async def test_the_asynchronous_client_keeps_the_same(desk: Desk) -> None:
    pki = desk.responder.pki
    async with AsyncClient(
        desk.responder.url,
        transport=desk.responder,
        receipts=desk.book,
        clock=desk.clock.now,
    ) as client:
        for _ in range(5):
            await client.check(pki.certificate, pki.issuer)
    assert desk.kept() == [desk.expected(each, StandingCode.GOOD) for each in range(5)]


def test_answers_of_every_source_are_kept_and_refused_ones_are_not(desk: Desk) -> None:
    pki, responder = desk.responder.pki, desk.responder
    responder.forget(pki.certificate)
    responder.order(Fault.BAD_SIGNATURE, url="http://forger.test/")
    with desk.client("http://one.test/", "http://forger.test/", "http://two.test/") as client:
        client.check(pki.certificate, pki.issuer)
    assert desk.kept() == [desk.expected(each, StandingCode.UNKNOWN) for each in (0, 2)]


def test_an_answer_without_a_receipt_leaves_nothing(desk: Desk) -> None:
    desk.responder = FakeResponder(desk.responder.pki, clock=desk.clock.now)
    with desk.client() as client:
        report = client.check(desk.responder.pki.certificate, desk.responder.pki.issuer)
    assert report.receipt is None
    assert desk.files() == []


def test_no_serial_is_kept(desk: Desk) -> None:
    pki = desk.responder.pki
    card = pki.issue("Card", serial=0x7E57_5E71A1).certificate
    with desk.client() as client:
        client.check(card, pki.issuer)
    (file,) = desk.files()
    told = json.loads(file.read_bytes())
    assert set(told) == {"at", "stream", "sequence", "issuer", "pseudonym", "standing"}
    assert str(card.serial_number) not in file.read_text()
    assert f"{card.serial_number:x}" not in file.read_text()


def test_every_month_of_japan_has_its_own_file(desk: Desk) -> None:
    pki = desk.responder.pki
    with desk.client() as client:
        for _ in range(4):
            client.check(pki.certificate, pki.issuer)
            desk.clock.advance(timedelta(seconds=1))
    assert [each.name[:7] for each in desk.files()] == ["2026-04", "2026-05"]
    assert [len(read_receipts([each]).leaves) for each in desk.files()] == [2, 2]


def test_books_and_threads_share_a_directory(tmp_path: Path) -> None:
    books = [ReceiptBook(tmp_path, key=KEY) for _ in range(2)]

    def write(book: ReceiptBook, first: int) -> None:
        for sequence in range(first, first + 50):
            book.keep(answer(sequence), serial=5)

    threads = [threading.Thread(target=write, args=(books[n % 2], 50 * n)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for book in books:
        book.close()
    assert len(list(tmp_path.iterdir())) == 2
    found = read_receipts([tmp_path])
    assert [read_leaf(each).sequence for each in found.leaves] == [*range(300)]


def test_what_is_kept_twice_is_read_once(desk: Desk) -> None:
    for _ in range(2):
        desk.book.keep(answer(), serial=5)
    assert len(read_receipts([desk.directory, *desk.files()]).leaves) == 1


def test_a_closed_book_is_on_the_disk_and_begins_anew(desk: Desk) -> None:
    desk.book.keep(answer(1), serial=5)
    desk.book.close()
    desk.book.keep(answer(2), serial=5)
    assert len(desk.files()) == 2
    assert len(desk.kept()) == 2


# --- crashes and bad disks ------------------------------------------------------


def test_half_a_last_line_is_told_and_costs_no_other(desk: Desk) -> None:
    for sequence in range(3):
        desk.book.keep(answer(sequence), serial=5)
    (file,) = desk.files()
    whole = file.read_bytes()
    line = len(whole) // 3
    for length in (each + line * count for count in range(3) for each in (0, 1, 40, line - 1)):
        file.write_bytes(whole[:length])
        found = read_receipts([file])
        assert len(found.leaves) == length // line
        assert found.torn == bool(length % line)


def test_a_full_disk_loses_receipts_but_no_check(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.directory.write_text("not a directory")
    pki = desk.responder.pki
    with caplog.at_level(logging.ERROR), desk.client() as client:
        assert client.check(pki.certificate, pki.issuer)
    assert desk.book.lost == 1
    assert "a receipt is lost" in caplog.text
    assert str(pki.certificate.serial_number) not in caplog.text


def test_a_disk_that_fails_at_the_end_is_logged_and_raises_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    desk.book.keep(answer(), serial=1)
    monkeypatch.setattr(os, "fsync", broken)
    desk.book.close()
    assert "last receipts may be lost" in caplog.text


def test_after_half_a_line_another_file_is_begun(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Short(FileIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            return super().write(data[:40])

    with monkeypatch.context() as patched:
        patched.setattr(receipts, "FileIO", Short)
        desk.book.keep(answer(0), serial=5)
    desk.book.keep(answer(1), serial=5)
    found = read_receipts([desk.directory])
    assert desk.book.lost == 1
    assert (len(found.leaves), found.torn) == (1, 1)


@pytest.mark.parametrize("key", [b"", bytes(31), KEY.hex()])
def test_a_key_of_no_use_is_refused_at_once(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(WrongUse, match="32 octets"):
        ReceiptBook(tmp_path, key=key)


GOOD_LINE = receipts._to_line(
    Leaf(STREAM, 1, int(AT.timestamp()), bytes(32), bytes(16), StandingCode.GOOD)
)


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        (b"{", b"["),
        (b'"good"', b'"fine"'),
        (b'"good"', b"1"),
        (b'"sequence": 1', b'"sequence": -1'),
        (b'"sequence": 1', b'"sequence": "1"'),
        (b'"sequence": 1', b'"sequence": 18446744073709551616'),
        (STREAM.hex().encode(), b"00"),
        (b"00000000", b""),
        (b"00000000", b"0000000000"),
        (b"2026-04-30", b"2026-04-31"),
        (b"Z", b""),
        (b"pseudonym", b"alias"),
        (GOOD_LINE[:-1], b""),
        (GOOD_LINE[:-1], b"7"),
        (GOOD_LINE[:-1], b"\xff"),
    ],
)
def test_a_line_that_is_no_receipt_is_refused_with_its_number(
    tmp_path: Path, was: bytes, is_now: bytes
) -> None:
    file = tmp_path / "2026-04.receipts"
    file.write_bytes(GOOD_LINE + GOOD_LINE.replace(was, is_now, 1) + GOOD_LINE)
    with pytest.raises(Malformed, match=r"2026-04\.receipts, line 2"):
        read_receipts([file])


@steady
@given(st.binary(max_size=200))
def test_only_documented_errors_escape(tmp_path_factory: pytest.TempPathFactory, data: bytes):
    file = tmp_path_factory.mktemp("noise") / "noise"
    file.write_bytes(data + b"\n")
    with pytest.raises(Malformed):
        read_receipts([file])


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot read"):
        read_receipts([tmp_path / "nothing"])


def test_a_directory_that_cannot_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers would seem to be added by the operator."""

    def shut(*_: object) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    for each in ("listdir", "scandir"):
        monkeypatch.setattr(os, each, shut)
    with pytest.raises(WrongUse, match=r"cannot read .*: Permission denied"):
        read_receipts([tmp_path])


@steady
@given(
    st.integers(0, 2**64 - 1),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    st.sampled_from(StandingCode),
)
def test_a_line_reads_back(sequence: int, at: datetime, standing: StandingCode):
    at = at.replace(microsecond=0, tzinfo=UTC)
    second = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    written = Leaf(STREAM, sequence, second, b"i" * 32, b"p" * 16, standing)
    line = receipts._to_line(written)
    assert read_leaf(receipts._from_line(line)) == written
