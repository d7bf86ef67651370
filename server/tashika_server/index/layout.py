"""How the index lies in LMDB: named databases, keys and values. Pure functions of bytes.

| database       | key                                  | value                                  |
|----------------|--------------------------------------|----------------------------------------|
| meta           | `schema`, `generation`               | number                                 |
| issuers        | fingerprint                          | issuer: u16                            |
| places         | issuer, digest of a partition's name | partition: u16                         |
| entries        | issuer, serial                       | partition: u16, reason, times          |
| listed         | issuer, partition                    | serials below 2^64 as u64, sorted      |
| listed_long    | issuer, partition                    | the other serials in 32 octets, sorted |
| marks          | issuer, partition                    | JSON: name, and a mark once there is   |
| coverage       | issuer, partition; issuer            | times, number; empty while not covered |
| register       | issuer, last serial of a range       | first serial of it                     |
|                | issuer                               | SHA-256 of the register, last serial   |
| quarantine     | issuer, partition                    | JSON                                   |
| changes        | generation: u64                      | issuer, partition, serials             |

Numbers are big-endian, so that keys sort as numbers do; a serial in a key is its length and
its octets. An entry of a 4-octet serial takes 24 octets in `entries` and 8 in `listed`, which
exists so that one partition of thousands can be compared with its next CRL.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from struct import Struct

from cattrs.preconf.json import make_converter

from tashika.pki.standing import Reason
from tashika_server.index.values import Change, Coverage, Entry, Mark, Quarantined, RegisterMark

SCHEMA = 1
DATABASES = (
    "meta",
    "issuers",
    "places",
    "entries",
    "listed",
    "listed_long",
    "marks",
    "coverage",
    "register",
    "quarantine",
    "changes",
)
SHORT_LIST, LONG_LIST = LISTS = ("listed", "listed_long")
"""These keep many values of one size under a key, packed without any header of their own."""

ID_BYTES = 2
"""65,536 issuers, and as many partitions each; JPKI has 6, and 1,900 each."""
MAX_SERIAL_BYTES = 32
"""The codec reads no longer INTEGER; RFC 5280 4.1.2.2 allows 20."""
SHORT_SERIALS = 1 << 64
"""Serials below it are in the short list; JPKI's have 28 bits, those of public CAs 128."""

_SHA256_BYTES = 32
_JSON = make_converter()
# A change lists thousands of numbers, which JSON has read as such.
_JSON.register_structure_hook_func(
    lambda kind: kind == tuple[int, ...], lambda numbers, _: tuple(numbers)
)
_NUMBER = Struct(">Q")
_ENTRY = Struct(">2sBI")
_TIME = Struct(">q")
_COVERAGE = Struct(">qq")
_REASONS = {0: None, **{reason + 1: reason for reason in Reason}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One expected partition: its name, and its mark once a CRL has been accepted."""

    name: str
    mark: Mark | None = None


def pack_id(number: int) -> bytes:
    """Write the id of an issuer or partition."""
    return number.to_bytes(ID_BYTES, "big")


def id_of(key: bytes) -> int:
    """Read the id that a key ends with."""
    return int.from_bytes(key[-ID_BYTES:], "big")


def pack_name(name: str) -> bytes:
    """Write the name of a partition as part of a key; a name may be longer than any key."""
    return sha256(name.encode()).digest()[:16]


def pack_number(number: int) -> bytes:
    """Write a generation."""
    return _NUMBER.pack(number)


def unpack_number(raw: bytes | None) -> int:
    """Read a generation; absent is 0."""
    return int.from_bytes(raw or b"", "big")


def pack_serial(serial: int) -> bytes:
    """Write a serial as part of a key. It is at most MAX_SERIAL_BYTES long."""
    length = (serial.bit_length() + 7) // 8
    return bytes((length,)) + serial.to_bytes(length, "big")


def serial_prefixes(issuer: bytes) -> tuple[bytes, ...]:
    """Return what the keys of an issuer's serials begin with, by the length of the serial."""
    return tuple(issuer + bytes((length,)) for length in range(MAX_SERIAL_BYTES + 1))


def unpack_serial(raw: bytes) -> int:
    """Read what pack_serial wrote."""
    return int.from_bytes(raw[1:], "big")


def pack_listed(serial: int) -> bytes:
    """Write a serial as a value of the list it belongs to."""
    return serial.to_bytes(8 if serial < SHORT_SERIALS else MAX_SERIAL_BYTES, "big")


def pack_entry(place: bytes, entry: Entry) -> bytes:
    """Write an entry of the partition with this key; its dates are within 1970 to 2105."""
    reason = 0 if entry.reason is None else entry.reason + 1
    packed = _ENTRY.pack(place[ID_BYTES:], reason, int(entry.revoked_at.timestamp()))
    if entry.invalid_since is None:
        return packed
    return packed + _TIME.pack(int(entry.invalid_since.timestamp()))


def pack_entries(place: bytes, entries: Iterable[Entry]) -> Iterator[tuple[bytes, bytes]]:
    """Write entries of the partition with this key, each with its own key."""
    prefixes = serial_prefixes(place[:ID_BYTES])
    for entry in entries:
        length = entry.serial.bit_length() + 7 >> 3
        yield prefixes[length] + entry.serial.to_bytes(length), pack_entry(place, entry)


def unpack_entry(serial: int, raw: bytes) -> Entry:
    """Read an entry."""
    _, reason, revoked_at = _ENTRY.unpack_from(raw)
    since = _instant(*_TIME.unpack_from(raw, _ENTRY.size)) if len(raw) > _ENTRY.size else None
    return Entry(serial, _instant(revoked_at), _REASONS[reason], since)


def partition_of(raw: bytes) -> bytes:
    """Return the id of the partition that lists an entry."""
    return raw[:ID_BYTES]


def pack_coverage(coverage: Coverage | None) -> bytes:
    """Write a coverage; None is written as nothing."""
    if coverage is None:
        return b""
    times = (int(each.timestamp()) for each in (coverage.this_update, coverage.next_update))
    number = b"" if coverage.number is None else pack_serial(coverage.number)
    return _COVERAGE.pack(*times) + number


@lru_cache(maxsize=1 << 14)
def unpack_coverage(raw: bytes | None) -> Coverage | None:
    """Read a coverage; there are few, and each publication asks for all of an issuer."""
    if not raw:
        return None
    this_update, next_update = _COVERAGE.unpack_from(raw)
    return Coverage(
        number=unpack_serial(raw[_COVERAGE.size :]) if len(raw) > _COVERAGE.size else None,
        this_update=_instant(this_update),
        next_update=_instant(next_update),
    )


def weakest(coverages: Iterable[bytes]) -> Coverage | None:
    """Return what all partitions of an issuer say together; None if one says nothing."""
    read = [unpack_coverage(raw) for raw in coverages]
    if not read or None in read:
        return None
    known = [each for each in read if each]
    return Coverage(
        number=known[0].number if len(known) == 1 else None,
        this_update=min(each.this_update for each in known),
        next_update=min(each.next_update for each in known),
    )


def pack_register_mark(mark: RegisterMark) -> bytes:
    """Write which register is loaded."""
    return mark.sha256 + pack_serial(mark.last)


def unpack_register_mark(raw: bytes) -> RegisterMark:
    """Read which register is loaded."""
    return RegisterMark(sha256=raw[:_SHA256_BYTES], last=unpack_serial(raw[_SHA256_BYTES:]))


def pack_place(place: Place) -> bytes:
    """Write what is kept of an expected partition."""
    return _JSON.dumps(place).encode()


def unpack_place(raw: bytes) -> Place:
    """Read what is kept of an expected partition."""
    return _JSON.loads(raw, Place)


def pack_quarantined(quarantined: Quarantined) -> bytes:
    """Write why a file is not in the index."""
    return _JSON.dumps(quarantined).encode()


def unpack_quarantined(raw: bytes) -> Quarantined:
    """Read why a file is not in the index."""
    return _JSON.loads(raw, Quarantined)


def pack_change(change: Change) -> bytes:
    """Write what a generation changed."""
    return _JSON.dumps(change).encode()


def unpack_change(raw: bytes) -> Change:
    """Read what a generation changed."""
    return _JSON.loads(raw, Change)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
