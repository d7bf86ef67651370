"""The entries of a CRL (RFC 5280 5.3), one after the other, from memory or from a stream.

The one decoder of entries: a pattern takes those of the usual form, which are nearly all of a
nation's millions, and the bounded reader the others. Not for judging what an entry says.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from tashika.pki import der
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import (
    CERTIFICATE_ISSUER,
    CRL_REASON,
    INVALIDITY_DATE,
    read_known_extensions,
)
from tashika.pki.limits import MAX_ENTRY_BYTES
from tashika.pki.standing import Reason

_UNDERSTOOD = frozenset({CRL_REASON, INVALIDITY_DATE, CERTIFICATE_ISSUER})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_HEADER_BYTES = 6
"""The longest header that the reader takes."""
_LONGEST_USUAL_SERIAL = 20  # RFC 5280 4.1.2.2
_USUAL_BYTES, _REASON_BYTES = 16, 14
"""Of the content of a usual entry without its serial, and of its reason code."""


class CrlEntry(NamedTuple):
    """One revoked certificate as the issuer states it. A tuple, because there are millions."""

    serial: int
    revoked_at: datetime
    reason: Reason | None = None
    invalid_since: datetime | None = None


Row: TypeAlias = tuple[int, int, Reason | None, int | None, bytes | None]
"""One entry as it is stored: serial, revoked at, reason, invalid since, other issuer.

Times are seconds since 1970. The last is the DER Name of another issuer, whose entry this and
those that follow are (RFC 5280 5.3.3). A plain tuple: a named one takes twice as long.
"""


class EntryTooLong(Malformed):
    """An entry takes more than MAX_ENTRY_BYTES."""


def entry_of(row: Row) -> CrlEntry:
    """Return the entry of a CRL that speaks for one issuer; Unsupported for another issuer's."""
    serial, revoked_at, reason, since, issuer = row
    if issuer is not None:
        raise Unsupported("a CRL entry speaks for another issuer")
    return CrlEntry(serial, instant(revoked_at), reason, None if since is None else instant(since))


def instant(seconds: int) -> datetime:
    """Return the time that is so many seconds after 1970 began; years 1 to 9999."""
    return _EPOCH + timedelta(seconds=seconds)


def read_rows(
    pieces: Iterable[bytes],
    size: int,
    *,
    read_serial: Callable[[der.Reader], int] = der.Reader.natural,
) -> Iterator[list[Row]]:
    """Read ``revokedCertificates``, whose content is ``size`` octets and comes in pieces.

    Yields the rows of one piece together and holds no more than that. ``read_serial`` decides
    on serial numbers of an unusual form, such as negative ones (RFC 5280 5.1.2.6). Raises Malformed
    (EntryTooLong), and Unsupported for an unknown critical extension, after it has yielded
    what stands before the entry that is wrong.
    """
    data, left = b"", size
    for piece in pieces:
        data += piece
        rows, at = list[Row](), 0
        try:
            while (
                fields := _next(data, at := _read_usual(data, at, left, rows), left)
            ) is not None:
                rows.append(_read_row(fields, read_serial))
                at = fields.stop
        except (Malformed, Unsupported):
            yield rows
            raise
        yield rows
        data, left = data[at:], left - at
    if left:
        raise Malformed("the DER ends inside an element")


def _read_usual(data: bytes, at: int, left: int, rows: list[Row]) -> int:
    """Read on as long as the entries are of the usual form; return where that ends."""
    days, clocks, reasons, add, number = _DAYS, _CLOCKS, _REASONS, rows.append, int.from_bytes
    for found in iter(_USUAL.scanner(data, at, left).match, None):  # type: ignore[attr-defined]
        octets, serial, time, reason = found.groups()
        length = octets[0]
        if length != len(serial) + (_USUAL_BYTES if reason is None else _LONGER_BYTES):
            break
        seconds = days[time[:6]] + clocks[time[6:]]
        add((number(serial[1:]), seconds, reasons[reason], None, None))
        at += 2 + length
    return at


def _next(data: bytes, at: int, left: int) -> der.Reader | None:
    """Step into the entry at a position; None at the end, or where it goes on in a later piece."""
    if len(data) - at < min(_HEADER_BYTES, left - at) or at == left:
        return None
    tag, start, end = der.tlv(data, at, left)
    if tag != der.SEQUENCE:
        raise Malformed(f"expected an entry, found an element with tag {tag:#04x}")
    if end - at > MAX_ENTRY_BYTES:
        raise EntryTooLong(f"an entry takes more than {MAX_ENTRY_BYTES} octets")
    return der.Reader(data, start, end) if end <= len(data) else None


def _read_row(fields: der.Reader, read_serial: Callable[[der.Reader], int]) -> Row:
    entry = der.Reader(fields.data, fields.at, fields.stop)
    serial, revoked_at = read_serial(entry), _seconds(entry.time())
    return serial, revoked_at, *(_read_details(entry.rest) if entry.more else _NO_DETAILS)


@lru_cache(maxsize=1024)
def _read_details(encoded: bytes) -> tuple[Reason | None, int | None, bytes | None]:
    """Read the extensions of an entry: few encodings occur, in millions of entries."""
    extensions = read_known_extensions(der.Reader(encoded), _UNDERSTOOD)
    reason = extensions.get(CRL_REASON)
    since = extensions.get(INVALIDITY_DATE)
    issuer = extensions.get(CERTIFICATE_ISSUER)  # critical or not, the entry is another's
    return (
        reason.read(read_reason) if reason else None,
        _seconds(since.read(der.Reader.generalized_time)) if since else None,
        issuer.read(_read_issuer) if issuer else None,
    )


def _read_issuer(value: der.Reader) -> bytes:
    names = value.take(der.SEQUENCE)
    directory = names.only(der.explicit(4))
    name = directory.element(der.SEQUENCE)
    directory.done()
    return name


def read_reason(parent: der.Reader) -> Reason:
    """Read a CRLReason; Malformed where the number means nothing."""
    number = parent.integer(der.ENUMERATED)
    try:
        return Reason(number)
    except ValueError:
        raise Malformed("a revocation has a reason that RFC 5280 does not name") from None


def _seconds(at: datetime) -> int:
    return (at - _EPOCH) // _SECOND


class _Days(dict[bytes, int]):
    """The first second of each day, by its YYMMDD; there are 36,525 of them."""

    def __missing__(self, day: bytes) -> int:
        midnight = der.wrap(der.UTC_TIME, day, b"000000Z")
        self[day] = seconds = _seconds(der.Reader(midnight).time())
        return seconds


class _Clocks(dict[bytes, int]):
    """The seconds since midnight, by HHMMSS."""

    def __missing__(self, clock: bytes) -> int:
        first = der.wrap(der.UTC_TIME, b"700101", clock, b"Z")
        self[clock] = seconds = _seconds(der.Reader(first).time())
        return seconds


def _serials() -> bytes:
    """Match the length and content of an INTEGER that is natural and in its shortest form."""
    longer = (
        rb"\x%02x(?:[\x01-\x7f].{%d}|\x00[\x80-\xff].{%d})" % (length, length - 1, length - 2)
        for length in range(2, _LONGEST_USUAL_SERIAL + 1)
    )
    return b"|".join((rb"\x01[\x00-\x7f]", *longer))


_LONGER_BYTES = _USUAL_BYTES + _REASON_BYTES
_NO_DETAILS = (None, None, None)
_DAYS, _CLOCKS = _Days(), _Clocks()
_REASONS: dict[bytes | None, Reason | None] = {None: None}
_REASONS |= {bytes((reason,)): reason for reason in Reason}
_USUAL = re.compile(
    # SEQUENCE { INTEGER, UTCTime, SEQUENCE { SEQUENCE { reasonCode, OCTET STRING } } OPTIONAL }
    rb"\x30(.)\x02(" + _serials() + rb")\x17\x0d([0-9]{12})Z"
    rb"(?:\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01([\x00-\x06\x08-\x0a]))?",
    re.DOTALL,
)
