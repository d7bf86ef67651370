"""TOML to Settings: shapes, units and spelling, every mistake of the file at once.

Whether the values make sense together, and whether the files they name are what they should
be, is decided in `checking` and `issuers`.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from tashika_server.config.problem import BadValue, Complaints, nearest
from tashika_server.config.settings import Settings
from tashika_server.config.units import Address, Bytes, parse_duration, parse_size

__all__ = ["read_settings", "read_text"]

MAX_FILE_BYTES = 1 << 20
"""A configuration of 1,000 issuers is under 500 kB; twice that."""


def read_text(file: Path) -> str:
    """Return what the configuration file holds. ConfigError if it cannot be one."""
    complaints = Complaints(file)
    text = complaints.attempt("", _text_of, file)
    complaints.settle()
    return text or ""


def read_settings(file: Path, text: str) -> Settings:
    """Make Settings of the text of `file`; relative paths start at its folder. ConfigError."""
    complaints = Complaints(file)
    raw = complaints.attempt("", _toml, text)
    complaints.settle()
    settings = _table(Settings, raw, "", complaints)
    complaints.settle()
    anchored: Settings = _anchor(settings, file.absolute().parent)
    return anchored


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise BadValue("is over 1 MiB", "name a configuration file")
        return raw.decode()
    except OSError as wrong:
        raise BadValue(f"cannot be read ({wrong.strerror})", "name a readable file") from None
    except UnicodeDecodeError:
        raise BadValue("is not UTF-8 text", "save it as UTF-8") from None


def _toml(text: str) -> dict[str, Any]:
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise BadValue(f"is not TOML: {wrong}", "correct that place") from None
    if not raw:
        # T40: an empty file is a lost file, never "all defaults".
        raise BadValue("is empty", "start from config/tashika.example.toml")
    return raw


def _table(kind: type, raw: object, key: str, complaints: Complaints) -> Any:
    if not isinstance(raw, dict):
        complaints.add(key, "is not a table", "write its keys as a [table] or in { }")
        return None
    kinds = get_type_hints(kind)
    for extra in sorted(raw.keys() - kinds.keys()):
        complaints.add(_join(key, extra), "is not a known key", nearest(extra, kinds))
    missing = [each.name for each in fields(kind) if _is_required(each) and each.name not in raw]
    for name in missing:
        complaints.add(_join(key, name), "is missing", "add it")
    found = {
        name: _value(kinds[name], raw[name], _join(key, name), complaints)
        for name in kinds
        if name in raw
    }
    return None if missing else kind(**found)


def _value(kind: Any, raw: object, key: str, complaints: Complaints) -> Any:
    if isinstance(kind, UnionType):  # X | None, or X | tuple[X, ...] | None; TOML has no null
        kinds = [each for each in get_args(kind) if each is not NoneType]
        kind = kinds[-1] if isinstance(raw, list) else kinds[0]
    if get_origin(kind) is tuple:
        return _array(get_args(kind)[0], raw, key, complaints)
    if kind in _LEAVES:
        return complaints.attempt(key, _LEAVES[kind], raw)
    if issubclass(kind, StrEnum):
        return complaints.attempt(key, _choice, kind, raw)
    return _table(kind, raw, key, complaints)


def _array(kind: type, raw: object, key: str, complaints: Complaints) -> Any:
    if not isinstance(raw, list):
        complaints.add(key, "is not an array", f"write [[{key}]], or {key} = [ ... ]")
        return ()
    return tuple(
        _value(kind, item, f"{key}[{_title(item, number)}]", complaints)
        for number, item in enumerate(raw, 1)
    )


def _title(item: object, number: int) -> str:
    return str(item.get("name", f"#{number}")) if isinstance(item, dict) else f"#{number}"


def _is_required(each: Any) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip() or not raw.isprintable():
        raise BadValue(f"{raw!r} is not a text", 'write a printable "text" in quotes')
    return raw


def _whole(raw: object) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise BadValue(f"{raw!r} is not a whole number", "write digits without quotes")
    return raw


def _fraction(raw: object) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise BadValue(f"{raw!r} is not a number", "write it as 0.05")
    return float(raw)


def _choice(kind: type[StrEnum], raw: object) -> StrEnum:
    known = [str(each) for each in kind]
    if raw not in known:
        raise BadValue(f"{raw!r} is not known", nearest(str(raw), known))
    return kind(raw)


_LEAVES: Mapping[Any, Callable[[object], object]] = {
    str: _text,
    int: _whole,
    float: _fraction,
    Path: lambda raw: Path(_text(raw)),
    timedelta: lambda raw: parse_duration(_text(raw)),
    Bytes: lambda raw: parse_size(_text(raw)),
    Address: lambda raw: Address.parse(_text(raw)),
}


def _anchor(value: Any, folder: Path) -> Any:
    """Make every path inside a settings value absolute, the defaults included."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple):
        return tuple(_anchor(each, folder) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        anchored = {each.name: _anchor(getattr(value, each.name), folder) for each in fields(value)}
        return replace(value, **anchored)
    return value
