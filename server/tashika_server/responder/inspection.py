"""The last look at an answer before it leaves: no 200 goes out that does not answer (T5, T6).

Not a verification of the signature; the tests do that with tools that are not ours.
"""

from typing import Final

from tashika.pki.errors import PkiError
from tashika.pki.request import OcspRequest
from tashika.pki.response import BasicResponse, parse_response
from tashika_server.refusal import InternalFault

__all__ = ["MIN_ANSWER_BYTES", "READ_ONE_IN", "Inspection"]

MIN_ANSWER_BYTES: Final = 200
"""An answer signed with P-256 that embeds nothing, for one SHA-1 CertID, has over 230."""

READ_ONE_IN = 256
"""Reading an answer back takes longer than making it; one in 256 is under 2 % of the time."""


class Inspection:
    """Checks every answer's length and CertIDs, and reads a sample back in full.

    Not for several threads: the sample would lose its regularity, though nothing else.
    """

    def __init__(self, *, read_one_in: int = READ_ONE_IN) -> None:
        self._inspected = 0
        self._read_one_in = read_one_in

    def inspect(self, body: bytes, question: OcspRequest) -> None:
        """Raise InternalFault unless `body` answers `question`."""
        if len(body) < MIN_ANSWER_BYTES:
            raise InternalFault
        for each in question.cert_ids:
            # Not `in`: that tries first whether it is a number, and writes an error about it.
            if body.find(each.der) < 0:
                raise InternalFault
        number, self._inspected = self._inspected, self._inspected + 1
        if number % self._read_one_in == 0:
            _read_back(body, question)


def _read_back(body: bytes, question: OcspRequest) -> None:
    try:
        answer = parse_response(body)
    except PkiError as broken:
        raise InternalFault from broken
    if not isinstance(answer, BasicResponse) or answer.nonce != question.nonce:
        raise InternalFault
    if [each.cert_id.der for each in answer.responses] != [each.der for each in question.cert_ids]:
        raise InternalFault
