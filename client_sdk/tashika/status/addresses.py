"""Where an issuer's revocation data is: from configuration, and from certificates if told (C9)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from tashika.errors import PkiError, SourceFailed
from tashika.outbound import require_outbound_url
from tashika.path.certificate import PathCertificate
from tashika.path.status import StatusNeed
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import extension
from tashika.transport import origin, require_url

MAX_URLS = 4
"""Of each kind out of one certificate; honest ones have one or two."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Addresses:
    """The URLs of one issuer's responders and CRLs, each kind in the order of asking."""

    responders: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for each in (*self.responders, *self.lists):
            require_url(each)

    def __repr__(self) -> str:
        """Name no path: it may hold a credential."""
        return f"<Addresses {', '.join(map(origin, (*self.responders, *self.lists)))}>"


class AddressBook(Protocol):
    """Knows the addresses of issuers, without input or output."""

    def addresses(self, need: StatusNeed, /) -> Addresses:
        """Return where to ask about this certificate; none where nothing is known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """Addresses by issuer, name and key, and others for issuers that are not named."""

    by_issuer: Mapping[IssuerIdentity, Addresses] = field(default_factory=dict)
    otherwise: Addresses = Addresses()

    def addresses(self, need: StatusNeed) -> Addresses:
        """Return those of the certificate's issuer."""
        return self.by_issuer.get(need.identity, self.otherwise)


def addresses_in(certificate: PathCertificate) -> Addresses:
    """Return the public URLs that a certificate names (RFC 5280 4.2.1.13, 4.2.2.1); MAX_URLS each.

    Whatever is odd about a URL, or about the extensions, it is left out.
    """
    try:
        access = extension(certificate.certificate, x509.AuthorityInformationAccess)
    except PkiError:
        access = None
    responders = (
        each.access_location
        for each in access or ()
        if each.access_method == AuthorityInformationAccessOID.OCSP
    )
    lists = (name for point in certificate.points or () for name in point.full_name or ())
    return Addresses(responders=_public(responders), lists=_public(lists))


def _public(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    found: list[str] = []
    for each in names:
        if isinstance(each, x509.UniformResourceIdentifier) and len(found) < MAX_URLS:
            try:
                found.append(require_outbound_url(each.value))
            except SourceFailed:
                continue
    return tuple(found)
