"""Values as plain JSON that is the same, byte for byte, wherever it is written.

For the audit trail, proposals and `--json`. Times are ISO 8601 in UTC, sets are sorted,
bytes are hexadecimal. Not a format for other programs' files.
"""

import json
from collections.abc import Collection
from datetime import UTC, date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar

from cattrs import Converter

__all__ = ["canonical", "from_plain", "plain"]

T = TypeVar("T")


def plain(value: object) -> Any:
    """Turn a value object into dictionaries, lists, text and numbers."""
    return _CONVERTER.unstructure(value)


def canonical(value: object) -> str:
    """Write a value object as JSON with sorted keys and no white space."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_plain(data: object, kind: type[T]) -> T:
    """Rebuild what `plain` took apart."""
    return _CONVERTER.structure(data, kind)


def _instant_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _sorted(values: Collection[Any]) -> list[Any]:
    return sorted(map(plain, values))


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(datetime, _instant_text)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    converter.register_unstructure_hook(bytes, bytes.hex)
    converter.register_structure_hook(bytes, lambda text, _: bytes.fromhex(text))
    for network in (IPv4Network, IPv6Network):
        converter.register_unstructure_hook(network, str)
        converter.register_structure_hook(network, lambda text, _: ip_network(text))
    converter.register_structure_hook(IPv4Network | IPv6Network, lambda text, _: ip_network(text))
    converter.register_unstructure_hook_func(
        lambda kind: getattr(kind, "__origin__", kind) is frozenset, _sorted
    )
    return converter


_CONVERTER = _converter()
