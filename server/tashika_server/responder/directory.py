"""The issuers served, and which of them a question is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tashika.pki.algorithms import HASH_OIDS
from tashika.pki.certid import CertId
from tashika_server.issuer import Issuer
from tashika_server.refusal import SeveralIssuers

__all__ = ["Directory", "Served"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One issuer with its fingerprint, computed once and not for every question."""

    issuer: Issuer
    fingerprint: bytes


class Directory:
    """The issuers served, found by the name and key hashes of a CertID, whatever the hash."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        """List the issuers, at least one; the first speaks when only foreign ones are asked of."""
        self._served = [
            Served(issuer=issuer, fingerprint=issuer.identity.fingerprint) for issuer in issuers
        ]
        self._by_key = {
            (name, *served.issuer.identity.hashes(name)): served
            for served in self._served
            for name in HASH_OIDS.values()
        }

    def find(self, cert_id: CertId) -> Served | None:
        """Return the issuer that this CertID names; None for a foreign one."""
        return self._by_key.get(cert_id.issuer_key)

    def speaker(self, cert_ids: Sequence[CertId]) -> Served:
        """Return the one issuer for which all of these are answered; raises SeveralIssuers.

        RFC 6960 4.2.2.2: a delegated signer speaks for the CA that appointed it. Foreign
        certificates among ours are answered beside them.
        """
        asked = {served.fingerprint: served for each in cert_ids if (served := self.find(each))}
        if len(asked) > 1:
            raise SeveralIssuers
        return next(iter(asked.values()), self._served[0])
