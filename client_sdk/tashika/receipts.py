"""Receipts of answers, kept by a relying party to check the operator's statement by.

::

    from tashika import Client, ReceiptBook

    with ReceiptBook("receipts", key=key) as book, Client(url, receipts=book) as client:
        client.check(certificate, issuer).require_good()

``key`` is what the operator gives out for your pseudonyms (``tashika-server usage key``). No
serial number is kept. ``tashika usage compare`` reads the files; checking is not done here.
"""

import json
import logging
import os
import secrets
import struct
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from io import FileIO
from pathlib import Path
from typing import Self

from tashika.errors import Malformed, PkiError, WrongUse
from tashika.ocsp import CheckedAnswer
from tashika.pki.pseudonym import pseudonym
from tashika.pki.receipt import Leaf, StandingCode, leaf, read_leaf

SUFFIX = ".receipts"
JST = timezone(timedelta(hours=9), "JST")

STANDINGS = {each.word: each for each in StandingCode}

_MONTHS_OPEN = 2
"""Around midnight answers of two months arrive in any order."""

_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)

_NO_RECEIPT = (ValueError, TypeError, LookupError, RecursionError, struct.error, Malformed)

_log = logging.getLogger(__name__)


def day_of(found: Leaf) -> date:
    """Return the day of Japan on which an answer was given."""
    return _instant(found.second).astimezone(JST).date()


def fields_of(found: Leaf) -> dict[str, str | int]:
    """Return what files and commands say of an answer."""
    return {
        "at": _instant(found.second).isoformat().replace("+00:00", "Z"),
        "stream": found.stream.hex(),
        "sequence": found.sequence,
        "issuer": found.issuer.hex(),
        "pseudonym": found.pseudonym.hex(),
        "standing": StandingCode(found.standing).word,
    }


class ReceiptBook:
    """Writes down the receipt of every answer that a client accepts, one JSON object a line.

    Each book writes files of its own in ``directory``, a new one for each month of Japan, so
    any number of processes may share a directory and a file has one writer. A line is with the
    operating system before the check returns; a power failure may cost the last seconds. A
    receipt that cannot be kept is counted in ``lost`` and logged, and the check goes on. Any
    number of clients and threads may share a book. Raises WrongUse for a key of no use.
    """

    def __init__(self, directory: str | os.PathLike[str], *, key: bytes) -> None:
        try:
            pseudonym(key, b"", 0)
        except PkiError as wrong:
            raise WrongUse(f"{wrong}; the operator gives you yours") from wrong
        self.lost = 0
        self._directory = Path(directory)
        self._key = key
        self._lock = threading.Lock()
        self._files: dict[str, FileIO] = {}

    def keep(self, answer: CheckedAnswer, *, serial: int) -> None:
        """Write down the receipt of an answer about this certificate, if it carries one."""
        if answer.receipt is None:
            return
        received = Leaf(
            stream=answer.receipt.stream,
            sequence=answer.receipt.first,
            second=(answer.produced_at - _EPOCH) // _SECOND,
            issuer=answer.issuer,
            pseudonym=pseudonym(self._key, answer.issuer, serial),
            standing=StandingCode.of(answer.standing, never_issued=answer.never_issued),
        )
        with self._lock:
            try:
                self._write(f"{day_of(received):%Y-%m}", _to_line(received))
            except OSError as failure:
                self.lost += 1
                _log.error("a receipt is lost: %s: %s", self._directory, failure.strerror)

    def close(self) -> None:
        """Bring everything to the disk; the next receipt would begin another file."""
        with self._lock:
            while self._files:
                self._end(next(iter(self._files)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, month: str, line: bytes) -> None:
        file = self._files.get(month) or self._begin(month)
        if file.write(line) != len(line):
            # What follows half a line would be lost with it: the next receipt opens a new file.
            self._files.pop(month).close()
            raise OSError(0, "the disk took half a line")

    def _begin(self, month: str) -> FileIO:
        if len(self._files) == _MONTHS_OPEN:
            self._end(min(self._files))
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{month}-{secrets.token_hex(8)}{SUFFIX}"
        self._files[month] = FileIO(path, "x")
        return self._files[month]

    def _end(self, month: str) -> None:
        try:
            with self._files.pop(month) as file:
                os.fsync(file.fileno())
        except OSError as failure:
            # How many, nobody knows: `lost` counts none of them.
            _log.error("last receipts may be lost: %s: %s", self._directory, failure.strerror)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipts:
    """What files of receipts hold."""

    leaves: list[bytes]
    """Each receipt once, as its leaf, in order."""
    torn: int
    """How many files end in half a line: the writer died, and one receipt at least is lost."""

    def without(self, others: Iterable[bytes]) -> "KeptReceipts":
        """Leave out those whose answers another statement counts: none is billed on two."""
        elsewhere = set(others)
        left = [each for each in self.leaves if each not in elsewhere]
        return KeptReceipts(leaves=left, torn=self.torn)


def read_receipts(paths: Iterable[Path]) -> KeptReceipts:
    """Read files of receipts, and those in directories.

    Raises WrongUse for files that cannot be read, and Malformed for those that a ReceiptBook
    cannot have written.
    """
    leaves, torn = set[bytes](), 0
    for path in paths:
        for file in _files(path):
            for number, line in enumerate(_lines(file), 1):
                if not line.endswith(b"\n"):
                    torn += 1
                    continue
                try:
                    leaves.add(_from_line(line))
                except _NO_RECEIPT as wrong:
                    raise Malformed(f"{file}, line {number}: this is no receipt") from wrong
    return KeptReceipts(leaves=sorted(leaves), torn=torn)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        # Not glob: it takes a directory that cannot be read for an empty one.
        return sorted(each for each in path.iterdir() if each.suffix == SUFFIX)
    except OSError as wrong:
        raise WrongUse(f"cannot read {path}: {wrong.strerror}") from wrong


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as wrong:
        raise WrongUse(f"cannot read {path}: {wrong.strerror}") from wrong


def _to_line(received: Leaf) -> bytes:
    return json.dumps(fields_of(received)).encode("ascii") + b"\n"


def _from_line(line: bytes) -> bytes:
    fields = json.loads(line)
    received = Leaf(
        stream=bytes.fromhex(fields["stream"]),
        sequence=fields["sequence"],
        second=(datetime.fromisoformat(fields["at"]) - _EPOCH) // _SECOND,
        issuer=bytes.fromhex(fields["issuer"]),
        pseudonym=bytes.fromhex(fields["pseudonym"]),
        standing=STANDINGS[fields["standing"]],
    )
    written = leaf(*received)
    if read_leaf(written) != received:
        raise Malformed("a field is too long or too short")
    return written


def _instant(second: int) -> datetime:
    # Not fromtimestamp: it takes no time before 1970 on every platform.
    return _EPOCH + second * _SECOND
