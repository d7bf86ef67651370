"""The OCSP request (RFC 6960 4.1), read by responders and written by relying parties."""

from collections.abc import Sequence
from typing import NamedTuple

from tashika.pki import der
from tashika.pki.certid import CertId, read_cert_id
from tashika.pki.errors import Malformed
from tashika.pki.extensions import (
    ACCEPTABLE_RESPONSES,
    NONCE,
    PREFERRED_SIGNATURE_ALGORITHMS,
    Extension,
    read_known_extensions,
    write_extension,
)
from tashika.pki.limits import (
    MAX_CERT_IDS,
    MAX_NONCE_BYTES,
    MAX_PREFERRED_ALGORITHMS,
    MAX_REQUEST_BYTES,
)

# Acceptable responses always include the basic one, the only one there is (RFC 6960 4.4.3).
_UNDERSTOOD = frozenset({NONCE, PREFERRED_SIGNATURE_ALGORITHMS, ACCEPTABLE_RESPONSES})
_UNDERSTOOD_OF_ONE = frozenset[str]()


class TooManyCertIds(Malformed):
    """The request asks for more certificates than the responder allows."""


class OcspRequest(NamedTuple):
    """What a client asks, in the order it asks."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None = None
    preferred: tuple[str, ...] = ()
    """OIDs of signature algorithms, the most wanted first (RFC 6960 4.4.7)."""
    signed: bool = False
    """True where optionalSignature is there; nothing has been verified."""


def parse_request(data: bytes, *, max_cert_ids: int = MAX_CERT_IDS) -> OcspRequest:
    """Read a request.

    Raises Malformed (TooManyCertIds among them) and UnknownCriticalExtension.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise Malformed(f"a request is longer than {MAX_REQUEST_BYTES} bytes")
    request = der.Reader(data).only(der.SEQUENCE)
    tbs = request.take(der.SEQUENCE)
    signature = request.maybe(der.explicit(0))
    request.done()

    _read_version(tbs)
    tbs.maybe(der.explicit(1))  # requestorName: without a signature it proves nothing
    cert_ids = _read_cert_ids(tbs.take(der.SEQUENCE), max_cert_ids)
    extensions = read_known_extensions(tbs.maybe(der.explicit(2)), _UNDERSTOOD)
    tbs.done()
    return OcspRequest(
        cert_ids=cert_ids,
        nonce=_read_nonce(extensions.get(NONCE)),
        preferred=_read_preferred(extensions.get(PREFERRED_SIGNATURE_ALGORITHMS)),
        signed=signature is not None,
    )


def build_request(
    cert_ids: Sequence[CertId], *, nonce: bytes | None = None, preferred: Sequence[str] = ()
) -> bytes:
    """Write an unsigned request."""
    extensions = []
    if nonce is not None:
        extensions.append(write_extension(NONCE, der.octet_string(nonce)))
    if preferred:
        wanted = [der.sequence(der.sequence(der.oid(each))) for each in preferred]
        extensions.append(write_extension(PREFERRED_SIGNATURE_ALGORITHMS, der.sequence(*wanted)))
    listed = der.sequence(*(der.sequence(each.der) for each in cert_ids))
    if not extensions:
        return der.sequence(der.sequence(listed))
    return der.sequence(der.sequence(listed, der.wrap(der.explicit(2), der.sequence(*extensions))))


def _read_version(tbs: der.Reader) -> None:
    version = tbs.maybe(der.explicit(0))
    if version is not None:
        if version.integer() != 0:
            raise Malformed("only version 1 of OCSP exists")
        version.done()


def _read_cert_ids(listed: der.Reader, max_cert_ids: int) -> tuple[CertId, ...]:
    cert_ids: list[CertId] = []
    while listed.more:
        if len(cert_ids) == max_cert_ids:
            raise TooManyCertIds(f"a request asks for more than {max_cert_ids} certificates")
        single = listed.take(der.SEQUENCE)
        cert_ids.append(read_cert_id(single))
        read_known_extensions(single.maybe(der.explicit(0)), _UNDERSTOOD_OF_ONE)
        single.done()
    if not cert_ids:
        raise Malformed("a request asks for no certificate")
    return tuple(cert_ids)


def _read_nonce(extension: Extension | None) -> bytes | None:
    if extension is None:
        return None
    nonce = extension.read(der.Reader.octets)
    if not 1 <= len(nonce) <= MAX_NONCE_BYTES:  # RFC 9654 2.1
        raise Malformed(f"a nonce has 1 to {MAX_NONCE_BYTES} bytes")
    return nonce


def _read_preferred(extension: Extension | None) -> tuple[str, ...]:
    if extension is None:
        return ()
    listed, oids = der.Reader(extension.value).only(der.SEQUENCE), list[str]()
    while listed.more and len(oids) < MAX_PREFERRED_ALGORITHMS:
        oids.append(listed.take(der.SEQUENCE).take(der.SEQUENCE).oid())
    return tuple(oids)
