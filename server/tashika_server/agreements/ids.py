"""The names that people call records by: a letter and the row's number, such as A-000042."""

import re
from enum import StrEnum
from typing import overload

from tashika_server.agreements.errors import NoSuchRecord

__all__ = ["Kind", "label", "number"]

_FORM = re.compile(r"[A-Z]-[0-9]{6,18}")


class Kind(StrEnum):
    """What a record is; the value is its letter."""

    ACCREDITATION = "R"
    ADJUSTMENT = "J"
    AGREEMENT = "A"
    COMPROMISE = "K"
    CREDENTIAL = "C"
    DEMAND = "D"
    HOLDER = "H"
    NOTIFICATION = "N"
    OPERATOR = "O"
    PROPOSAL = "P"
    STATEMENT = "M"
    SUSPENSION = "S"
    TARIFF = "T"
    VERIFIER = "V"


@overload
def label(kind: Kind, row: int) -> str: ...
@overload
def label(kind: Kind, row: int | None) -> str | None: ...
def label(kind: Kind, row: int | None) -> str | None:
    """Name a row; nothing for no row."""
    return None if row is None else f"{kind}-{row:06d}"


@overload
def number(kind: Kind, name: str) -> int: ...
@overload
def number(kind: Kind, name: str | None) -> int | None: ...
def number(kind: Kind, name: str | None) -> int | None:
    """Read the row's number from a name; NoSuchRecord if it is not a name of this kind."""
    if name is None:
        return None
    row = int(name[2:]) if _FORM.fullmatch(name) else 0
    if label(kind, row) != name:  # one name for one record, so that names can be compared
        raise missing(kind, name)
    return row


def missing(kind: Kind, name: str) -> NoSuchRecord:
    """Say that there is no such record; for the caller to raise."""
    noun = kind.name.lower()
    return NoSuchRecord(
        f"there is no {noun} {name!r}",
        rule=f"{noun} ids look like {label(kind, 1)}",
        remedy=f"look it up with `{noun} list`",
    )
