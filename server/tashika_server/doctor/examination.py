"""The whole examination, in order: the machine, then every issuer. It changes nothing.

    index, disks, agreements → clock → book → for each issuer: signers, freshness, contents,
    numbers, probes

What cannot be looked at is a finding, and the rest is looked at all the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from tashika_server.agreements.compromise_file import Compromised
from tashika_server.book import Book, BookError
from tashika_server.doctor.asking import Oracle
from tashika_server.doctor.case import Case
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.doctor.issuers import examine_issuer
from tashika_server.doctor.machine import Machine, examine_clock, examine_machine
from tashika_server.index import IndexMissing, Snapshot
from tashika_server.ledger.refreshes import taken_in
from tashika_server.signing import Rack

__all__ = ["Patient", "examine", "worst"]

MOST_ENTRIES = 20_000
"""Entries of the ledger that are read for the numbers of CRLs: two days of a nation's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """An installation, as its configuration has it."""

    machine: Machine
    racks: tuple[Rack, ...]
    oracle: Oracle
    silent: str | None
    """The address where the responder should be and does not answer."""
    book: Book | None
    """None where there is none, `access = "open"`."""
    node: str
    compromised: Mapping[bytes, Compromised]
    """The compromised keys, as the workers know them."""


def examine(patient: Patient, *, at: datetime) -> Iterator[Finding]:
    """Yield every finding as of `at`; what is well is a finding too."""
    yield from examine_machine(patient.machine, at=at)
    if patient.silent:
        facts = {"url": patient.silent}
        yield Finding(gravity=Gravity.WARNING, symptom=Symptom.RESPONDER_SILENT, facts=facts)
    numbers, trouble = _numbers(patient)
    yield from trouble
    with ExitStack() as stack:
        view: Snapshot | None = None
        try:
            view = stack.enter_context(patient.machine.index.snapshot())
        except IndexMissing:
            pass  # said already
        else:
            yield _state(patient, view)
            issuers = tuple(rack.issuer for rack in patient.racks)
            yield from examine_clock(view, issuers, at=at)
        for rack in patient.racks:
            yield from examine_issuer(
                Case(
                    rack=rack,
                    view=view,
                    oracle=patient.oracle,
                    numbers=numbers,
                    compromised=patient.compromised.get(rack.issuer.identity.fingerprint),
                    at=at,
                )
            )


def worst(findings: Sequence[Finding]) -> Gravity:
    """Return the worst gravity among findings."""
    return max((each.gravity for each in findings), default=Gravity.WELL)


def _numbers(patient: Patient) -> tuple[Mapping[tuple[str, str], Sequence[int]], list[Finding]]:
    if patient.book is None:
        return {}, []
    try:
        with patient.book.reading() as connection:
            return taken_in(connection, patient.node, most=MOST_ENTRIES), []
    except BookError as wrong:
        facts = {"reason": wrong}
        return {}, [Finding(gravity=Gravity.FAILURE, symptom=Symptom.BOOK_UNREADABLE, facts=facts)]


def _state(patient: Patient, view: Snapshot) -> Finding:
    taken, size = patient.machine.index.room()
    facts = {
        "index": f"{taken / size:.0%}",
        "generation": view.generation,
        "where": patient.oracle.where,
    }
    return Finding(gravity=Gravity.WELL, symptom=Symptom.MACHINE_WELL, facts=facts)
