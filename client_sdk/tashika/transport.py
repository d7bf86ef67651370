"""What brings a question to a responder and the answer's bytes back.

Knows no OCSP: what the bytes are worth is decided elsewhere. The one that
speaks HTTP is :mod:`tashika.http_transport`.
"""

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from tashika.errors import WrongUse


class Reply(NamedTuple):
    """What came back."""

    body: bytes
    refusal: str = ""
    """The id by which the responder's operator can explain a refusal, where there is one."""


class Transport(Protocol):
    """Carries one question at a time, many at once. Follows no redirect, unpacks nothing (C8, C9).

    The caller bounds the time by cancelling; whatever was opened is then
    closed. Only SourceFailed may be raised, and of that ConnectionLost where the
    same question may be sent again. A Client calls it in a thread of its own,
    always the same one.
    """

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        """Return the answer, its body cut after ``limit`` + 1 bytes."""
        ...

    async def get(self, url: str, *, limit: int) -> Reply:
        """Return what is at a URL, such as a CRL, cut likewise."""
        ...


def require_url(url: str) -> str:
    """Return a responder's URL as it is; WrongUse unless it is http or https with a host."""
    try:
        parts = urlsplit(str(url))
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as wrong:
        raise WrongUse("a responder's URL cannot be read") from wrong
    if not usable:
        raise WrongUse("a responder's URL begins with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise WrongUse("a responder's URL holds no user name or password")
    return url


def require_private(url: str) -> None:
    """Raise WrongUse unless nobody on the way to this URL can read what is sent there."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        raise WrongUse("a token is sent over https only, else whoever listens could use it")


@lru_cache(maxsize=256)
def origin(source: str) -> str:
    """Return scheme, host and port: a URL's path may hold a credential. Other names stay whole."""
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme else source


def shown(url: str) -> str:
    """Write a URL so that others may see it: without a token in its path."""
    return re.sub(r"(?i)(/t/)[^/?#]+", r"\1***", url, count=1)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
