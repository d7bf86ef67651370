"""What a compact set costs: `python benchmarks/compact_set.py [--issued N --revoked N]`.

Of serials that were issued one after the other, some are revoked at random. Measured are the
octets of the set, alone and with its details; making it; opening it, which reads and verifies
all of it; one look-up; and a delta of a day's changes: its octets, making and applying it.
Times are CPU time of this process. Exits with 1 if the set or a look-up is above its bound:
30 MB for 200 M issued serials of which 20 M are revoked, and 5 us. The nation:

    python benchmarks/compact_set.py --issued 200000000 --revoked 20000000
"""

import argparse
import math
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO, TypeVar, cast

from tashika.compact import CompactSet, Trust, apply_delta
from tashika.compact.mapped import Mapped
from tashika.pki.algorithms import ECDSA_SHA256, signing
from tashika.pki.certid import IssuerIdentity
from tashika.pki.compact.building import Written, assemble, build, write_octets
from tashika.pki.compact.changing import difference
from tashika.pki.compact.head import Base, Head, Kind, Otherwise, Part
from tashika.pki.compact.head_codec import encode_head, key_hash
from tashika.pki.crl import CrlEntry
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika.testing.pki import Pki

FIRST_SERIAL = 20_000_000
BOUND_OCTETS = 30_000_000 / 200_000_000
"""For each issued serial."""
BOUND_LOOK_UP = 5.0
"""Microseconds."""
CHANGES = 35_000
"""A nation's revocations of a day; no more than a tenth of what is revoked."""
LOOK_UPS = 200_000
AT = datetime(2026, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)
REASONS = (None, Reason.KEY_COMPROMISE, Reason.SUPERSEDED, Reason.CESSATION_OF_OPERATION)

CORE = "core"
"""The file without details, which is what relying parties are given."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one set costs; times are of the processor."""

    listed: int
    """Revoked serials."""
    octets: int
    details: int
    """Octets of times and reasons, which are left out where only the standing is wanted."""
    making: float
    """Seconds, with drawing the entries."""
    drawing: float
    """Seconds an entry."""
    opening: float
    """Seconds."""
    look_up: tuple[float, float]
    """Microseconds: the quickest thousand, and the median one."""
    report: tuple[float, float]
    """The same, of a whole status with its time checked."""


class Factory:
    """Makes and signs sets in a directory, as the operator does from its index."""

    def __init__(self, directory: Path, spools: ExitStack) -> None:
        self._directory, self._spools = directory, spools
        self.pki = Pki(at=AT)
        self.trust = Trust(issuer=self.pki.issuer)

    def set(self, number: int, entries: Iterator[CrlEntry], issued: range) -> Path:
        """Make a set with its details."""
        return self._write(
            number, build(entries, [(issued[0], issued[-1])], self._spool), Kind.SET, None
        )

    def delta(self, old: Path, new: Path) -> Path:
        """Make what leads from one set to another."""
        with Mapped(old) as before, Mapped(new) as after:
            written = difference(before.content(), after.content(), self._spool)
            written.insert(0, write_octets(Part.TARGET, after.signed.encoded, self._spool))
            base = Base(before.head.number, before.signed.sha256)
            return self._write(after.head.number, written, Kind.DELTA, base)

    @staticmethod
    def name(number: int, kind: Kind) -> str:
        """Return what a file is called."""
        return f"{number}.{kind.name.lower()}"

    def _spool(self) -> BinaryIO:
        return self._spools.enter_context(cast("BinaryIO", TemporaryFile(dir=self._directory)))

    def _write(self, number: int, written: list[Written], kind: Kind, base: Base | None) -> Path:
        head = Head(
            kind=kind,
            issuer=IssuerIdentity.of(self.pki.issuer).fingerprint,
            family=Family.SIGNATURE,
            number=number,
            this_update=AT - DAY / 2,
            next_update=AT + DAY,
            produced_at=AT - DAY / 2,
            otherwise=Otherwise.NEVER_ISSUED,
            signer=key_hash(self.pki.ca.key.public_key()),
            sections=tuple(each.section for each in written),
            base=base,
        )
        encoded = encode_head(head, ECDSA_SHA256, signing(self.pki.ca.key, ECDSA_SHA256), None)
        path = self._directory / self.name(number, kind)
        with path.open("wb") as file:
            file.writelines(assemble(encoded, written))
        return path


def main() -> int:
    """Measure and print; return 1 if something is above its bound."""
    options = _options()
    with TemporaryDirectory(dir=options.directory) as name, ExitStack() as spools:
        return _measure(Path(name), Factory(Path(name), spools), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issued", type=int, default=2_000_000)
    parser.add_argument("--revoked", type=int, default=200_000)
    parser.add_argument("--directory", type=Path, help="where the files may lie")
    return parser.parse_args()


def _measure(directory: Path, factory: Factory, options: argparse.Namespace) -> int:
    found = costs(directory, factory, issued=options.issued, revoked=options.revoked)
    each = 1e6 * found.making / found.listed
    print(f"{options.issued:,} issued, {found.listed:,} revoked")
    print(f"octets         {found.octets:,} ({8 * found.octets / found.listed:.2f} bits a revoked)")
    print(f"with details   {found.octets + found.details:,}")
    print(f"made in        {found.making:.1f} s, {each:.2f} us an entry")
    print(f"               of which {1e6 * found.drawing:.2f} us are to draw it")
    print(f"opened in      {1e3 * found.opening:.1f} ms, verified from end to end")
    for name, (least, middle) in (("look-up", found.look_up), ("whole report", found.report)):
        print(f"{name:14} {middle:.2f} us (the quickest thousand {least:.2f})")
    issued, chance = _drawn(options.issued, options.revoked)
    _changes(directory, factory, issued, chance)
    bound = BOUND_OCTETS * options.issued
    too_large, too_slow = found.octets > bound, found.look_up[1] > BOUND_LOOK_UP
    for is_wrong, text in (
        (too_large, f"the set is larger than {bound:,.0f} octets"),
        (too_slow, f"a look-up takes longer than {BOUND_LOOK_UP:.0f} us"),
    ):
        if is_wrong:
            print(f"ABOVE ITS BOUND: {text}")
    return int(too_large or too_slow)


def costs(directory: Path, factory: Factory, *, issued: int, revoked: int) -> Costs:
    """Make a set in a directory, with and without its details, and look serials up in it."""
    serials, chance = _drawn(issued, revoked)
    making, path = _timed(lambda: factory.set(1, _entries(serials, chance), serials))
    with Mapped(path) as mapped:
        details = sum(each.length for each in mapped.head.sections if each.part.is_detail)
        listed = mapped.head.sections[0].count
        octets = len(mapped.data) - details
        core = directory / CORE
        core.write_bytes(mapped.data[:octets])
    drawing, sample = _timed(lambda: len(list(islice(_entries(serials, chance), 100_000))))
    opening, compact = _timed(lambda: CompactSet.open(core, trust=factory.trust, at=AT))
    dice = random.Random(7)
    asked = [dice.choice(serials) for _ in range(LOOK_UPS)]
    with compact:
        return Costs(
            listed=listed,
            octets=octets,
            details=details,
            making=making,
            drawing=drawing / sample,
            opening=opening,
            look_up=_rounds(compact.find, asked),
            report=_rounds(lambda serial: compact.status(serial, at=AT), asked[: LOOK_UPS // 4]),
        )


def _drawn(issued: int, revoked: int) -> tuple[range, float]:
    return range(FIRST_SERIAL, FIRST_SERIAL + issued), revoked / issued


def _rounds(work: Callable[[int], object], asked: list[int]) -> tuple[float, float]:
    """Return the least and the median time of one, in microseconds, over runs of a thousand."""
    times = []
    for start in range(0, len(asked), 1000):
        some = asked[start : start + 1000]
        begun = time.process_time_ns()
        for serial in some:
            work(serial)
        times.append((time.process_time_ns() - begun) / 1000 / len(some))
    return min(times), median(times)


def _changes(directory: Path, factory: Factory, issued: range, chance: float) -> None:
    dice = random.Random(8)
    count = min(CHANGES, int(chance * len(issued) / 10))
    serials = sorted({dice.choice(issued) for _ in range(count)})
    path, core = directory / factory.name(1, Kind.SET), directory / CORE
    newer = factory.set(2, _with(_entries(issued, chance), serials), issued)
    made, delta = _timed(lambda: factory.delta(path, newer))
    applied, _ = _timed(lambda: apply_delta(delta, core, trust=factory.trust, at=AT).close())
    print(f"delta          {delta.stat().st_size:,} octets, {len(serials):,} changes")
    print(f"  made in      {made:.1f} s, applied in {applied:.1f} s")


def _entries(issued: range, chance: float) -> Iterator[CrlEntry]:
    """Revoke each with this chance; always the same ones."""
    dice, never = random.Random(9), math.log1p(-chance)
    place = -1
    while (place := place + 1 + int(math.log(1 - dice.random()) / never)) < len(issued):
        at = AT - timedelta(seconds=place * 7 % 100_000_000)
        yield CrlEntry(issued[place], at, REASONS[place % len(REASONS)])


def _with(entries: Iterator[CrlEntry], serials: list[int]) -> Iterator[CrlEntry]:
    """Add entries, or replace what is there."""
    waiting = iter(serials)
    next_one = next(waiting, None)
    for each in entries:
        while next_one is not None and next_one <= each.serial:
            if next_one < each.serial:
                yield CrlEntry(next_one, AT, Reason.SUPERSEDED)
            next_one = next(waiting, None)
        yield each
    if next_one is not None:
        yield from (CrlEntry(serial, AT, Reason.SUPERSEDED) for serial in (next_one, *waiting))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


if __name__ == "__main__":
    sys.exit(main())
