"""What is not a compact set by somebody entitled: refused by name, to the last bit."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.compact import (
    DAY,
    PKI,
    PRESS,
    Press,
    contents,
    core,
    delegate,
    head_of,
    held,
    opened,
    revoked,
)
from support.sdk import AT
from tashika.compact import CompactRefused, Fault
from tashika.pki.algorithms import RSA_SHA256
from tashika.pki.compact.head import Kind, Otherwise, Part
from tashika.pki.compact.head_codec import PREAMBLE
from tashika.pki.standing import Reason

ENTRIES = [revoked(3), held(5), revoked(1 << 90, Reason.KEY_COMPROMISE), revoked(1 << 91)]


def fault(path: Path, data: bytes, **how: Any) -> Fault | None:
    try:
        opened(path, data, **how).close()
    except CompactRefused as refused:
        return refused.fault
    return None


def flipped(path: Path, octet: int, bits: int) -> Fault | None:
    """Open a file with some bits of one octet turned over."""
    with path.open("r+b", buffering=0) as file:
        right = os.pread(file.fileno(), 1, octet)
        os.pwrite(file.fileno(), bytes([right[0] ^ bits]), octet)
        try:
            opened(path).close()
        except CompactRefused as refused:
            return refused.fault
        finally:
            os.pwrite(file.fileno(), right, octet)
    return None


def test_no_flipped_bit_goes_unseen(tmp_path: Path) -> None:
    path, data = tmp_path / "set", PRESS.print(ENTRIES[:2])
    assert fault(path, data) is None
    for bit in range(8 * len(data)):
        assert flipped(path, bit >> 3, 1 << (bit & 7)), f"bit {bit & 7} of octet {bit >> 3}"
    assert fault(path, path.read_bytes()) is None


def test_no_flipped_octet_of_the_signers_certificate_goes_unseen(tmp_path: Path) -> None:
    path, data = tmp_path / "set", Press(signer=delegate(), named=True).print(ENTRIES)
    start, _ = head_of(data)
    path.write_bytes(data)
    for octet in range(start - 400, start):
        assert flipped(path, octet, 1 << octet % 8), octet


def test_a_file_that_ends_anywhere_else_is_refused(tmp_path: Path) -> None:
    data, path = PRESS.print(ENTRIES), tmp_path / "set"
    for length in range(0, len(data), 5):
        expected = None if length == len(core(data)) else Fault.TRUNCATED
        assert fault(path, data[:length]) is expected
    assert fault(path, data + b"\0") is Fault.MALFORMED


@settings(deadline=None, max_examples=60, suppress_health_check=[*HealthCheck])
@given(start=st.integers(0, 900), put=st.binary(min_size=1, max_size=40))
def test_any_octets_are_refused_and_nothing_else(tmp_path: Path, start: int, put: bytes) -> None:
    data = PRESS.print(ENTRIES)
    spoilt = data[:start] + put + data[start + len(put) :]
    assert spoilt == data or fault(tmp_path / "set", spoilt)
    assert fault(tmp_path / "set", put)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(CompactRefused, match="Put the file there") as refused:
        opened(tmp_path / "set")
    assert refused.value.fault is Fault.UNREADABLE


@pytest.mark.parametrize(
    "wrong",
    [
        {"purposes": []},
        {"purposes": [ExtendedKeyUsageOID.OCSP_SIGNING]},
        {"ca": True},
        {"digital_signature": False},
        {"nocheck": False},
        {"begins": timedelta(minutes=1)},
        {"ends": -timedelta(minutes=1)},
        {"issuer": PKI.namesake().ca},
    ],
    ids=",".join,
)
def test_c2_a_delegate_must_be_a_leaf_for_this_purpose_alone(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    data = Press(signer=delegate(**wrong), named=True).print()
    assert fault(tmp_path / "set", data) is Fault.SIGNER


def test_the_issuer_its_delegate_and_a_named_key_may_sign(tmp_path: Path) -> None:
    path, other = tmp_path / "set", delegate()
    assert fault(path, PRESS.print()) is None
    assert fault(path, Press(signer=other, named=True).print()) is None
    unnamed = Press(signer=other).print()
    assert fault(path, unnamed) is Fault.SIGNER
    assert fault(path, unnamed, signers=(other.key.public_key(),)) is None


def test_a_certificate_of_another_key_than_the_named_signer_is_refused(tmp_path: Path) -> None:
    one, other = delegate(), delegate()
    swapped = Press(signer=replace(one, certificate=other.certificate), named=True)
    assert fault(tmp_path / "set", swapped.print()) is Fault.SIGNER
    _, signed = head_of(Press(signer=one).print())
    press = Press(
        signer=replace(one, key=other.key), named=True, changes={"signer": signed.head.signer}
    )
    assert fault(tmp_path / "set", press.print()) is Fault.SIGNATURE


def test_a_set_of_a_namesake_is_refused(tmp_path: Path) -> None:
    namesake = PKI.namesake().issuer
    assert fault(tmp_path / "set", PRESS.print(), issuer=namesake) is Fault.WRONG_ISSUER


def test_an_issuer_that_is_none_or_no_more_is_refused(tmp_path: Path) -> None:
    path, data = tmp_path / "set", PRESS.print()
    assert fault(path, data, issuer=PKI.certificate) is Fault.SIGNER
    assert fault(path, data, at=AT + 400 * DAY) is Fault.SIGNER


def test_an_algorithm_that_is_not_accepted_is_refused(tmp_path: Path) -> None:
    found = fault(tmp_path / "set", PRESS.print(), algorithms=frozenset({RSA_SHA256}))
    assert found is Fault.SIGNER


def test_a_delta_is_no_set_and_another_version_is_unsupported(tmp_path: Path) -> None:
    one, two = PRESS.print(), PRESS.print([revoked(1)], number=2)
    assert fault(tmp_path / "set", PRESS.delta(one, two)) is Fault.MALFORMED
    assert fault(tmp_path / "set", one[:7] + b"\x02" + one[8:]) is Fault.UNSUPPORTED
    assert fault(tmp_path / "set", one[: PREAMBLE - 4] + b"\xff" * 4) is Fault.MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        {"next_update": AT - DAY},
        {"otherwise": Otherwise.NEVER_ISSUED},
        {"otherwise": Otherwise.REVOKED},
        {"since": AT},
        {"sections": ()},
        {"kind": Kind.DELTA},
        {"issuer": b"short"},
        {"number": -1},
    ],
    ids=",".join,
)
def test_a_head_that_contradicts_itself_is_malformed(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    found = fault(tmp_path / "set", Press(changes=changes).print([revoked(1)]))
    assert found is Fault.MALFORMED


@pytest.mark.parametrize(
    "change",
    [{"octets": 7}, {"count": 1 << 70}, {"length": 3}, {"sha256": bytes(31)}],
    ids=",".join,
)
@pytest.mark.parametrize("part", [Part.LISTED, Part.HELD, Part.REASONS, Part.TIMES])
def test_a_section_that_cannot_be_is_refused_even_when_signed(
    tmp_path: Path, part: Part, change: dict[str, Any]
) -> None:
    data = PRESS.print(ENTRIES)
    start, signed = head_of(data)
    sections = tuple(
        replace(each, **change) if each.part is part else each for each in signed.head.sections
    )
    head = Press(changes={"sections": sections}).sign(signed.head)
    spoilt = data[: PREAMBLE - 4] + len(head).to_bytes(4, "big") + head + data[start:]
    assert fault(tmp_path / "set", spoilt) in (Fault.MALFORMED, Fault.TRUNCATED, Fault.DAMAGED)


def test_sections_may_stand_in_one_order_only(tmp_path: Path) -> None:
    sections = contents(PRESS.print(ENTRIES)).head.sections
    press = Press(changes={"sections": sections[::-1]})
    assert fault(tmp_path / "set", press.print(ENTRIES)) is Fault.MALFORMED
