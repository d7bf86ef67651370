"""What is said most: of certificates that no CRL lists, in answer to a nonce.

All of one issuer's are told the same in the same second, so the words are found and encoded once
(`signing.template`). What is taken from here is what would be said anyway, which a test shows.
A certificate that is listed was revoked at a time of its own and has the dates of one CRL of
many: there would be a template for each, so it is told in full.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from tashika.pki.algorithms import SignatureAlgorithm
from tashika.pki.request import OcspRequest
from tashika.pki.response import SingleResponse
from tashika_server.index import Finding
from tashika_server.metering.usage import whole_second
from tashika_server.signing import Signer, Template, encode_answer

__all__ = ["Commonplaces", "Saying"]

MOST = 64
"""Issuers, lengths of serials and nonces, in use within one second."""

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)

_Key = tuple[int, int, int, tuple[str, ...]]


class Saying:
    """What is to be said, and who signs it how."""

    __slots__ = ("_told", "algorithm", "signer", "standings", "template")

    def __init__(
        self,
        signer: Signer,
        algorithm: SignatureAlgorithm,
        told: tuple[SingleResponse, ...],
        template: Template | None = None,
    ) -> None:
        """`template` has it encoded, if it is common, with CertID and nonce left open."""
        self.signer, self.algorithm, self._told, self.template = signer, algorithm, told, template
        self.standings = tuple([each.standing for each in told])

    def responses(self, request: OcspRequest) -> tuple[SingleResponse, ...]:
        """Say it of the certificates that are asked about."""
        return tuple(
            [
                told if told.cert_id is cert_id else told._replace(cert_id=cert_id)
                for cert_id, told in zip(request.cert_ids, self._told, strict=True)
            ]
        )


class Commonplaces:
    """Those of the present second. For one thread."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[Finding, Saying]] = {}
        self._edition, self._at = 0, _BEFORE_ALL

    def find(
        self, findings: Sequence[Finding | None], request: OcspRequest, edition: int, at: datetime
    ) -> Saying | None:
        """Return what was said before, in this second and edition of signers, of the same."""
        finding = findings[0]
        if finding is None or finding.entry is not None or request.nonce is None:
            return None
        if at is not self._at or edition != self._edition:  # all answers of a turn have one time
            self._forget(edition, at)
        known = self._known.get(_key(finding, request))
        # Whose id it is lives as long as this does; one finding is not told of two certificates.
        if known is None or known[0] is not finding or len(findings) > 1:
            return None
        return known[1]

    def keep(
        self,
        findings: Sequence[Finding | None],
        request: OcspRequest,
        saying: Saying,
        second: datetime,
    ) -> Saying:
        """Remember what is said of one unlisted certificate in answer to a nonce; return that."""
        finding, nonce = findings[0], request.nonce
        if finding is None or finding.entry is not None or nonce is None or len(findings) > 1:
            return saying
        signer, algorithm, told = saying.signer, saying.algorithm, saying.responses(request)
        unsigned = encode_answer(
            told, nonce=nonce, signer=signer, algorithm=algorithm, produced_at=second
        )
        template = Template.cut(unsigned, request.cert_ids[0].der, nonce)
        if len(self._known) >= MOST:
            self._known.clear()
        common = Saying(signer, algorithm, told, template)
        self._known[_key(finding, request)] = finding, common
        return common

    def _forget(self, edition: int, at: datetime) -> None:
        """Forget what was said in another second, or signed in another edition."""
        if edition != self._edition or whole_second(at) != whole_second(self._at):
            self._known.clear()
        self._edition, self._at = edition, at


def _key(finding: Finding, request: OcspRequest) -> _Key:
    cert_ids, nonce, preferred, _ = request
    return id(finding), len(cert_ids[0].der), len(nonce or b""), preferred
