"""What an answer is made with: who may ask, the issuers served, the index, the signers.

Values and protocols only; how an answer comes about is told in `answer`.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tashika.pki.algorithms import HASH_OIDS
from tashika.pki.certid import CertId
from tashika_server.index import Finding
from tashika_server.issuer import Issuer
from tashika_server.refusal import SeveralIssuers
from tashika_server.responder.admission import Admission
from tashika_server.responder.inspection import Inspection
from tashika_server.signing import Shelf

__all__ = ["Desk", "Directory", "Index", "Served", "View"]


class View(Protocol):
    """The index as it stood at one generation; does not change while it is held."""

    @property
    def generation(self) -> int:
        """Return the number of the last change that this view contains."""
        ...

    def find(self, fingerprint: bytes, serial: int) -> Finding:
        """Look one certificate of one issuer up; never raises for a serial of any size."""
        ...


class Index(Protocol):
    """The revocation index as the responder sees it. Snapshots may be held by many at once."""

    def snapshot(self) -> AbstractContextManager[View]:
        """Open the newest generation; raises IndexMissing while there is none to read."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything an answer is made with."""

    admission: Admission
    directory: Directory
    index: Index
    shelf: Shelf
    inspection: Inspection
    max_cert_ids: int
