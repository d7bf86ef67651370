"""The frame and head of a CRL (RFC 5280 5.1, 5.2): everything but its entries.

Both are read by positions, in a few bounded windows, so a list of any size costs the same.
Reading proves nothing: the refresh decides what is accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tashika.pki import der
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import (
    AUTHORITY_KEY_IDENTIFIER,
    CRL_NUMBER,
    DELTA_CRL_INDICATOR,
    FRESHEST_CRL,
    ISSUING_DISTRIBUTION_POINT,
    Extension,
    read_extensions,
    unknown_critical,
)
from tashika.pki.limits import MAX_HEAD_BYTES, MAX_SCOPE_NAMES
from tashika.pki.names import name_text, relative_name_text

_VERSION_2 = 1
_UNDERSTOOD = frozenset(
    {CRL_NUMBER, DELTA_CRL_INDICATOR, ISSUING_DISTRIBUTION_POINT, AUTHORITY_KEY_IDENTIFIER}
)
_DIRECTORY_NAME, _URI = der.explicit(4), der.implicit(6)

Read: TypeAlias = Callable[[int, int], bytes]
"""Return the octets from a position on, so many of them or what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The issuing distribution point: which certificates the list speaks of (RFC 5280 5.2.5)."""

    names: tuple[str, ...] = ()
    """URIs as they are, directory names as name_text writes them, relative ones in full."""
    only_user: bool = False
    only_ca: bool = False
    only_attribute: bool = False
    some_reasons: bool = False
    indirect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlFrame:
    """What a signature is verified by: where the signed octets are, and how they are signed."""

    tbs: range = field(repr=False)
    """The positions of the octets under the signature."""
    algorithm: bytes
    """The DER AlgorithmIdentifier outside the signed octets; the head has the same one."""
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlHead:
    """What a list says of itself, before anybody has checked its signature."""

    issuer_name: bytes
    """The DER Name of the issuer."""
    this_update: datetime
    next_update: datetime | None
    number: int | None
    base_number: int | None
    """The number of the base where this is a delta (RFC 5280 5.2.4)."""
    authority_key_id: bytes | None
    scope: Scope | None
    freshest: tuple[str, ...]
    """The URLs of deltas to this list (RFC 5280 5.2.6)."""
    unknown_critical: tuple[str, ...]
    """OIDs of critical extensions of the list that this reader does not understand."""
    listed: range = field(repr=False)
    """The positions of the entries' octets."""


def read_frame(read: Read, size: int) -> CrlFrame:
    """Read what is around the signed octets; raises Malformed."""
    opening = read(0, MAX_HEAD_BYTES)
    at, end = _step_in(opening, 0, size)
    if end != size:
        raise Malformed("unexpected bytes follow the last element")
    _, tbs_end = _step_in(opening, at, end)
    closing = der.Reader(_window(read, tbs_end, end))
    algorithm = closing.element(der.SEQUENCE)
    signature = closing.bits()
    closing.done()
    return CrlFrame(tbs=range(at, tbs_end), algorithm=algorithm, signature=signature)


def read_head(read: Read, frame: CrlFrame) -> CrlHead:
    """Read the signed octets but for the entries; raises Malformed and Unsupported."""
    opening, end = read(0, MAX_HEAD_BYTES), frame.tbs.stop
    start, _ = _step_in(opening, frame.tbs.start, end)
    fields = der.Reader(opening, start, min(end, len(opening)))
    if (version := fields.integer() if fields.peek() == der.INTEGER else 0) != _VERSION_2:
        raise Unsupported(f"a CRL of version {version + 1} states no number; version 2 is needed")
    if fields.element(der.SEQUENCE) != frame.algorithm:
        raise Malformed("a CRL names two different signature algorithms")  # RFC 5280 5.1.1.2
    issuer_name = fields.element(der.SEQUENCE)
    this_update = fields.time()
    next_update = fields.time() if fields.peek() in (der.UTC_TIME, der.GENERALIZED_TIME) else None
    listed = range(fields.at, fields.at)
    if fields.peek() == der.SEQUENCE:
        listed = range(*_step_in(opening, fields.at, end))
    extensions = _read_closing(_window(read, listed.stop, end))
    return CrlHead(
        issuer_name=issuer_name,
        this_update=this_update,
        next_update=next_update,
        number=_read_number(extensions.get(CRL_NUMBER)),
        base_number=_read_number(extensions.get(DELTA_CRL_INDICATOR)),
        authority_key_id=_read_key_id(extensions.get(AUTHORITY_KEY_IDENTIFIER)),
        scope=_read_scope(extensions.get(ISSUING_DISTRIBUTION_POINT), issuer_name),
        freshest=_read_freshest(extensions.get(FRESHEST_CRL)),
        unknown_critical=unknown_critical(extensions, _UNDERSTOOD),
        listed=listed,
    )


def _step_in(opening: bytes, at: int, stop: int) -> tuple[int, int]:
    """Return where the content of a SEQUENCE begins and ends, be that beyond the window."""
    if at + 6 > len(opening) and len(opening) < stop:
        raise Malformed(f"the head of a CRL takes more than {MAX_HEAD_BYTES} octets")
    tag, start, end = der.tlv(opening, at, stop)
    if tag != der.SEQUENCE:
        raise Malformed(f"expected a SEQUENCE, found an element with tag {tag:#04x}")
    return start, end


def _window(read: Read, start: int, stop: int) -> bytes:
    if stop - start > MAX_HEAD_BYTES:
        raise Malformed(f"what follows a CRL's entries takes more than {MAX_HEAD_BYTES} octets")
    return read(start, stop - start)


def _read_closing(closing: bytes) -> dict[str, Extension]:
    fields = der.Reader(closing)
    tagged = fields.maybe(der.explicit(0))
    fields.done()
    return read_extensions(tagged) if tagged else {}


def _read_number(extension: Extension | None) -> int | None:
    if extension is None:
        return None
    return extension.read(der.Reader.natural)


def _read_key_id(extension: Extension | None) -> bytes | None:
    if extension is None:
        return None
    fields = der.Reader(extension.value).only(der.SEQUENCE)
    key_id = fields.maybe(der.implicit(0))
    fields.maybe(der.explicit(1))  # issuer and serial number: JPKI states them too,
    fields.maybe(der.implicit(2))  # but the signature says which key it was
    fields.done()
    return key_id.rest if key_id else None


def _read_scope(extension: Extension | None, issuer_name: bytes) -> Scope | None:
    if extension is None:
        return None
    fields = der.Reader(extension.value).only(der.SEQUENCE)
    point = fields.maybe(der.explicit(0))
    names = _read_point(point, issuer_name) if point else ()
    only_user = _read_flag(fields, 1)
    only_ca = _read_flag(fields, 2)
    some_reasons = fields.peek() == der.implicit(3)
    if some_reasons:
        der.flags(fields.content(der.implicit(3)))
    indirect = _read_flag(fields, 4)
    only_attribute = _read_flag(fields, 5)
    fields.done()
    if only_user + only_ca + only_attribute > 1:  # RFC 5280 5.2.5, as below
        raise Malformed("a CRL is for only one kind of certificate and also for only another")
    scope = Scope(
        names=names,
        only_user=only_user,
        only_ca=only_ca,
        only_attribute=only_attribute,
        some_reasons=some_reasons,
        indirect=indirect,
    )
    if scope == Scope():
        raise Malformed("an issuing distribution point says nothing")
    return scope


def _read_flag(fields: der.Reader, number: int) -> bool:
    tag = der.implicit(number)
    return fields.boolean(tag) if fields.peek() == tag else False


def _read_point(point: der.Reader, issuer_name: bytes) -> tuple[str, ...]:
    if point.peek() == der.explicit(1):  # RFC 5280 4.2.1.13: one more part to the issuer's name
        return (relative_name_text(issuer_name, point.only(der.explicit(1))),)
    return _read_names(point.only(der.explicit(0)))


def _read_names(full_name: der.Reader) -> tuple[str, ...]:
    names: list[str] = []
    while full_name.more:
        if len(names) == MAX_SCOPE_NAMES:
            raise Malformed("a distribution point has too many names")
        names.append(_read_general_name(full_name))
    if not names:
        raise Malformed("a distribution point has no name")
    return tuple(names)


def _read_general_name(names: der.Reader) -> str:
    if names.peek() == _DIRECTORY_NAME:
        tagged = names.take(_DIRECTORY_NAME)
        name = name_text(tagged.element(der.SEQUENCE))
        tagged.done()
        return name
    if names.peek() == _URI:
        try:
            return names.content(_URI).decode("ascii")
        except UnicodeDecodeError:
            raise Malformed("a URI is not ASCII") from None
    raise Unsupported("a distribution point is neither a directory name nor a URI")


def _read_freshest(extension: Extension | None) -> tuple[str, ...]:
    """Return the URLs of all distribution points, wherever they stand in the list."""
    if extension is None:
        return ()
    points = der.Reader(extension.value).only(der.SEQUENCE)
    found: list[str] = []
    while points.more:
        point = points.take(der.SEQUENCE).maybe(der.explicit(0))
        if point and point.peek() == der.explicit(0):
            found += (name for name in _read_names(point.only(der.explicit(0))) if "://" in name)
        if len(found) > MAX_SCOPE_NAMES:
            raise Malformed("a CRL names too many places of its deltas")
    return tuple(found)
