"""How an issuer passes from one operator to the next, on both sides.

    hand_over   parts give → list, hash, sign → put in its place → ledger entry
    take_over   verify → parts check → copy, verify the copy → put in its place
                → parts take in → ledger entry

Nothing shows at its place before it is whole. The ledger's entry is the last step, and a crash
before it leaves something that is given anew or taken to its end (docs/operations.md). It alone
is written in a transaction: years of files take a while, and a suspension must not wait.
"""

import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from tashika.pki.algorithms import PrivateKey
from tashika_server.book import Book, trail
from tashika_server.durable import sync_directory
from tashika_server.handover.package import (
    HandoverRefused,
    Manifest,
    read_package,
    seal_package,
)
from tashika_server.handover.portable import Portable
from tashika_server.issuer import Issuer

__all__ = ["GIVEN", "TAKEN", "Passed", "hand_over", "take_over"]

GIVEN, TAKEN = "handover.given", "handover.taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What the ledgers of both sides say of a hand-over."""

    issuer: str
    fingerprint: bytes
    manifest: bytes
    """SHA-256 of the manifest: the same on both sides."""
    parts: tuple[str, ...]
    files: int

    def folder(self, home: Path) -> Path:
        """Return where the receiver keeps it."""
        return _place(home, self.manifest)


def hand_over(
    book: Book,
    issuer: Issuer,
    parts: Sequence[Portable],
    folder: Path,
    key: PrivateKey,
    *,
    actor: str,
    at: datetime,
) -> Passed:
    """Write a hand-over at `folder`, which must not be there, and enter it into the ledger."""
    if folder.exists():
        raise HandoverRefused(f"{folder} is there already; name a new one, or delete it")
    draft = _draft(folder)
    for part in parts:
        (draft / part.name).mkdir()
        part.give(issuer, draft / part.name)
    manifest = seal_package(
        draft,
        key,
        issuer=issuer.name,
        fingerprint=issuer.identity.fingerprint,
        operator=issuer.operator,
        parts=tuple(part.name for part in parts),
        at=at,
    )
    _put(draft, folder)
    return _enter(book, GIVEN, manifest, actor=actor, at=at)


def take_over(
    book: Book,
    folder: Path,
    parts: Sequence[Portable],
    home: Path,
    keys: Collection[bytes],
    *,
    actor: str,
    at: datetime,
) -> Passed:
    """Take a hand-over in below `home`; refused if anything is not as it was given.

    One that is in the ledger is refused; one whose files are there already, as after a crash,
    is finished.
    """
    manifest = read_package(folder, keys)
    with book.reading() as connection:
        _demand_new(connection, manifest)
    _demand_parts(manifest, parts)
    for part in parts:
        part.check(manifest.fingerprint, folder / part.name)
    kept = _place(home, manifest.digest)
    if not kept.exists():
        draft = _draft(kept)
        shutil.copytree(folder, draft, symlinks=True, dirs_exist_ok=True)
        for path in (draft, *(each for each in draft.rglob("*") if each.is_dir())):
            sync_directory(path)
        _put(draft, kept)
    if read_package(kept, keys) != manifest:
        raise HandoverRefused(f"{kept} holds another hand-over; move it away")
    for part in parts:
        part.take_in(manifest.fingerprint, kept / part.name)
    return _enter(book, TAKEN, manifest, actor=actor, at=at)


def _place(home: Path, digest: bytes) -> Path:
    return home / digest.hex()[:16]


def _draft(place: Path) -> Path:
    """Make a new folder beside a place; what a killed command has left there goes."""
    draft = place.with_name(f".{place.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def _put(draft: Path, place: Path) -> None:
    draft.rename(place)
    sync_directory(place.parent)


def _demand_new(connection: Connection, manifest: Manifest) -> None:
    mark = manifest.digest.hex()
    for entry in trail.entries(connection, subject=_subject(manifest)):
        if entry.action == TAKEN and mark in (entry.after or ""):
            raise HandoverRefused(f"it was taken over already, by entry {entry.number}")


def _demand_parts(manifest: Manifest, parts: Iterable[Portable]) -> None:
    ours = {part.name for part in parts}
    for name in sorted(ours - set(manifest.parts)):
        raise HandoverRefused(f"it has no part {name!r}; have it made anew, with everything")
    for name in sorted(set(manifest.parts) - ours):
        raise HandoverRefused(f"its part {name!r} is not known here; a newer program takes it in")


def _enter(book: Book, action: str, manifest: Manifest, *, actor: str, at: datetime) -> Passed:
    passed = Passed(
        issuer=manifest.issuer,
        fingerprint=manifest.fingerprint,
        manifest=manifest.digest,
        parts=manifest.parts,
        files=len(manifest.files),
    )
    with book.writing(actor=actor, at=at) as change:
        if action == TAKEN:  # by another command, meanwhile
            _demand_new(change.connection, manifest)
        change.record(action, _subject(manifest), before=None, after=passed)
    return passed


def _subject(manifest: Manifest) -> str:
    return f"issuer {manifest.fingerprint.hex()}"
