"""The messages of a push feed: what they say, how they are signed, how they are read. Pure.

`docs/push-feed.md` has the form for issuers that want to give one. Not for whether a message is
in order after the ones before it (`refresh.feed_accept`).
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from cattrs import ClassValidationError, Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tashika.pki.algorithms import algorithm_for, sign, verify
from tashika.pki.errors import BadSignature, Malformed
from tashika.pki.standing import Reason

__all__ = [
    "FIRST_PREVIOUS",
    "MAX_MESSAGE_BYTES",
    "Event",
    "Happened",
    "Message",
    "PartitionNews",
    "key_digest",
    "message_digest",
    "open_message",
    "sign_message",
]

MAX_MESSAGE_BYTES = 4 * 2**20
"""Some 25,000 events; an issuer with more to say at once publishes CRLs or several messages."""
TYPE = "tashika-feed-1"
FIRST_PREVIOUS = bytes(32)
"""What the first message names as its predecessor."""
_NAMES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
"""RFC 7518 3.4, by the curve of the key."""


class Happened(StrEnum):
    """What became of a certificate."""

    REVOKED = "revoked"
    HELD = "held"
    RELEASED = "released"
    CORRECTED = "corrected"
    """It is revoked, and at another time or for another reason than was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to one certificate."""

    what: Happened
    serial: int = field(repr=False)
    """Written in hexadecimal: JSON's numbers are too short for it."""
    at: datetime | None = None
    """Since when it is revoked or on hold; nothing for a release."""
    reason: Reason | None = None
    invalid_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionNews:
    """What happened in one partition since the message before."""

    partition: str
    """As its CRL's issuing distribution point names it; empty for the complete CRL."""
    number: int
    """Of the last CRL that was made of it; these events are not in it."""
    entries: int
    """How many certificates it lists after these events."""
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Everything that happened at one issuer since the message before."""

    issuer: str
    """SHA-256 of the CA's subjectPublicKey, in hexadecimal."""
    sequence: int
    """From 1, without a gap."""
    previous: bytes
    """The digest of the message before."""
    this_update: datetime
    """Everything until then is in this message or in one before."""
    next_update: datetime
    """The next message comes before that, if only to say that nothing happened."""
    partitions: tuple[PartitionNews, ...] = ()
    """Each once."""

    def __post_init__(self) -> None:
        if len({each.partition for each in self.partitions}) < len(self.partitions):
            raise ValueError("a partition is named twice")


def key_digest(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return what tells a feed's key from any other: SHA-256 of its SubjectPublicKeyInfo."""
    form = PublicFormat.SubjectPublicKeyInfo
    return sha256(key.public_bytes(Encoding.DER, form)).digest()


def message_digest(line: bytes) -> bytes:
    """Return what the next message names as its predecessor: SHA-256 of what is signed of it.

    Not of the signature, of which anybody can make another that holds as well.
    """
    return sha256(line.rpartition(b".")[0]).digest()


def sign_message(message: Message, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write and sign a message: one line, without its end."""
    header = {"alg": _NAMES[key.curve.name], "typ": TYPE}
    signed = b".".join(map(_encode, (_json(header), _json(_CONVERTER.unstructure(message)))))
    one, other = decode_dss_signature(sign(key, algorithm_for(key.public_key()), signed))
    width = (key.curve.key_size + 7) // 8
    return signed + b"." + _encode(one.to_bytes(width) + other.to_bytes(width))


def open_message(line: bytes, key: ec.EllipticCurvePublicKey) -> Message:
    """Verify and read a message; raises BadSignature, and Malformed for what nobody has signed.

    The algorithm is that of the key: whatever else the header names is refused.
    """
    signed, _, signature = line.rpartition(b".")
    head, _, payload = signed.partition(b".")
    _check_header(head, _NAMES[key.curve.name])
    raw = _decode(signature)
    width = (key.curve.key_size + 7) // 8
    if len(raw) != 2 * width:
        raise BadSignature("the signature is not of the key's length")
    numbers = int.from_bytes(raw[:width]), int.from_bytes(raw[width:])
    verify(key, algorithm_for(key), encode_dss_signature(*numbers), signed)
    try:
        return _CONVERTER.structure(json.loads(_decode(payload)), Message)
    except (ClassValidationError, ValueError, TypeError, KeyError, RecursionError) as wrong:
        raise Malformed("the signed content is not a message of a feed") from wrong


def _check_header(raw: bytes, algorithm: str) -> None:
    try:
        header = json.loads(_decode(raw))
    except (ValueError, RecursionError) as wrong:
        raise Malformed("the message has no header") from wrong
    if header != {"alg": algorithm, "typ": TYPE}:
        raise Malformed(f"its header is not that of a message of this form under {algorithm}")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _encode(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    try:
        return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError as wrong:
        raise Malformed("it is no base64url") from wrong


def _read_time(text: str, _: object) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, omit_if_default=True)
    converter.register_unstructure_hook(datetime, lambda at: f"{at.astimezone(UTC):%FT%TZ}")
    converter.register_structure_hook(datetime, _read_time)
    converter.register_unstructure_hook(bytes, bytes.hex)
    converter.register_structure_hook(bytes, lambda text, _: bytes.fromhex(text))
    serial = override(
        unstruct_hook=lambda number: f"{number:x}", struct_hook=lambda text, _: int(text, 16)
    )
    converter.register_unstructure_hook(
        Event,
        make_dict_unstructure_fn(Event, converter, _cattrs_omit_if_default=True, serial=serial),
    )
    converter.register_structure_hook(
        Event,
        make_dict_structure_fn(Event, converter, _cattrs_forbid_extra_keys=True, serial=serial),
    )
    return converter


_CONVERTER = _converter()
