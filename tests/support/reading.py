"""Reading CRLs as the refresher does, without a process of its own for each test."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Self

from tashika_server.index import Entry, Mark
from tashika_server.refresh import reading
from tashika_server.refresh.accept import AcceptedCrl, Reading, ReadingLimits, accept
from tashika_server.refresh.cell import Cell
from tashika_server.refresh.fetch import Fetched, Validators
from tashika_server.refresh.records import Records
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Kind, Source


class OpenCell:
    """A Cell without walls: the same reading, in a thread of this process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: each reading ends by itself."""

    def enter(self, *files: int) -> socket.socket:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        Thread(target=self._read, args=(far, *map(os.dup, files))).start()
        return near

    def raze(self) -> None:
        """Do nothing: what is read here is small, and ends."""

    def _read(self, talk: socket.socket, *files: int) -> None:
        with talk:
            reading.read(talk, *files)
        for file in files:
            os.close(file)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What of an accepted CRL outlives the room that it was read in."""

    crl: AcceptedCrl
    entries: list[Entry]


@contextmanager
def accepting(
    body: bytes,
    source: Source,
    mark: Mark | None,
    *,
    at: datetime,
    kind: Kind = Kind.COMPLETE,
    limits: ReadingLimits | None = None,
    cell: Cell | None = None,
) -> Iterator[tuple[AcceptedCrl, Room]]:
    """Accept a CRL; raises NotTaken, also for what shows only when its entries are used."""
    with tempfile.TemporaryDirectory() as spool, Room.within(Path(spool)) as room:
        room.file.write_bytes(body)
        nothing = Validators(etag=None, last_modified=None)
        digest = sha256(body).digest()
        fetched = Fetched(path=room.file, sha256=digest, validators=nothing)
        how = Reading(cell=cell or OpenCell(), room=room, limits=limits or ReadingLimits())
        yield accept(fetched, source, mark, how, kind=kind, at=at), room


def take(
    body: bytes,
    source: Source,
    mark: Mark | None,
    *,
    at: datetime,
    kind: Kind = Kind.COMPLETE,
    limits: ReadingLimits | None = None,
    cell: Cell | None = None,
) -> Taken:
    """Accept a CRL and read all its entries."""
    with accepting(body, source, mark, at=at, kind=kind, limits=limits, cell=cell) as (crl, _):
        for _ in crl.listed:
            pass
        return Taken(crl=crl, entries=list(Records(crl.listed.file, range(crl.listed.count))))
