"""One line on a terminal that says how a run is going; elsewhere nothing."""

import sys
from collections.abc import Callable

from benchmarks.load.tally import Slot

__all__ = ["progress"]


def progress(what: str, *, seconds: float, width: float) -> Callable[[Slot], None]:
    """Return what is told of each slot of a run that takes so long."""
    if not sys.stderr.isatty():
        return lambda _: None
    over = 0

    def told(slot: Slot) -> None:
        nonlocal over
        over += 1
        passed, p99 = over * width, slot.latencies.percentile(99) / 1e6
        rate = slot.answers / width
        end = "\n" if passed >= seconds else ""
        course = f"{passed:6.1f} of {seconds:.0f} s {rate:10,.0f}/s  p99 {p99:8.2f} ms"
        sys.stderr.write(f"\r{what:<30.30} {course}{end}")
        sys.stderr.flush()

    return told
