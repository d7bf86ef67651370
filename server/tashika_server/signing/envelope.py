"""What surrounds the statements of an answer, encoded once for all answers of the same lengths.

DER puts lengths before contents, so whatever is written anew moves every header above it. The
headers depend on a few lengths alone; here they are kept by these.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from tashika.pki import der
from tashika.pki.response import BASIC_RESPONSE, ResponseStatus

__all__ = ["Envelope", "sequence_head"]

SUCCESSFUL = der.integer(ResponseStatus.SUCCESSFUL, der.ENUMERATED)
BASIC = der.oid(BASIC_RESPONSE)
MAX_FORMS = 1024
"""Askers choose the lengths of nonces and serials: 128 times 20, if somebody tries them all."""

Lengths = tuple[int, int]


class _Form(NamedTuple):
    """What stands before, between and after the two parts that vary."""

    head: bytes
    middle: bytes
    tail: bytes


class Envelope:
    """For the answers of one responder signed by one algorithm. For one thread."""

    def __init__(
        self,
        *,
        key_hash: bytes,
        algorithm: bytes,
        certificates: bytes,
        sign: Callable[[bytes], bytes],
    ) -> None:
        """Take DER: the SHA-1 of the key, an AlgorithmIdentifier, the field certs or nothing."""
        self.sign = sign
        """Signs a ResponseData."""
        self._responder = der.wrap(der.explicit(2), der.octet_string(key_hash))
        self._algorithm = algorithm
        self._certificates = certificates
        self._before: dict[Lengths, _Form] = {}
        self._around: dict[Lengths, _Form] = {}

    def unsigned(self, produced_at: bytes, responses: bytes, extensions: bytes) -> bytes:
        """Write the ResponseData: a GeneralizedTime, the SingleResponses, and [1] or nothing."""
        lengths = len(responses), len(extensions)
        head, middle, _ = self._before.get(lengths) or self._make_unsigned(lengths, produced_at)
        return b"".join((head, produced_at, middle, responses, extensions))

    def signed(self, unsigned: bytes, signature: bytes) -> bytes:
        """Write the OCSPResponse around a ResponseData and its signature."""
        lengths = len(unsigned), len(signature)
        head, middle, tail = self._around.get(lengths) or self._make_signed(lengths)
        return b"".join((head, unsigned, middle, signature, tail))

    def _make_unsigned(self, lengths: Lengths, produced_at: bytes) -> _Form:
        """Cut it out of one in which all that varies is zeros."""
        responses, extensions = lengths
        listed = sequence_head(responses)
        varying = len(produced_at) + len(listed) + responses + extensions
        whole = der.sequence(self._responder + bytes(varying))
        return _keep(self._before, lengths, _Form(whole[:-varying], listed, b""))

    def _make_signed(self, lengths: Lengths) -> _Form:
        """Do likewise; a signature of ECDSA has one of a few lengths."""
        unsigned, signature = lengths
        seal = self._algorithm + der.bit_string(bytes(signature))
        basic = der.sequence(bytes(unsigned) + seal + self._certificates)
        body = der.sequence(BASIC, der.octet_string(basic))
        whole = der.sequence(SUCCESSFUL, der.wrap(der.explicit(0), body))
        begins = len(whole) - len(self._certificates) - len(seal) - unsigned
        form = _Form(whole[:begins], seal[: len(seal) - signature], self._certificates)
        return _keep(self._around, lengths, form)


@lru_cache(maxsize=1024)
def sequence_head(length: int) -> bytes:
    """Write the header of a SEQUENCE with so much content."""
    return der.sequence(bytes(length))[:-length]


def _keep(forms: dict[Lengths, _Form], lengths: Lengths, form: _Form) -> _Form:
    if len(forms) >= MAX_FORMS:
        forms.clear()
    forms[lengths] = form
    return form
