"""What the index costs as it grows: `python benchmarks/index_load.py [--entries N ...]`.

Of each size: building it through `IndexWriter`, by issuers and partitions as a nation has them
and in the order of the keys; its bytes an entry; the first answer after a start; look-ups at
random serials, with the file out of the page cache and in it; and publishing 100,000 changes at
random places. No assertion on time: compare runs of one machine.

    python benchmarks/index_load.py --entries 10000000 --keep DIR [--issuer CERTIFICATE ...]

only builds the index and leaves it in DIR, for other benchmarks: of each issuer's serials
from FIRST_SERIAL on, four times as many are issued as its entries, and each fourth is revoked.
"""

import argparse
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Self, overload

from cryptography import x509

from tashika.pki.certid import IssuerIdentity
from tashika.pki.standing import Reason
from tashika_server.index import (
    Changes,
    Entry,
    IndexReader,
    IndexWriter,
    Mark,
    PackedEntry,
    RegisterMark,
)
from tashika_server.index.layout import pack_entry

FIRST_SERIAL = 20_000_000
ISSUED_TO_REVOKED = 4
"""A nation: 200 M certificates issued, 50 M of them revoked."""
IN_A_PARTITION = 4_400
MOST_PARTITIONS = 1_900
"""Of an issuer, one for each municipality; larger ones where these do not hold its entries."""
ISSUERS = tuple(bytes([number]) * 32 for number in range(6))
"""Two families in three generations of keys; no certificate has these fingerprints."""
LATE = "late"
"""The partition that takes the changes."""
CHANGES = 100_000
AT_ONCE = 4096
LOOK_UPS = 200_000
COLD_LOOK_UPS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Nation:
    """The issuers of an index, all alike."""

    issuers: tuple[bytes, ...] = ISSUERS
    """Their fingerprints."""
    revoked: int
    """Entries of each."""

    @classmethod
    def of(cls, entries: int, issuers: tuple[bytes, ...] = ISSUERS) -> Self:
        """Return the one that has so many entries, or a few less."""
        return cls(issuers=issuers, revoked=entries // len(issuers))

    @property
    def entries(self) -> int:
        """Count the entries of all."""
        return len(self.issuers) * self.revoked

    @property
    def issued(self) -> range:
        """Return the serials that an issuer has issued."""
        return range(FIRST_SERIAL, FIRST_SERIAL + ISSUED_TO_REVOKED * self.revoked)

    @property
    def listed(self) -> range:
        """Return those of which there is an entry."""
        return self.issued[::ISSUED_TO_REVOKED]

    @property
    def partitions(self) -> list[range]:
        """Return those that each partition lists."""
        length = max(IN_A_PARTITION, -(-self.revoked // MOST_PARTITIONS))
        return [self.listed[start : start + length] for start in range(0, self.revoked, length)]

    @property
    def room(self) -> int:
        """Return a map size that is enough, with the changes."""
        return 96 * self.entries + (1 << 29)


@dataclass(frozen=True, slots=True)
class Alike(Sequence[Entry]):
    """Revocations of ascending serials, whose dates and reasons take turns; octets, as a CRL's."""

    serials: Sequence[int]
    turns: Sequence[tuple[datetime, Reason | None]]

    def __len__(self) -> int:
        return len(self.serials)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        return Entry(self.serials[index], *self.turns[index % len(self.turns)])

    def packed(self) -> Iterator[list[PackedEntry]]:
        """Write them as the index does."""
        rests = cycle([pack_entry(Entry(0, *turn))[1] for turn in self.turns])
        for start in range(0, len(self), AT_ONCE):
            some = self.serials[start : start + AT_ONCE]
            yield [
                (each.to_bytes(each.bit_length() + 7 >> 3, "big"), rest)
                for each, rest in zip(some, rests, strict=False)
            ]


def main() -> None:
    """Measure and print, or build and keep."""
    options = _options()
    issuers = tuple(map(_fingerprint, options.issuer)) or ISSUERS
    nations = [Nation.of(entries, issuers) for entries in options.entries]
    if options.keep:
        build(options.keep, nations[0], at=datetime.now(UTC))
        return
    for nation in nations:
        with TemporaryDirectory(dir=options.directory) as directory:
            _measure(Path(directory) / "index", nation)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--directory", type=Path, default=Path(), help="where the index may lie")
    parser.add_argument("--keep", type=Path, help="only build the first, and leave it here")
    parser.add_argument("--issuer", type=Path, nargs="+", default=[], help="certificates (PEM)")
    return parser.parse_args()


def _fingerprint(certificate: Path) -> bytes:
    return IssuerIdentity.of(x509.load_pem_x509_certificate(certificate.read_bytes())).fingerprint


def build(path: Path, nation: Nation, *, at: datetime) -> None:
    """Make an index, complete and with registers, that is fresh for a day from `at`."""
    register = RegisterMark(sha256=bytes(32), last=nation.issued[-1])
    with IndexWriter.open(path, nation.room) as writer:
        for issuer in nation.issuers:
            partitions = {f"{number:05}": each for number, each in enumerate(nation.partitions)}
            writer.expect(issuer, [*partitions, LATE])
            for name, serials in partitions.items():
                changes = Changes(added=revoked(serials, at))
                writer.publish(issuer, name, changes, crl(len(serials), at))
            writer.publish(issuer, LATE, Changes(), crl(0, at))
            writer.load_register(issuer, [(nation.issued[0], nation.issued[-1])], register)


def revoked(serials: Sequence[int], at: datetime) -> Alike:
    """Revoke serials for the usual reasons, at times of the last years."""
    reasons = (Reason.KEY_COMPROMISE, Reason.AFFILIATION_CHANGED, Reason.SUPERSEDED, None)
    minutes = range(0, 2_000_000, 1999)
    turns = [(at - timedelta(minutes=each), reasons[each % 4]) for each in minutes]
    return Alike(serials, turns)


def crl(entries: int, at: datetime) -> Mark:
    """Return the mark of a CRL that is fresh for a day."""
    return Mark(
        number=1,
        this_update=at,
        next_update=at + timedelta(days=1),
        sha256=bytes(32),
        entries=entries,
        etag=None,
        last_modified=None,
    )


# --- measuring ------------------------------------------------------------------------------


def _measure(path: Path, nation: Nation) -> None:
    at = datetime.now(UTC)
    file = path / "data.mdb"
    partitions = len(nation.issuers) * len(nation.partitions)
    print(f"\n{nation.entries:,} entries in {partitions:,} partitions")
    with _timed("build", nation.entries):
        build(path, nation, at=at)
    _say_size(file, nation)
    forget(file)
    with _timed("first answer, cold"):
        _look_up(path, [(nation.issuers[0], nation.listed[-1])])
    for what, offset in (("listed", 0), ("not listed", 1)):
        some = _some(nation, offset)
        forget(file)
        _say(f"{what}, cold", f"{_look_up(path, some[:COLD_LOOK_UPS]):.2f} µs")
        _remember(file)
        _say(f"{what}, warm", f"{_look_up(path, some):.2f} µs")
    for offset in (2, 3):
        _publish(path, nation, offset, at)
        _say_size(file, nation)


def _publish(path: Path, nation: Nation, offset: int, at: datetime) -> None:
    """Revoke certificates at random places of one issuer, in one commit."""
    chosen = random.Random(offset).sample(nation.listed, min(CHANGES, nation.revoked))
    added = revoked([serial + offset for serial in sorted(chosen)], at)
    with IndexWriter.open(path, nation.room) as writer, _timed("publish changes", len(added)):
        mark = crl(len(added), at)
        writer.publish(nation.issuers[-1], LATE, Changes(added=added), mark)


def _some(nation: Nation, offset: int) -> list[tuple[bytes, int]]:
    """Choose certificates, each so many serials behind one that is listed."""
    chance = random.Random(1)
    issuers = chance.choices(nation.issuers, k=LOOK_UPS)
    serials = chance.choices(nation.listed, k=LOOK_UPS)
    return [(issuer, serial + offset) for issuer, serial in zip(issuers, serials, strict=True)]


def _look_up(path: Path, certificates: Sequence[tuple[bytes, int]]) -> float:
    """Open the index, look these up in one snapshot, and return the microseconds of each."""
    reader = IndexReader.open(path)
    with reader.snapshot() as snapshot:
        find = snapshot.find
        began = time.perf_counter()
        for issuer, serial in certificates:
            find(issuer, serial)
        seconds = time.perf_counter() - began
    reader.close()
    return seconds / len(certificates) * 1e6


def _say_size(file: Path, nation: Nation) -> None:
    _say("size", f"{file.stat().st_size / nation.entries:.1f} bytes an entry")


@contextmanager
def _timed(what: str, count: int = 0) -> Iterator[None]:
    """Say how long it takes, and the most memory that it holds beyond the mapped file."""
    most, over = [memory()], Event()
    watch = Thread(target=_watch, args=(most, over))
    watch.start()
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - began
        over.set()
        watch.join()
    rate = f", {count / seconds:,.0f} /s" if count else ""
    _say(what, f"{seconds:.3f} s{rate}, {max(most) / 1e6:.0f} MB beside the map")


def _watch(most: list[int], over: Event) -> None:
    while not over.wait(0.02):
        most.append(max(most.pop(), memory()))


def memory() -> int:
    """Return the octets of this process that no file backs."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def forget(file: Path) -> None:
    """Take a file that nobody has mapped out of the page cache."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _remember(file: Path) -> None:
    """Read a file into the page cache."""
    with file.open("rb") as opened:
        while opened.read(1 << 20):
            pass


def _say(what: str, figure: str) -> None:
    print(f"{what:24} {figure}", flush=True)


if __name__ == "__main__":
    main()
