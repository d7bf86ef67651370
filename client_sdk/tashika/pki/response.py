"""The OCSP response (RFC 6960 4.2) as a relying party reads it.

Reading proves nothing: who may sign, and how fresh an answer must be, is
decided by the SDK's check. Writing belongs to the server.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from tashika.pki import der
from tashika.pki.algorithms import SignatureAlgorithm, read_algorithm
from tashika.pki.certid import CertId, read_cert_id
from tashika.pki.certificates import read_certificates
from tashika.pki.crl_entries import read_reason
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import (
    ARCHIVE_CUTOFF,
    EXTENDED_REVOKE,
    INVALIDITY_DATE,
    NONCE,
    read_known_extensions,
)
from tashika.pki.limits import MAX_RESPONSE_BYTES
from tashika.pki.receipt import RECEIPT, Receipt, read_receipt
from tashika.pki.standing import Good, Revoked, Standing, Unknown

BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1"
_KEY_HASH_BYTES = 20
_UNDERSTOOD = frozenset({NONCE, EXTENDED_REVOKE, RECEIPT})
_UNDERSTOOD_OF_ONE = frozenset({ARCHIVE_CUTOFF, INVALIDITY_DATE})


class ResponseStatus(IntEnum):
    """OCSPResponseStatus (RFC 6960 4.2.1); 4 is not used."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """A refusal. It is unsigned: anyone on the path can write one (C6)."""

    status: ResponseStatus


class SingleResponse(NamedTuple):
    """What is said of one certificate."""

    cert_id: CertId
    standing: Standing
    this_update: datetime
    next_update: datetime | None
    archive_cutoff: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicResponse:
    """A signed answer whose signature nobody has checked yet."""

    tbs: bytes
    """The bytes under the signature."""
    responder_name: bytes | None
    """The DER Name of the responder; None where it is identified by key."""
    responder_key_hash: bytes | None
    """The SHA-1 of the responder's key; None where it is identified by name."""
    produced_at: datetime
    responses: tuple[SingleResponse, ...]
    nonce: bytes | None
    extended_revoke: bool
    """True where a never-issued serial is answered as revoked (RFC 6960 4.4.8)."""
    receipt: Receipt | None
    """Where the answer stands in the responder's journal, if it says so."""
    algorithm: SignatureAlgorithm
    signature: bytes
    certificates: tuple[bytes, ...]
    """The DER of the embedded certificates, the responder's own usually first."""


def error_response(status: ResponseStatus) -> bytes:
    """Write a refusal: five bytes."""
    return der.sequence(der.integer(status, der.ENUMERATED))


def parse_response(data: bytes) -> BasicResponse | ErrorResponse:
    """Read a response; raises Malformed and Unsupported."""
    if len(data) > MAX_RESPONSE_BYTES:
        raise Malformed(f"a response is longer than {MAX_RESPONSE_BYTES} bytes")
    response = der.Reader(data).only(der.SEQUENCE)
    status = _read_status(response)
    if status is not ResponseStatus.SUCCESSFUL:
        response.done()
        return ErrorResponse(status)
    tagged = response.take(der.explicit(0))
    response.done()
    body = tagged.only(der.SEQUENCE)
    if (kind := body.oid()) != BASIC_RESPONSE:
        raise Unsupported(f"response type {kind} is not the basic one")
    basic = der.Reader(body.octets())
    body.done()
    return _read_basic(basic)


def _read_status(response: der.Reader) -> ResponseStatus:
    number = response.integer(der.ENUMERATED)
    try:
        return ResponseStatus(number)
    except ValueError:
        raise Malformed("a response has a status that RFC 6960 does not name") from None


def _read_basic(outer: der.Reader) -> BasicResponse:
    fields = outer.only(der.SEQUENCE)
    tbs = fields.element(der.SEQUENCE)
    algorithm = read_algorithm(fields.element(der.SEQUENCE))
    signature = fields.bits()
    certificates = read_certificates(fields.maybe(der.explicit(0)))
    fields.done()

    data = der.Reader(tbs).take(der.SEQUENCE)
    _read_version(data)
    name, key_hash = _read_responder(data)
    produced_at = data.generalized_time()
    responses = _read_singles(data.take(der.SEQUENCE))
    extensions = read_known_extensions(data.maybe(der.explicit(1)), _UNDERSTOOD)
    data.done()
    nonce, receipt = extensions.get(NONCE), extensions.get(RECEIPT)
    return BasicResponse(
        tbs=tbs,
        responder_name=name,
        responder_key_hash=key_hash,
        produced_at=produced_at,
        responses=responses,
        nonce=nonce.read(der.Reader.octets) if nonce else None,
        extended_revoke=EXTENDED_REVOKE in extensions,
        receipt=receipt.read(read_receipt) if receipt else None,
        algorithm=algorithm,
        signature=signature,
        certificates=certificates,
    )


def _read_version(data: der.Reader) -> None:
    version = data.maybe(der.explicit(0))
    if version is not None:
        if version.integer() != 0:
            raise Unsupported("only version 1 of OCSP exists")
        version.done()


def _read_responder(data: der.Reader) -> tuple[bytes | None, bytes | None]:
    if (by_name := data.maybe(der.explicit(1))) is not None:
        name = by_name.element(der.SEQUENCE)
        by_name.done()
        return name, None
    by_key = data.take(der.explicit(2))
    key_hash = by_key.octets()
    by_key.done()
    if len(key_hash) != _KEY_HASH_BYTES:
        raise Malformed("a responder's key hash is not a SHA-1")
    return None, key_hash


def _read_singles(listed: der.Reader) -> tuple[SingleResponse, ...]:
    singles: list[SingleResponse] = []
    while listed.more:
        singles.append(_read_single(listed.take(der.SEQUENCE)))
    if not singles:
        raise Malformed("a response answers nothing")
    return tuple(singles)


def _read_single(fields: der.Reader) -> SingleResponse:
    cert_id = read_cert_id(fields)
    standing = _read_standing(fields)
    this_update = fields.generalized_time()
    next_update = None
    if (tagged := fields.maybe(der.explicit(0))) is not None:
        next_update = tagged.generalized_time()
        tagged.done()
    extensions = read_known_extensions(fields.maybe(der.explicit(1)), _UNDERSTOOD_OF_ONE)
    fields.done()
    if isinstance(standing, Revoked) and INVALIDITY_DATE in extensions:
        since = extensions[INVALIDITY_DATE].read(der.Reader.generalized_time)
        standing = Revoked(standing.at, standing.reason, since)
    cutoff = extensions.get(ARCHIVE_CUTOFF)
    return SingleResponse(
        cert_id=cert_id,
        standing=standing,
        this_update=this_update,
        next_update=next_update,
        archive_cutoff=cutoff.read(der.Reader.generalized_time) if cutoff else None,
    )


def _read_standing(fields: der.Reader) -> Standing:
    tag = fields.peek()
    if tag == der.implicit(0):
        fields.null(tag)
        return Good()
    if tag == der.implicit(2):
        fields.null(tag)
        return Unknown()
    revoked = fields.take(der.explicit(1))
    at, reason = revoked.generalized_time(), None
    if (tagged := revoked.maybe(der.explicit(0))) is not None:
        reason = read_reason(tagged)
        tagged.done()
    revoked.done()
    return Revoked(at, reason)
