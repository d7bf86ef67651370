"""Where nobody may be made to connect to: addresses that a stranger's certificate leads to (C9).

Pure decisions on an address that has been resolved already; the connector asks before it
connects, each time, so that a name that changes its address gains nothing. URLs from
configuration are trusted and do not come here.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from tashika.causes import Cause
from tashika.errors import SourceFailed

Address = IPv4Address | IPv6Address

_PORTS = frozenset({None, 80, 443})
"""Revocation data is published on these; any other port is somebody's service."""
_REFUSED = tuple(
    map(
        ip_network,
        (
            # What Python's is_global lets through, in one release or another.
            "100.64.0.0/10",  # RFC 6598; a cloud's metadata too
            "168.63.129.16/32",  # the wire server of a cloud, within public space
            "192.0.0.0/24",  # RFC 6890
            "192.88.99.0/24",  # RFC 7526
            "224.0.0.0/4",  # multicast
            "3fff::/20",  # RFC 9637
        ),
    )
)
_GIVEN_OUT = ip_network("2000::/3")
"""All that IANA gives out of IPv6; is_global lets site-local addresses through, fec0::/10."""
_WITH_IPV4_INSIDE = (ip_network("64:ff9b::/96"), ip_network("::/96"))
_LOW_32 = 0xFFFF_FFFF


def require_public(address: str | Address) -> Address:
    """Return a resolved address that anybody may be sent to; SourceFailed for any other.

    Refused are private, loopback, link-local (169.254.169.254 among them), unique local,
    shared, multicast, reserved and unspecified addresses, clouds' metadata, and whatever has
    one of those inside: IPv4-mapped, 6to4, Teredo, NAT64.
    """
    try:
        found = ip_address(address)
    except ValueError as wrong:
        raise SourceFailed(Cause.ADDRESS_REFUSED, "it is no address") from wrong
    for each in _inside(found) or [found]:
        refused = any(each.version == net.version and each in net for net in _REFUSED)
        refused |= isinstance(each, IPv6Address) and each not in _GIVEN_OUT
        if refused or not each.is_global:
            raise SourceFailed(Cause.ADDRESS_REFUSED, "it is not a public one")
    return found


def require_outbound_url(url: str) -> str:
    """Return a URL from a certificate that may be asked, before its name is resolved.

    Plain http or https, no user name, a usual port, and no address in place of
    a name unless it is public. Raises SourceFailed.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port in _PORTS
    except ValueError as wrong:
        raise SourceFailed(Cause.ADDRESS_REFUSED, "its URL cannot be read") from wrong
    if not usable or "@" in parts.netloc or not url.isprintable() or " " in url:
        raise SourceFailed(Cause.ADDRESS_REFUSED, "its URL is not of a usual form")
    try:
        literal = ip_address(str(parts.hostname))
    except ValueError:
        return url  # a name: the connector decides on what it resolves to
    require_public(literal)
    return url


def _inside(address: Address) -> list[Address]:
    """Return where an IPv6 address really leads, if that is an IPv4 address."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    found += address.teredo or ()
    found += [IPv4Address(int(address) & _LOW_32) for net in _WITH_IPV4_INSIDE if address in net]
    return [each for each in found if each is not None]
