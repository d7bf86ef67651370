"""Where a reply ends: by its head, which is read once and known again byte for byte."""

from typing import NamedTuple

__all__ = ["Framer", "Head", "Unframed"]

MAX_HEAD_BYTES = 16 * 1024
MEMORY = 4096
"""Heads known; a service that never sends the same twice is read each time."""
BODILESS = {204, 304}


class Unframed(Exception):
    """The length of a reply cannot be known."""


class Head(NamedTuple):
    """What a head says."""

    status: int
    size: int
    """Octets of the head, the empty line included."""
    length: int
    """Octets of the body."""
    closes: bool
    """No other reply comes after this one."""


class Framer:
    """Reads heads."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def head(self, data: bytes) -> Head | None:
        """Read the head that `data` begins with; None while it is not all there. Unframed."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > MAX_HEAD_BYTES:
                raise Unframed("the head of a reply does not end")
            return None
        raw = data[:end]
        head = self._known.get(raw)
        if head is None:
            if len(self._known) >= MEMORY:
                self._known.clear()
            head = self._known[raw] = _read(raw)
        return head


def _read(raw: bytes) -> Head:
    first, *lines = raw.decode("latin-1").split("\r\n")
    fields = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (line.partition(":") for line in lines)
    }
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise Unframed(f"this is no reply of HTTP/1: {first[:60]!r}")
    status, length = int(rest[:3]), fields.get("content-length", "")
    if status in BODILESS:
        length = "0"
    if not length.isdigit():
        raise Unframed("a reply has no Content-Length, by which answers are counted")
    connection = fields.get("connection", "")
    closes = "close" in connection or (version == "HTTP/1.0" and "keep-alive" not in connection)
    return Head(status, len(raw) + 4, int(length), closes)
