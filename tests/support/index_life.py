"""What other processes do to an index, for tests that fork them (see `support.dying`)."""

import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from tashika_server.durable import write_atomically
from tashika_server.index import IndexReader


def hold_a_snapshot(path: Path, told: Connection) -> None:
    """Hold a snapshot until killed."""
    with IndexReader.open(path).snapshot() as snapshot:
        told.send(snapshot.generation)
        signal.pause()


def look_on_request(path: Path, fingerprint: bytes, talk: Connection) -> None:
    """Look up each serial that is asked for, with one reader all along."""
    reader = IndexReader.open(path)
    while (serial := talk.recv()) is not None:
        with reader.snapshot() as snapshot:
            talk.send((snapshot.generation, snapshot.find(fingerprint, serial).entry))


def replace_with_room(file: Path, octets: int) -> None:
    """Replace a file by a larger one than may be written; exit with 1 as that fails."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))
    try:
        write_atomically(file, b"x" * (octets + 1))
    except OSError:
        sys.exit(1)
