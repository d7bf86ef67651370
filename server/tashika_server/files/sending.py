"""One file to one client: not again if it has it, a part of it, or compressed; and on record.

| asked with                       | sent                        | in the journal              |
|----------------------------------|-----------------------------|-----------------------------|
| nothing more                     | 200                         | fresh                       |
| `If-None-Match` of this file     | 304                         | nothing: nothing is given   |
| `Range` from the first octet on  | 206                         | fresh                       |
| `Range` from a later octet on    | 206                         | retry, if a part of it was  |
|                                  |                             | handed over; else fresh     |
| `Range` behind the end           | 416                         | nothing                     |
| `Accept-Encoding: zstd`          | 200, as it lies in the disk | fresh                       |
| HEAD                             | the header alone            | nothing                     |

Not for who may have it (`serving`).
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from aiohttp import hdrs, web

from tashika_server.agreements.gate import Permit
from tashika_server.files.archive import Archive
from tashika_server.files.facts import Kept, Kind
from tashika_server.files.packing import PIECE
from tashika_server.files.parts import Begun
from tashika_server.files.ranges import Unsatisfiable, span_of, takes_zstd
from tashika_server.metering.meter import Meter
from tashika_server.metering.usage import Delivery

__all__ = ["send"]

MEDIA = {
    Kind.CRL: "application/pkix-crl",
    Kind.DELTA: "application/pkix-crl",
    Kind.COMPACT_SET: "application/octet-stream",
    Kind.COMPACT_DELTA: "application/octet-stream",
}
HEADERS = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    "Vary": "Accept-Encoding",
}


async def send(
    request: web.Request,
    archive: Archive,
    file: Kept,
    permit: Permit,
    *,
    meter: Meter,
    begun: Begun,
    at: datetime,
) -> web.StreamResponse:
    """Send a file that may be had; raises NotJournalled before anything is sent.

    A file that turns out damaged on the way is broken off, and recorded as abandoned.
    """
    name = file.sha256.hex()
    packed = takes_zstd(request) and hdrs.RANGE not in request.headers
    etag = f'"{name}-zstd"' if packed else f'"{name}"'
    headers = HEADERS | {
        "Content-Type": MEDIA[file.kind],
        "ETag": etag,
        "Tashika-Sha256": name,
        "Tashika-Number": str(file.number),
    }
    if any(each.value in {"*", name, f"{name}-zstd"} for each in request.if_none_match or ()):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    try:
        span = None if packed else span_of(request, file.size, etag)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{file.size}"
        status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        return web.Response(status=status, headers=headers)
    response = web.StreamResponse(
        status=HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT, headers=headers
    )
    if packed:
        path = archive.packed(file)
        response.headers["Content-Encoding"] = "zstd"
        response.content_length = path.stat().st_size
        pieces = _octets(path)
    else:
        wanted = range(file.size) if span is None else span
        if span is not None:
            shown = f"bytes {span.start}-{span.stop - 1}/{file.size}"
            response.headers["Content-Range"] = shown
        response.content_length = len(wanted)
        pieces = _part(archive.content(file), wanted)
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    piece = await asyncio.to_thread(next, pieces, b"")  # a missing file is no provision
    occasion = begun.occasion(permit, file.sha256, span, at=at)
    noted = meter.note_file(permit, file.sha256, at=at, occasion=occasion)
    delivery = Delivery.ABANDONED
    try:
        await meter.commit(noted)
        while piece:
            # Read ahead: what is found damaged at its end never arrives whole.
            following = await asyncio.to_thread(next, pieces, b"")
            if not response.prepared:
                await response.prepare(request)
            await response.write(piece)
            piece = following
        await response.write_eof()
        delivery = Delivery.HANDED_OVER
        begun.handed_over(permit, file.sha256, at=at)
    finally:
        meter.settle(noted, delivery)
        if response.prepared and delivery is Delivery.ABANDONED and request.transport:
            request.transport.abort()
    return response


def _octets(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _part(pieces: Iterator[bytes], wanted: range) -> Iterator[bytes]:
    """Cut the octets that are wanted out of a file that comes in pieces."""
    place = 0
    for piece in pieces:
        cut = piece[max(0, wanted.start - place) : max(0, wanted.stop - place)]
        place += len(piece)
        if cut:
            yield cut
