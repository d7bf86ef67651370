"""Recognises a question that has the same shape as an earlier one, byte for byte.

The clients of one verifier ask for one certificate after the other, and only the serial and the
nonce change. What is around them was read once by `tashika.pki.request`; comparing it takes a
fraction of the time. A question that is recognised is one that `parse_request` would read alike,
which a test shows on any bytes.
"""

from typing import Final

from tashika.pki.certid import CertId
from tashika.pki.request import OcspRequest, build_request
from tashika_server.responder.directory import Served

__all__ = ["Shapes"]

MAX_SHAPES = 512
"""Hashes, issuers, and lengths of serials and nonces in use; beyond it somebody plays games."""
SIGN_BIT: Final = 0x80

_new: Final = tuple.__new__
"""For the hot path: to call a NamedTuple takes three times as long, even where it is compiled."""


class _Shape:
    """One certificate is asked for, with or without a nonce, and nothing else is said."""

    __slots__ = ("between", "cert_id", "end", "issuer_key", "length", "nonce", "serial", "served")

    def __init__(self, question: bytes, request: OcspRequest, served: Served) -> None:
        """Of a question that is written as we would write it."""
        (cert_id,) = request.cert_ids
        self.served, self.issuer_key = served, cert_id.issuer_key
        self.length = len(question)
        self.cert_id = question.index(cert_id.der)
        """Where the CertID begins."""
        self.end = self.cert_id + len(cert_id.der)
        """Where it ends, with the content of the serial."""
        self.serial = self.end - (cert_id.serial.bit_length() // 8) - 1
        """Where that begins."""
        self.nonce = len(question) - len(request.nonce or b"")
        self.between = question[self.end : self.nonce]
        """What stands before the nonce."""


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
        begin, end, nonce = shape.serial, shape.end, shape.nonce
        if len(question) != shape.length or question[end:nonce] != shape.between:
            return None
        first = question[begin]
        if first >= SIGN_BIT or (not first and end - begin > 1 and question[begin + 1] < SIGN_BIT):
            return None
        hash_name, name_hash, key_hash = shape.issuer_key
        serial, der = int.from_bytes(question[begin:end], "big"), question[shape.cert_id : end]
        asked = _new(CertId, (hash_name, name_hash, key_hash, serial, der))
        return _new(OcspRequest, ((asked,), question[nonce:] or None, (), False)), shape.served

    def learn(self, question: bytes, request: OcspRequest, served: Served) -> None:
        """Remember the shape of a question about one certificate of `served`.

        Only of one that is written as we would write it, and so holds nothing but a CertID and
        a nonce, in the places where we would put them.
        """
        if len(request.cert_ids) != 1 or len(self._shapes) >= MAX_SHAPES:
            return
        if question != build_request(request.cert_ids, nonce=request.nonce):
            return
        shape = _Shape(question, request, served)
        self._shapes[question[: shape.serial]] = shape
        if shape.serial not in self._lengths:
            self._lengths.append(shape.serial)
