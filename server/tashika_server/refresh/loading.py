"""Takes an issuer's register into the index when it is another one than before."""

import asyncio

from tashika_server.index import IndexWriter
from tashika_server.log import get_log
from tashika_server.refresh.refresh import Outcome, Tools
from tashika_server.refresh.register import Growth, RegisterRefused, read_register
from tashika_server.refresh.source import RegisterSource

__all__ = ["refresh_register"]

log = get_log()


async def refresh_register(source: RegisterSource, tools: Tools) -> Outcome:
    """Load the register of an issuer if it is another one; raises IndexWriteFailed alone."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(tools.bench, _take_in, source, tools.writer)
    except RegisterRefused as refused:
        log.warning("register_refused", issuer=source.issuer.name, detail=str(refused))
        return Outcome.FAILED


def _take_in(source: RegisterSource, writer: IndexWriter) -> Outcome:
    with writer.reader.snapshot() as snapshot:
        known = snapshot.register(source.fingerprint)
    register = read_register(source.path, known)
    if register is None:
        return Outcome.UNCHANGED
    grown = register.growth is Growth.AT_END
    put = writer.extend_register if grown else writer.load_register
    generation = put(source.fingerprint, register.ranges, register.mark)
    log.info(
        "register_grown" if grown else "register_loaded",
        issuer=source.issuer.name,
        generation=generation,
        ranges=len(register.ranges),
    )
    return Outcome.PUBLISHED
