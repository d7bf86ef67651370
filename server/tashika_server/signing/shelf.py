"""The signers in use, by issuer, and their replacement while the service runs.

Not for judging a signer (`signer`), nor for renewing one: whoever issues responder
certificates puts new files in the old ones' place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tashika.pki.algorithms import SignatureAlgorithm
from tashika_server.issuer import Issuer
from tashika_server.log import get_log
from tashika_server.refusal import NoSigner
from tashika_server.signing.signer import Signer, SignerFiles, SignerRefused, load_signer

__all__ = ["Rack", "Shelf"]

log = get_log()

Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """Where the signers of one issuer lie, the preferred one first."""

    issuer: Issuer
    files: tuple[SignerFiles, ...]


class Shelf:
    """The checked signers of every issuer.

    pick() may run in any thread while refresh() runs in another: what it sees is one signer
    with the certificate that belongs to it, the old one or the new one.
    """

    def __init__(self, racks: Iterable[Rack], *, at: datetime) -> None:
        """Load and check all signers; an unfit one is left out until refresh() finds it mended.

        The start of the service refuses unfit signers (T24). A worker that is replaced later
        must not take every issuer down because one signer has run out meanwhile.
        """
        self.edition = 0
        """How often signers have been replaced; what one of them signed before is withdrawn."""
        self._places = {
            rack.issuer.identity.fingerprint: tuple(
                _Place(files, rack.issuer, at=at) for files in rack.files
            )
            for rack in racks
        }

    def pick(
        self, fingerprint: bytes, preferred: tuple[str, ...], *, at: datetime
    ) -> tuple[Signer, SignatureAlgorithm]:
        """Choose who signs for this issuer, and how; raises NoSigner.

        RFC 6960 4.4.7.2: the asker's first preference that a key here can meet, else the
        default of the first signer in force. SHA-1 is met by none.
        """
        in_force = [
            signer
            for place in self._places.get(fingerprint, ())
            if (signer := place.signer) and signer.not_before <= at < signer.not_after
        ]
        if not in_force:
            raise NoSigner
        for oid in preferred:
            for signer in in_force:
                if algorithm := signer.algorithm(oid):
                    return signer, algorithm
        return in_force[0], in_force[0].algorithms[0]

    def refresh(self, *, at: datetime) -> None:
        """Take up every replaced signer that passes the checks; keep the old one otherwise."""
        for places in self._places.values():
            for place in places:
                self.edition += place.refresh(at=at)


class _Place:
    """One signer and the files it came from."""

    def __init__(self, files: SignerFiles, issuer: Issuer, *, at: datetime) -> None:
        self.files = files
        self.issuer = issuer
        self.stamp: Stamp | None = None
        self.signer: Signer | None = None
        self.complaint = ""
        self.refresh(at=at)

    def refresh(self, *, at: datetime) -> bool:
        """Load the files anew if they have changed, and tell whether there is another signer.

        A pair that was refused is tried again each time: its other half may follow, or its
        validity begin. It is complained of once.
        """
        stamp = _stamp(self.files)
        if stamp == self.stamp:
            return False
        try:
            signer = load_signer(self.files, self.issuer.certificate, at=at)
        except SignerRefused as refused:
            self._complain(str(refused))
            return False
        if self.signer or self.complaint:
            log.info(
                "signer_replaced",
                issuer=self.issuer.name,
                certificate=self.files.certificate.name,
                not_after=signer.not_after,
            )
        self.signer, self.stamp, self.complaint = signer, stamp, ""
        return True

    def _complain(self, complaint: str) -> None:
        if complaint != self.complaint:
            log.error("signer_refused", issuer=self.issuer.name, reason=complaint)
        self.complaint = complaint


def _stamp(files: SignerFiles) -> Stamp:
    return tuple(map(_identity_of, (files.certificate, files.key)))


def _identity_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
