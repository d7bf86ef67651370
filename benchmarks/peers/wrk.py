"""wrk: load from C, for what answers faster than our own generator can ask."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.process import PeerFailed, find

__all__ = ["answers_a_second"]

REMEDY = "get it with: apt-get install wrk"
ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")
SCRIPT = """\
-- Asks the questions of a file in turn. A file has requests, each after its length in a line.
local requests, at = {}, 0
local file = io.open("%s", "rb")
while true do
    local length = file:read("*n")
    if not length then break end
    file:read(1)
    requests[#requests + 1] = file:read(length)
end
file:close()
request = function()
    at = at %% #requests + 1
    return requests[at]
end
"""


def answers_a_second(
    url: str, requests: Sequence[bytes], *, directory: Path, connections: int, seconds: int
) -> float:
    """Return how many replies wrk gets, one thread asking; PeerFailed if any is not of 200."""
    questions, script = directory / "wrk-requests", directory / "wrk.lua"
    questions.write_bytes(b"".join(b"%d\n%s" % (len(each), each) for each in requests))
    script.write_text(SCRIPT % questions)
    words = ["-t", "1", "-c", str(connections), "-d", str(seconds), "-s", str(script), url]
    done = subprocess.run([find("wrk", REMEDY), *words], capture_output=True, text=True, check=True)
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", done.stdout, re.MULTILINE)
    if rate is None or ERRORS.search(done.stdout):
        raise PeerFailed(f"wrk: {done.stdout}")
    return float(rate[1])
