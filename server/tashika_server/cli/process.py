"""`tashika-server process`: what the supervisor starts its children as; not for people.

The child's side of `supervisor.terms`. Each role imports its own parts: a worker that is replaced
answers sooner without the registry's libraries.
"""

# ruff: noqa: PLC0415 - see above

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from tashika_server.cli.loading import loading
from tashika_server.clock import SystemClock
from tashika_server.config import Config, load_config
from tashika_server.log import configure_log
from tashika_server.metrics_file import keep_writing_metrics
from tashika_server.supervisor.terms import BEAT, BEAT_EVERY, READY

__all__ = ["add_commands"]

STDIN, STDOUT, STDERR = 0, 1, 2
ORPHAN_SECONDS = 1.0
"""How long a child whose supervisor was killed may finish what it has begun."""

STEPS_BACK = {"refresher": 10}
"""How far a role steps back where cores are short: answers are due within milliseconds, what it
takes in within seconds. A tenth of a worker's share is left to it however busy they are."""

Life = Callable[[Config, argparse.Namespace, Callable[[], None]], Coroutine[Any, Any, None]]


async def _worker(config: Config, options: argparse.Namespace, ready: Callable[[], None]) -> None:
    with loading():
        from tashika_server import responder
        from tashika_server.assembly.answering import worker_parts

    parts = worker_parts(config, clock=SystemClock())
    tls = [socket.socket(fileno=each) for each in options.tls_socket]
    plain = [socket.socket(fileno=options.socket)]
    await responder.run(parts, plain, tls_sockets=tls, ready=ready)


async def _refresher(
    config: Config, options: argparse.Namespace, ready: Callable[[], None]
) -> None:
    with loading():
        from tashika_server.assembly.refreshing import refresh_parts
        from tashika_server.refresh.process import run

    parts = refresh_parts(config, lab_base=options.lab_base, clock=SystemClock())
    await run(parts, ready=ready)


async def _office(config: Config, options: argparse.Namespace, ready: Callable[[], None]) -> None:
    with loading():
        from tashika_server.assembly.keeping_office import office_parts
        from tashika_server.office.process import run

    listener = None if options.socket is None else socket.socket(fileno=options.socket)
    await run(office_parts(config, clock=SystemClock()), listener, ready=ready)


async def _lab(config: Config, options: argparse.Namespace, ready: Callable[[], None]) -> None:
    with loading():
        from tashika_server.assembly.refreshing import lab_directory
        from tashika_server.lab.publication import run

    listener = socket.socket(fileno=options.socket)
    await run(lab_directory(config), listener, clock=SystemClock(), ready=ready)


_LIVES: dict[str, Life] = {
    "worker": _worker,
    "refresher": _refresher,
    "office": _office,
    "lab": _lab,
}


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `process`, without help."""
    noun = nouns.add_parser("process")
    noun.add_argument("role", choices=sorted(_LIVES))
    noun.add_argument("config", type=Path)
    noun.add_argument("--title", required=True)
    noun.add_argument("--socket", type=int)
    noun.add_argument("--tls-socket", type=int, action="append", default=[])
    noun.add_argument("--lab-base")
    noun.set_defaults(handler=_process)


def _process(options: argparse.Namespace) -> int:
    os.nice(STEPS_BACK.get(options.role, 0))
    config = load_config(options.config, text=_accepted_text())
    configure_log(config.settings.log.format, process=options.title)
    threading.Thread(target=_follow_the_supervisor, daemon=True).start()
    uvloop.run(_live(config, options, _voice()))
    return 0


async def _live(config: Config, options: argparse.Namespace, say: Callable[[bytes], None]) -> None:
    beside = [asyncio.create_task(_beat(say))]
    if options.role != "office":  # which shows what the others write
        writing = keep_writing_metrics(config.settings.run, options.title)
        beside.append(asyncio.create_task(writing))
    try:
        await _LIVES[options.role](config, options, partial(say, READY))
    finally:
        for each in beside:
            each.cancel()


async def _beat(say: Callable[[bytes], None]) -> None:
    while True:
        say(BEAT)
        await asyncio.sleep(BEAT_EVERY.total_seconds())


def _accepted_text() -> str:
    """Read the configuration that the supervisor accepted: stdin up to the NUL."""
    text = b""
    while not text.endswith(b"\0"):
        more = os.read(STDIN, 1 << 16)
        if not more:
            sys.exit("tashika-server: the supervisor is gone; run `tashika-server serve`")
        text += more
    return text[:-1].decode()


def _voice() -> Callable[[bytes], None]:
    """Return what speaks to the supervisor; anything else printed goes to the log."""
    mouth = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    os.set_blocking(mouth, False)

    def say(what: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(mouth, what)

    return say


def _follow_the_supervisor() -> None:
    """End this process soon after the supervisor's, however that one ended."""
    os.read(STDIN, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORPHAN_SECONDS)
    os._exit(1)
