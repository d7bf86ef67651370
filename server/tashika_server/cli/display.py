"""How records are shown: to programs as JSON or CSV, to people as tables and lines.

Times are in UTC for programs and in Japan's for people.
"""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from tashika_server.agreements.period import JST, Period
from tashika_server.book.plain import plain
from tashika_server.ledger.cells import cell

__all__ = [
    "print_cells",
    "print_csv",
    "print_json",
    "print_record",
    "print_table",
    "write_cells",
]

WIDE = 240
"""Columns of what is not a terminal: enough for the widest table, so nothing is cut off."""


def print_json(value: object) -> None:
    """Print one JSON value; times in UTC."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def print_csv(records: Sequence[Any], columns: Sequence[str]) -> None:
    """Print these fields of records as CSV (RFC 4180), headed by their names; times in UTC."""
    write_cells([columns])
    write_cells([plain(attrgetter(name)(record)) for name in columns] for record in records)


def write_cells(rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as CSV; a text is never a formula."""
    for row in rows:
        csv.writer(sys.stdout).writerow(map(_cell, row))


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return cell(value)


def print_table(records: Sequence[Any], columns: Sequence[str]) -> None:
    """Print these fields of records as a table for people, such as `period.start`."""
    if not records:
        print("none")
        return
    headings = [name.rpartition(".")[2].replace("_", " ") for name in columns]
    rows = ([_text(attrgetter(name)(record)) for name in columns] for record in records)
    print_cells(headings, rows)


def print_cells(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table for people."""
    # The other two ways of printing need not wait for it.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(str, row))
    Console(width=None if sys.stdout.isatty() else WIDE, markup=False, emoji=False).print(table)


def print_record(record: Any, depth: int = 0) -> None:
    """Print a record for people, a line for each field; what is within it follows, indented."""
    margin = "  " * depth
    for each in fields(record):
        value = getattr(record, each.name)
        values = value if isinstance(value, tuple) else (value,)
        if values and all(is_dataclass(one) and not isinstance(one, Period) for one in values):
            for one in values:
                print(f"{margin}[{each.name}]")
                print_record(one, depth + 1)
        else:
            print(f"{margin}{each.name:<16} {_text(value)}")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone(JST):%Y-%m-%d %H:%M JST}"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | frozenset):
        texts = map(_text, value)
        return ", ".join(texts if isinstance(value, tuple) else sorted(texts)) or "-"
    if is_dataclass(value) and not isinstance(value, Period):
        its = {each.name: getattr(value, each.name) for each in fields(value)}
        return ", ".join(f"{name} {_text(own)}" for name, own in its.items() if _is_short(own))
    return str(value)


def _is_short(value: object) -> bool:
    """Tell whether it fits in a line and says something: a certificate in PEM does not."""
    return value is not None and "\n" not in str(value)
