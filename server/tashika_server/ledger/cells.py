"""Cells of CSV files, which people open in spreadsheets: a text is never a formula there."""

from typing import TypeVar

__all__ = ["cell"]

T = TypeVar("T")

FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - the wide ones are meant
"""A cell that begins so is run by spreadsheets; those of Japan take the wide signs, too."""


def cell(value: T) -> T | str:
    """Put an apostrophe before a text that would be run; anything else stays as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
