"""JSON to typed values and types to JSON Schema: the two directions of one list of types.

Strict, since what comes in changes the registry: unknown names, a text for a number or a time
without its offset are refused, each with the place in the body.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from tashika_server.agreements.errors import RegistryError
from tashika_server.console.problems import BadBody

__all__ = ["Schemas", "structure"]

Json = Any
Schema = dict[str, Any]

MOST_INT = 2**31 - 1
"""What a column holds on every database."""
YEARS = (2000, 2999)
MOST_TEXT = 20_000
"""Characters; a chain of certificates in PEM has fewer."""
_NETWORK = IPv4Network | IPv6Network


def structure(kind: Any, data: Json, where: str = "") -> Any:
    """Make a value of the type `kind` of parsed JSON; BadBody names the place and the rule."""
    if kind == _NETWORK:
        return _leaf(_network, data, where)
    if isinstance(kind, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
        return None if data is None else structure(kind, data, where)
    if get_origin(kind) in (tuple, frozenset):
        return _collection(kind, data, where)
    if kind in _LEAVES:
        return _leaf(_LEAVES[kind], data, where)
    if issubclass(kind, StrEnum):
        return _leaf(lambda text: _choice(kind, text), data, where)
    return _record(kind, data, where)


def _record(kind: Any, data: Json, where: str) -> Any:
    if not isinstance(data, dict):
        raise BadBody(where, "is not an object", "write its fields in { }")
    kinds = get_type_hints(kind)
    for name in data.keys() - kinds.keys():
        raise BadBody(_under(where, name), "is not known here", f"known: {', '.join(kinds)}")
    for name in _required(kind):
        if name not in data:
            raise BadBody(_under(where, name), "is missing", "add it")
    values = {name: structure(kinds[name], data[name], _under(where, name)) for name in data}
    try:
        return kind(**values)
    except RegistryError as wrong:
        raise BadBody(where, wrong.what, wrong.remedy, rule=wrong.rule) from wrong


def _collection(kind: Any, data: Json, where: str) -> Any:
    if not isinstance(data, list):
        raise BadBody(where, "is not an array", "write its values in [ ]")
    item = get_args(kind)[0]
    found = [structure(item, each, f"{where}/{number}") for number, each in enumerate(data)]
    collection: Any = get_origin(kind)
    return collection(found)


def _leaf(read: Callable[[Json], Any], data: Json, where: str) -> Any:
    try:
        return read(data)
    except (ValueError, TypeError, OverflowError) as wrong:
        raise BadBody(where, f"is not what is wanted here: {wrong}", "correct it") from wrong


def _under(where: str, name: str) -> str:
    return f"{where}/{name}"


def _required(kind: Any) -> list[str]:
    return [
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    ]


# --- Leaves ---------------------------------------------------------------------------------


def _text(data: Json) -> str:
    if not isinstance(data, str) or "\0" in data or len(data) > MOST_TEXT:
        raise ValueError(f"a text of at most {MOST_TEXT} characters")
    data.encode()  # a lone surrogate fits no database
    return data


def _whole(data: Json) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or not 0 <= data <= MOST_INT:
        raise ValueError(f"a whole number from 0 to {MOST_INT}")
    return data


def _number(data: Json) -> float:
    if not isinstance(data, int | float) or isinstance(data, bool) or not math.isfinite(data):
        raise ValueError("a number")
    return float(data)


def _claim(data: Json) -> bool:
    if not isinstance(data, bool):
        raise ValueError("true or false")  # noqa: TRY004 - all leaves say ValueError
    return data


def _moment(data: Json) -> datetime:
    at = datetime.fromisoformat(_text(data))
    if at.tzinfo is None or not YEARS[0] <= at.year <= YEARS[1]:
        raise ValueError("a time with its offset, as 2026-04-01T00:00:00+09:00")
    return at.astimezone(UTC)


def _network(data: Json) -> IPv4Network | IPv6Network:
    return ip_network(_text(data))


def _choice(kind: type[StrEnum], data: Json) -> StrEnum:
    if data not in list(kind):
        raise ValueError(f"one of {', '.join(kind)}")
    return kind(data)


_LEAVES: Mapping[Any, Callable[[Json], Any]] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _claim,
    datetime: _moment,
}


# --- JSON Schema ----------------------------------------------------------------------------

_LEAF_SCHEMAS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "minimum": 0},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    datetime: {"type": "string", "format": "date-time"},
    NoneType: {"type": "null"},
    Any: {},
    _NETWORK: {"type": "string", "description": "a network, as 192.0.2.0/24"},
}


class Schemas:
    """Collects the schemas of the records and enumerations that are met, each once, by name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """Describe a type."""
        if kind in _LEAF_SCHEMAS:
            return dict(_LEAF_SCHEMAS[kind])
        if isinstance(kind, UnionType):
            return {"anyOf": [self.of(each) for each in get_args(kind)]}
        if get_origin(kind) in (tuple, frozenset, list):
            return {"type": "array", "items": self.of(get_args(kind)[0])}
        if get_origin(kind) is dict:
            return {"type": "object"}
        return self._named(kind)

    def _named(self, kind: Any) -> Schema:
        name = kind.__name__
        if name not in self.components:
            self.components[name] = {}  # for what contains itself
            self.components[name] = self._record(kind) if is_dataclass(kind) else _choices(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _record(self, kind: Any) -> Schema:
        hints = get_type_hints(kind)
        return {
            "type": "object",
            "description": (kind.__doc__ or "").partition("\n")[0],
            "properties": {each.name: self.of(hints[each.name]) for each in fields(kind)},
            "required": _required(kind),
            "additionalProperties": False,
        }


def _choices(kind: Any) -> Schema:
    return {
        "type": "string",
        "description": (kind.__doc__ or "").partition("\n")[0],
        "enum": [str(each) for each in kind],
    }
