"""The life of the office: the book becomes what the workers know, and operators are served.

Not for starting this process again when it has ended (`supervisor`).
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket

from tashika_server.agreements.compromise_file import STATUS_FILE, CompromiseFile
from tashika_server.console.application import ConsoleParts, serving
from tashika_server.durable import write_atomically
from tashika_server.log import get_log
from tashika_server.office.closing import ClosingParts, keep_closing_days
from tashika_server.office.compiler import Compiler, CompilerParts
from tashika_server.office.control import listening
from tashika_server.office.files import RetentionParts, keep_purging
from tashika_server.office.freshness import Age, FreshnessParts, keep_watching_freshness
from tashika_server.office.intake import Intake, IntakeParts
from tashika_server.office.refreshes import RefreshParts, keep_entering_refreshes
from tashika_server.office.reminder import remind
from tashika_server.office.status_page import status_page

__all__ = ["OfficeParts", "run", "serve"]

log = get_log()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeParts:
    """What the office works with."""

    compiler: CompilerParts
    console: ConsoleParts
    intake: IntakeParts
    refreshes: RefreshParts
    freshness: FreshnessParts
    closing: ClosingParts | None
    """None where there is no key to sign the ledger's days with."""
    retention: RetentionParts | None
    """None where no files are kept."""
    run: Path
    """Where its socket is."""


async def run(parts: OfficeParts, listener: socket | None, *, ready: Callable[[], None]) -> None:
    """Keep office until SIGTERM; `listener` is the management API's, if there is one."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(parts, listener, ready=ready, stop=stop.wait())


async def serve(
    parts: OfficeParts,
    listener: socket | None,
    *,
    ready: Callable[[], None],
    stop: Awaitable[object],
) -> None:
    """Keep office until `stop`; ready once the book was looked at, whatever came of it."""
    async with AsyncExitStack() as stack:
        compiler = stack.enter_context(Compiler.of(parts.compiler))
        await compiler.look()
        await stack.enter_async_context(listening(parts.run, compiler.look))
        if listener is not None and parts.console.files:
            await parts.console.files.group.begin()
        if listener is not None:
            await stack.enter_async_context(
                serving(parts.console, listener, published=compiler.look)
            )
        compromises = CompromiseFile(parts.compiler.compromises)
        chores = [
            compiler.keep(),
            remind(parts.compiler.book, parts.compiler.clock),
            stack.enter_context(Intake.of(parts.intake)).keep(),
            keep_entering_refreshes(parts.refreshes),
            keep_watching_freshness(
                parts.freshness,
                partial(_show_status, parts, compromises),
                sooner=compiler.compromises_changed,
            ),
            stop,
        ]
        if listener is not None and parts.console.files:
            chores.append(parts.console.files.keep())
        if parts.retention:
            chores.append(keep_purging(parts.retention))
        if parts.closing:
            chores.append(keep_closing_days(parts.closing))
        tasks = [asyncio.ensure_future(each) for each in chores]
        stack.callback(lambda: [each.cancel() for each in tasks])
        ready()
        over, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in over:
            each.result()  # a fault of ours raises: this process ends and a new one begins


def _show_status(parts: OfficeParts, compromises: CompromiseFile, ages: tuple[Age, ...]) -> None:
    known = compromises.current()  # what the workers heed
    compromised = {
        each.name: known[each.identity.fingerprint].since
        for each in parts.freshness.issuers
        if each.identity.fingerprint in known
    }
    page = status_page(ages, at=parts.freshness.clock.now(), compromised=compromised)
    write_atomically(parts.run / STATUS_FILE, page)
