"""`tashika-server bench-disk`: what the disk of a journal will give to metering."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from tashika_server.cli.display import print_json, print_table
from tashika_server.metering.bench_disk import bench_disk
from tashika_server.metering.disk import LocalDisk

__all__ = ["add_commands"]

COLUMNS = (
    "answers",
    "commits",
    "median_ms",
    "p99_ms",
    "p999_ms",
    "worst_ms",
    "answers_a_second",
)


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `bench-disk`, a noun without verbs."""
    noun = nouns.add_parser("bench-disk")
    noun.add_argument("directory", type=Path, metavar="DIR", help="where journals are to be")
    noun.add_argument(
        "--seconds", type=float, default=6.0, metavar="N", help="how long (default: %(default)s)"
    )
    noun.add_argument("--json", action="store_true", help="print JSON")
    noun.set_defaults(handler=_bench)


def _bench(options: Namespace) -> int:
    found = bench_disk(options.directory, seconds=options.seconds, disk=LocalDisk())
    if options.json:
        print_json(found)
        return 0
    print_table(found, COLUMNS)
    alone, *_, full = found
    print(
        f"An answer waits {alone.median_ms} ms for this disk, one in a hundred more than "
        f"{alone.p99_ms} ms.\nOne worker can have {full.answers_a_second} answers a second "
        f"recorded on it, {full.answers} at a time."
    )
    return 0
