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
_CODECS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be"}
_SPECIAL = re.compile(r'([,+"\\<>;=])')


def name_text(name: bytes) -> str:
    """Write the DER Name as ``C=JP, O=..., CN=...``, in its own order, escaped as in RFC 4514."""
    parts = der.Reader(name).only(der.SEQUENCE)
    texts: list[str] = []
    while parts.more:
        texts.append(_relative_name(parts.take(der.SET)))
        if len(texts) > MAX_NAME_PARTS:
            raise Malformed("a name has too many parts")
    return ", ".join(texts)


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
        return "#" + pair.rest.hex()
    content = pair.content(pair.peek())
    pair.done()
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as wrong:
        raise Malformed("a name holds text in another encoding than it says") from wrong
    return _SPECIAL.sub(r"\\\1", text)


def _prepared(text: str) -> str:
    return ", ".join(" ".join(part.split()) for part in text.casefold().split(","))
