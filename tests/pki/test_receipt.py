"""Receipts in an answer, and the leaf that verifier and operator both write."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from support.mutations import broken_off, mutants
from support.strategies import AsnReceipt, receipts, steady, times
from tashika.pki import der
from tashika.pki.errors import Malformed
from tashika.pki.receipt import (
    MAX_SEQUENCE,
    RECEIPT,
    Leaf,
    Receipt,
    StandingCode,
    encode_receipt,
    leaf,
    read_leaf,
    read_receipt,
)
from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown

AT = datetime(2026, 4, 1, tzinfo=UTC)

sequences = st.integers(0, MAX_SEQUENCE)
streams = st.binary(min_size=16, max_size=16)
leaves = st.builds(
    Leaf,
    stream=streams,
    sequence=st.integers(0, 2**64 - 1),
    second=times.map(lambda at: int(at.timestamp())),
    issuer=st.binary(min_size=32, max_size=32),
    pseudonym=streams,
    standing=st.sampled_from(StandingCode),
)


def read(value: bytes) -> Receipt:
    reader = der.Reader(value)
    receipt = read_receipt(reader)
    reader.done()
    return receipt


@steady
@given(receipts)
def test_a_receipt_is_the_asn1_that_is_documented(fields: dict[str, Any]):
    written = encode_receipt(Receipt(**fields))
    assert AsnReceipt.load(written, strict=True).native == fields
    assert read(AsnReceipt(fields).dump()) == Receipt(**fields)


def test_the_oid_can_be_written_and_read():
    assert der.Reader(der.oid(RECEIPT)).oid() == RECEIPT
    assert core.ObjectIdentifier(RECEIPT).dump() == der.oid(RECEIPT)
    assert max(map(int, RECEIPT.split("."))) < 2**31, "Go reads no longer arc"


def test_each_statement_of_an_answer_has_its_own_place():
    receipt = Receipt(bytes(16), 40)
    assert [receipt.of(index).first for index in range(3)] == [40, 41, 42]


STREAM = der.octet_string(bytes(16))


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (STREAM,),
        (der.integer(1), STREAM),
        (STREAM, der.integer(1), der.NULL),
        (der.octet_string(bytes(15)), der.integer(1)),
        (der.octet_string(bytes(17)), der.integer(1)),
        (STREAM, der.integer(-1)),
        (STREAM, der.integer(MAX_SEQUENCE + 1)),
        (STREAM, der.wrap(der.INTEGER, b"\x00\x01")),
    ],
)
def test_a_receipt_that_names_no_place_is_malformed(fields: tuple[bytes, ...]):
    with pytest.raises(Malformed):
        read(der.sequence(*fields))


def test_broken_receipts_are_malformed():
    whole = encode_receipt(Receipt(bytes(range(16)), 2**40))
    for broken in (*broken_off(whole), whole + b"\x00"):
        with pytest.raises(Malformed):
            read(broken)
    for mutant in mutants(whole, seed=4, count=500):
        with suppress(Malformed):
            read(mutant)


# --- the leaf -------------------------------------------------------------------


def test_a_leaf_is_written_as_documented_octet_by_octet():
    written = leaf(b"s" * 16, 258, 1_775_001_600, b"i" * 32, b"p" * 16, StandingCode.HELD)
    assert written == (
        b"\x01"
        + b"s" * 16
        + bytes.fromhex("0000000000000102")
        + bytes.fromhex("0000000069cc6000")
        + b"i" * 32
        + b"p" * 16
        + b"\x05"
    )


@steady
@given(leaves)
def test_a_leaf_reads_back(written: Leaf):
    assert read_leaf(leaf(*written)) == written


@steady
@given(leaves, leaves)
def test_leaves_differ_where_anything_differs(one: Leaf, other: Leaf):
    assert (leaf(*one) == leaf(*other)) == (one == other)


WHOLE = leaf(bytes(16), 1, 2, bytes(32), bytes(16), StandingCode.GOOD)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        WHOLE[:-1],
        WHOLE + b"\x00",
        b"\x02" + WHOLE[1:],
        WHOLE[:-1] + b"\x00",
        WHOLE[:-1] + b"\x06",
        WHOLE[:25] + b"\x7f" + WHOLE[26:],
        WHOLE[:25] + b"\x80" + WHOLE[26:],
    ],
)
def test_a_leaf_that_is_none_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        read_leaf(data)


@pytest.mark.parametrize(
    ("standing", "code"),
    [
        (Good(), StandingCode.GOOD),
        (Unknown(), StandingCode.UNKNOWN),
        (Revoked(AT), StandingCode.REVOKED),
        (Revoked(AT, Reason.KEY_COMPROMISE), StandingCode.REVOKED),
        (Revoked(AT, Reason.CERTIFICATE_HOLD), StandingCode.HELD),
    ],
)
def test_a_standing_has_its_code(standing: Standing, code: StandingCode):
    assert StandingCode.of(standing, never_issued=False) is code


def test_a_serial_that_was_never_issued_has_a_code_of_its_own():
    held = Revoked(AT, Reason.CERTIFICATE_HOLD)
    assert StandingCode.of(held, never_issued=True) is StandingCode.NEVER_ISSUED


def test_the_codes_on_disk_never_change():
    assert {each.name: each.value for each in StandingCode} == {
        "GOOD": 1,
        "REVOKED": 2,
        "UNKNOWN": 3,
        "NEVER_ISSUED": 4,
        "HELD": 5,
    }
