"""Signatures in PDF (ISO 32000-1 12.8), where they sign the whole file.

No PDF is parsed for that: the byte range must be all of the file but the
signature's own place. Then whoever signed has signed every octet, and neither
incremental updates nor what a viewer makes of them can matter. A signature
that leaves anything out is refused, also where the change may be harmless.
"""

import re
from itertools import islice

from tashika.errors import Malformed, SignatureRefused
from tashika.pki import der
from tashika.signature.causes import SignatureCause
from tashika.signature.cms import read_cms
from tashika.signature.limits import MAX_BYTE_RANGES, MAX_PDF_BYTES, MAX_SIGNATURE_BYTES
from tashika.signature.presented import Form, Presented

_BYTE_RANGE = re.compile(
    rb"/ByteRange\s{0,8}\[\s{0,8}0\s{1,8}(\d{1,9})\s{1,8}(\d{1,9})\s{1,8}(\d{1,9})\s{0,8}\]"
)
_HEX = re.compile(rb"<(?:[0-9A-Fa-f]{2})+>")
_WHITE = b"\x00\t\n\f\r "


def read_pdf(data: bytes, *, certificate: bytes | None = None) -> Presented:
    """Read the signature that covers the whole file: of several, the last one.

    Raises SignatureRefused, NOT_ALL_SIGNED where something follows the last one,
    and PkiError.
    """
    if len(data) > MAX_PDF_BYTES:
        raise Malformed(f"a PDF is longer than {MAX_PDF_BYTES} bytes")
    if not data.startswith(b"%PDF-"):
        raise Malformed("this is no PDF")
    begins, ends = _place(data)
    ranges = (data[:begins], data[ends:])
    return read_cms(_contents(data[begins:ends]), ranges, certificate=certificate, form=Form.PDF)


def _place(data: bytes) -> tuple[int, int]:
    """Return where the signature stands that covers all the rest of the file."""
    found = list(islice(_BYTE_RANGE.finditer(data), MAX_BYTE_RANGES + 1))
    if len(found) > MAX_BYTE_RANGES:
        raise Malformed(f"a PDF has more than {MAX_BYTE_RANGES} byte ranges")
    ranges = {tuple(map(int, each.groups())) for each in found}
    whole = [(a, b) for a, b, length in ranges if b + length == len(data) and a < b]
    if not ranges:
        raise SignatureRefused(SignatureCause.NO_SIGNER)
    if not whole:
        raise SignatureRefused(SignatureCause.NOT_ALL_SIGNED, "something follows the last one")
    if len(whole) > 1:
        raise Malformed("two signatures of a PDF both claim to cover all of it")
    begins, ends = whole[0]
    # Were anything else left out, its value could be changed after signing.
    if not data[:begins].rstrip(_WHITE).endswith(b"/Contents"):
        raise SignatureRefused(SignatureCause.NOT_ALL_SIGNED, "more is left out than a signature")
    return begins, ends


def _contents(place: bytes) -> bytes:
    """Return the CMS of a hexadecimal string that is padded with zeros (12.8.1)."""
    if len(place) > 2 * MAX_SIGNATURE_BYTES or _HEX.fullmatch(place) is None:
        raise SignatureRefused(SignatureCause.NOT_ALL_SIGNED, "more is left out than a signature")
    padded = der.Reader(bytes.fromhex(place[1:-1].decode("ascii")))
    found = padded.element(der.SEQUENCE)
    if padded.rest.strip(b"\x00"):
        raise Malformed("something follows a signature in its place")
    return found
