"""Whether everything came that the issuer has published: what arrived does not say it (T10).

By the issuer's own list of its CRLs, and by their numbers where it promises them without holes.
"""

import csv
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from tashika_server.doctor.case import COMPLETE, Case
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.index import Mark
from tashika_server.issuer import Numbering

__all__ = ["compare_with_list", "find_holes"]

LIST_HEAD = ["number", "entries", "name"]

WARNING, FAILURE = Gravity.WARNING, Gravity.FAILURE


def compare_with_list(case: Case, file: Path, marks: Mapping[str, Mark]) -> Iterator[Finding]:
    """Compare what was taken in, and what is configured, with the issuer's own list."""
    try:
        listed = _issuers_list(file)
    except (OSError, ValueError, csv.Error) as wrong:
        yield case.finding(FAILURE, Symptom.ISSUER_LIST_UNREADABLE, reason=f"{file}: {wrong}")
        return
    names = [each.name for each in case.issuer.partitions]
    if more := sorted(listed.keys() - names):
        yield case.finding(FAILURE, Symptom.CRL_UNKNOWN, more=len(more), first=more[0] or COMPLETE)
    if gone := [name for name in names if name not in listed]:
        yield case.finding(
            WARNING,
            Symptom.CRL_UNPUBLISHED,
            gone=len(gone),
            crls=len(names),
            first=gone[0] or COMPLETE,
        )
    for name in names:
        mark, said = marks.get(name), listed.get(name)
        if mark is None or said is None:  # that was said already
            continue
        number, entries = said
        if mark.number < number or (mark.number == number and mark.entries != entries):
            yield case.finding(
                FAILURE,
                Symptom.BEHIND_ISSUER,
                partition=name or COMPLETE,
                ours=f"{mark.number} ({mark.entries})",
                theirs=f"{number} ({entries})",
            )


def _issuers_list(file: Path) -> dict[str, tuple[int, int]]:
    """Read CRL numbers and counts of entries by partition."""
    with file.open(newline="", encoding="utf-8") as opened:
        lines = csv.reader(opened, strict=True)
        if next(lines, None) != LIST_HEAD:
            raise ValueError(f"begin it with the line {','.join(LIST_HEAD)}")
        return {name: (int(number), int(entries)) for number, entries, name in lines}


def find_holes(case: Case) -> Iterator[Finding]:
    """Find holes in the numbers of what was taken in, where the issuer promises none."""
    if case.issuer.numbering is not Numbering.CONSECUTIVE:
        return
    for partition in case.issuer.partitions:
        taken = case.numbers.get((case.issuer.name, partition.name), ())
        for before, after in pairwise(taken):
            if after > before + 1:
                yield case.finding(
                    WARNING,
                    Symptom.NUMBER_HOLE,
                    partition=partition.name or COMPLETE,
                    before=before,
                    after=after,
                )
