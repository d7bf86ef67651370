"""The bounded DER reader and writer, against asn1crypto and against liars."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import steady, times
from tashika.pki import der
from tashika.pki.errors import Malformed
from tashika.pki.limits import MAX_INTEGER_BYTES, MAX_OID_BYTES

Reading = Callable[[der.Reader], object]

arcs = st.integers(0, 50) | st.integers(0, 2**64)
oids = st.one_of(
    st.builds("{}.{}".format, st.integers(0, 1), st.integers(0, 39)),
    st.builds("2.{}".format, arcs),
).flatmap(lambda top: st.lists(arcs, max_size=2).map(lambda more: ".".join([top, *map(str, more)])))


def read(data: bytes, reading: Reading) -> object:
    reader = der.Reader(data)
    value = reading(reader)
    reader.done()
    return value


# --- what is written is read, by us and by asn1crypto ---------------------------


@steady
@given(st.integers(-(2 ** (8 * MAX_INTEGER_BYTES - 1)), 2 ** (8 * MAX_INTEGER_BYTES - 1) - 1))
def test_integers_go_round(number: int):
    assert der.integer(number) == core.Integer(number).dump()
    assert read(der.integer(number), der.Reader.integer) == number


@steady
@given(oids)
def test_oids_go_round(oid: str):
    assert der.oid(oid) == core.ObjectIdentifier(oid).dump()
    assert read(der.oid(oid), der.Reader.oid) == oid


@pytest.mark.parametrize(
    "oid", ["0.0", "0.39", "1.39", "2.0", "2.39", "2.40", "2.47", "2.48", "2.999.1", "2.25.0"]
)
def test_the_first_two_arcs_share_octets(oid: str):
    assert read(core.ObjectIdentifier(oid).dump(), der.Reader.oid) == oid


@steady
@given(times)
def test_times_go_round(at: datetime):
    assert der.generalized_time(at) == core.GeneralizedTime(at).dump()
    assert read(der.generalized_time(at), der.Reader.time) == at


def test_a_time_is_written_in_utc_and_to_the_second():
    tokyo = timezone(timedelta(hours=9))
    written = der.generalized_time(datetime(2026, 4, 1, 8, 59, 59, 999_999, tzinfo=tokyo))
    assert written[2:] == b"20260331235959Z"


@steady
@given(st.binary(max_size=300))
def test_strings_go_round(value: bytes):
    assert der.octet_string(value) == core.OctetString(value).dump()
    assert read(der.octet_string(value), der.Reader.octets) == value
    assert der.bit_string(value) == core.OctetBitString(value).dump()
    assert read(der.bit_string(value), der.Reader.bits) == value


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**24])
def test_every_form_of_length_goes_round(length: int):
    written = der.octet_string(bytes(length))
    assert written == core.OctetString(bytes(length)).dump()
    assert read(written, lambda reader: len(reader.octets())) == length


def test_booleans_and_null():
    assert read(der.TRUE, der.Reader.boolean) is True
    assert read(core.Boolean(False).dump(), der.Reader.boolean) is False
    assert read(der.NULL, der.Reader.null) is None


# --- headers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("", id="nothing"),
        pytest.param("30", id="a tag alone"),
        pytest.param("3001", id="content missing"),
        pytest.param("308000000000", id="indefinite"),
        pytest.param("3080" + "00" * 128, id="indefinite, not 128"),
        pytest.param("30810101", id="long form of a short length"),
        pytest.param("30817f" + "00" * 127, id="long form of 127"),
        pytest.param("3082008000" + "00" * 127, id="leading zero in the length"),
        pytest.param("3081", id="cut off in the length"),
        pytest.param("3084ffff", id="cut off in a long length"),
        pytest.param("3084ffffffff", id="four gigabytes"),
        pytest.param("308501000000000000", id="a length of five octets"),
        pytest.param("30ff", id="the reserved length"),
        pytest.param("1f00", id="high tag"),
        pytest.param("3f810100", id="constructed high tag"),
        pytest.param("ff00", id="private high tag"),
    ],
)
def test_a_header_that_is_not_der_is_refused(data: str):
    # Whatever the tag: so it is refused in what is stepped over, too.
    with pytest.raises(Malformed):
        der.Reader(bytes.fromhex(data)).element()


@pytest.mark.parametrize("tag", [0x31, 0x10, 0x00, 0xA0, 0x70])
@pytest.mark.parametrize("step", [der.Reader.take, der.Reader.element])
def test_another_tag_is_refused(tag: int, step: Callable[..., object]):
    with pytest.raises(Malformed, match=rf"tag 0x30, found {tag:#04x}"):
        step(der.Reader(bytes((tag, 0))), der.SEQUENCE)


def test_a_child_ends_inside_its_parent():
    # There are bytes behind the parent, and the child's length points at them.
    parent = der.Reader(bytes.fromhex("30030402aa bb".replace(" ", ""))).take(der.SEQUENCE)
    with pytest.raises(Malformed, match="past the end"):
        parent.octets()


def test_the_octets_of_a_length_lie_inside_the_parent():
    parent = der.Reader(bytes.fromhex("30020481" + "80" + "00" * 128)).take(der.SEQUENCE)
    with pytest.raises(Malformed):
        parent.octets()


def test_leftovers_are_refused():
    reader = der.Reader(der.NULL + b"\x00")
    reader.null()
    with pytest.raises(Malformed, match="unexpected bytes"):
        reader.done()
    with pytest.raises(Malformed, match="unexpected bytes"):
        der.Reader(der.sequence() + b"\x00").only(der.SEQUENCE)


def test_an_absent_element_is_not_stepped_over():
    reader = der.Reader(der.NULL)
    assert reader.maybe(der.SEQUENCE) is None
    assert reader.peek() == der.NULL_TAG
    reader.null()
    assert (reader.peek(), reader.more, reader.rest) == (-1, False, b"")
    assert reader.maybe(der.NULL_TAG) is None


def test_t22_depth_costs_nothing():
    data = b""
    for _ in range(3000):
        data = der.sequence(data)
    assert der.Reader(data).only(der.SEQUENCE).more


# --- values ---------------------------------------------------------------------

LONGEST, TOO_LONG = MAX_INTEGER_BYTES, MAX_INTEGER_BYTES + 1


@pytest.mark.parametrize(
    ("content", "reading"),
    [
        pytest.param("", der.Reader.integer, id="integer: empty"),
        pytest.param("0000", der.Reader.integer, id="integer: two zeros"),
        pytest.param("007f", der.Reader.integer, id="integer: needless zero"),
        pytest.param("ffff", der.Reader.integer, id="integer: needless sign"),
        pytest.param("ff80", der.Reader.integer, id="integer: needless sign of -128"),
        pytest.param("7f" * TOO_LONG, der.Reader.integer, id="integer: too long"),
        pytest.param("7f" * 2500, der.Reader.integer, id="integer: more digits than str takes"),
        pytest.param("ff", der.Reader.natural, id="natural: -1"),
        pytest.param("80" * LONGEST, der.Reader.natural, id="natural: very negative"),
        pytest.param("", der.Reader.boolean, id="boolean: empty"),
        pytest.param("01", der.Reader.boolean, id="boolean: BER true"),
        pytest.param("ffff", der.Reader.boolean, id="boolean: two octets"),
        pytest.param("00", der.Reader.null, id="null: content"),
        pytest.param("", der.Reader.bits, id="bits: empty (T28)"),
        pytest.param("01fe", der.Reader.bits, id="bits: not of whole octets"),
        pytest.param("", der.Reader.oid, id="oid: empty"),
        pytest.param("2a86", der.Reader.oid, id="oid: ends inside an arc"),
        pytest.param("2a8180", der.Reader.oid, id="oid: ends inside an arc, at zero"),
        pytest.param("8001", der.Reader.oid, id="oid: needless zero in the first arc"),
        pytest.param("2a8001", der.Reader.oid, id="oid: needless zero"),
        pytest.param("2a" + "ff" * MAX_OID_BYTES + "7f", der.Reader.oid, id="oid: huge arc"),
        pytest.param("2a" + "01" * MAX_OID_BYTES, der.Reader.oid, id="oid: many arcs"),
    ],
)
def test_a_value_that_is_not_der_is_refused(content: str, reading: Reading):
    tags = {
        der.Reader.boolean: der.BOOLEAN,
        der.Reader.null: der.NULL_TAG,
        der.Reader.bits: der.BIT_STRING,
        der.Reader.oid: der.OID,
    }
    with pytest.raises(Malformed):
        reading(der.Reader(der.wrap(tags.get(reading, der.INTEGER), bytes.fromhex(content))))


def test_the_longest_values_are_read():
    assert read(der.wrap(der.INTEGER, b"\x7f" * LONGEST), der.Reader.natural)
    arc = b"\x2a" + b"\xff" * (MAX_OID_BYTES - 2) + b"\x7f"
    assert (
        read(der.wrap(der.OID, arc), der.Reader.oid) == f"1.2.{2 ** (7 * (MAX_OID_BYTES - 1)) - 1}"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [("00", set()), ("0780", {0}), ("0640", {1}), ("01fe", set(range(7))), ("070080", {8})],
)
def test_flags_are_numbered_from_the_left(content: str, expected: set[int]):
    assert der.flags(bytes.fromhex(content)) == expected


@pytest.mark.parametrize("content", ["", "01", "07", "0880", "ff80", "07ff", "00000000"])
def test_t28_flags_that_are_empty_or_miscounted_are_refused(content: str):
    with pytest.raises(Malformed):
        der.flags(bytes.fromhex(content))


def test_t22_flags_are_few():
    with pytest.raises(Malformed):
        der.flags(b"\x00" + b"\xff" * 1_000_000)


# --- times ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (der.UTC_TIME, b"500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (der.UTC_TIME, b"491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (der.UTC_TIME, b"000229120000Z", datetime(2000, 2, 29, 12, tzinfo=UTC)),
        (der.GENERALIZED_TIME, b"20240229000000Z", datetime(2024, 2, 29, tzinfo=UTC)),
        (der.GENERALIZED_TIME, b"00010101000000Z", datetime(1, 1, 1, tzinfo=UTC)),
        # RFC 5280 4.1.2.5: the time of a certificate without a well-defined end.
        (der.GENERALIZED_TIME, b"99991231235959Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_at_the_edges_are_read(tag: int, text: bytes, expected: datetime):
    assert read(der.wrap(tag, text), der.Reader.time) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"0",
        b"00000000000000Z",
        b"00000101000000Z",
        b"20230229000000Z",
        b"19000229000000Z",
        b"20260001000000Z",
        b"20261301000000Z",
        b"20260431000000Z",
        b"20260401240000Z",
        b"20260401006000Z",
        b"20260630235960Z",
        b"202604010000Z",
        b"20260401000000",
        b"20260401000000z",
        b"20260401000000.5Z",
        b"20260401000000.0Z",
        b"2026040100000.Z",
        b"20260401000000+0900",
        b"2026040100000+Z",
        b"2026-04-0100:00Z",
        b" 2026040100000Z",
        "\uff12\uff10\uff12\uff16Z".encode(),
        b"\xb2" * 14 + b"Z",
        b"260401000000Z",
    ],
)
def test_t7_a_time_that_is_none_is_refused(text: bytes):
    with pytest.raises(Malformed):
        der.Reader(der.wrap(der.GENERALIZED_TIME, text)).generalized_time()


@pytest.mark.parametrize(
    "text",
    [b"", b"0", b"000000000000Z", b"2604010000Z", b"260401000000+0900", b"230229000000Z"],
)
def test_t7_a_utc_time_that_is_none_is_refused(text: bytes):
    with pytest.raises(Malformed):
        der.Reader(der.wrap(der.UTC_TIME, text)).time()


def test_t7_null_is_not_a_time():
    with pytest.raises(Malformed):
        der.Reader(der.NULL).time()
