"""The parts of an examination: the installation, and whoever answers the probes."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tashika_server.agreements.compromise_file import (
    COMPROMISE_FILE,
    Compromised,
    CompromiseFile,
    CompromisesUnreadable,
)
from tashika_server.agreements.snapshot import SNAPSHOT_FILE
from tashika_server.assembly.answering import heeding_index, racks
from tashika_server.assembly.registering import registry_book
from tashika_server.clock import SystemClock
from tashika_server.config import Access, Config
from tashika_server.doctor.asking import AtDesk, AtResponder, Oracle, is_alive
from tashika_server.doctor.examination import Patient
from tashika_server.doctor.machine import DiskRoom, Machine
from tashika_server.index import IndexReader
from tashika_server.responder import Desk, Directory, Inspection, OfThisMachine
from tashika_server.signing import Shelf

__all__ = ["compromised", "patient"]


@contextmanager
def patient(config: Config, *, token: str | None, at: datetime) -> Iterator[Patient]:
    """Put an installation before the doctor, for the length of the block.

    Probes are asked at the responder if it runs and answers us, by `token` or because it
    answers everybody; else at a desk in this process.
    """
    settings, closed = config.settings, config.settings.access is Access.CLOSED
    listen = settings.responder.listen
    alive = listen.port != 0 and is_alive(listen.host, listen.port)
    index = IndexReader.open(settings.index.path)
    book = registry_book(config.file, settings) if closed else None
    if alive and (token or not closed):
        oracle: Oracle = AtResponder(host=listen.host, port=listen.port, token=token)
    else:
        oracle = AtDesk(desk=_desk(config, index, at=at), at=at)
    journal = (settings.metering.journal,) if closed else ()
    at_hand = Patient(
        machine=Machine(
            index=index,
            places=(settings.index.path, settings.run, *journal),
            disk=_room,
            agreements=settings.run / SNAPSHOT_FILE if closed else None,
            max_age=settings.registry.max_age,
        ),
        racks=tuple(racks(config)),
        oracle=oracle,
        silent=None if alive or not listen.port else f"http://{listen}/ocsp",
        book=book,
        node=settings.metering.node_name,
        compromised=compromised(settings.run),
    )
    try:
        yield at_hand
    finally:
        index.close()
        if book:
            book.close()


def compromised(run: Path) -> Mapping[bytes, Compromised]:
    """Return what the workers know of compromised keys; nothing where they know nothing yet."""
    try:
        return CompromiseFile(run / COMPROMISE_FILE).current()
    except CompromisesUnreadable:
        return {}


def _desk(config: Config, index: IndexReader, *, at: datetime) -> Desk:
    """Make what a worker would answer at, for whoever runs the command."""
    return Desk(
        admission=OfThisMachine(),
        directory=Directory(config.issuers),
        index=heeding_index(config, index, clock=SystemClock()),
        shelf=Shelf(racks(config), at=at),
        inspection=Inspection(),
        max_cert_ids=1,
    )


def _room(place: Path) -> DiskRoom:
    found = shutil.disk_usage(place)
    return DiskRoom(total=found.total, free=found.free)
