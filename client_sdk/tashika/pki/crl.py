"""The certificate revocation list (RFC 5280 section 5) in memory: bytes in, values out.

Lists too large for memory are read by the same two halves, `crl_head` and `crl_entries`.
Reading proves nothing: whoever uses a list verifies it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import chain

from tashika.pki.algorithms import SignatureAlgorithm, read_algorithm
from tashika.pki.crl_entries import CrlEntry, entry_of, read_rows
from tashika.pki.crl_head import CrlHead, Scope, read_frame, read_head

__all__ = ["Crl", "CrlEntry", "Scope", "parse_crl"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl(CrlHead):
    """A list whose frame has been read and whose signature nobody has checked yet."""

    tbs: bytes = field(repr=False)
    """The bytes under the signature."""
    algorithm: SignatureAlgorithm
    signature: bytes = field(repr=False)
    data: bytes = field(repr=False)

    def entries(self) -> Iterator[CrlEntry]:
        """Yield the entries in the list's own order.

        Raises Malformed, and Unsupported for an unknown critical entry
        extension, when it comes to the entry that is wrong.
        """
        content = self.data[self.listed.start : self.listed.stop]
        rows = chain.from_iterable(read_rows((content,), len(content)))
        return map(entry_of, rows)


def parse_crl(data: bytes) -> Crl:
    """Read the frame of a CRL; raises Malformed and Unsupported."""

    def read(at: int, count: int) -> bytes:
        return data[at : at + count]

    frame = read_frame(read, len(data))
    head = read_head(read, frame)
    return Crl(
        **{each.name: getattr(head, each.name) for each in fields(head)},
        tbs=data[frame.tbs.start : frame.tbs.stop],
        algorithm=read_algorithm(frame.algorithm),
        signature=frame.signature,
        data=data,
    )
