"""Names in the form in which they are compared (RFC 5280 7.1), and the names of general names.

Not for display: :mod:`tashika.pki.names`.
"""

import re
import unicodedata
from collections.abc import Iterator

from cryptography import x509

from tashika.pki import der
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.limits import MAX_NAME_PARTS

Comparable = tuple[frozenset[tuple[str, str]], ...]
"""A distinguished name: relative names in order, each a set of attributes."""
Form = tuple[str, object]
"""A general name: its kind, and a value that can be compared and hashed."""

_CODECS = dict.fromkeys((0x0C, 0x12, 0x13, 0x14, 0x16, 0x1A), "utf-8")
_CODECS |= {0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""Of the string types, by their tags."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u06dd\u070f\u1806\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u2063\u206a-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffc"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
"""What RFC 4518 2.2 maps to nothing: it could set a name apart that reads alike."""

EMAIL_ADDRESS = "1.2.840.113549.1.9.1"


def comparable(name: x509.Name) -> Comparable:
    """Return the name as RFC 5280 7.1 compares it; Malformed where it is absurdly long."""
    if len(name.rdns) > MAX_NAME_PARTS:
        raise Malformed("a name has too many parts")
    return tuple(map(comparable_part, name.rdns))


def comparable_part(part: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str]]:
    """Return one relative name in that form."""
    return frozenset((each.oid.dotted_string, _prepared(each.value)) for each in part)


def comparable_der(name: bytes) -> Comparable:
    """Return a Name that is still DER in that form, its texts read as pyca reads a certificate's.

    Raises Malformed, and Unsupported for an attribute that is no text: it could not be compared.
    """
    parts, found = der.Reader(name).only(der.SEQUENCE), list[frozenset[tuple[str, str]]]()
    while parts.more:
        if len(found) == MAX_NAME_PARTS:
            raise Malformed("a name has too many parts")
        found.append(frozenset(_attributes(parts.take(der.SET))))
    return tuple(found)


def _attributes(part: der.Reader) -> Iterator[tuple[str, str]]:
    while part.more:
        pair = part.take(der.SEQUENCE)
        oid, codec = pair.oid(), _CODECS.get(pair.peek())
        if codec is None:
            raise Unsupported("a name has an attribute that is no text")
        try:
            text = pair.only(pair.peek()).rest.decode(codec)
        except UnicodeDecodeError as wrong:
            raise Malformed("a name holds text in another encoding than it says") from wrong
        yield oid, _prepared(text)


def _prepared(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return "#" + value.hex()
    # RFC 4518 in outline: what nobody sees, compatible forms, case and white space do not
    # count; the string's ASN.1 type does not either.
    seen = value if value.isascii() and value.isprintable() else _UNSEEN.sub("", value)
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().split())


def form(name: x509.GeneralName) -> Form:
    """Return a general name to compare with others."""
    if isinstance(name, x509.DirectoryName):
        return "directory", comparable(name.value)
    if isinstance(name, x509.OtherName):
        return "other", (name.type_id.dotted_string, name.value)
    return _KINDS[type(name)], name.value


_KINDS: dict[type[x509.GeneralName], str] = {
    x509.RFC822Name: "email",
    x509.DNSName: "dns",
    x509.UniformResourceIdentifier: "uri",
    x509.IPAddress: "ip",
    x509.RegisteredID: "registered",
}
