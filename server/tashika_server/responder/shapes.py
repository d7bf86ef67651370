"""Recognises a question that has the same shape as an earlier one, byte for byte.

The clients of one verifier ask for one certificate after the other, and only the serial and the
nonce change. What is around them was read once by `tashika.pki.request`; comparing it takes a
fraction of the time. A question that is recognised is one that `parse_request` would read alike,
which a test shows on any bytes.
"""

from typing import NamedTuple

from tashika.pki.certid import CertId
from tashika.pki.request import OcspRequest, build_request
from tashika_server.responder.directory import Served

__all__ = ["Shapes"]

MAX_SHAPES = 512
"""Hashes, issuers, and lengths of serials and nonces in use; beyond it somebody plays games."""
SIGN_BIT = 0x80


class _Shape(NamedTuple):
    """One certificate is asked for, with or without a nonce, and nothing else is said."""

    served: Served
    issuer_key: tuple[str, bytes, bytes]
    length: int
    """Of the whole question."""
    cert_id: int
    serial: int
    end: int
    """Where the CertID begins; where the content of its serial begins, and ends."""
    between: bytes
    nonce: int
    """Where the nonce begins, and what stands between it and the CertID."""


class Shapes:
    """The shapes seen so far. For one thread."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, _Shape] = {}
        self._lengths: list[int] = []
        """Of the keys, each once."""

    def recognise(self, question: bytes) -> tuple[OcspRequest, Served] | None:
        """Read a question of a known shape; None for any other, well-formed or not."""
        for length in self._lengths:
            shape = self._shapes.get(question[:length])
            if shape is not None:
                break
        else:
            return None
        served, issuer_key, total, cert_id, begin, end, between, nonce = shape
        if len(question) != total or question[end:nonce] != between:
            return None
        first = question[begin]
        if first >= SIGN_BIT or (not first and end - begin > 1 and question[begin + 1] < SIGN_BIT):
            return None
        serial = int.from_bytes(question[begin:end], "big")
        asked = CertId(*issuer_key, serial, question[cert_id:end])
        return OcspRequest((asked,), question[nonce:] or None), served

    def learn(self, question: bytes, request: OcspRequest, served: Served) -> None:
        """Remember the shape of a question about one certificate of `served`.

        Only of one that is written as we would write it, and so holds nothing but a CertID and
        a nonce, in the places where we would put them.
        """
        if len(request.cert_ids) != 1 or len(self._shapes) >= MAX_SHAPES:
            return
        (cert_id,) = request.cert_ids
        if question != build_request((cert_id,), nonce=request.nonce):
            return
        serial = (cert_id.serial.bit_length() // 8) + 1
        begin = question.index(cert_id.der)
        end, nonce = begin + len(cert_id.der), len(question) - len(request.nonce or b"")
        shape = _Shape(
            served=served,
            issuer_key=cert_id.issuer_key,
            length=len(question),
            cert_id=begin,
            serial=end - serial,
            end=end,
            between=question[end:nonce],
            nonce=nonce,
        )
        self._shapes[question[: end - serial]] = shape
        if end - serial not in self._lengths:
            self._lengths.append(end - serial)
