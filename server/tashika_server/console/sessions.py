"""Log-ins that are open, and log-ins that failed: both in memory, both bounded.

A restart of the office ends every session. Behind a proxy all callers have its address, so
that the failures of one slow down the log-ins of all; sessions that are open do not suffer.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from secrets import token_urlsafe
from threading import Lock

from tashika_server.agreements.terms import secret_digest
from tashika_server.console.operators import Operator

__all__ = ["Failures", "Session", "Sessions"]

SESSION_MARK = "tss_"
SESSION_BYTES = 32
MOST_OF_ONE = 20
"""Sessions of one operator; the oldest makes room."""

FAILURES = 10
WINDOW = timedelta(minutes=1)
"""So many failures of one address in so long a time, and it has to wait."""
MOST_ADDRESSES = 10_000
"""Remembered at a time; beyond, the one that failed longest ago is forgotten."""
NETWORK_OF_ONE = 64
"""Bits of an IPv6 address that one caller cannot choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open log-in."""

    operator: Operator
    """As at the log-in; whether still in force is asked of the book each time."""
    ends: datetime


class Sessions:
    """The open sessions, found by their secret's digest. Safe from any thread."""

    def __init__(self, *, life: timedelta) -> None:
        self._life = life
        self._lock = Lock()
        self._open: dict[bytes, Session] = {}

    def open(self, operator: Operator, at: datetime) -> tuple[str, Session]:
        """Open one and return its secret; it ends with the operator's own time at the latest."""
        secret = SESSION_MARK + token_urlsafe(SESSION_BYTES)
        ends = min(at + self._life, operator.period.end or at + self._life)
        session = Session(operator=operator, ends=ends)
        with self._lock:
            self._make_room(operator, at)
            self._open[secret_digest(secret)] = session
        return secret, session

    def find(self, secret: str, at: datetime) -> Session | None:
        """Find an open session."""
        found = self._open.get(secret_digest(secret))
        return found if found and at < found.ends else None

    def close(self, secret: str) -> None:
        """End a session."""
        self._open.pop(secret_digest(secret), None)

    def _make_room(self, operator: Operator, at: datetime) -> None:
        self._open = {key: each for key, each in self._open.items() if at < each.ends}
        own = [key for key, each in self._open.items() if each.operator.id == operator.id]
        for key in own[: max(0, len(own) - MOST_OF_ONE + 1)]:
            del self._open[key]


class Failures:
    """Failed attempts by address. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def wait(self, address: str, at: datetime) -> timedelta | None:
        """Return how long an address has to wait before its next attempt is looked at."""
        count, until = self._counts.get(_caller(address), (0, at))
        return until - at if count >= FAILURES and at < until else None

    def count(self, address: str, at: datetime) -> None:
        """Remember a failure."""
        caller = _caller(address)
        with self._lock:
            count, until = self._counts.pop(caller, (0, at))
            self._counts[caller] = (count + 1, until) if at < until else (1, at + WINDOW)
            if len(self._counts) > MOST_ADDRESSES:
                self._counts.popitem(last=False)


def _caller(address: str) -> str:
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        return str(IPv6Address(int(ip) >> NETWORK_OF_ONE << NETWORK_OF_ONE))
    return str(ip)
