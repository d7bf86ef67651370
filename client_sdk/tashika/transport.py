"""What brings a question to a responder and the answer's bytes back.

Knows no OCSP: what the bytes are worth is decided elsewhere. The one that
speaks HTTP is :mod:`tashika.http_transport`.
"""

from typing import Protocol
from urllib.parse import urlsplit

from tashika.errors import WrongUse


class Transport(Protocol):
    """Carries one question at a time, many at once.

    The caller bounds the time by cancelling; whatever was opened is then
    closed. Only SourceFailed may be raised. A Client calls it in a thread of
    its own, always the same one.
    """

    async def post(self, url: str, body: bytes, *, limit: int) -> bytes:
        """Return the answer's body, cut after ``limit`` + 1 bytes."""
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
