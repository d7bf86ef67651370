"""How the registry's records are shown: to programs as JSON, to people as tables and lines.

Times are in UTC for programs and in Japan's for people.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tashika_server.agreements.period import JST, Period
from tashika_server.book.plain import plain

__all__ = ["print_json", "print_records", "print_table"]

WIDE = 240
"""Columns of what is not a terminal: enough for the widest table, so nothing is cut off."""


def print_json(value: object) -> None:
    """Print one JSON value; times in UTC."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def print_table(records: Sequence[Any], columns: Sequence[str]) -> None:
    """Print these fields of records as a table for people, such as `period.start`."""
    table = Table(box=SIMPLE_HEAD)
    for name in columns:
        heading = name.rpartition(".")[2].replace("_", " ")
        table.add_column(heading, overflow="fold", no_wrap=name == columns[0])
    for record in records:
        table.add_row(*(_text(attrgetter(name)(record)) for name in columns))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def print_records(found: Mapping[str, Any]) -> None:
    """Print records for people, a line for each field, indented where one is within another."""
    for name, records in found.items():
        _print_all(name, records if isinstance(records, tuple) else (records,), 0)


def _print_all(name: str, records: Sequence[Any], depth: int) -> None:
    margin = "  " * depth
    for record in records:
        print(f"{margin}[{name}]")
        for each in fields(record):
            value = getattr(record, each.name)
            values = value if isinstance(value, tuple) else (value,)
            if values and all(is_dataclass(one) and not isinstance(one, Period) for one in values):
                _print_all(each.name, values, depth + 1)
            else:
                print(f"{margin}  {each.name:<16} {_text(value)}")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone(JST):%Y-%m-%d %H:%M JST}"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | frozenset):
        return ", ".join(sorted(map(_text, value))) or "-"
    return str(value)
