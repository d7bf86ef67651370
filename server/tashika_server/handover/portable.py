"""What each store hands over of one issuer, and takes in: the interface, and two that have it.

Archive and history are in `kept`; whoever puts a hand-over together lists all of them.
"""

import csv
import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki.certid import IssuerIdentity
from tashika.pki.errors import PkiError
from tashika_server.book import Book
from tashika_server.certificate_file import BadFile, read_certificate
from tashika_server.handover.package import HandoverRefused
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

    Taken in by a person, who puts the table that `table` writes into the configuration.
    """

    name: str = "issuer"

    def give(self, issuer: Issuer, folder: Path) -> None:
        """Write certificate, partitions, register and settings."""
        (folder / "ca.pem").write_bytes(issuer.certificate.public_bytes(Encoding.PEM))
        with (folder / "partitions.csv").open("w", newline="", encoding="utf-8") as opened:
            rows = csv.writer(opened, lineterminator="\n")
            rows.writerow(["url", "name"])
            rows.writerows((each.url, each.name) for each in issuer.partitions)
        if issuer.register:
            shutil.copyfile(issuer.register, folder / "register.txt")
        settings = {
            "name": issuer.name,
            "family": issuer.family,
            "without_register": issuer.without_register,
            "never_issued": issuer.never_issued,
            "numbering": issuer.numbering,
            "archive_cutoff_days": issuer.archive_cutoff.days if issuer.archive_cutoff else None,
            "keep_days": issuer.keep.days if issuer.keep else None,
            "keep_basis": issuer.keep_basis,
        }
        (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")

    def check(self, fingerprint: bytes, folder: Path) -> None:
        """Refuse another issuer's certificate."""
        try:
            found = IssuerIdentity.of(read_certificate(folder / "ca.pem")).fingerprint
        except (BadFile, PkiError) as wrong:
            raise HandoverRefused(f"the issuer's certificate is unfit: {wrong}") from wrong
        if found != fingerprint:
            raise HandoverRefused("the certificate is not that of the issuer in the manifest")

    def take_in(self, _fingerprint: bytes, _folder: Path) -> None:
        """Do nothing: its files are used where they lie."""

    def table(self, folder: Path) -> str:
        """Write the table for the successor's configuration; the signer is theirs to name."""
        settings = json.loads((folder / "settings.json").read_text())
        lines = ["[[issuer]]"]
        words = "name", "family", "without_register", "never_issued", "numbering"
        lines += [f'{key} = "{settings[key]}"' for key in words]
        lines.append(f"certificate = {json.dumps(str(folder / 'ca.pem'))}")
        with (folder / "partitions.csv").open(newline="", encoding="utf-8") as opened:
            _, first, *_ = rows = list(csv.reader(opened))
        complete = len(rows) == len(("head", "only")) and not first[1]
        listed = json.dumps(first[0] if complete else str(folder / "partitions.csv"))
        lines.append(f"{'crl' if complete else 'partitions'} = {listed}")
        if (folder / "register.txt").exists():
            lines.append(f"register = {json.dumps(str(folder / 'register.txt'))}")
        for key in ("archive_cutoff", "keep"):
            if days := settings.get(f"{key}_days"):
                lines.append(f'{key} = "{days}d"')
        if settings.get("keep_basis"):
            lines.append(f"keep_basis = {json.dumps(settings['keep_basis'])}")
        lines.append("signers = []  # yours: certificate and key, certified by this issuer")
        return "\n".join(lines) + "\n"


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
