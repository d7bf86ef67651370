"""What is said most: of certificates that no CRL lists, in answer to a nonce.

All of one issuer's are told the same in the same second, so the words are found and encoded once
(`signing.template`). What is taken from here is what would be said anyway, which a test shows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from tashika.pki.algorithms import SignatureAlgorithm
from tashika.pki.request import OcspRequest
from tashika.pki.response import SingleResponse
from tashika_server.index import Finding
from tashika_server.signing import Signer, Template, Unsigned

__all__ = ["Commonplace", "Commonplaces", "Words"]

MOST = 64
"""Issuers, lengths of serials and nonces, in use within one second."""

_Key = tuple[int, datetime, int, int, tuple[str, ...]]


class Words(NamedTuple):
    """What is to be said, and who signs it how."""

    signer: Signer
    algorithm: SignatureAlgorithm
    responses: tuple[SingleResponse, ...]


class Commonplace(NamedTuple):
    """Something said, with the CertID and the nonce left open."""

    finding: Finding
    words: Words
    template: Template

    def said(self, request: OcspRequest) -> Words:
        """Say it of the certificate that is asked about."""
        signer, algorithm, ((_, standing, this_update, next_update, cutoff),) = self.words
        (cert_id,) = request.cert_ids
        told = SingleResponse(cert_id, standing, this_update, next_update, cutoff)
        return Words(signer, algorithm, (told,))

    def fill(self, request: OcspRequest) -> Unsigned:
        """Encode what is said."""
        return self.template.fill(request.cert_ids[0].der, request.nonce or b"")


class Commonplaces:
    """Those of the present second. For one thread."""

    def __init__(self) -> None:
        self._known: dict[_Key, Commonplace] = {}
        self._edition = 0

    def find(
        self,
        findings: Sequence[Finding | None],
        request: OcspRequest,
        edition: int,
        second: datetime,
    ) -> Commonplace | None:
        """Return what was said before, in this second and edition of signers, of the same."""
        finding = findings[0]
        if finding is None or finding.entry is not None or request.nonce is None:
            return None
        if edition != self._edition:
            self._known.clear()
            self._edition = edition
        known = self._known.get(_key(finding, request, second))
        # Whose id it is lives as long as this does; one finding is not told of two certificates.
        if known is None or known.finding is not finding or len(findings) > 1:
            return None
        return known

    def keep(
        self,
        findings: Sequence[Finding | None],
        request: OcspRequest,
        words: Words,
        unsigned: Unsigned,
        second: datetime,
    ) -> None:
        """Remember what was said of one unlisted certificate in answer to a nonce."""
        finding, nonce = findings[0], request.nonce
        if finding is None or finding.entry is not None or nonce is None or len(findings) > 1:
            return
        if template := Template.cut(unsigned, request.cert_ids[0].der, nonce):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[_key(finding, request, second)] = Commonplace(finding, words, template)


def _key(finding: Finding, request: OcspRequest, second: datetime) -> _Key:
    cert_ids, nonce, preferred, _ = request
    return id(finding), second, len(cert_ids[0].der), len(nonce or b""), preferred
