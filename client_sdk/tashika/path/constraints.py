"""Name constraints (RFC 5280 4.2.1.10; C10): what the CAs above may vouch for.

A form of name that we cannot compare is refused where it is constrained.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from cryptography import x509

from tashika.path.certificate import PathCertificate
from tashika.path.names import EMAIL_ADDRESS, Comparable, Form, form
from tashika.path.work import Work
from tashika.pki import der
from tashika.pki.errors import Malformed

_Subtrees = dict[str, list[object]]
"""By kind of name: the bases of the subtrees."""
_URI = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without the backslash, which some readers of URIs take for a slash."""
_HOST = re.compile(r"[A-Za-z0-9._-]+")
_MAILBOX = "1.3.6.1.5.5.7.8.9"
"""SmtpUTF8Mailbox (RFC 9598)."""
_UTF8_STRING = 0x0C


@dataclass(slots=True)
class ConstraintState:
    """The permitted and excluded subtrees of RFC 5280 6.1.2 (b) and (c)."""

    work: Work
    permitted: list[_Subtrees] = field(default_factory=list)
    """One element a CA: a name must be within one subtree of each that constrains its kind."""
    excluded: _Subtrees = field(default_factory=dict)

    def add(self, constraints: x509.NameConstraints | None) -> None:
        """6.1.4 (g): take up the constraints of one CA."""
        if constraints is None:
            return
        self.permitted.append(_by_kind(constraints.permitted_subtrees or ()))
        for kind, bases in _by_kind(constraints.excluded_subtrees or ()).items():
            self.excluded.setdefault(kind, []).extend(bases)

    def allow(self, certificate: PathCertificate) -> bool:
        """6.1.3 (b) and (c): tell whether all its names are permitted and none is excluded."""
        if not self.permitted and not self.excluded:
            return True
        return all(map(self._allows, _names_of(certificate)))

    def _allows(self, name: Form) -> bool:
        kind, value = name
        within, touches = _COMPARISONS.get(kind, (_never, _always))
        for subtrees in self.permitted:
            if kind in subtrees and not self._any(within, value, subtrees[kind]):
                return False
        return not self._any(touches, value, self.excluded.get(kind, ()))

    def _any(self, compare: Callable[..., bool], value: object, bases: Iterable[object]) -> bool:
        for base in bases:
            self.work.spend("names")
            if compare(value, base):
                return True
        return False


def _by_kind(names: Iterable[x509.GeneralName]) -> _Subtrees:
    found: _Subtrees = {}
    for kind, base in map(form, names):
        found.setdefault(kind, []).append(base)
    return found


def _names_of(certificate: PathCertificate) -> Iterable[Form]:
    if certificate.subject:
        yield "directory", certificate.subject
    # RFC 5280 asks for this only where there is no other address; OpenSSL always does.
    for part in certificate.subject:
        yield from (("email", value) for oid, value in part if oid == EMAIL_ADDRESS)
    for name in certificate.alternative_names:
        yield form(name)
        if isinstance(name, x509.OtherName) and name.type_id.dotted_string == _MAILBOX:
            yield "email", _mailbox(name.value)


def _mailbox(value: bytes) -> str:
    """Return the address, empty where it cannot be read: none is permitted then (RFC 9598 6)."""
    try:
        return der.Reader(value).only(_UTF8_STRING).rest.decode()
    except (Malformed, UnicodeDecodeError):
        return ""


def _never(_value: object, _base: object) -> bool:
    return False


def _always(_value: object, _base: object) -> bool:
    return True


def _directory_within(name: Comparable, base: Comparable) -> bool:
    return name[: len(base)] == base


def _dns_within(name: str, base: str) -> bool:
    name, base = _host(name), _host(base).removeprefix(".")
    return not base or name == base or name.endswith("." + base)


def _dns_permitted(name: str, base: str) -> bool:
    # RFC 5280 has no period before a domain; where it stands, only what is below is surely meant.
    return _dns_within(name, base) and (base[:1] != "." or _host(name) != _host(base[1:]))


def _dns_touches(name: str, base: str) -> bool:
    # A wildcard stands for names below it too: *.example.jp touches host.example.jp (C10).
    label, _, below = _host(name).partition(".")
    return _dns_within(name, base) or ("*" in label and _dns_within(base, below))


def _email_within(address: str, base: str) -> bool:
    local, at, host = address.rpartition("@")
    if not at:
        return False
    if "@" in base:
        base_local, _, base_host = base.rpartition("@")
        return (local, _host(host)) == (base_local, _host(base_host))
    return _host_within(host, base)


def _email_touches(address: str, base: str) -> bool:
    # The case of a mailbox may or may not count; an exclusion takes no chances.
    return "@" not in address or _email_within(address.casefold(), base.casefold())


def _uri_within(uri: str, base: str) -> bool:
    host = _host_of(uri)
    return host is not None and _host_within(host, base)


def _uri_touches(uri: str, base: str) -> bool:
    # RFC 5280 4.2.1.10: a constrained URI without a host name is refused. It does not say whom an
    # empty base means, so that is everybody.
    return not base or _host_of(uri) is None or _uri_within(uri, base)


def _host_within(host: str, base: str) -> bool:
    """Compare with a host, or with a domain: it begins with a period, and means what is below."""
    host, base = _host(host), _host(base)
    return host.endswith(base) and host != base if base.startswith(".") else host == base


def _host(text: str) -> str:
    return text.casefold().removesuffix(".")


def _host_of(uri: str) -> str | None:
    """Return the host name that every reader of the URI will find in it; None if there is none."""
    try:
        host = urlsplit(uri).hostname or ""
    except ValueError:
        return None
    if not _URI.fullmatch(uri) or not _HOST.fullmatch(host):
        return None
    try:
        ip_address(host)
    except ValueError:
        return host
    return None


_Address = IPv4Address | IPv6Address


def _ip_within(address: object, base: object) -> bool:
    # A certificate's name is one address; RFC 5280 4.2.1.6 has no room for a mask there.
    return isinstance(address, _Address) and address in ip_network(str(base))


def _ip_touches(address: object, base: object) -> bool:
    return not isinstance(address, _Address) or _ip_within(address, base)


_COMPARISONS: dict[str, tuple[Callable[..., bool], Callable[..., bool]]] = {
    "directory": (_directory_within, _directory_within),
    "dns": (_dns_permitted, _dns_touches),
    "email": (_email_within, _email_touches),
    "uri": (_uri_within, _uri_touches),
    "ip": (_ip_within, _ip_touches),
}
"""By kind: what is within a permitted subtree, and what touches an excluded one."""
