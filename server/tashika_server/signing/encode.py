"""The bytes of a signed answer (RFC 6960 4.2), written by hand on the DER writer.

Not for deciding what to say; what it is given it writes, every time to the whole second
(pyca and others refuse fractions). Reading answers is `tashika.pki.response`'s.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from tashika.pki import der
from tashika.pki.algorithms import SignatureAlgorithm
from tashika.pki.extensions import (
    ARCHIVE_CUTOFF,
    EXTENDED_REVOKE,
    INVALIDITY_DATE,
    NONCE,
    write_extension,
)
from tashika.pki.limits import MAX_NONCE_BYTES
from tashika.pki.receipt import RECEIPT, Receipt, encode_receipt
from tashika.pki.response import SingleResponse
from tashika.pki.standing import Good, Reason, Revoked, Standing
from tashika_server.signing.envelope import Envelope, sequence_head
from tashika_server.signing.signer import Signer

__all__ = ["NEVER_ISSUED", "Unsigned", "encode_answer"]

NEVER_ISSUED = Revoked(datetime(1970, 1, 1, tzinfo=UTC), Reason.CERTIFICATE_HOLD)
"""How RFC 6960 2.2 has "revoked" said of a certificate that was never issued."""

_GOOD = der.wrap(der.implicit(0))
_UNKNOWN = der.wrap(der.implicit(2))
_EXTENDED_REVOKE = write_extension(EXTENDED_REVOKE, der.NULL)

# RFC 5280 5.3.1: a reason of "unspecified" is left out rather than said.
_REASONS: Final[dict[Reason | None, bytes]] = {
    reason: der.wrap(der.explicit(0), der.integer(reason, der.ENUMERATED))
    for reason in Reason
    if reason is not Reason.UNSPECIFIED
}

# The same few times (of CRLs) and algorithms occur in all answers.
_time = lru_cache(maxsize=4096)(der.generalized_time)


class Unsigned:
    """An answer of which nothing is missing but the signature."""

    __slots__ = ("data", "envelope")

    def __init__(self, data: bytes, envelope: Envelope) -> None:
        """Take the ResponseData, which is what is signed."""
        self.data, self.envelope = data, envelope

    def sign(self) -> bytes:
        """Make the signature."""
        return self.envelope.sign(self.data)

    def seal(self, signature: bytes) -> bytes:
        """Write the whole answer."""
        return self.envelope.signed(self.data, signature)


def encode_answer(
    responses: Sequence[SingleResponse],
    *,
    nonce: bytes | None,
    signer: Signer,
    algorithm: SignatureAlgorithm,
    produced_at: datetime,
    receipt: Receipt | None = None,
) -> Unsigned:
    """Write one answer to all of `responses`, in their order, up to its signature.

    CertIDs are echoed as they were asked. An answer that calls a certificate NEVER_ISSUED
    carries the extended-revoke extension (RFC 6960 4.4.8). `algorithm` is one of the signer's,
    `receipt` the place of the first response in the journal, for agreements that ask for it.
    """
    envelope = signer.envelopes.get(algorithm.oid) or _make_envelope(signer, algorithm)
    data = envelope.unsigned(
        _time(produced_at),
        b"".join(map(_single, responses)),
        _answer_extensions(responses, nonce, receipt),
    )
    return Unsigned(data, envelope)


def _make_envelope(signer: Signer, algorithm: SignatureAlgorithm) -> Envelope:
    """Write what is the same in all answers.

    The responder's certificate alone is embedded: Go reads only the first one, and an answer
    signed by the CA embeds none.
    """
    certificates = der.wrap(der.explicit(0), der.sequence(signer.embedded))
    envelope = Envelope(
        key_hash=signer.key_hash,
        algorithm=algorithm.der,
        certificates=certificates if signer.embedded else b"",
        sign=signer.signing(algorithm),
    )
    signer.envelopes[algorithm.oid] = envelope
    return envelope


def _answer_extensions(
    responses: Sequence[SingleResponse], nonce: bytes | None, receipt: Receipt | None
) -> bytes:
    """Write the nonce last, where a template leaves it open, unless there is a receipt."""
    never_issued = [each for each in responses if each.standing is NEVER_ISSUED]
    first = _EXTENDED_REVOKE if never_issued else b""
    if receipt is not None:
        second = write_extension(NONCE, der.octet_string(nonce)) if nonce else b""
        return _extensions(first, second, write_extension(RECEIPT, encode_receipt(receipt)))
    return _nonce_head(len(nonce), first) + nonce if nonce else _extensions(first)


@lru_cache(maxsize=2 * MAX_NONCE_BYTES)
def _nonce_head(length: int, before: bytes) -> bytes:
    """Write the extensions of an answer, of which a nonce is the last, up to the nonce."""
    nonce = write_extension(NONCE, der.octet_string(bytes(length)))
    return _extensions(before, nonce)[:-length]


def _single(response: SingleResponse) -> bytes:
    cert_id, standing, this_update, next_update, archive_cutoff = response
    since = standing.invalid_since if isinstance(standing, Revoked) else None
    rest = _rest(this_update, next_update, archive_cutoff, since)
    content = b"".join((cert_id.der, _status(standing), rest))
    return sequence_head(len(content)) + content


def _status(standing: Standing) -> bytes:
    if isinstance(standing, Good):
        return _GOOD
    if not isinstance(standing, Revoked):
        return _UNKNOWN
    # Almost every certificate was revoked at a time of its own: nothing to remember.
    at, reason = der.generalized_time(standing.at), _REASONS.get(standing.reason, b"")
    return der.wrap(der.explicit(1), at, reason)


@lru_cache(maxsize=4096)
def _rest(
    this_update: datetime,
    next_update: datetime | None,
    archive_cutoff: datetime | None,
    invalid_since: datetime | None,
) -> bytes:
    """Write what follows the status; of most certificates of a CRL that is the same."""
    cutoff = archive_cutoff and write_extension(ARCHIVE_CUTOFF, _time(archive_cutoff))
    since = invalid_since and write_extension(INVALIDITY_DATE, _time(invalid_since))
    return b"".join(
        (
            _time(this_update),
            der.wrap(der.explicit(0), _time(next_update)) if next_update else b"",
            _extensions(cutoff or b"", since or b""),
        )
    )


def _extensions(*extensions: bytes) -> bytes:
    """Write the field [1] with the extensions that there are."""
    return der.wrap(der.explicit(1), der.sequence(*extensions)) if any(extensions) else b""
