"""Refreshes that die on the way, in processes of their own.

Forked from a server that has everything imported and nothing open: a start takes
milliseconds, and LMDB finds a process as a service would be.
"""

import asyncio
import inspect
import itertools
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog

from support.crls import NAKA, NISHI, Row
from support.refreshing import House, Shelf
from tashika_server.index import IndexWriteFailed, IndexWriter, edit
from tashika_server.refresh import fetch, gathering, hearing, loading, press, taking

STEPS: dict[str, tuple[Any, str]] = {
    "fetch": (fetch.Fetcher, "fetch"),
    "head": (hearing.Hearing, "head"),
    "listed": (hearing.Hearing, "listed"),
    "accept": (taking, "accept"),
    "diff": (taking, "diff"),
    "follow": (taking, "follow"),
    "bounds": (taking, "check_bounds"),
    "keep": (Shelf, "keep"),
    "ready": (press.Press, "add"),
    "gather": (gathering.Gathering, "add"),
    "load": (press.Press, "load"),
    "publish": (IndexWriter, "publish_all"),
    "apply": (edit.Edit, "apply"),
    "mark": (edit.Edit, "mark"),
    "record": (edit.Edit, "record"),
    "quarantine": (IndexWriter, "quarantine"),
    "release": (IndexWriter, "release"),
    "read_register": (loading, "read_register"),
    "load_register": (IndexWriter, "load_register"),
}
"""After `record` the transaction is whole and not committed, after `publish` it is."""

EX_TEMPFAIL = 75


def start(target: Callable[..., None], *args: object) -> BaseProcess:
    """Run a function of a module in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=target, args=args)
    # The server, which this starts if need be, finds what to preload by this variable alone.
    with patch.dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1])):
        process.start()
    return process


def run(target: Callable[..., None], *args: object) -> int | None:
    """Run a function in a process of its own and return its exit code."""
    process = start(target, *args)
    process.join(60)
    return process.exitcode


def refresh_until(directory: Path, step: str, when: str, nth: int) -> None:
    """Refresh, and die by SIGKILL before or after the nth call of a step."""
    _break(step, when, nth)
    _refresh(House(directory))


def refresh_with_room(directory: Path, octets: int) -> None:
    """Refresh where no file may grow beyond so many octets; exit with 75 if that fails."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))
    _refresh(House(directory))


def refresh_forever(directory: Path, told: Connection) -> None:
    """Refresh with ever new CRLs and tell the number of each once it is published."""
    house = House(directory)
    last = max((mark.number for mark in house.marks().values()), default=0)
    for number in itertools.count(last + 1):
        naka = [Row(serial) for serial in range(60) if serial % 15 != number % 15]
        nishi = [Row(1000 + serial, reason="superseded") for serial in range(number % 5)]
        house.offer_crl(NAKA, naka, number=number)
        house.offer_crl(NISHI, nishi, number=number)
        _refresh(house)
        told.send(number)


def hold_a_snapshot(directory: Path, told: Connection) -> None:
    """Hold a snapshot until killed."""
    with House(directory).snapshot() as snapshot:
        told.send(snapshot.generation)
        signal.pause()


def _refresh(house: House) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        asyncio.run(house.refresh())
    except IndexWriteFailed:
        sys.exit(EX_TEMPFAIL)


def _break(step: str, when: str, nth: int) -> None:
    owner, name = STEPS[step]
    real = getattr(owner, name)
    calls = itertools.count(1)

    def die(now: str, call: int) -> None:
        if (now, call) == (when, nth):
            os.kill(os.getpid(), signal.SIGKILL)

    def broken(*args: Any, **kwargs: Any) -> Any:
        call = next(calls)
        die("before", call)
        result = real(*args, **kwargs)
        die("after", call)
        return result

    async def broken_later(*args: Any, **kwargs: Any) -> Any:
        call = next(calls)
        die("before", call)
        result = await real(*args, **kwargs)
        die("after", call)
        return result

    setattr(owner, name, broken_later if inspect.iscoroutinefunction(real) else broken)
