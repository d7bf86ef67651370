"""How the index lies in LMDB: its databases, keys, entries and dates. Pure functions of bytes.

Not for what is kept as a whole beside them, such as marks and changes (`records`).

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
| dates          | issuer, which date                   | date, partition; sorted                |
| register       | issuer, last serial of a range       | first serial of it                     |
|                | issuer                               | SHA-256 of the register, last serial   |
| quarantine     | issuer, partition                    | JSON                                   |
| changes        | generation: u64                      | issuer, partition, serials             |
| feeds          | issuer                               | JSON: what of its push feed is taken   |
| fed            | issuer, partition                    | base number, serial; sorted            |

Numbers are big-endian, so that keys sort as numbers do; a serial in a key is its length and
its octets. An entry of a 4-octet serial takes 24 octets in `entries` and 8 in `listed`, which
exists so that one partition of thousands can be compared with its next CRL. `dates` has of each
issuer's partitions the thisUpdates, the nextUpdates and who is awaited, so that what they say
together is at the head of three short lists, however many partitions there are. `fed` has what
a push feed said since the CRL that an index has, until a CRL says it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from struct import Struct

from tashika.pki.standing import Reason
from tashika_server.index.values import Coverage, Entry, PackedEntries, PackedEntry

SCHEMA = 2
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
    "dates",
    "feeds",
    "fed",
)
SHORT_LIST, LONG_LIST = LISTS = ("listed", "listed_long")
PACKED = frozenset((*LISTS, "dates"))
"""These keep many values of one size under a key, packed without any header of their own."""
SORTED = PACKED | {"fed"}
"""These keep many values under a key, of any size."""
AWAITED, THIS_UPDATE, NEXT_UPDATE = b"\0", b"\1", b"\2"
"""The keys in `dates`, behind the issuer's id: of partitions without a CRL, and of the others."""

ID_BYTES = 2
"""65,536 issuers, and as many partitions each; JPKI has 6, and 1,900 each."""
MAX_SERIAL_BYTES = 32
"""The codec reads no longer INTEGER; RFC 5280 4.1.2.2 allows 20."""
SHORT_SERIAL_BYTES = 8
"""Serials up to that are in the short list; JPKI's have 28 bits, those of public CAs 128."""
AT_ONCE = 4096
"""Entries that are read or packed together: a first load may have a nation's."""

_NUMBER = Struct(">Q")
_ENTRY = Struct(">2sBI")
_REST = Struct(">BI")
_TIME = Struct(">q")
_COVERAGE = Struct(">qq")
_REASONS = {0: None, **{reason + 1: reason for reason in Reason}}


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


def listed_bytes(serial: bytes) -> int:
    """Return the length of a value in the list that a serial belongs to."""
    return SHORT_SERIAL_BYTES if len(serial) <= SHORT_SERIAL_BYTES else MAX_SERIAL_BYTES


def pack_entry(entry: Entry) -> PackedEntry:
    """Write an entry, as it is in any partition; its dates are within 1970 to 2105."""
    serial, reason, since = entry.serial, entry.reason, entry.invalid_since
    code = 0 if reason is None else reason + 1
    rest = _REST.pack(code, int(entry.revoked_at.timestamp()))
    if since is not None:
        rest += _TIME.pack(int(since.timestamp()))
    return serial.to_bytes(serial.bit_length() + 7 >> 3, "big"), rest


def pack_entries(entries: Sequence[Entry]) -> Iterator[list[PackedEntry]]:
    """Write entries, some at a time; those that are written already are passed on."""
    if isinstance(entries, PackedEntries):
        yield from entries.packed()
        return
    left = map(pack_entry, entries)
    while some := list(islice(left, AT_ONCE)):
        yield some


def unpack_entry(serial: int, raw: bytes) -> Entry:
    """Read an entry."""
    _, reason, revoked_at = _ENTRY.unpack_from(raw)
    since = instant(*_TIME.unpack_from(raw, _ENTRY.size)) if len(raw) > _ENTRY.size else None
    return Entry(serial, instant(revoked_at), _REASONS[reason], since)


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
        this_update=instant(this_update),
        next_update=instant(next_update),
    )


def pack_date(at: datetime | None, place: bytes) -> bytes:
    """Write a date of the partition with this key so that dates sort; None sorts as 1970."""
    return _NUMBER.pack((1 << 63) + (int(at.timestamp()) if at else 0)) + place[ID_BYTES:]


def unpack_date(raw: bytes) -> tuple[datetime, bytes]:
    """Read a date and the id of its partition."""
    return instant(int.from_bytes(raw[:8], "big") - (1 << 63)), raw[8:]


def instant(seconds: int) -> datetime:
    """Return the moment so many seconds after 1970 began."""
    return datetime.fromtimestamp(seconds, UTC)
