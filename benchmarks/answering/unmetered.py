"""A worker as the service starts it, but for its meter, which it has not.

    python -m benchmarks.answering.unmetered CONFIG

For measuring what metering costs. It shares index and agreements with the service that runs on
this configuration; nobody pays for its answers, so no product has such a switch.
"""

import asyncio
import socket
import sys
from dataclasses import replace
from pathlib import Path

import uvloop

from tashika_server import responder
from tashika_server.assembly.answering import worker_parts
from tashika_server.clock import SystemClock
from tashika_server.config import load_config
from tashika_server.log import configure_log


async def _work(configuration: Path) -> None:
    config = load_config(configuration)
    configure_log(config.settings.log.format, process="unmetered")
    parts = worker_parts(config, clock=SystemClock())
    parts = replace(parts, desk=replace(parts.desk, meter=None), group=None, tls=None)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/ocsp"
    await responder.run(parts, [listener], ready=lambda: print(f"ready {url}", flush=True))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(Path(sys.argv[1])))
