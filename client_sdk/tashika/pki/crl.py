"""The certificate revocation list (RFC 5280 section 5): frame at once, entries as they come.

Reading proves nothing: the refresh decides what is accepted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from tashika.pki import der
from tashika.pki.algorithms import SignatureAlgorithm, read_algorithm
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import (
    AUTHORITY_KEY_IDENTIFIER,
    CERTIFICATE_ISSUER,
    CRL_NUMBER,
    CRL_REASON,
    DELTA_CRL_INDICATOR,
    INVALIDITY_DATE,
    ISSUING_DISTRIBUTION_POINT,
    Extension,
    read_extensions,
    read_known_extensions,
    unknown_critical,
)
from tashika.pki.limits import MAX_SCOPE_NAMES
from tashika.pki.names import name_text
from tashika.pki.response import read_reason
from tashika.pki.standing import Reason

_VERSION_2 = 1
_UNDERSTOOD = frozenset(
    {CRL_NUMBER, DELTA_CRL_INDICATOR, ISSUING_DISTRIBUTION_POINT, AUTHORITY_KEY_IDENTIFIER}
)
_UNDERSTOOD_IN_ENTRY = frozenset({CRL_REASON, INVALIDITY_DATE})
_DIRECTORY_NAME, _URI = der.explicit(4), der.implicit(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The issuing distribution point: which certificates the list speaks of (RFC 5280 5.2.5)."""

    names: tuple[str, ...] = ()
    """URIs as they are, directory names as name_text writes them."""
    only_user: bool = False
    only_ca: bool = False
    only_attribute: bool = False
    some_reasons: bool = False
    indirect: bool = False


@dataclass(frozen=True, slots=True)
class CrlEntry:
    """One revoked certificate as the issuer states it."""

    serial: int
    revoked_at: datetime
    reason: Reason | None = None
    invalid_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl:
    """A list whose frame has been read and whose signature nobody has checked yet."""

    issuer_name: bytes
    """The DER Name of the issuer."""
    tbs: bytes = field(repr=False)
    """The bytes under the signature."""
    algorithm: SignatureAlgorithm
    signature: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime | None
    number: int | None
    base_number: int | None
    """The number of the base where this is a delta (RFC 5280 5.2.4)."""
    authority_key_id: bytes | None
    scope: Scope | None
    unknown_critical: tuple[str, ...]
    """OIDs of critical extensions of the list that this reader does not understand."""
    _entries: tuple[int, int] = field(repr=False)

    def entries(self) -> Iterator[CrlEntry]:
        """Yield the entries in the list's own order.

        Raises Malformed, and Unsupported for an unknown critical entry
        extension, when it comes to the entry that is wrong.
        """
        listed = der.Reader(self.tbs, *self._entries)
        while listed.more:
            yield _read_entry(listed.take(der.SEQUENCE))


def parse_crl(data: bytes) -> Crl:
    """Read the frame of a CRL; raises Malformed and Unsupported."""
    fields = der.Reader(data).only(der.SEQUENCE)
    tbs = fields.element(der.SEQUENCE)
    named = fields.element(der.SEQUENCE)
    signature = fields.bits()
    fields.done()

    listed = der.Reader(tbs).take(der.SEQUENCE)
    if (version := listed.integer() if listed.peek() == der.INTEGER else 0) != _VERSION_2:
        raise Unsupported(f"a CRL of version {version + 1} states no number; version 2 is needed")
    if listed.element(der.SEQUENCE) != named:
        raise Malformed("a CRL names two different signature algorithms")  # RFC 5280 5.1.1.2
    issuer_name = listed.element(der.SEQUENCE)
    this_update = listed.time()
    next_update = listed.time() if listed.peek() in (der.UTC_TIME, der.GENERALIZED_TIME) else None
    entries = listed.maybe(der.SEQUENCE)
    tagged = listed.maybe(der.explicit(0))
    listed.done()
    extensions = read_extensions(tagged) if tagged else {}
    return Crl(
        issuer_name=issuer_name,
        tbs=tbs,
        algorithm=read_algorithm(named),
        signature=signature,
        this_update=this_update,
        next_update=next_update,
        number=_read_number(extensions.get(CRL_NUMBER)),
        base_number=_read_number(extensions.get(DELTA_CRL_INDICATOR)),
        authority_key_id=_read_key_id(extensions.get(AUTHORITY_KEY_IDENTIFIER)),
        scope=_read_scope(extensions.get(ISSUING_DISTRIBUTION_POINT)),
        unknown_critical=unknown_critical(extensions, _UNDERSTOOD),
        _entries=(entries.at, entries.stop) if entries else (0, 0),
    )


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


def _read_scope(extension: Extension | None) -> Scope | None:
    if extension is None:
        return None
    fields = der.Reader(extension.value).only(der.SEQUENCE)
    point = fields.maybe(der.explicit(0))
    names = _read_point(point) if point else ()
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


def _read_point(point: der.Reader) -> tuple[str, ...]:
    if point.peek() == der.explicit(1):
        raise Unsupported("a distribution point named relative to its issuer is not understood")
    full_name = point.only(der.explicit(0))
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


def _read_entry(fields: der.Reader) -> CrlEntry:
    serial = fields.natural()
    revoked_at = fields.time()
    if not fields.more:
        return CrlEntry(serial, revoked_at)
    return CrlEntry(serial, revoked_at, *_read_details(fields.rest))


@lru_cache(maxsize=1024)
def _read_details(encoded: bytes) -> tuple[Reason | None, datetime | None]:
    """Read the extensions of an entry: few encodings occur, in millions of entries."""
    extensions = read_known_extensions(der.Reader(encoded), _UNDERSTOOD_IN_ENTRY)
    if CERTIFICATE_ISSUER in extensions:  # critical or not, the entry is another issuer's
        raise Unsupported("a CRL entry speaks for another issuer")
    reason = extensions.get(CRL_REASON)
    since = extensions.get(INVALIDITY_DATE)
    return (
        reason.read(read_reason) if reason else None,
        since.read(der.Reader.generalized_time) if since else None,
    )
