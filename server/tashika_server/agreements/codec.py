"""One version of an agreement as one line of JSON, and back."""

import json
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, get_origin

from cattrs.preconf.json import make_converter

from tashika_server.agreements.terms import Network, Terms

__all__ = ["read_moment", "read_terms", "write_terms"]


def write_terms(terms: Terms) -> bytes:
    """Write one line; equal terms give equal lines."""
    return json.dumps(_codec.unstructure(terms)).encode() + b"\n"


def read_terms(line: bytes) -> Terms:
    """Read one line; raises ValueError for whatever is wrong with it."""
    try:
        return _codec.structure(json.loads(line), Terms)
    except Exception as wrong:
        # The kinds of error are the libraries' business, and what is wrong is one thing to us.
        raise ValueError(f"an agreement is unreadable: {wrong!r}") from wrong


def read_moment(text: str) -> datetime:
    """Read a time; ValueError without a zone, since it could be compared with nothing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return moment.astimezone(UTC)


def _is_set(kind: Any) -> bool:
    origin: object = get_origin(kind)
    return origin is frozenset


def _sorted(values: frozenset[Any]) -> list[Any]:
    return sorted(_codec.unstructure(value) for value in values)


_codec = make_converter(forbid_extra_keys=True, detailed_validation=False, omit_if_default=True)
_codec.register_structure_hook(datetime, lambda text, _: read_moment(text))
_codec.register_structure_hook_func(lambda kind: kind == Network, lambda text, _: ip_network(text))
_codec.register_unstructure_hook(IPv4Network, str)
_codec.register_unstructure_hook(IPv6Network, str)
_codec.register_unstructure_hook_func(_is_set, _sorted)
