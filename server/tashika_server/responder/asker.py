"""Who asks, read off an HTTP request: its headers, its connection, its path.

Credentials are read here and judged in `agreements`; no secret leaves in clear.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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

__all__ = ["PURPOSE_HEADER", "Reception"]

PURPOSE_HEADER = "Tashika-Purpose"
"""Says what is asked for, in the words of Purpose; may be left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """How a caller's credentials are read, and which proxies may hand on those of others."""

    proxies: Proxies
    certificate_header: str
    """In which a proxy hands on the client's certificate."""

    def read(
        self,
        headers: Mapping[str, str],
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
            source = self.proxies.source(peer, headers.get("x-forwarded-for"))
            certificate = self.proxies.certificate(
                peer, headers.get(self.certificate_header.lower())
            )
        token = bearer_token(headers.get("authorization"))
        shown = Presented(source, token, path_token, certificate)
        return Asker(shown, _purpose(headers.get(PURPOSE_HEADER.lower())))


def _purpose(stated: str | None) -> Purpose | None:
    try:
        return Purpose(stated) if stated else None
    except ValueError:
        raise PurposeNotGranted from None
