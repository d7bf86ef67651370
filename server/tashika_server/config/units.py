"""Quantities as a person writes them: "15m", "1GiB", "127.0.0.1:8080"; bad ones name a remedy."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import NewType, Self

from tashika_server.config.problem import BadValue

__all__ = ["Address", "Bytes", "parse_duration", "parse_size", "write_duration", "write_size"]

Bytes = NewType("Bytes", int)

DURATIONS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
SIZES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
MAX_DIGITS = 9
"""A longer number is a slip of the hand, and would overflow timedelta."""
MAX_PORT = 65535


def parse_duration(text: str) -> timedelta:
    """Read "500ms", "30s", "15m", "12h" or "1d"."""
    number, unit = _number_and_unit(text)
    if unit not in DURATIONS:
        raise BadValue(f'"{text}" is not a duration', 'write "500ms", "30s", "15m", "12h" or "1d"')
    return number * DURATIONS[unit]


def parse_size(text: str) -> Bytes:
    """Read "4096B", "64KiB", "512MiB" or "1GiB"."""
    number, unit = _number_and_unit(text)
    if unit not in SIZES:
        raise BadValue(f'"{text}" is not a size', 'write "64KiB", "512MiB" or "1GiB"')
    return Bytes(number * SIZES[unit])


def write_duration(value: timedelta) -> str:
    """Write a duration so that `parse_duration` reads it back."""
    whole = [unit for unit, one in DURATIONS.items() if not value % one]
    unit = whole[-1] if value else "s"
    return f"{value // DURATIONS[unit]}{unit}"


def write_size(value: int) -> str:
    """Write a size so that `parse_size` reads it back."""
    unit = [unit for unit, one in SIZES.items() if not value % one][-1] if value else "B"
    return f"{value // SIZES[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: an IP address and a port; port 0 lets the kernel choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "127.0.0.1:8080" or "[::1]:8080"; names are refused, they can move."""
        host, _, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        family = ipaddress.IPv4Address if bare == host else ipaddress.IPv6Address
        try:
            family(bare)
            number = int(port) if re.fullmatch(r"[0-9]{1,5}", port) else None
        except ValueError:
            number = None
        if number is None:
            raise BadValue(f'"{text}" is not an address', 'write "127.0.0.1:8080" or "[::1]:8080"')
        if number > MAX_PORT:
            raise BadValue(f"port {port} does not exist", f"write a port from 0 to {MAX_PORT}")
        return cls(bare, number)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        """Write it as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _number_and_unit(text: str) -> tuple[int, str]:
    found = re.fullmatch(rf"([0-9]{{1,{MAX_DIGITS}}})([A-Za-z]+)", text)
    return (int(found[1]), found[2]) if found else (0, "")
