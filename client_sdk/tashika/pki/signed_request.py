"""The signature of an OCSP request (RFC 6960 4.1.1), beside the reader of the request itself.

Apart from ``request``, so that the unsigned question, which is nearly every one, pays nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tashika.pki import der
from tashika.pki.algorithms import (
    PrivateKey,
    SignatureAlgorithm,
    algorithm_for,
    read_algorithm,
    sign,
)
from tashika.pki.certificates import read_certificates
from tashika.pki.errors import Malformed
from tashika.pki.limits import MAX_REQUEST_BYTES

_DIRECTORY_NAME = der.explicit(4)  # of GeneralName, RFC 5280 4.2.1.6


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """Who signed what; nothing of it has been verified."""

    tbs: bytes
    """The TBSRequest just as it came: what the signature is over."""
    algorithm: SignatureAlgorithm
    signature: bytes
    certificates: tuple[bytes, ...]
    """As they came, DER; usually the signer's first."""


def read_signature(data: bytes) -> RequestSignature | None:
    """Read the signature of a request; None where there is none.

    Raises Malformed, and Unsupported for an algorithm that is not accepted. Does not look into
    the TBSRequest: that is ``parse_request``'s business.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise Malformed(f"a request is longer than {MAX_REQUEST_BYTES} bytes")
    request = der.Reader(data).only(der.SEQUENCE)
    tbs = request.element(der.SEQUENCE)
    tagged = request.maybe(der.explicit(0))
    request.done()
    if tagged is None:
        return None
    fields = tagged.only(der.SEQUENCE)
    algorithm = read_algorithm(fields.element(der.SEQUENCE))
    signature = fields.bits()
    certificates = read_certificates(fields.maybe(der.explicit(0)))
    fields.done()
    return RequestSignature(tbs, algorithm, signature, certificates)


def sign_request(
    unsigned: bytes, *, requestor: bytes, key: PrivateKey, certificates: Sequence[bytes]
) -> bytes:
    """Sign what ``build_request`` wrote.

    ``requestor`` is the signer's subject, DER: a signed request names it (RFC 6960 4.1.2).
    ``certificates`` go along, DER, the signer's first.
    """
    tbs = der.Reader(unsigned).only(der.SEQUENCE).take(der.SEQUENCE)
    name = der.wrap(der.explicit(1), der.wrap(_DIRECTORY_NAME, requestor))
    signed = der.sequence(name, tbs.rest)
    algorithm = algorithm_for(key.public_key())
    signature = der.sequence(
        algorithm.der,
        der.bit_string(sign(key, algorithm, signed)),
        der.wrap(der.explicit(0), der.sequence(*certificates)) if certificates else b"",
    )
    return der.sequence(signed, der.wrap(der.explicit(0), signature))
