"""The bytes of a signed answer (RFC 6960 4.2), written by hand on the DER writer.

Not for deciding what to say; what it is given it writes, every time to the whole second
(pyca and others refuse fractions). Reading answers is `tashika.pki.response`'s.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from tashika.pki import der
from tashika.pki.algorithms import SignatureAlgorithm
from tashika.pki.extensions import (
    ARCHIVE_CUTOFF,
    EXTENDED_REVOKE,
    INVALIDITY_DATE,
    NONCE,
    write_extension,
)
from tashika.pki.response import BASIC_RESPONSE, ResponseStatus, SingleResponse
from tashika.pki.standing import Good, Reason, Revoked, Standing
from tashika_server.signing.signer import Signer

__all__ = ["NEVER_ISSUED", "encode_answer"]

NEVER_ISSUED = Revoked(datetime(1970, 1, 1, tzinfo=UTC), Reason.CERTIFICATE_HOLD)
"""How RFC 6960 2.2 has "revoked" said of a certificate that was never issued."""

_GOOD = der.wrap(der.implicit(0))
_UNKNOWN = der.wrap(der.implicit(2))
_SUCCESSFUL = der.integer(ResponseStatus.SUCCESSFUL, der.ENUMERATED)
_BASIC = der.oid(BASIC_RESPONSE)
_EXTENDED_REVOKE = write_extension(EXTENDED_REVOKE, der.NULL)

# The same few times (of CRLs) and algorithms occur in all answers.
_time = lru_cache(maxsize=4096)(der.generalized_time)


@lru_cache(maxsize=16)
def _algorithm(algorithm: SignatureAlgorithm) -> bytes:
    return algorithm.der


def encode_answer(
    responses: Sequence[SingleResponse],
    *,
    nonce: bytes | None,
    signer: Signer,
    algorithm: SignatureAlgorithm,
    produced_at: datetime,
) -> bytes:
    """Write and sign one answer to all of `responses`, in their order.

    CertIDs are echoed as they were asked. An answer that calls a certificate NEVER_ISSUED
    carries the extended-revoke extension (RFC 6960 4.4.8). `algorithm` is one of the signer's.
    """
    tbs = der.sequence(
        der.wrap(der.explicit(2), der.octet_string(signer.key_hash)),
        _time(produced_at),
        der.sequence(*map(_single, responses)),
        _extensions(1, _answer_extensions(responses, nonce)),
    )
    basic = der.sequence(
        tbs,
        _algorithm(algorithm),
        der.bit_string(signer.sign(algorithm, tbs)),
        _certificates(signer),
    )
    body = der.sequence(_BASIC, der.octet_string(basic))
    return der.sequence(_SUCCESSFUL, der.wrap(der.explicit(0), body))


def _answer_extensions(responses: Sequence[SingleResponse], nonce: bytes | None) -> list[bytes]:
    extensions = []
    if nonce is not None:
        extensions.append(write_extension(NONCE, der.octet_string(nonce)))
    if any(each.standing == NEVER_ISSUED for each in responses):
        extensions.append(_EXTENDED_REVOKE)
    return extensions


def _single(response: SingleResponse) -> bytes:
    return der.sequence(
        response.cert_id.der,
        _status(response.standing),
        _time(response.this_update),
        der.wrap(der.explicit(0), _time(response.next_update)) if response.next_update else b"",
        _extensions(1, _single_extensions(response)),
    )


def _status(standing: Standing) -> bytes:
    if isinstance(standing, Good):
        return _GOOD
    if not isinstance(standing, Revoked):
        return _UNKNOWN
    # RFC 5280 5.3.1: a reason of "unspecified" is left out rather than said.
    stated = der.integer(standing.reason, der.ENUMERATED) if standing.reason else None
    return der.wrap(
        der.explicit(1),
        _time(standing.at),
        der.wrap(der.explicit(0), stated) if stated else b"",
    )


def _single_extensions(response: SingleResponse) -> list[bytes]:
    extensions = []
    if response.archive_cutoff is not None:
        extensions.append(write_extension(ARCHIVE_CUTOFF, _time(response.archive_cutoff)))
    if isinstance(response.standing, Revoked) and response.standing.invalid_since is not None:
        since = _time(response.standing.invalid_since)
        extensions.append(write_extension(INVALIDITY_DATE, since))
    return extensions


def _extensions(tag: int, extensions: list[bytes]) -> bytes:
    return der.wrap(der.explicit(tag), der.sequence(*extensions)) if extensions else b""


def _certificates(signer: Signer) -> bytes:
    """Embed the responder's certificate alone.

    Go reads only the first certificate, and an answer signed by the CA embeds none.
    """
    if not signer.embedded:
        return b""
    return der.wrap(der.explicit(0), der.sequence(signer.embedded))
