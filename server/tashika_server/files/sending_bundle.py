"""All files of a manifest to one client, as a tar that is made while it is sent.

`manifest.json` and `manifest.sig` come first, then each file under its digest. Every file is in
the journal before the first octet is sent, and settled once it is through. Not for one file
(`sending`), which can be asked for again from where it broke off.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from tarfile import BLOCKSIZE, NUL, PAX_FORMAT, TarInfo

from aiohttp import hdrs, web

from tashika_server.agreements.gate import Permit
from tashika_server.files.archive import Archive
from tashika_server.files.manifest import Listed, Manifest
from tashika_server.metering.meter import Meter, Noted
from tashika_server.metering.usage import Delivery

__all__ = ["send_bundle"]

END = NUL * (2 * BLOCKSIZE)


async def send_bundle(
    request: web.Request,
    archive: Archive,
    manifest: Manifest,
    signature: bytes,
    *,
    permits: Mapping[str, Permit],
    meter: Meter,
    at: datetime,
) -> web.StreamResponse:
    """Send a manifest and what it lists; raises NotJournalled before anything is sent.

    A bundle that finds a file damaged is broken off; that file and those behind it are recorded
    as abandoned.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "application/x-tar", "Cache-Control": "private, no-store"}
    )
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    kept = [each for each in manifest.files if each.kept]
    waiting = {each: meter.note_file(permits[each.issuer], each.sha256, at=at) for each in kept}
    try:
        await asyncio.gather(*map(meter.commit, waiting.values()))
        await response.prepare(request)
        await response.write(_member("manifest.json", manifest.text, at))
        await response.write(_member("manifest.sig", signature, at))
        for each in kept:
            await _send_file(response, archive, each)
            meter.settle(waiting.pop(each), Delivery.HANDED_OVER)
        await response.write(END)
        await response.write_eof()
    finally:
        _abandon(meter, waiting)
        if response.prepared and waiting and request.transport:
            request.transport.abort()
    return response


def _abandon(meter: Meter, waiting: Mapping[Listed, Noted]) -> None:
    for noted in waiting.values():
        meter.settle(noted, Delivery.ABANDONED)


async def _send_file(response: web.StreamResponse, archive: Archive, listed: Listed) -> None:
    name = f"{listed.sha256.hex()}.crl"
    await response.write(_head(name, listed.size, listed.received_at))
    pieces = archive.content(listed)
    while piece := await asyncio.to_thread(next, pieces, b""):
        await response.write(piece)
    await response.write(_padding(listed.size))


def _member(name: str, content: bytes, at: datetime) -> bytes:
    return _head(name, len(content), at) + content + _padding(len(content))


def _head(name: str, size: int, at: datetime) -> bytes:
    about = TarInfo(name)
    about.size, about.mtime, about.mode = size, int(at.timestamp()), 0o644
    return about.tobuf(PAX_FORMAT)


def _padding(size: int) -> bytes:
    return NUL * (-size % BLOCKSIZE)
