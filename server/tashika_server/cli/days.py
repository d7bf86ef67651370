"""Days and months of Japan as arguments of the commands about money."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from tashika_server.ledger.days import Month, read_day
from tashika_server.ledger.errors import BadDay

__all__ = ["day", "month"]

T = TypeVar("T")


def day(text: str) -> date:
    """Read a day such as 2026-04-01."""
    return _read(read_day, text)


def month(text: str) -> Month:
    """Read a month such as 2026-04."""
    return _read(Month.read, text)


def _read(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except BadDay as wrong:
        raise ArgumentTypeError(f"{wrong.what}; {wrong.remedy}") from None
