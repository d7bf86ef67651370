"""How much memory workers have for themselves: what they share, such as the index, is no part."""

from collections.abc import Iterable
from pathlib import Path

MIB = 1 << 20


def own_bytes(pids: Iterable[int]) -> int:
    """Return the anonymous memory of these processes that is resident."""
    return sum(map(_anonymous, pids))


def _anonymous(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no memory")
