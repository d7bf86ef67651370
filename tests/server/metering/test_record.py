"""The slots of a journal: what is written is read, and nothing else is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.journal import context
from support.segments import SEED, STREAM, signed
from support.strategies import steady
from tashika_server.durable import Durability
from tashika_server.metering.record import (
    BODY_BYTES,
    HEAD,
    SLOT,
    SLOT_BYTES,
    Content,
    Ending,
    Header,
    Kind,
    Seal,
    Slot,
    Strange,
    abandoned_content,
    claimed_header,
    context_contents,
    header_content,
    mark_content,
    read_context,
    read_header,
    read_seal,
    read_slot,
    seal_content,
    seed,
)
from tashika_server.metering.usage import Context, Occasion, StandingCode

bodies = st.binary(min_size=BODY_BYTES, max_size=BODY_BYTES)
printable = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
words = st.text(printable, max_size=20)
contexts = st.builds(
    Context,
    verifier=words,
    holder=words,
    agreement=words,
    version=st.integers(0, 2**31 - 1),
    family=words,
    issuer=words,
    fingerprint=st.binary(min_size=32, max_size=32),
    method=words,
    purpose=words,
)


def slot_of(content: Content, place: int = 0) -> Slot:
    body = HEAD.pack(content.kind, *content.small, place, 0, 0, 0, content.rest)
    slot = read_slot(bytes(SLOT_BYTES * place) + signed(body), SLOT_BYTES * place, SEED)
    assert slot
    return slot


def test_a_slot_has_64_octets_and_the_first_60_are_the_same_in_all_words() -> None:
    assert (SLOT_BYTES, BODY_BYTES, HEAD.size) == (64, 60, 60)


def test_a_usage_lies_as_the_docstring_says() -> None:
    body = SLOT.pack(2, 1, 3, 5, 4, 2, 77, 9, 1_000_000, 6, b"p" * 16)
    assert body == bytes.fromhex(
        "02010300 05000000 04000000 02000000 4d00000000000000"
        "0900000000000000 40420f0000000000 06000000" + "70" * 16
    )


def test_only_zeros_are_no_slot() -> None:
    assert read_slot(bytes(SLOT_BYTES), 0, SEED) is None


@steady
@given(bodies, st.integers(0, 3), st.integers(0, SLOT_BYTES * 8 - 1))
def test_a_slot_counts_in_its_place_of_its_segment_and_whole(
    body: bytes, place: int, bit: int
) -> None:
    body = body[:3] + b"\0" + place.to_bytes(4, "little") + body[8:]
    before, slot = bytes(SLOT_BYTES * place), signed(body)
    at = len(before)
    assert read_slot(before + slot, at, SEED) == Slot._make(SLOT.unpack(body))
    assert read_slot(before + slot[:-1], at, SEED) is None
    assert read_slot(before + bytes(SLOT_BYTES) + slot, at + SLOT_BYTES, SEED) is None
    assert read_slot(before + slot, at, seed(STREAM, 2)) is None
    assert read_slot(before + slot, at, seed(STREAM[::-1], 1)) is None
    flipped = bytearray(slot)
    flipped[bit // 8] ^= 1 << bit % 8
    assert read_slot(before + flipped, at, SEED) is None


@steady
@given(contexts, st.integers(0, 2**32 - 1))
def test_a_context_is_read_as_it_was_written(said: Context, number: int) -> None:
    parts = [slot_of(each) for each in context_contents(number, said)]
    assert read_context(parts) == (number, said)


def test_a_context_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        context_contents(1, context(issuer="x" * 1024))


def test_parts_of_two_contexts_are_none() -> None:
    one, other = (
        [slot_of(each) for each in context_contents(number, context(number))] for number in (1, 2)
    )
    for parts in (one[:-1], one[1:], one[::-1], one[:3] + other[3:]):
        with pytest.raises(Strange):
            read_context(parts)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"[" * 900, b'{"version":1e999}', b"\xff", b'{"verifier":1}', b"1" * 900],
)
def test_a_text_that_is_no_context_is_strange(text: bytes) -> None:
    pieces = [text[at : at + 32] for at in range(0, max(len(text), 1), 32)]
    parts = [
        slot_of(Content(Kind.CONTEXT, (part, len(pieces)), bytes(4) + piece.ljust(32, b"\0")))
        for part, piece in enumerate(pieces)
    ]
    with pytest.raises(Strange):
        read_context(parts)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (b'"version":1', b'"version":""'),
        (b'"version":1', b'"version":2147483648'),
        (b'"version":1', b'"version":-1'),
        (b'"family":"', b'"family":"\\u0000'),
        (b'"purpose":"', b'"purpose":"\\ud800'),
    ],
)
def test_a_context_that_no_book_keeps_is_strange(written: bytes, instead: bytes) -> None:
    parts = context_contents(1, context())
    text = b"".join(part.rest[4:] for part in parts).rstrip(b"\0")
    assert written in text
    text = text.replace(written, instead)
    pieces = [text[at : at + 32] for at in range(0, len(text), 32)]
    slots = [
        slot_of(Content(Kind.CONTEXT, (part, len(pieces)), b"\1\0\0\0" + piece.ljust(32, b"\0")))
        for part, piece in enumerate(pieces)
    ]
    with pytest.raises(Strange, match="text of a context"):
        read_context(slots)


@pytest.mark.parametrize("durability", Durability)
def test_a_header_is_read_as_it_was_written(durability: Durability) -> None:
    header = Header(durability, 262_144, 7, STREAM, 1_000)
    assert read_header(slot_of(header_content(header))) == header


def test_a_header_of_a_format_to_come_is_strange_and_says_which() -> None:
    content = header_content(Header(Durability.DISK, 64, 1, STREAM, 0))
    with pytest.raises(Strange, match="format 2, and this program reads 1"):
        read_header(slot_of(content._replace(small=(2, 1))))
    with pytest.raises(Strange, match="durability 9"):
        read_header(slot_of(content._replace(small=(1, 9))))
    with pytest.raises(Strange, match="no header"):
        read_header(slot_of(mark_content(5)))


def test_a_header_that_belongs_elsewhere_says_where() -> None:
    header = Header(Durability.DISK, 64, 3, STREAM, 0)
    content = header_content(header)
    body = HEAD.pack(content.kind, *content.small, 0, 0, 0, 0, content.rest)
    assert claimed_header(signed(body, seed(STREAM, 3))) == header
    assert claimed_header(signed(body, SEED)) is None
    assert claimed_header(b"") is None


@pytest.mark.parametrize("why", Ending)
def test_a_seal_is_read_as_it_was_written(why: Ending) -> None:
    seal = Seal(why, bytes(range(32)), 4_000_000_000)
    assert read_seal(slot_of(seal_content(seal))) == seal
    with pytest.raises(Strange, match="reason 3"):
        read_seal(slot_of(seal_content(seal)._replace(small=(3, 0))))


def test_a_mark_and_an_abandoned_have_their_time_where_a_usage_has() -> None:
    assert slot_of(mark_content(5)).at == 5
    slot = slot_of(abandoned_content(7, 2, 9))
    assert (slot.generation, slot.context, slot.at) == (7, 2, 9)


@pytest.mark.parametrize(("standing", "occasion"), [(0, 1), (6, 1), (1, 0), (1, 5), (255, 255)])
def test_what_does_not_exist_was_not_said(standing: int, occasion: int) -> None:
    slot: Any = Slot(2, standing, occasion, 0, 0, 0, 0, 0, 0, 0, bytes(16))
    with pytest.raises(Strange, match="does not exist"):
        slot.said()


def test_the_numbers_on_disk_never_change() -> None:
    assert [(each.name, int(each)) for each in StandingCode] == [
        ("GOOD", 1),
        ("REVOKED", 2),
        ("UNKNOWN", 3),
        ("NEVER_ISSUED", 4),
        ("HELD", 5),
    ]
    assert [each.name for each in sorted(Occasion)] == ["FRESH", "CACHED", "RETRY", "REPLAY"]
