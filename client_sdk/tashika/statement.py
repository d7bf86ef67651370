"""A month's statement as a verifier is given it, and the list of answers that comes with it.

Reading makes values of them; whether they are right is :mod:`tashika.comparison`'s.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from tashika.errors import Malformed, WrongUse
from tashika.pki.merkle import HASH_BYTES
from tashika.pki.receipt import LEAF_BYTES, StandingCode
from tashika.receipts import JST, STANDINGS

FORMAT = "tashika-statement-1"

_LEAVES_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """So many answers of one kind on one day of Japan."""

    day: date
    family: str
    method: str
    issuer: str
    fingerprint: bytes
    """IssuerIdentity.fingerprint of that issuer."""
    standing: StandingCode
    delivery: str
    billable: bool
    receipted: bool
    """Whether each of them carries a receipt of its own."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many provisions at one price in yen, 0 for those that are not billable."""

    family: str
    method: str
    issuer: str
    billable: bool
    provisions: int
    price: int
    due_yen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One agreement in one month; only what a comparison needs."""

    month: str
    """Of Japan, such as ``2026-04``."""
    seconds: range
    """Those of the month, since 1970 UTC."""
    verifier: str
    agreement: str
    lines: tuple[Line, ...]
    due_yen: int
    """What is due for all lines, before tax."""
    counts: tuple[Count, ...]
    """The same provisions by day and kind of answer."""
    receipts: int
    """How many leaves its Merkle tree has."""
    root: bytes
    digest: bytes
    """SHA-256 of its canonical JSON: what the operator's ledger and the printed form say."""


def read_statement(path: Path) -> Statement:
    """Read a statement in JSON.

    Raises WrongUse for a file that cannot be read, and Malformed where it is no statement, or
    is of an agreement without receipts.
    """
    try:
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise Malformed(f"{path} is of another format than {FORMAT}")
        if document["receipts"] is None:
            raise Malformed(f"{path} has no receipts: the agreement does not ask for any")
        return _statement(document)
    except OSError as wrong:
        raise WrongUse(f"cannot read {path}: {wrong.strerror}") from wrong
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as wrong:
        raise Malformed(f"{path} is no statement") from wrong


def read_leaves(path: Path) -> Iterator[bytes]:
    """Read a list of answers: leaves of 82 octets, one after the other.

    Raises WrongUse for a file that cannot be read, and Malformed for half a leaf.
    """
    try:
        with path.open("rb") as file:
            while block := file.read(_LEAVES_AT_ONCE * LEAF_BYTES):
                if len(block) % LEAF_BYTES:
                    raise Malformed(f"{path} ends within an answer: it is cut off")
                for begin in range(0, len(block), LEAF_BYTES):
                    yield block[begin : begin + LEAF_BYTES]
    except OSError as wrong:
        raise WrongUse(f"cannot read {path}: {wrong.strerror}") from wrong


def _statement(document: Any) -> Statement:
    receipts, month = document["receipts"], _text(document["month"])
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Statement(
        month=month,
        seconds=_seconds_of(month),
        verifier=_text(document["verifier"]["id"]),
        agreement=_text(document["agreement"]),
        lines=(
            *(_line(row, row["price"], row["due_yen"], billable=True) for row in document["lines"]),
            *(_line(row, 0, 0, billable=False) for row in document["unbilled"]),
        ),
        due_yen=_natural(document["totals"]["due_yen"]),
        counts=tuple(map(_count, receipts["counts"])),
        receipts=_natural(receipts["receipts"]),
        root=_hash(receipts["root"]),
        digest=hashlib.sha256(text.encode()).digest(),
    )


def _seconds_of(month: str) -> range:
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=JST)
    after = (first + timedelta(days=31)).replace(day=1)
    return range(int(first.timestamp()), int(after.timestamp()))


def _line(row: Any, price: object, due_yen: object, *, billable: bool) -> Line:
    return Line(
        family=_text(row["family"]),
        method=_text(row["method"]),
        issuer=_text(row["issuer"]),
        billable=billable,
        provisions=_natural(row["provisions"]),
        price=_natural(price),
        due_yen=_natural(due_yen),
    )


def _count(row: Any) -> Count:
    return Count(
        day=date.fromisoformat(row["day"]),
        family=_text(row["family"]),
        method=_text(row["method"]),
        issuer=_text(row["issuer"]),
        fingerprint=_hash(row["fingerprint"]),
        standing=STANDINGS[row["standing"]],
        delivery=_text(row["delivery"]),
        billable=_flag(row["billable"]),
        receipted=_flag(row["receipted"]),
        count=_natural(row["count"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("not a natural number")
    return value


def _hash(value: object) -> bytes:
    found = bytes.fromhex(_text(value))
    if len(found) != HASH_BYTES:
        raise ValueError("not a SHA-256")
    return found
