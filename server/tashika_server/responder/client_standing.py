"""Whether the certificate that lets a verifier in may do so: its key usage, its standing (T25).

The gate says whose a certificate is. If one of the issuers that we serve has issued it, our own
index says whether it is in force, and is asked with every question: on new and resumed sessions
as on living connections, the first question after a commit is judged by that commit. What others
have issued is not ours to know; the registry alone withdraws it.

A verdict is raised and never returned, so that none can be got and then not heeded
(CVE-2026-28755).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from tashika.pki.certificates import extension, require_signed_by
from tashika.pki.errors import PkiError
from tashika_server.agreements.client_refusals import (
    ClientCertificateRevoked,
    ClientStandingUnknown,
)
from tashika_server.agreements.gate import Bearer
from tashika_server.agreements.presented import ClientCertificate
from tashika_server.agreements.refusals import CertificateUnusable
from tashika_server.index import Finding, IndexMissing
from tashika_server.issuer import Issuer
from tashika_server.responder.sight import Sight, View

__all__ = ["ClientStandings"]

MOST_KEPT = 1024
"""Certificates of which is kept who issued them: finding that out verifies a signature."""


@dataclass(slots=True, kw_only=True)
class _Client:
    """A certificate that was shown, and what was last found of it."""

    certificate: ClientCertificate
    may_sign: bool
    issuer: Issuer | None
    """None where it is none of ours."""
    fingerprint: bytes
    serial: int
    generation: int = -1
    lineage: object = None
    finding: Finding | None = None

    def look(self, view: View) -> Finding:
        """Look it up, unless that was done in the same generation."""
        if self.generation != view.generation or self.lineage is not view.lineage:
            self.finding = None
        if self.finding is None:
            self.finding = view.find(self.fingerprint, self.serial)
            self.generation, self.lineage = view.generation, view.lineage
        return self.finding


class ClientStandings:
    """Judges the certificates by which verifiers are let in. Not for several threads."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        self._issuers = [(issuer, issuer.identity.fingerprint) for issuer in issuers]
        self._clients: dict[int, _Client] = {}
        """By identity of the certificate: one object lives as long as its connection."""

    def require(self, bearer: Bearer, sight: Sight, *, at: datetime) -> None:
        """Let a bearer pass whose certificate is in force at `at`, or is none of ours.

        Raises CertificateUnusable, ClientCertificateRevoked and, where the index is missing or
        what it has of the issuer is overdue, ClientStandingUnknown. Half a microsecond while
        the generation lasts; a token, or another issuer's certificate, costs less.
        """
        certificate = bearer.certificate
        if certificate is None:
            return
        client = self._clients.get(id(certificate)) or self._meet(certificate)
        if not client.may_sign:
            raise CertificateUnusable(bearer.party.grounds)
        if client.issuer is None:
            return
        try:
            finding = client.look(sight.view())
        except IndexMissing as missing:
            raise ClientStandingUnknown(bearer.party.grounds) from missing
        if _is_silent(finding, client.issuer, at):
            raise ClientStandingUnknown(bearer.party.grounds)
        # Its signature holds, so without a register it was issued; with one, that decides (T19).
        if finding.entry is not None or finding.issued is False:
            raise ClientCertificateRevoked(bearer.party.grounds)

    def _meet(self, certificate: ClientCertificate) -> _Client:
        if len(self._clients) >= MOST_KEPT:
            del self._clients[next(iter(self._clients))]
        shown = certificate.certificate
        issuer, fingerprint = self._issuer_of(shown)
        client = self._clients[id(certificate)] = _Client(
            certificate=certificate,
            may_sign=_may_sign(shown),
            issuer=issuer,
            fingerprint=fingerprint,
            serial=shown.serial_number,
        )
        return client

    def _issuer_of(self, shown: x509.Certificate) -> tuple[Issuer | None, bytes]:
        for issuer, fingerprint in self._issuers:
            try:
                require_signed_by(shown, issuer.certificate)
            except PkiError:
                continue
            return issuer, fingerprint
        return None, b""


def _is_silent(finding: Finding, issuer: Issuer, at: datetime) -> bool:
    """Tell whether the index says nothing now: not loaded (T15), or past nextUpdate (T3)."""
    late_register = finding.issued is None and issuer.register is not None
    return finding.coverage is None or at >= finding.coverage.next_update or late_register


def _may_sign(shown: x509.Certificate) -> bool:
    """RFC 5280 4.2.1.3: a handshake and a request are signed; without the extension a key may."""
    usage = extension(shown, x509.KeyUsage)
    return usage is None or usage.digital_signature
