"""The processes that a drill kills, as the service itself starts them.

    python processes.py serve CONFIG
    python processes.py ingest CONFIG --title=ingester-1

`serve` is the real one but for its patience: a child that has been killed a hundred times is
still replaced at once. `ingest` does what an office's intake does, and nothing else, for ever.
"""

import sys
import time
from pathlib import Path

from tashika.pki.errors import TashikaError
from tashika_server import cli
from tashika_server.assembly.registering import registry_book
from tashika_server.clock import SystemClock
from tashika_server.config import load_settings
from tashika_server.metering.ingest import Ingester, IngestParts
from tashika_server.supervisor import post

PAUSE = 0.05


def serve(config: str) -> int:
    post.MAX_PAUSE = 0.0
    return cli.main(["serve", config])


def ingest(config: str) -> int:
    ingester = ingester_of(Path(config))
    while True:
        try:
            ingester.take_in()
        except (TashikaError, OSError) as wrong:
            sys.stderr.write(f"{wrong}\n")  # an office tries again too
        time.sleep(PAUSE)


def ingester_of(config: Path) -> Ingester:
    settings = load_settings(config)
    parts = IngestParts(
        book=registry_book(config, settings),
        journal=settings.metering.journal,
        node=settings.metering.node_name,
        clock=SystemClock(),
    )
    return Ingester(parts)


if __name__ == "__main__":
    sys.exit({"serve": serve, "ingest": ingest}[sys.argv[1]](sys.argv[2]))
