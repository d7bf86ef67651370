"""Distinguished names as text, for configuration, comparison and people.

CertIDs hash the DER of a name and never come here.
"""

import re

from tashika.pki import der
from tashika.pki.errors import Malformed
from tashika.pki.limits import MAX_NAME_PARTS

_SHORT = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
}
_CODECS = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_SPECIAL = re.compile(r'[,+"\\<>;]|^[ #]| \Z')
_SEPARATOR = re.compile(r"(?<!\\),")


def name_text(name: bytes) -> str:
    """Write the DER Name as ``C=JP, O=..., CN=...``, in its own order, escaped as in RFC 4514."""
    parts = der.Reader(name).only(der.SEQUENCE)
    texts: list[str] = []
    while parts.more:
        texts.append(_relative_name(parts.take(der.SET)))
        if len(texts) > MAX_NAME_PARTS:
            raise Malformed("a name has too many parts")
    return ", ".join(texts)


def relative_name_text(issuer: bytes, relative: der.Reader) -> str:
    """Write the DER Name of an issuer and one more part, whose attributes are to be read."""
    return ", ".join(filter(None, (name_text(issuer), _relative_name(relative))))


def same_name(one: str, other: str) -> bool:
    """Compare two names as RFC 5280 7.1 does: case folded, white space squeezed."""
    return _prepared(one) == _prepared(other)


def _relative_name(attributes: der.Reader) -> str:
    texts: list[str] = []
    while attributes.more and len(texts) < MAX_NAME_PARTS:
        pair = attributes.take(der.SEQUENCE)
        oid = pair.oid()
        texts.append(f"{_SHORT.get(oid, oid)}={_value(pair)}")
    attributes.done()
    if not texts:
        raise Malformed("a relative name is empty")
    return "+".join(texts)


def _value(pair: der.Reader) -> str:
    codec = _CODECS.get(pair.peek())
    if codec is None:
        value = pair.element()
        pair.done()
        return "#" + value.hex()
    content = pair.only(pair.peek()).rest
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as wrong:
        raise Malformed("a name holds text in another encoding than it says") from wrong
    return _SPECIAL.sub(r"\\\g<0>", text).replace("\0", r"\00")


def _prepared(text: str) -> str:
    parts = _SEPARATOR.split(text.casefold().replace("\\ ", " "))
    return ", ".join(" ".join(part.split()) for part in parts)
