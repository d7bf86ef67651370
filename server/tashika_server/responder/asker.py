"""Who asks, read off an HTTP request: its headers, its connection, its path.

Credentials are read here and judged in `agreements`; no secret leaves in clear.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from tashika_server.agreements.presented import (
    Address,
    ClientCertificate,
    Presented,
    Proxies,
    bearer_token,
)
from tashika_server.agreements.refusals import PurposeNotGranted
from tashika_server.agreements.terms import Purpose
from tashika_server.responder.admission import Asker

__all__ = ["PURPOSE_HEADER", "Headers", "Reception"]

PURPOSE_HEADER = "Tashika-Purpose"
"""Says what is asked for, in the words of Purpose; may be left out."""


class Headers(Protocol):
    """The fields of a request, found by name whatever its case."""

    def getall(self, name: str, default: Iterable[str]) -> Iterable[str]:
        """Return each value of the name in order, or the default."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """How a caller's credentials are read, and which proxies may hand on those of others."""

    proxies: Proxies
    certificate_header: str
    """In which a proxy hands on the client's certificate."""

    def read(
        self,
        headers: Headers,
        *,
        peer: Address,
        certificate: ClientCertificate | None,
        path_token: bytes | None,
    ) -> Asker:
        """Gather what a request shows; `certificate` is the connection's own.

        From a trusted proxy only the header counts: its own certificate is not its client's.
        A field that occurs twice is read as one, which then is no credential: a proxy that adds
        to what a stranger sent lends him nothing. Raises CertificateUnusable and
        PurposeNotGranted.
        """
        source = peer
        if self.proxies.vouches(peer):
            source = self.proxies.source(peer, _field(headers, "X-Forwarded-For"))
            certificate = self.proxies.certificate(peer, _field(headers, self.certificate_header))
        token = bearer_token(_field(headers, "Authorization"))
        shown = Presented(source, token, path_token, certificate)
        return Asker(shown, _purpose(_field(headers, PURPOSE_HEADER)))


def _field(headers: Headers, name: str) -> str | None:
    return ",".join(headers.getall(name, ())) or None


def _purpose(stated: str | None) -> Purpose | None:
    try:
        return Purpose(stated) if stated else None
    except ValueError:
        raise PurposeNotGranted from None
