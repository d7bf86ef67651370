"""Distinguished Encoding Rules (X.690): a bounded reader and a small writer.

The reader accepts DER only: definite, minimal lengths, single-byte tags. It
walks what it is asked for and never recurses, so depth costs nothing. It is
not a general ASN.1 library; asn1crypto serves where time does not matter.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from tashika.pki.errors import Malformed
from tashika.pki.limits import MAX_FLAG_BYTES, MAX_INTEGER_BYTES, MAX_OID_BYTES

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL_TAG, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x0A, 0x17, 0x18, 0x30, 0x31

_MULTI_BYTE_TAG = 0x1F
_LONG_FORM = 0x80
_MAX_LENGTH_OCTETS = 4
_SIGN_BIT = 0x80
_UTC_TIME_CHARS, _GENERALIZED_TIME_CHARS = 13, 15
_UTC_TIME_PIVOT = "50"  # RFC 5280 4.1.2.5.1: two-digit years from 50 are 19xx
_HOUR_AFTER_THE_LAST = "24"  # ISO 8601 has it, and Python 3.14; RFC 5280 has not
_TRUE = 0xFF
_TWO_DIGITS: Final = tuple(b"%02d" % number for number in range(100))
"""A time is written of these in a third of the time that a format takes."""


def explicit(number: int) -> int:
    """Return the tag octet of a constructed context tag, ``[number]``."""
    return 0xA0 | number


def implicit(number: int) -> int:
    """Return the tag octet of a primitive context tag, ``[number] IMPLICIT``."""
    return 0x80 | number


def tlv(data: bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Read one header at ``at``: tag, start and end of the content.

    Raises Malformed where the element is not DER or runs past ``stop``.
    """
    if stop - at < 2:  # noqa: PLR2004 - one octet of tag, one of length
        raise Malformed("the DER ends inside an element")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
        raise Malformed("multi-byte tags do not occur in these structures")
    if length >= _LONG_FORM:
        octets = length & ~_LONG_FORM
        if not 1 <= octets <= _MAX_LENGTH_OCTETS:
            raise Malformed("a length is indefinite or absurd")
        length = int.from_bytes(data[start : start + octets], "big")
        if length < _LONG_FORM or data[start] == 0:
            raise Malformed("a length is not in its shortest form")
        start += octets
    if start + length > stop:
        raise Malformed("an element runs past the end of its parent")
    return tag, start, start + length


class Reader:
    """A cursor over the elements of one constructed value.

    Every method raises Malformed where the next element is not what was asked.
    """

    __slots__ = ("at", "data", "stop")

    def __init__(self, data: bytes, at: int = 0, stop: int | None = None) -> None:
        self.data = data
        self.at = at
        self.stop = len(data) if stop is None else stop

    @property
    def more(self) -> bool:
        """True while an element is left."""
        return self.at < self.stop

    @property
    def rest(self) -> bytes:
        """Everything not read yet."""
        return self.data[self.at : self.stop]

    def peek(self) -> int:
        """Return the tag of the next element, -1 at the end."""
        return self.data[self.at] if self.at < self.stop else -1

    def take(self, tag: int) -> "Reader":
        """Step over the next element and return a reader of its content."""
        found, start, end = tlv(self.data, self.at, self.stop)
        if found != tag:
            raise Malformed(f"expected an element with tag {tag:#04x}, found {found:#04x}")
        self.at = end
        return Reader(self.data, start, end)

    def maybe(self, tag: int) -> "Reader | None":
        """Take the next element if it has this tag."""
        return self.take(tag) if self.peek() == tag else None

    def only(self, tag: int) -> "Reader":
        """Take the next element and refuse anything after it."""
        content = self.take(tag)
        self.done()
        return content

    def content(self, tag: int) -> bytes:
        """Step over the next element and return its content."""
        found, start, end = tlv(self.data, self.at, self.stop)
        if found != tag:
            raise Malformed(f"expected an element with tag {tag:#04x}, found {found:#04x}")
        self.at = end
        return self.data[start:end]

    def element(self, tag: int | None = None) -> bytes:
        """Step over the next element and return it whole, header included."""
        found, _, end = tlv(self.data, self.at, self.stop)
        if tag is not None and found != tag:
            raise Malformed(f"expected an element with tag {tag:#04x}, found {found:#04x}")
        begun, self.at = self.at, end
        return self.data[begun:end]

    def done(self) -> None:
        """Refuse anything left over."""
        if self.at != self.stop:
            raise Malformed("unexpected bytes follow the last element")

    def integer(self, tag: int = INTEGER) -> int:
        """Read an INTEGER (or ENUMERATED), in its shortest form."""
        content = self.content(tag)
        if not 1 <= len(content) <= MAX_INTEGER_BYTES:
            raise Malformed("an integer is empty or too long")
        if len(content) > 1 and (
            (content[0] == 0 and content[1] < _SIGN_BIT)
            or (content[0] == _TRUE and content[1] >= _SIGN_BIT)
        ):
            raise Malformed("an integer is not in its shortest form")
        return int.from_bytes(content, "big", signed=True)

    def natural(self) -> int:
        """Read an INTEGER that is not negative: a serial number, the number of a CRL."""
        number = self.integer()
        if number < 0:
            raise Malformed("a serial number or the number of a CRL is negative")
        return number

    def boolean(self, tag: int = BOOLEAN) -> bool:
        """Read a BOOLEAN; DER knows two of them (X.690 11.1)."""
        content = self.content(tag)
        if content not in (b"\x00", b"\xff"):
            raise Malformed("a boolean is neither 00 nor FF")
        return content == b"\xff"

    def null(self, tag: int = NULL_TAG) -> None:
        """Step over a NULL."""
        if self.content(tag):
            raise Malformed("a NULL has content")

    def oid(self) -> str:
        """Read an OBJECT IDENTIFIER as dotted text."""
        return dotted(self.content(OID))

    def octets(self) -> bytes:
        """Read an OCTET STRING."""
        return self.content(OCTET_STRING)

    def bits(self) -> bytes:
        """Read a BIT STRING of whole octets: a key or a signature."""
        content = self.content(BIT_STRING)
        if not content or content[0]:
            raise Malformed("a BIT STRING is empty or not of whole octets")
        return content[1:]

    def time(self) -> datetime:
        """Read a UTCTime or GeneralizedTime, in UTC to the second (RFC 5280 4.1.2.5)."""
        if self.peek() == UTC_TIME:
            text = _ascii(self.content(UTC_TIME), _UTC_TIME_CHARS)
            return _instant(("19" if text[:2] >= _UTC_TIME_PIVOT else "20") + text)
        return self.generalized_time()

    def generalized_time(self) -> datetime:
        """Read a GeneralizedTime, in UTC to the second."""
        return _instant(_ascii(self.content(GENERALIZED_TIME), _GENERALIZED_TIME_CHARS))


def flags(content: bytes) -> frozenset[int]:
    """Return the numbers of the bits set in a BIT STRING's content; there may be none (T28)."""
    if not 1 <= len(content) <= 1 + MAX_FLAG_BYTES:
        raise Malformed("a BIT STRING of flags is empty or too long")
    unused, octets = content[0], content[1:]
    # X.690 11.2.1: the unused bits are zero.
    if unused > min(7, 8 * len(octets)) or int.from_bytes(octets, "big") & ((1 << unused) - 1):
        raise Malformed("a BIT STRING of flags miscounts its unused bits")
    return frozenset(bit for bit in range(8 * len(octets)) if octets[bit // 8] & (0x80 >> bit % 8))


def _ascii(content: bytes, length: int) -> str:
    if len(content) != length or content[-1:] != b"Z" or not content[:-1].isdigit():
        raise Malformed("a time is not in UTC to the second")
    return content.decode("ascii")


def _instant(text: str) -> datetime:
    try:
        if text[8:10] != _HOUR_AFTER_THE_LAST:
            return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")
    except ValueError:
        pass
    raise Malformed("a time does not exist in the calendar")


@lru_cache(maxsize=512)
def dotted(content: bytes) -> str:
    """Write the content of an OBJECT IDENTIFIER as dotted text."""
    if not content or len(content) > MAX_OID_BYTES or content[-1] >= _LONG_FORM:
        raise Malformed("an object identifier is empty, endless or cut off")
    arcs, value, fresh = [], 0, True
    for octet in content:
        if fresh and octet == _LONG_FORM:
            raise Malformed("an object identifier is not in its shortest form")
        value = value << 7 | octet & 0x7F
        fresh = octet < _LONG_FORM
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


# --- writing -----------------------------------------------------------------

NULL = b"\x05\x00"
TRUE = b"\x01\x01\xff"


def wrap(tag: int, *parts: bytes) -> bytes:
    """Write one element around the concatenation of its parts."""
    content = b"".join(parts)
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


def sequence(*parts: bytes) -> bytes:
    """Write a SEQUENCE."""
    return wrap(SEQUENCE, *parts)


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Write an INTEGER (or ENUMERATED)."""
    magnitude = value if value >= 0 else ~value
    return wrap(tag, value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    """Write an OCTET STRING."""
    return wrap(OCTET_STRING, value)


def bit_string(value: bytes) -> bytes:
    """Write a BIT STRING of whole octets."""
    return wrap(BIT_STRING, b"\x00", value)


@lru_cache(maxsize=512)
def oid(text: str) -> bytes:
    """Write an OBJECT IDENTIFIER from dotted text."""
    first, second, *others = map(int, text.split("."))
    content = bytearray()
    for arc in (40 * first + second, *others):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(_LONG_FORM | arc & 0x7F)
        content += bytes(reversed(octets))
    return wrap(OID, bytes(content))


def generalized_time(at: datetime) -> bytes:
    """Write a GeneralizedTime; ``at`` is aware and cut to the second."""
    at = at.astimezone(UTC)
    century, year = divmod(at.year, 100)
    numbers = century, year, at.month, at.day, at.hour, at.minute, at.second
    digits = b"".join([_TWO_DIGITS[number] for number in numbers])
    return wrap(GENERALIZED_TIME, digits, b"Z")
