"""Names in the form in which they are compared (RFC 5280 7.1), and the names of general names.

Not for display: :mod:`tashika.pki.names`.
"""

import unicodedata

from cryptography import x509

from tashika.pki.errors import Malformed
from tashika.pki.limits import MAX_NAME_PARTS

Comparable = tuple[frozenset[tuple[str, str]], ...]
"""A distinguished name: relative names in order, each a set of attributes."""
Form = tuple[str, object]
"""A general name: its kind, and a value that can be compared and hashed."""

EMAIL_ADDRESS = "1.2.840.113549.1.9.1"


def comparable(name: x509.Name) -> Comparable:
    """Return the name as RFC 5280 7.1 compares it; Malformed where it is absurdly long."""
    if len(name.rdns) > MAX_NAME_PARTS:
        raise Malformed("a name has too many parts")
    return tuple(map(comparable_part, name.rdns))


def comparable_part(part: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str]]:
    """Return one relative name in that form."""
    return frozenset((each.oid.dotted_string, _prepared(each.value)) for each in part)


def _prepared(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return "#" + value.hex()
    # RFC 4518 in outline: compatible forms, case and white space do not count; the
    # string's ASN.1 type does not either.
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


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
