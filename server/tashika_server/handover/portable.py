"""What each store hands over of one issuer, and takes in: the interface, and two that have it.

Archive and history are in `kept`; whoever puts a hand-over together lists all of them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tashika.pki.certid import IssuerIdentity
from tashika.pki.errors import PkiError
from tashika_server.agreements.compromises import Compromise
from tashika_server.book import Book
from tashika_server.certificate_file import BadFile, read_certificate
from tashika_server.handover.package import HandoverRefused
from tashika_server.handover.served import CERTIFICATE, write_served
from tashika_server.issuer import Issuer
from tashika_server.ledger.errors import LedgerBroken
from tashika_server.ledger.export import export_lines
from tashika_server.ledger.verify import lines_of, verify_export

__all__ = ["IssuerPart", "LedgerPart", "Portable"]


class Portable(Protocol):
    """What one store gives away and takes in of one issuer, in a folder of its own.

    Not for several threads. No key of a responder is ever given: the issuer certifies the
    successor's own.
    """

    @property
    def name(self) -> str:
        """Name the part, and so its folder: a word."""
        ...

    def give(self, issuer: Issuer, folder: Path, /) -> None:
        """Write everything about the issuer into the folder, which is there and is empty.

        The caller hashes, signs and syncs it. Raises HandoverRefused and OSError.
        """
        ...

    def check(self, fingerprint: bytes, folder: Path, /) -> None:
        """Raise HandoverRefused unless it can be taken in; changes nothing.

        The files are those that were given, to the byte; what they say is not yet believed.
        """
        ...

    def take_in(self, fingerprint: bytes, folder: Path, /) -> None:
        """Put it into the store; durable on return.

        The folder stays where it is and may be used for good. Called again for the same
        folder, because a crash came before the ledger's entry, it changes nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerPart:
    """The issuer itself: certificate, list of CRLs, register, and how it is served.

    Taken in by a person, who puts the table that `served.table` writes into the configuration.
    """

    compromise: Compromise | None = None
    """The giver's declaration about its key that is in force."""
    name: str = "issuer"

    def give(self, issuer: Issuer, folder: Path) -> None:
        """Write certificate, partitions, register and settings."""
        write_served(issuer, self.compromise, folder)

    def check(self, fingerprint: bytes, folder: Path) -> None:
        """Refuse another issuer's certificate."""
        try:
            found = IssuerIdentity.of(read_certificate(folder / CERTIFICATE)).fingerprint
        except (BadFile, PkiError) as wrong:
            raise HandoverRefused(f"the issuer's certificate is unfit: {wrong}") from wrong
        if found != fingerprint:
            raise HandoverRefused("the certificate is not that of the issuer in the manifest")

    def take_in(self, _fingerprint: bytes, _folder: Path) -> None:
        """Do nothing: its files are used where they lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPart:
    """The giver's ledger, whole: a chain can be verified only as one."""

    book: Book
    keys: Collection[bytes]
    """The public keys that may have signed its days: those that a receiver trusts."""
    name: str = "ledger"

    def give(self, _issuer: Issuer, folder: Path) -> None:
        """Export every entry and every signed day."""
        with self.book.reading() as connection, (folder / "ledger.jsonl").open("wb") as opened:
            opened.writelines(export_lines(connection))

    def check(self, _fingerprint: bytes, folder: Path) -> None:
        """Verify chain and signatures."""
        try:
            with (folder / "ledger.jsonl").open("rb") as opened:
                verified = verify_export(lines_of(opened), keys=self.keys)
        except (OSError, LedgerBroken) as wrong:
            raise HandoverRefused(f"the ledger does not hold: {wrong}") from wrong
        if verified.first > 1:
            raise HandoverRefused(
                f"the ledger begins with entry {verified.first}; ask for all of it"
            )

    def take_in(self, _fingerprint: bytes, _folder: Path) -> None:
        """Do nothing: it is kept where it lies, and named by the digest in our own ledger."""
