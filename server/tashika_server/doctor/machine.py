"""What is examined of the machine: index, disks, clock, the workers' copy of the agreements."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tashika_server.agreements.snapshot import SnapshotRefused, SnapshotWatcher
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.index import IndexMissing, IndexReader, Snapshot
from tashika_server.issuer import Issuer

__all__ = ["DiskRoom", "Machine", "examine_clock", "examine_machine"]

INDEX_PART = 0.8
"""A large CRL may need as much room again before what it replaces is free."""
DISK_WARNING, DISK_FAILURE = 0.1, 0.02
"""The part of a disk that must be free; journals stop at nothing, and with them the answers."""
AHEAD = timedelta(minutes=5)
"""Intake refuses a thisUpdate that is further ahead; one that is ahead at all puts our clock in
question, since issuers' clocks are looked after."""
OLD = 0.5
"""The part of `[registry] max_age` after which the workers' copy should have been renewed."""


class DiskRoom(NamedTuple):
    """What a disk has, in bytes."""

    total: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is on a machine, and how its disks are measured."""

    index: IndexReader
    places: tuple[Path, ...]
    """Folders that must be there and be writable."""
    disk: Callable[[Path], DiskRoom]
    agreements: Path | None
    """The workers' copy; None where anybody may ask."""
    max_age: timedelta


def examine_machine(machine: Machine, *, at: datetime) -> Iterator[Finding]:
    """Yield what is wrong with a machine, whatever the issuers."""
    yield from _index(machine.index)
    for place in machine.places:
        yield from _place(place, machine.disk)
    if machine.agreements:
        yield from _agreements(machine.agreements, machine.max_age, at)


def examine_clock(
    view: Snapshot, issuers: tuple[Issuer, ...], *, at: datetime
) -> Iterator[Finding]:
    """Compare the clock with those of the issuers: a CRL that was taken in is of the past."""
    for issuer in issuers:
        coverage = view.coverage(issuer.identity.fingerprint)
        if coverage and coverage.this_update > at:
            yield _finding(
                Gravity.WARNING if coverage.this_update <= at + AHEAD else Gravity.FAILURE,
                Symptom.CLOCK_BEHIND,
                this_update=f"{coverage.this_update:%Y-%m-%dT%H:%M:%SZ}",
            )
            return


def _index(index: IndexReader) -> Iterator[Finding]:
    try:
        taken, size = index.room()
    except IndexMissing as missing:
        yield _finding(Gravity.FAILURE, Symptom.INDEX_UNREADABLE, reason=missing)
        return
    if taken >= INDEX_PART * size:
        yield _finding(Gravity.WARNING, Symptom.INDEX_FULL, taken=f"{taken / size:.0%}")


def _place(place: Path, disk: Callable[[Path], DiskRoom]) -> Iterator[Finding]:
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        yield _finding(Gravity.FAILURE, Symptom.PLACE_UNUSABLE, place=place)
        return
    room = disk(place)
    if room.free < DISK_WARNING * room.total:
        yield _finding(
            Gravity.FAILURE if room.free < DISK_FAILURE * room.total else Gravity.WARNING,
            Symptom.DISK_FULL,
            place=place,
            free=f"{room.free / room.total:.0%}",
        )


def _agreements(file: Path, max_age: timedelta, at: datetime) -> Iterator[Finding]:
    try:
        compiled_at = SnapshotWatcher(file, max_age=max_age).load(at).compiled_at
    except SnapshotRefused as refused:
        yield _finding(Gravity.FAILURE, Symptom.AGREEMENTS_OLD, reason=refused)
        return
    if (age := at - compiled_at) > OLD * max_age:
        yield _finding(
            Gravity.FAILURE if age >= max_age else Gravity.WARNING,
            Symptom.AGREEMENTS_OLD,
            reason=f"{file}: {age.total_seconds() / 60:.0f} min",
        )


def _finding(gravity: Gravity, symptom: Symptom, **facts: object) -> Finding:
    return Finding(gravity=gravity, symptom=symptom, facts=facts)
