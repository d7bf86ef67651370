"""The head of a compact set or of a delta as DER, and what stands before it in a file."""

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import cast

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tashika.pki import der
from tashika.pki.algorithms import PublicKey, SignatureAlgorithm, algorithm_for, read_algorithm
from tashika.pki.compact.head import (
    COLUMNS,
    Base,
    Head,
    Kind,
    Otherwise,
    Part,
    Section,
    SignedHead,
)
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.profile import Family

MAGIC = b"TASHIKA\x01"
"""The last octet is the version of the format."""

PREAMBLE = len(MAGIC) + 4
"""The magic and the length of the head."""

MAX_HEAD_BYTES = 64 * 1024
"""A head with its signer's certificate is under 4 kB."""

_HASH_BYTES = 32


_SET_OCTETS = (8, 32)
_REQUIRED = {
    Kind.SET: {Part.LISTED, Part.HELD},
    Kind.DELTA: {Part.TARGET, Part.LISTED, Part.HELD, Part.ISSUED, Part.TOUCHED},
}
_FORBIDDEN = {Kind.SET: {Part.TARGET, Part.TOUCHED}, Kind.DELTA: set[Part]()}


def encode_head(
    head: Head,
    algorithm: SignatureAlgorithm,
    sign: Callable[[bytes], bytes],
    certificate: bytes | None,
) -> bytes:
    """Write and sign a head; `certificate` is the signer's in DER."""
    base = head.base
    tbs = der.sequence(
        algorithm.der,  # under the signature, as in a certificate (RFC 5280 4.1.1.2)
        der.integer(head.kind),
        der.octet_string(head.issuer),
        der.octet_string(head.family.encode()),
        der.integer(head.number),
        *map(der.generalized_time, (head.this_update, head.next_update, head.produced_at)),
        der.integer(head.otherwise),
        der.octet_string(head.signer),
        der.sequence(*map(_encode_section, head.sections)),
        *([der.integer(base.number), der.octet_string(base.sha256)] if base else []),
        *([der.wrap(der.explicit(0), der.generalized_time(head.since))] if head.since else []),
    )
    named = [der.wrap(der.explicit(0), certificate)] if certificate else []
    return der.sequence(tbs, der.bit_string(sign(tbs)), *named)


def parse_head(data: bytes) -> SignedHead:
    """Read a head; raises Malformed and Unsupported."""
    if len(data) > MAX_HEAD_BYTES:
        raise Malformed(f"a head is longer than {MAX_HEAD_BYTES} bytes")
    fields = der.Reader(data).only(der.SEQUENCE)
    tbs = fields.element(der.SEQUENCE)
    signature = fields.bits()
    tagged = fields.maybe(der.explicit(0))
    certificate = tagged.element(der.SEQUENCE) if tagged else None
    if tagged:
        tagged.done()
    fields.done()
    signed = der.Reader(tbs).only(der.SEQUENCE)
    algorithm = read_algorithm(signed.element(der.SEQUENCE))
    head = _read_fields(signed)
    return SignedHead(
        head=head,
        encoded=data,
        tbs=tbs,
        algorithm=algorithm,
        signature=signature,
        certificate=certificate,
    )


def key_hash(key: object) -> bytes:
    """Return what a head names its signer by; raises Unsupported for keys that sign nothing."""
    algorithm_for(key)
    encoded = cast("PublicKey", key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(encoded).digest()


def preamble(head: bytes) -> bytes:
    """Return what stands before a head in a file."""
    return MAGIC + len(head).to_bytes(PREAMBLE - len(MAGIC), "big")


def read_preamble(data: bytes) -> int:
    """Return the length of the head that follows; raises Malformed and Unsupported."""
    if data[: len(MAGIC) - 1] != MAGIC[:-1] or len(data) != PREAMBLE:
        raise Malformed("this is no compact set: it does not begin as one")
    if data[len(MAGIC) - 1] != MAGIC[-1]:
        raise Unsupported("a compact set of a version that is not known here")
    length = int.from_bytes(data[len(MAGIC) :], "big")
    if not 0 < length <= MAX_HEAD_BYTES:
        raise Malformed(f"a head is empty, or longer than {MAX_HEAD_BYTES} bytes")
    return length


def read_head(start: bytes) -> SignedHead:
    """Read the head of a file from its first octets; raises Malformed and Unsupported."""
    return parse_head(start[PREAMBLE : PREAMBLE + read_preamble(start[:PREAMBLE])])


def _encode_section(section: Section) -> bytes:
    numbers = (section.part, section.count, section.octets, section.length)
    return der.sequence(*map(der.integer, numbers), der.octet_string(section.sha256))


def _read_fields(fields: der.Reader) -> Head:
    kind = Kind(_choice(fields, Kind))
    head = Head(
        kind=kind,
        issuer=_hash(fields),
        family=_family(fields.octets()),
        number=fields.natural(),
        this_update=fields.generalized_time(),
        next_update=fields.generalized_time(),
        produced_at=fields.generalized_time(),
        otherwise=Otherwise(_choice(fields, Otherwise)),
        signer=_hash(fields),
        sections=_read_sections(fields.take(der.SEQUENCE)),
        base=Base(fields.natural(), _hash(fields)) if kind is Kind.DELTA else None,
        since=_since(fields),
    )
    fields.done()
    _require_sense(head)
    return head


def _require_sense(head: Head) -> None:
    """Refuse what contradicts itself."""
    parts = head.parts
    columns = parts & set(COLUMNS)
    told = head.section(Part.TOUCHED if head.kind is Kind.DELTA else Part.LISTED)
    faults = (
        (not head.this_update < head.next_update, "nextUpdate is not after thisUpdate"),
        (not _REQUIRED[head.kind] <= parts, "a section is missing"),
        (_FORBIDDEN[head.kind] & parts, "a section belongs into a delta"),
        (columns and not {Part.REASONS, Part.TIMES} <= columns, "half of the details are missing"),
        (
            any(
                told and each.count != told.count for each in head.sections if each.part in columns
            ),
            "the details are not of all serials",
        ),
        (
            head.kind is Kind.SET
            and (head.otherwise is Otherwise.NEVER_ISSUED) > (Part.ISSUED in parts),
            "without a register, nothing was never issued",
        ),
        (
            head.otherwise is Otherwise.GOOD and head.kind is Kind.SET and Part.ISSUED in parts,
            "beside a register, 'good' is what it has",
        ),
        (head.base and head.base.number >= head.number, "a delta leads back"),
        (
            (head.otherwise is Otherwise.REVOKED) is not (head.since is not None),
            "what is revoked without being listed is revoked as of a time, and nothing else is",
        ),
        (
            head.otherwise is Otherwise.REVOKED and head.kind is Kind.SET and Part.ISSUED in parts,
            "under a compromised key nothing is in force",
        ),
    )
    for is_wrong, text in faults:
        if is_wrong:
            raise Malformed(f"a head contradicts itself: {text}")


def _read_sections(listed: der.Reader) -> tuple[Section, ...]:
    found: list[Section] = []
    while listed.more:
        section = _read_section(listed.take(der.SEQUENCE))
        if found and section.part <= found[-1].part:
            raise Malformed("the sections of a head are not in order")
        found.append(section)
    return tuple(found)


def _read_section(fields: der.Reader) -> Section:
    section = Section(
        part=Part(_choice(fields, Part)),
        count=fields.natural(),
        octets=fields.natural(),
        length=fields.natural(),
        sha256=_hash(fields),
    )
    fields.done()
    if section.part.is_set:
        fits = section.octets in _SET_OCTETS
    else:
        fits = section.octets == COLUMNS.get(section.part, 1)
        fits = fits and section.length == section.count * section.octets
    if not fits:
        raise Malformed("a section has a length or values that cannot be")
    return section


def _since(fields: der.Reader) -> datetime | None:
    if not (tagged := fields.maybe(der.explicit(0))):
        return None
    since = tagged.generalized_time()
    tagged.done()
    return since


def _choice(fields: der.Reader, kind: type[IntEnum]) -> int:
    number = fields.natural()
    if number not in kind.__members__.values():
        raise Unsupported(f"a head has a {kind.__name__.lower()} that is not known here: {number}")
    return number


def _family(text: bytes) -> Family:
    try:
        return Family(text.decode("ascii"))
    except ValueError as unknown:
        raise Unsupported("a head names a family that is not known here") from unknown


def _hash(fields: der.Reader) -> bytes:
    content = fields.octets()
    if len(content) != _HASH_BYTES:
        raise Malformed("a digest in a head is not of 32 octets")
    return content
