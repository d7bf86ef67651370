"""What the index keeps beside its entries: marks, changes, feeds. Pure functions of bytes."""

from dataclasses import dataclass
from struct import Struct, pack, unpack

from cattrs.preconf.json import make_converter

from tashika_server.index.layout import MAX_SERIAL_BYTES, pack_serial, unpack_serial
from tashika_server.index.values import Change, FeedMark, Mark, Quarantined, RegisterMark

_SHA256_BYTES = 32
_JSON = make_converter()
_CHANGE = Struct(">Q32sBBH")
_WIDTHS = {4: "I", 8: "Q"}
"""Of the serials in a change, as `struct` calls them; longer ones have MAX_SERIAL_BYTES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One expected partition: its name, and its mark once a CRL has been accepted."""

    name: str
    mark: Mark | None = None


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
    """Write what a generation changed: serials take four octets each where they fit."""
    name = (change.partition or "").encode()
    serials = change.serials
    highest = max(serials, default=0) if serials is not None else 0
    width = next((each for each in _WIDTHS if highest < 1 << 8 * each), MAX_SERIAL_BYTES)
    head = _CHANGE.pack(
        change.generation,
        change.fingerprint,
        change.partition is not None,
        0 if serials is None else width,
        len(name),
    )
    return head + name + _pack_serials(serials or (), width)


def unpack_change(raw: bytes) -> Change:
    """Read what a generation changed."""
    generation, fingerprint, has_partition, width, length = _CHANGE.unpack_from(raw)
    begin = _CHANGE.size + length
    return Change(
        generation=generation,
        fingerprint=fingerprint,
        partition=raw[_CHANGE.size : begin].decode() if has_partition else None,
        serials=_unpack_serials(raw[begin:], width) if width else None,
    )


def pack_feed(feed: FeedMark) -> bytes:
    """Write how far an issuer's push feed has been taken in."""
    return _JSON.dumps(feed).encode()


def unpack_feed(raw: bytes) -> FeedMark:
    """Read how far an issuer's push feed has been taken in."""
    return _JSON.loads(raw, FeedMark)


def pack_fed(number: int, serial: int) -> bytes:
    """Write that a feed has spoken of a serial after the CRL of this number was made."""
    return pack_serial(number) + pack_serial(serial)


def unpack_fed(raw: bytes) -> tuple[int, int]:
    """Read a CRL's number, and the serial that a feed has spoken of since."""
    end = 1 + raw[0]
    return unpack_serial(raw[:end]), unpack_serial(raw[end:])


def _pack_serials(serials: tuple[int, ...], width: int) -> bytes:
    if width in _WIDTHS:
        return pack(f">{len(serials)}{_WIDTHS[width]}", *serials)
    return b"".join(serial.to_bytes(width) for serial in serials)


def _unpack_serials(raw: bytes, width: int) -> tuple[int, ...]:
    if width in _WIDTHS:
        return unpack(f">{len(raw) // width}{_WIDTHS[width]}", raw)
    return tuple(int.from_bytes(raw[at : at + width]) for at in range(0, len(raw), width))
