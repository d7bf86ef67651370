"""Entries in pieces of any size: the pattern and the reader behind it are one decoder."""

import re
from collections.abc import Iterator

import pytest

from support.mutations import mutants
from tashika.pki import crl_entries, der
from tashika.pki.crl_entries import EntryTooLong, Row, read_rows
from tashika.pki.errors import Malformed, PkiError
from tashika.pki.extensions import CERTIFICATE_ISSUER, CRL_REASON, INVALIDITY_DATE, write_extension
from tashika.pki.limits import MAX_ENTRY_BYTES
from tashika.pki.standing import Reason

SERIALS = (0, 1, 0x7F, 0x80, 0x8000, 20_000_000, 2**64, 2**159 - 1, 2**160, 2**255 - 1)
SECONDS = 1_774_962_000
UTC = der.wrap(der.UTC_TIME, b"260331130000Z")
LATE = der.wrap(der.GENERALIZED_TIME, b"20260331130000Z")
ISSUER = der.sequence(der.wrap(der.SET, der.sequence(der.oid("2.5.4.3"), der.wrap(0x0C, b"x"))))


def reason(number: int) -> bytes:
    return write_extension(CRL_REASON, der.integer(number, der.ENUMERATED))


def entry(serial: int, at: bytes = UTC, *extensions: bytes) -> bytes:
    return der.sequence(der.integer(serial), at, der.sequence(*extensions) if extensions else b"")


SINCE = write_extension(INVALIDITY_DATE, LATE)
NAMED = write_extension(CERTIFICATE_ISSUER, der.sequence(der.wrap(der.explicit(4), ISSUER)))
FORMS: tuple[tuple[tuple[bytes, ...], tuple[Reason | None, int | None, bytes | None]], ...] = (
    ((UTC,), (None, None, None)),
    ((UTC, reason(1)), (Reason.KEY_COMPROMISE, None, None)),
    ((LATE, reason(6)), (Reason.CERTIFICATE_HOLD, None, None)),
    ((UTC, reason(4), SINCE), (Reason.SUPERSEDED, SECONDS, None)),
    ((UTC, NAMED), (None, None, ISSUER)),
)
CONTENT = b"".join(entry(serial, *form) for form, _ in FORMS for serial in SERIALS)
ROWS: list[Row] = [(serial, SECONDS, *said) for _, said in FORMS for serial in SERIALS]


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def read(content: bytes, size: int = 2**20) -> list[Row]:
    return [row for rows in read_rows(pieces(content, size), len(content)) for row in rows]


@pytest.mark.parametrize("size", [1, 2, 7, 36, 37, 64, 1000, 2**20])
def test_entries_are_read_whatever_the_pieces(size: int):
    assert read(CONTENT, size) == ROWS


def outcome(content: bytes) -> list[Row] | None:
    try:
        return read(content, 50)
    except PkiError:
        return None


@pytest.mark.parametrize("seed", range(10))
def test_the_pattern_takes_nothing_that_the_reader_would_not(
    seed: int, monkeypatch: pytest.MonkeyPatch
):
    whole = der.sequence(*(entry(serial, *form) for form, _ in FORMS for serial in SERIALS[:6]))
    wrong = [mutant[4:] for mutant in mutants(whole, seed, 30)]  # without the header
    quick = [outcome(content) for content in wrong]
    monkeypatch.setattr(crl_entries, "_USUAL", re.compile(rb"(?!)"))
    assert [outcome(content) for content in wrong] == quick
    assert None in quick


@pytest.mark.parametrize(
    "time", [b"260231130000Z", b"260331240000Z", b"260331130060Z", b"261331130000Z"]
)
def test_t7_a_date_that_is_in_no_calendar_is_malformed(time: bytes):
    with pytest.raises(Malformed, match="calendar"):
        read(entry(5, der.wrap(der.UTC_TIME, time)))


def test_t30_an_entry_beyond_its_bound_is_refused_by_its_header():
    bomb = der.sequence(der.integer(1), UTC, bytes(MAX_ENTRY_BYTES))
    rows = read_rows(iter([bomb[:8]]), len(bomb))
    with pytest.raises(EntryTooLong):
        list(rows)


def test_t30_depth_costs_nothing():
    deep = b""
    while len(deep) < 3000:
        deep = der.sequence(deep)
    assert read(entry(1, UTC, write_extension("1.2.3.4", deep))) == [(1, SECONDS, None, None, None)]


def test_t30_what_breaks_off_is_malformed():
    for end in range(1, len(entry(300, UTC, reason(1)))):
        with pytest.raises(Malformed):
            read(entry(300, UTC, reason(1))[:end])
