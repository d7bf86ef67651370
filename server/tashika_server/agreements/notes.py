"""The id of a refusal: a sealed note that only the operator can read back.

It says what was declined, when, and what decided: agreement, credential, suspension, article.
Nothing is kept for a refusal, so a flood of them costs no disk. The same refusal in the same
second has the same id (AES-SIV, RFC 5297), of the same length for all of them, so that the id
tells a caller nothing that the row does not tell; serials have no place in it.

Whoever has the key file can forge notes, and they are only as old as the key: remove the file
and all earlier ids are unreadable.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from tashika.pki.errors import TashikaError
from tashika_server.agreements import client_refusals  # noqa: F401 - its labels are read back
from tashika_server.agreements.refusals import AccessRefused, Grounds
from tashika_server.durable import write_once
from tashika_server.refusal import Refusal

__all__ = ["HEADER", "KEY_FILE", "Note", "NoteUnreadable", "Notebook", "ensure_key"]

HEADER = "Tashika-Refusal"
"""The HTTP response header that carries the id."""

KEY_FILE = "refusals.key"
"""In the run directory."""

_KEY_BITS = 512
_WHAT_FOR = [b"tashika refusal 1"]
_ROOM, _STEP = 152, 24
"""Octets of a note: the usual ones have under 150; with the tag both fill base64 exactly."""
_MARK = "R"
"""Begins every id: one that began with a `-` would be taken for an option of `explain`."""
_SEPARATOR = "\x1f"


class NoteUnreadable(TashikaError):
    """The text is no id of a refusal of this service, or from before its key."""


class Note(NamedTuple):
    """What an id says."""

    refusal: type[Refusal]
    at: datetime
    grounds: Grounds


class Notebook:
    """Seals and opens notes with one key. Safe from any thread."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    @classmethod
    def open(cls, path: Path) -> "Notebook":
        """Take the key from the file at `path`; raises NoteUnreadable if there is none."""
        try:
            return cls(path.read_bytes())
        except (OSError, ValueError) as wrong:
            raise NoteUnreadable(f"{path}: no key for refusals' ids: {wrong}") from wrong

    def seal(self, refusal: Refusal, at: datetime) -> str:
        """Write the id of a refusal."""
        grounds = refusal.grounds if isinstance(refusal, AccessRefused) else Grounds()
        fields = (refusal.reply.metric, int(at.timestamp()), *grounds)
        text = _SEPARATOR.join(map(str, fields)).encode()
        steps = max(0, -(-(len(text) - _ROOM) // _STEP))
        sealed = self._cipher.encrypt(text.ljust(_ROOM + steps * _STEP, b"\0"), _WHAT_FOR)
        return _MARK + urlsafe_b64encode(sealed).decode()

    def read(self, text: str) -> Note:
        """Read an id back; raises NoteUnreadable."""
        try:
            sealed = urlsafe_b64decode(text.strip().removeprefix(_MARK))
            plain = self._cipher.decrypt(sealed, _WHAT_FOR)
        except (ValueError, InvalidTag) as wrong:
            raise NoteUnreadable(
                "this is no refusal's id of this service, or its key was replaced since"
            ) from wrong
        label, at, *rest = plain.rstrip(b"\0").decode().split(_SEPARATOR)
        verifier, agreement, version, *more = rest
        return Note(
            refusal=_refusal_of(label),
            at=datetime.fromtimestamp(int(at), UTC),
            grounds=Grounds(verifier, agreement, int(version), *more),
        )


def ensure_key(path: Path) -> None:
    """Put a fresh key at `path` unless there is one.

    Several processes may do so at once and end up with one key. Raises OSError.
    """
    if not path.exists():
        write_once(path, AESSIV.generate_key(_KEY_BITS), mode=0o600)


def _refusal_of(label: str) -> type[Refusal]:
    for refusal in _all(Refusal):
        if refusal.reply.metric == label:
            return refusal
    raise NoteUnreadable(f"the refusal {label} is not one that this version knows")


def _all(parent: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in parent.__subclasses__():
        yield child
        yield from _all(child)
