"""The issued register: bytes in the index, microseconds a look-up, and what growth costs.

    python -m benchmarks.register --issued 200000000 --gaps 100000

Processor time, so that a busy machine does not show. `--gaps` serials within were never issued.
"""

import argparse
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tashika_server.index import IndexWriter
from tashika_server.refresh.register import Growth, Register, read_register

CA = bytes(32)
LOOK_UPS = 100_000
GROWN = 1000
"""Ranges that are added in one go."""


def main() -> None:
    """Measure and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issued", type=int, default=200_000_000)
    parser.add_argument("--gaps", type=int, default=100_000)
    options = parser.parse_args()
    chance = random.Random(1)
    with TemporaryDirectory() as directory:
        file = Path(directory) / "register.txt"
        file.write_text(_lines(sorted(chance.sample(range(2, options.issued), options.gaps))))
        with file.open("a") as opened:
            opened.write(f"{options.issued}\n")
        with IndexWriter.open(Path(directory) / "index", 1 << 32) as writer:
            writer.expect(CA, [""])
            _measure(file, writer, options.issued, chance)


def _measure(file: Path, writer: IndexWriter, issued: int, chance: random.Random) -> None:
    empty, _ = writer.reader.room()
    began, register = time.process_time(), _read(file, None)
    writer.load_register(CA, register.ranges, register.mark)
    _tell("file", file.stat().st_size / 1e6, "MB")
    _tell("first load", time.process_time() - began, "s")
    _tell("in the index", (writer.reader.room()[0] - empty) / 1e6, "MB")
    _tell("ranges", len(register.ranges), "")
    with writer.reader.snapshot() as view:
        asked = [chance.randrange(1, issued) for _ in range(LOOK_UPS)]
        began = time.process_time()
        for serial in asked:
            view.find(CA, serial)
        _tell("look-up", (time.process_time() - began) / LOOK_UPS * 1e6, "us")
    with file.open("a") as opened:
        opened.writelines(f"{issued + 2 * number}\n" for number in range(1, GROWN + 1))
    began, grown = time.process_time(), _read(file, register)
    _tell(f"{GROWN} ranges more: read", (time.process_time() - began) * 1e3, "ms")
    began = time.process_time()
    writer.extend_register(CA, grown.ranges, grown.mark)
    _tell(f"{GROWN} ranges more: write", (time.process_time() - began) * 1e3, "ms")


def _read(file: Path, known: Register | None) -> Register:
    register = read_register(file, known.mark if known else None)
    if register is None or (known and register.growth is not Growth.AT_END):
        raise SystemExit("the register was not read as it should have been")
    return register


def _lines(never: list[int]) -> str:
    """Write what lies between the serials that were never issued."""
    edges = zip([0, *never], never, strict=False)
    return "".join(f"{before + 1}-{after - 1}\n" for before, after in edges if before + 1 < after)


def _tell(what: str, value: float, unit: str) -> None:
    print(f"{what:28} {value:12,.3f} {unit}")


if __name__ == "__main__":
    main()
