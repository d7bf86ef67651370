"""An export that was touched is found out, whatever was touched and however well it was hidden."""

import io
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from support import chained
from support.book import upgraded
from tashika_server.book import Book
from tashika_server.ledger.errors import BadAnchor, LedgerBroken, NoSuchRoot
from tashika_server.ledger.export import export_lines
from tashika_server.ledger.root import Root, public_key
from tashika_server.ledger.roots import close_days, roots
from tashika_server.ledger.verify import Verified, lines_of, read_anchors, verify_export

NOON = datetime(2026, 4, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
THREE_DAYS = (5, 4, 3)
"""Entries written on each; the closing of a day is one more, of the day after."""


class Kept(NamedTuple):
    """A ledger of three days, the last of them still open, and its roots as they were made."""

    export: list[bytes]
    roots: tuple[Root, ...]

    @property
    def anchors(self) -> dict[date, bytes]:
        return {root.day: root.root for root in self.roots}

    @property
    def last_root(self) -> int:
        """Where it stands in the export."""
        return max(at for at, line in enumerate(self.export) if b'"kind":"root"' in line)


def fill(book: Book) -> Kept:
    for day, count in enumerate(THREE_DAYS):
        at = NOON + day * DAY
        with book.writing(actor="佐藤", at=at) as change:
            for number in range(count):
                change.record(
                    "x.add", f"X-{number}", before=None, after={"n": number, "名": "a\\b"}
                )
        close_days(book, KEY, actor="office", at=at)
    with book.reading() as connection:
        return Kept(list(export_lines(connection)), roots(connection))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    book = upgraded(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'book.sqlite'}")
    try:
        return fill(book)
    finally:
        book.close()


def broken(export: Sequence[bytes], **known: Any) -> LedgerBroken:
    with pytest.raises(LedgerBroken) as found:
        verify_export(export, **known)
    assert found.value.line is not None
    return found.value


def test_an_honest_export_holds_and_so_says_the_page(book: Book):
    export, made = fill(book)
    chained.demand_sound(export)
    (key,) = {root.key for root in made}
    anchors = {root.day: root.root for root in made}
    assert verify_export(export, keys=[key], anchors=anchors) == Verified(
        first=1,
        last=14,
        rooted=10,
        roots=2,
        first_day=date(2026, 4, 1),
        last_day=date(2026, 4, 2),
        anchored=(date(2026, 4, 1), date(2026, 4, 2)),
        keys=(chained.sha256(public_key(KEY)).digest(),),
    )


def test_an_empty_ledger_holds_and_proves_nothing(book: Book):
    with book.reading() as connection:
        export = list(export_lines(connection))
    chained.demand_sound(export)
    assert verify_export(export).rooted is None


# --- One accident -----------------------------------------------------------------------------


@given(place=st.integers(0), change=st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_one_changed_octet_is_found(kept: Kept, place: int, change: int):
    whole = bytearray(b"".join(kept.export))
    whole[place % len(whole)] ^= change
    broken(list(lines_of(io.BytesIO(whole))))


@given(length=st.integers(0))
@settings(max_examples=100, deadline=None)
def test_a_file_that_ends_too_early_is_found(kept: Kept, length: int):
    whole = b"".join(kept.export)
    broken(list(lines_of(io.BytesIO(whole[: length % len(whole)]))))


def left_out(export: list[bytes], at: int) -> None:
    del export[at]


def doubled(export: list[bytes], at: int) -> None:
    export.insert(at, export[at])


def swapped(export: list[bytes], at: int) -> None:
    export[at], export[at - 1] = export[at - 1], export[at]


def put_in(export: list[bytes], at: int) -> None:
    line = chained.read([export[1]])[0] | {"subject": "X-9"}
    export.insert(at, chained.octets_of(line) + b"\n")


MOVES = (left_out, doubled, swapped, put_in)


@pytest.mark.parametrize("move", MOVES)
def test_a_line_that_is_not_in_its_place_is_found_there_or_in_the_next(kept: Kept, move):
    for at in range(1, len(kept.export)):
        export = list(kept.export)
        move(export, at)
        line = broken(export).line
        assert line in {at, at + 1, at + 2} or b'"kind":"root"' in kept.export[at]


def test_a_line_without_end_is_read_in_pieces_and_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tashika_server.ledger.verify.MAX_LINE", 10)
    assert list(lines_of(io.BytesIO(b"x" * 25))) == [b"x" * 10, b"x" * 10, b"x" * 5]


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b'{"kind":"entry"}\n', b"[]\n", b"1\n"])))
@settings(max_examples=100, deadline=None)
def test_whatever_is_no_ledger_is_refused_and_nothing_else_escapes(lines: list[bytes]):
    broken(lines)


DEEP = b"[" * 100_000 + b"\n"
HUGE = b'{"kind":"entry","number":' + b"9" * 5000 + b"}\n"


@pytest.mark.parametrize("line", [DEEP, HUGE, b'{"kind":[]}\n', b'{"kind":"entry"}', b"\xff\n"])
def test_a_line_made_to_break_the_reader_is_refused(kept: Kept, line: bytes):
    assert broken([kept.export[0], line]).line == 2


# --- A forger who makes the last line fit -----------------------------------------------------


@given(at=st.integers(1), change=st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_a_changed_value_under_a_root_is_found_without_the_last_line(
    kept: Kept, at: int, change: random.Random
):
    lines = chained.read(kept.export)
    line = lines[1 + at % kept.last_root]
    name = change.choice(sorted(line.keys() - {"kind"}))
    line[name] = other_than(line[name], change)
    broken(chained.write(lines))


def other_than(value: str | int | None, change: random.Random) -> str | int:
    """Return another value that could stand there."""
    if isinstance(value, int):
        return value + change.choice([-1, 1, 100])
    if value is None:
        return "null"
    at = change.randrange(len(value))
    return value[:at] + change.choice("0123456789abcdef銀".replace(value[at], "")) + value[at + 1 :]


@pytest.mark.parametrize("move", MOVES)
def test_moved_lines_under_a_root_are_found_without_the_last_line(kept: Kept, move):
    # The last root itself can be left out: what is behind the last root that is there is open.
    for at in range(1, kept.last_root + (move is not left_out)):
        export = list(kept.export)
        move(export, at)
        broken(chained.write(chained.read(export)))


def test_what_is_cut_off_is_found_by_a_root_that_was_kept(kept: Kept):
    for end in range(1, kept.last_root + 1):
        cut = chained.write(chained.read([*kept.export[:end], kept.export[-1]]))
        known = broken(cut, anchors=kept.anchors)
        assert "2026-04-0" in known.what
        assert "is not here" in known.what
    behind = chained.write(chained.read([*kept.export[: kept.last_root + 2], kept.export[-1]]))
    assert verify_export(behind, anchors=kept.anchors).last == 11  # chained, and nothing more


def test_a_beginning_that_was_cut_off_can_only_be_told_honestly(kept: Kept):
    lines = chained.read(kept.export)
    cut = [lines[0], *lines[4:]]
    assert "entry 1 is missing" in broken(chained.write(cut)).what
    cut[0] |= {"first": 4, "previous": lines[4]["previous"]}
    assert "something was left out" in broken(chained.write(cut)).what


# --- A forger who writes all of it anew -------------------------------------------------------


def forged(kept: Kept, key: ec.EllipticCurvePrivateKey) -> list[bytes]:
    lines = chained.read(kept.export)
    lines[3] |= {"actor": "nobody"}
    return chained.written_anew(lines, key)


def test_a_ledger_written_anew_without_the_key_is_found_by_who_knows_the_key(kept: Kept):
    export = forged(kept, OTHER_KEY)
    chained.demand_sound(export)
    assert verify_export(export).keys == (chained.sha256(public_key(OTHER_KEY)).digest(),)
    assert "somebody else's key" in broken(export, keys=[public_key(KEY)]).what
    assert verify_export(export, keys=[public_key(KEY), public_key(OTHER_KEY)]).roots == 2


def test_a_ledger_written_anew_with_the_key_is_found_by_a_root_that_was_kept(kept: Kept):
    export = forged(kept, KEY)
    assert verify_export(export, keys=[public_key(KEY)]).last == 14
    for day, root in kept.anchors.items():
        known = broken(export, keys=[public_key(KEY)], anchors={day: root})
        assert f"the root of {day} is not the one that was kept" in known.what


def test_a_signature_of_another_root_or_of_no_key_at_all_does_not_hold(kept: Kept):
    lines = chained.read(kept.export)
    first, second = (line for line in lines if line["kind"] == "root")
    for change in ({"signature": second["signature"]}, {"key": "00"}, {"signature": ""}):
        lines[lines.index(first)] = first | change
        assert "was changed after it was signed" in broken(chained.write(lines)).what
        lines[lines.index(first | change)] = first


def test_roots_out_of_their_days_are_refused_even_if_they_are_signed(kept: Kept):
    lines = chained.read(kept.export)
    for line in lines:
        if line["kind"] == "root":
            line |= {"day": "2026-04-01"}
    assert "does not follow the one before" in broken(chained.written_anew(lines, KEY)).what


@pytest.mark.parametrize("days", [-1, 1, 40])
def test_a_root_of_another_day_than_its_entries_is_refused_even_if_it_is_signed(
    kept: Kept, days: int
):
    lines = chained.read(kept.export)
    for line in lines:
        if line["kind"] == "root":
            line |= {"day": str(date.fromisoformat(line["day"]) + days * DAY)}
    assert "is not of that day" in broken(chained.written_anew(lines, KEY)).what


def test_a_root_over_nothing_is_refused_even_if_it_is_signed(kept: Kept):
    lines = chained.read(kept.export)
    first = next(at for at, line in enumerate(lines) if line["kind"] == "root")
    empty = dict(lines[first])
    lines.insert(first + 1, empty)
    known = broken(chained.written_anew(lines, KEY)).what
    assert "is not of that day" in known or "does not follow" in known


# --- Parts, and anchors -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def book_of_days(tmp_path_factory: pytest.TempPathFactory):
    book = upgraded(f"sqlite:///{tmp_path_factory.mktemp('days') / 'book.sqlite'}")
    fill(book)
    yield book
    book.close()


@pytest.mark.parametrize(
    ("first", "last", "numbers", "rooted"),
    [
        (date(2026, 4, 1), date(2026, 4, 1), (1, 5), 5),
        (date(2026, 4, 2), None, (6, 14), 10),
        (date(2026, 4, 2), date(2026, 4, 9), (6, 10), 10),
        (None, date(2026, 4, 2), (1, 10), 10),
        (date(2026, 4, 3), None, (11, 14), None),
    ],
)
def test_some_days_are_exported_from_root_to_root(book_of_days: Book, first, last, numbers, rooted):
    with book_of_days.reading() as connection:
        export = list(export_lines(connection, first=first, last=last))
    verified = verify_export(export, keys=[public_key(KEY)])
    assert ((verified.first, verified.last), verified.rooted) == (numbers, rooted)


def test_days_that_are_not_closed_cannot_end_an_export(book_of_days: Book):
    with book_of_days.reading() as connection, pytest.raises(NoSuchRoot, match="2026-04-03"):
        list(export_lines(connection, first=date(2026, 4, 3), last=date(2026, 4, 3)))


def test_an_export_is_the_same_however_it_is_cut_into_pages(
    book_of_days: Book, kept: Kept, monkeypatch: pytest.MonkeyPatch
):
    with book_of_days.reading() as connection:
        whole = list(export_lines(connection))
        monkeypatch.setattr("tashika_server.ledger.export.PAGE", 2)
        assert list(export_lines(connection)) == whole
    assert len(whole) == len(kept.export)


def test_anchors_are_lines_of_roots_or_days_with_a_root(kept: Kept, tmp_path: Path):
    first, second = kept.roots
    text = f"{first.line}\n{second.day}  {second.root.hex()}\n"
    assert read_anchors(text) == kept.anchors


ROOT, OTHER = "ab" * 32, "cd" * 32


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("2026-04-01", "line 1"),
        ("2026-04-01 abcd", "line 1"),
        (f"2026-04-01 {ROOT}\nyesterday {ROOT}", "line 2"),
        ('{"kind":"root"}', "line 1"),
        (f'{{"digest":"{ROOT}","entries":0,"kind":"end","roots":0}}', "line 1"),
        (f"2026-04-01 {ROOT}\n2026-04-01 {OTHER}", "another root of 2026-04-01"),
    ],
)
def test_t40_anchors_that_are_none_are_refused(text: str, says: str):
    with pytest.raises(BadAnchor, match=says):
        read_anchors(text)
