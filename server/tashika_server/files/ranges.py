"""What a client wants of a file: which octets (RFC 9110 14), and in which coding (12.5.3)."""

import re

from aiohttp import web

__all__ = ["Unsatisfiable", "span_of", "takes_zstd"]


EMPTY = re.compile(r"bytes=-0+")
"""The last octets, and none of them (RFC 9110 14.1.2)."""


class Unsatisfiable(Exception):
    """The octets that are asked for lie behind the end."""


def span_of(request: web.Request, size: int, etag: str) -> range | None:
    """Return the octets that are wanted; None for the whole file. Raises Unsatisfiable.

    Several ranges, one that cannot be read, or one of another file (If-Range) are for the whole.
    """
    if request.headers.get("If-Range", etag) != etag:
        return None
    if EMPTY.fullmatch(request.headers.get("Range", "")):
        raise Unsatisfiable
    try:
        wanted = request.http_range
    except ValueError:
        return None
    if wanted.start is None and wanted.stop is None:
        return None
    begin = wanted.start or 0
    begin = max(0, size + begin) if begin < 0 else begin
    end = size if wanted.stop is None else min(wanted.stop, size)
    if begin >= end:
        raise Unsatisfiable
    return range(begin, end)


def takes_zstd(request: web.Request) -> bool:
    """Tell whether a client asks for zstd by its name, and not with q=0."""
    for each in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "zstd":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
