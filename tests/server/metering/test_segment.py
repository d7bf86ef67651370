"""How a segment ends: what a crash can leave, and what none can."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.journal import context
from support.segments import SEED, SLOTS, STREAM, Scribe, end_of, read, signed
from support.strategies import steady
from tashika_server.durable import Durability
from tashika_server.metering.ending import Harm, Verdict
from tashika_server.metering.record import (
    BODY_BYTES,
    SLOT_BYTES,
    Content,
    Ending,
    Header,
    Kind,
    abandoned_content,
    context_contents,
    header_content,
)
from tashika_server.metering.segment import GIVEN_UP_BYTES
from tashika_server.metering.segment_reader import SegmentReader
from tashika_server.metering.usage import END_OF_TIME

EMPTY = bytes(SLOTS * SLOT_BYTES)


def whole(usages: int = 3) -> Scribe:
    scribe = Scribe().context()
    for _ in range(usages):
        scribe.usage()
    return scribe


def without(data: bytes, place: int) -> bytes:
    """Put zeros in a slot, as a page that never reached the disk has."""
    return data[: place * SLOT_BYTES] + bytes(SLOT_BYTES) + data[(place + 1) * SLOT_BYTES :]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


# --- Ends that are as they should be ----------------------------------------------------------


def test_zeros_are_a_segment_that_waits() -> None:
    assert end_of(EMPTY, number=2).verdict is Verdict.EMPTY
    assert end_of(bytes(GIVEN_UP_BYTES)).verdict is Verdict.EMPTY


@pytest.mark.parametrize("length", [0, 32, 128, len(EMPTY) - SLOT_BYTES, len(EMPTY) + 1])
def test_a_blank_file_of_a_length_that_no_segment_has_lost_something(length: int) -> None:
    assert harm(bytes(length)) is Harm.CUT


def test_an_open_segment_ends_where_nothing_was_written_yet() -> None:
    scribe = whole()
    numbers, reader = read(scribe.data)
    assert numbers == [0, 1, 2]
    assert reader.end.verdict is Verdict.OPEN
    assert (reader.offset, reader.sequence) == (len(scribe.written), 3)
    assert reader.contexts == {0: context()}


def test_a_sealed_segment_says_why_and_is_hashed() -> None:
    scribe = whole().mark()
    _, reader = read(scribe.seal(Ending.FULL).data)
    assert reader.end.verdict is Verdict.SEALED
    assert reader.end.seal
    assert reader.end.seal.why is Ending.FULL
    assert reader.digest() == reader.end.seal.digest


def test_reading_goes_on_where_it_ended() -> None:
    scribe = whole()
    _, first = read(scribe.data)
    numbers, reader = read(
        scribe.usage().context(1, context(2)).usage(number=1).data,
        sequence=first.sequence,
        offset=first.offset,
    )
    assert numbers == [3, 4]
    assert reader.contexts == {0: context(), 1: context(2)}


def test_reading_goes_on_within_a_context() -> None:
    scribe = whole()
    parts = context_contents(1, context(2))
    for part in parts[:4]:
        scribe.put(part)
    _, first = read(scribe.data)
    for part in parts[4:]:
        scribe.put(part)
    numbers, reader = read(
        scribe.usage(number=1).data, sequence=first.sequence, offset=first.offset
    )
    assert numbers == [3]
    assert reader.contexts[1] == context(2)


# --- What a crash leaves ----------------------------------------------------------------------


def test_a_write_that_was_cut_off_is_torn_and_counts_up_to_there() -> None:
    scribe = whole()
    begun = scribe.place
    for _ in range(4):
        scribe.usage(group=begun)
    numbers, reader = read(without(scribe.data, begun + 1))
    assert numbers == [0, 1, 2, 3]
    assert reader.end.verdict is Verdict.TORN
    assert reader.sequence == 4


def test_a_first_write_without_its_header_is_torn_and_counts_for_nothing() -> None:
    scribe = Scribe(number=2).usage(group=0)
    assert end_of(without(scribe.data, 0), number=2).verdict is Verdict.TORN


@pytest.mark.parametrize("data", [EMPTY, without(Scribe().usage(group=0).data, 0)])
def test_a_stream_s_first_header_is_there_before_anybody_reads(data: bytes) -> None:
    assert harm(data) is Harm.DAMAGED


def test_half_a_slot_is_torn() -> None:
    data = whole().written[:-20].ljust(len(EMPTY), b"\0")
    numbers, reader = read(data)
    assert numbers == [0, 1]
    assert reader.end.verdict is Verdict.TORN


# --- What no crash leaves ---------------------------------------------------------------------


def harm(data: bytes, **where: int) -> Harm | None:
    _, reader = read(data, **where)
    assert (reader.end.verdict is Verdict.CORRUPT) == (reader.end.harm is not None)
    assert bool(reader.end.detail) == (reader.end.harm is not None)
    return reader.end.harm


def test_a_slot_that_was_durable_and_cannot_be_read_is_damage() -> None:
    data = whole().data
    for place in range(len(whole().written) // SLOT_BYTES - 1):
        numbers, reader = read(without(data, place))
        assert reader.end.harm is Harm.DAMAGED
        assert reader.offset == place * SLOT_BYTES
        assert all(each * SLOT_BYTES < reader.offset for each in numbers)


def test_any_bit_of_a_sealed_segment_counts() -> None:
    data = whole(1).mark().seal().data
    assert harm(data) is None
    for at in range(0, len(data), 13):
        reader = read(flipped(data, at))[1]
        # Only its own last slot could have been cut off.
        torn = reader.offset == len(whole(1).mark().written)
        assert reader.end.harm or (torn and reader.end.verdict is Verdict.TORN)


def test_a_number_left_out_is_a_gap() -> None:
    assert harm(whole().usage(sequence=4).data) is Harm.GAP
    assert harm(whole().usage(sequence=2).data) is Harm.GAP
    assert harm(Scribe(sequence=7).data) is Harm.GAP


def test_a_time_that_runs_back_is_a_gap() -> None:
    assert harm(whole().usage(at=999).data) is Harm.GAP
    data = whole().mark(2_000).data
    after = len(whole().written) + SLOT_BYTES
    scribe = whole().mark(2_000).mark(1_500)
    assert harm(data) is None
    assert harm(scribe.data, offset=after, sequence=3) is Harm.GAP


def test_a_write_out_of_its_order_is_a_gap() -> None:
    assert harm(whole().usage(group=3).data) is Harm.GAP
    assert harm(whole().usage(group=60).data) is Harm.GAP


@pytest.mark.parametrize(
    "scribe",
    [
        whole().usage(standing=9),
        whole().usage(occasion=0),
        whole().usage(number=1),
        whole().usage(generation=2**63),
        whole().usage(at=2**63),
        whole().usage(at=END_OF_TIME + 1),
        Scribe(header=False).put(
            header_content(Header(Durability.DISK, SLOTS, 1, STREAM, END_OF_TIME + 1))
        ),
        whole().usage(lag=4),
        whole().put(abandoned_content(2, 1, 1_000), lag=0),
        whole().put(abandoned_content(2, 2, 1_000), lag=1),
        whole().put(Content(Kind.USAGE, (1, 1), bytes(36))._replace(kind=9)),  # type: ignore[arg-type]
        whole().put(header_content(Header(Durability.DISK, SLOTS, 1, STREAM, 0))),
        whole().put(context_contents(1, context(2))[0]).mark(),
        whole().context(0, context(2)),
    ],
)
def test_what_no_writer_says_is_strange(scribe: Scribe) -> None:
    assert harm(scribe.data) is Harm.STRANGE


def test_a_seal_of_another_content_is_found_out() -> None:
    other = sha256(whole(2).written).digest()
    assert harm(whole().seal(digest=other).data) is Harm.DIGEST
    assert harm(whole().seal(usages=2).data) is Harm.DIGEST


def test_bytes_behind_a_seal_are_damage() -> None:
    assert harm(whole().seal().usage().data) is Harm.DAMAGED


def test_a_file_cut_short_is_found_out() -> None:
    data = whole().data
    assert harm(data[:-1]) is Harm.CUT
    assert harm(data + bytes(64)) is Harm.CUT


def test_a_file_from_elsewhere_says_where_it_is_from() -> None:
    stranger = Scribe(number=2).data
    end = end_of(stranger)
    assert end.harm is Harm.FOREIGN
    assert f"segment 2 of stream {STREAM.hex()}" in end.detail


def test_a_header_that_is_gone_is_damage_to_whoever_has_read_it() -> None:
    data = whole().data
    assert harm(without(data, 0), offset=SLOT_BYTES, sequence=0) is Harm.DAMAGED
    assert harm(EMPTY, offset=SLOT_BYTES, sequence=0) is Harm.DAMAGED


def test_a_context_that_can_no_longer_be_read_is_missed() -> None:
    scribe = whole()
    offset, sequence = len(scribe.written), scribe.sequence
    data = without(scribe.usage().data, 3)
    assert harm(data, offset=offset, sequence=sequence) is Harm.STRANGE


# --- Any bytes --------------------------------------------------------------------------------


@steady
@given(st.binary(max_size=6 * SLOT_BYTES), st.integers(0, 3), st.integers(0, 5))
def test_any_bytes_have_an_end(data: bytes, place: int, sequence: int) -> None:
    reader = SegmentReader(
        data, stream=STREAM, number=1, offset=place * SLOT_BYTES, sequence=sequence
    )
    assert list(reader) == []
    assert reader.end.verdict in Verdict
    assert len(reader.digest()) == 32


@steady
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*Kind, 0, 7]),
            st.integers(0, 6),
            st.integers(0, 6),
            st.integers(0, 4),
            st.integers(0, 4),
            st.integers(0, 4),
            st.binary(min_size=36, max_size=36),
        ),
        max_size=8,
    )
)
def test_any_slots_with_good_checksums_have_an_end(slots: list[tuple[int, ...]]) -> None:
    scribe = whole(1)
    for kind, first, second, group, lag, sequence, rest in slots:
        content = Content(kind, (first, second), rest)  # type: ignore[arg-type]
        scribe.put(content, group=group, lag=lag, sequence=sequence)
    numbers, reader = read(scribe.data)
    assert reader.end.verdict in Verdict
    assert numbers == list(range(len(numbers)))


@steady
@given(st.binary(min_size=BODY_BYTES, max_size=BODY_BYTES))
def test_any_first_slot_has_an_end(body: bytes) -> None:
    data = signed(body[:4] + bytes(4) + body[8:], SEED)
    assert end_of(data).verdict in Verdict
