"""Tariff files: rows to be entered together, in TOML; the published tariff ships as one.

A file is taken in whole or not at all, and the book keeps what it had (T40). Reading it again
changes nothing.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.terms import Method
from tashika_server.book import Change
from tashika_server.config.problem import nearest
from tashika_server.ledger.errors import BadTariffFile
from tashika_server.ledger.tariff import Price, Tariff, TariffKind
from tashika_server.ledger.tariff_record import Past, add_tariff, tariffs

__all__ = ["import_tariffs", "published_tariff", "read_tariff_text", "read_tariffs"]

T = TypeVar("T")
WORDS: dict[str, type[StrEnum]] = {
    "method": Method,
    "family": Family,
    "kind": TariffKind,
    "category": Category,
}
KNOWN = {each.name: each.default is MISSING for each in fields(Price)}
"""The keys of a row, and whether it must be there."""


def published_tariff() -> str:
    """Return the text of the file that ships: the published prices and their waiver."""
    return files("tashika_server.ledger").joinpath("published_tariff.toml").read_text()


def read_tariff_text(file: Path) -> str:
    """Return what a tariff file holds; BadTariffFile if it cannot be one."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as wrong:
        raise _bad(f"{file} cannot be read ({wrong.strerror})", "name a readable file") from None
    except UnicodeDecodeError:
        raise _bad(f"{file} is not UTF-8 text", "save it as UTF-8") from None


def read_tariffs(text: str) -> tuple[Price, ...]:
    """Read the rows of a file; BadTariffFile, also if there are none (T40)."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise _bad(f"the file is not TOML ({wrong})", "correct it there") from None
    rows = content.pop("tariff", [])
    if content or not isinstance(rows, list):
        raise _bad("the file holds something else than rows", "write [[tariff]] above each row")
    if not rows:
        raise _bad("the file has no row", "nothing is changed; name a file with rows")
    return tuple(_price(f"row {number}", row) for number, row in enumerate(rows, 1))


def import_tariffs(
    change: Change, prices: tuple[Price, ...], *, past: Past = Past.KEEP
) -> tuple[Tariff, ...]:
    """Enter the rows that the book never had as they are, and return those that were entered.

    What has been superseded since is not entered again. Raises as `add_tariff` does, and nothing
    of the file is kept then.
    """
    known = {row.price for row in tariffs(change.connection)}
    return tuple(add_tariff(change, each, past=past) for each in prices if each not in known)


def _price(where: str, row: object) -> Price:
    if not isinstance(row, Mapping):
        raise _bad(f"{where} is no row", "write [[tariff]] above each row")
    for key in row:
        if key not in KNOWN:
            raise _bad(f"{where} has the key {key!r}", nearest(key, KNOWN))
    for key, needed in KNOWN.items():
        if needed and key not in row:
            raise _bad(f"{where} has no {key}", f"say its {key}")
    return Price(**{key: _value(f"{where}, {key}", key, value) for key, value in row.items()})


def _value(where: str, key: str, value: object) -> Any:
    if key in WORDS:
        word = _typed(where, value, str, "a word")
        if word not in list(WORDS[key]):
            raise _bad(f"{where}: {word!r} is not known", nearest(word, list(WORDS[key])))
        return WORDS[key](word)
    if key == "yen":
        return _typed(where, value, int, "a whole number")
    if key.startswith("valid_"):
        return _typed(where, value, date, "a day such as 2026-04-01, without quotes")
    return _typed(where, value, str, "text")


def _typed(where: str, value: object, kind: type[T], what: str) -> T:
    """Take a value of exactly this type: neither a bool for an int, nor a time for a day."""
    if type(value) is not kind:
        raise _bad(f"{where} is {value!r}", f"write {what}")
    return value


def _bad(what: str, remedy: str) -> BadTariffFile:
    return BadTariffFile(what, rule="a tariff file is whole and sound", remedy=remedy)
