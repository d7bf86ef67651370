"""What is examined of one issuer: signers, CRLs, numbers, register, probes (T10, T12, T15)."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tashika.pki.standing import Good, Revoked, Standing
from tashika_server.agreements.compromise_file import Compromised
from tashika_server.doctor.asking import Oracle, Unanswered
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.doctor.remedies import FEED, remedy
from tashika_server.index import Mark, RegisterMark, Snapshot
from tashika_server.issuer import Expected, Issuer, Numbering
from tashika_server.office.freshness import Stage, age_of
from tashika_server.refresh.register import RegisterRefused, read_register
from tashika_server.signing import Rack, Signer, SignerRefused, load_signer

__all__ = ["Case", "examine_issuer"]

SIGNER_DAYS = 7
"""An issuer may take days to renew a responder, and nobody answers without one."""
COMPLETE = "the complete CRL"
LIST_HEAD = ["number", "entries", "name"]

WARNING, FAILURE = Gravity.WARNING, Gravity.FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One issuer, and all that its examination needs."""

    rack: Rack
    view: Snapshot | None
    """None where the index cannot be read; that was said already."""
    oracle: Oracle
    numbers: Mapping[tuple[str, str], Sequence[int]]
    """The numbers of the CRLs that were taken in, by issuer and partition."""
    compromised: Compromised | None
    at: datetime

    @property
    def issuer(self) -> Issuer:
        """Whom it is about."""
        return self.rack.issuer

    def finding(self, gravity: Gravity, symptom: Symptom, **facts: object) -> Finding:
        """Make a finding about this issuer."""
        return Finding(gravity=gravity, symptom=symptom, subject=self.issuer.name, facts=facts)


def examine_issuer(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with an issuer; if nothing is, how it stands."""
    signers, found = _load_signers(case)
    if case.view is not None:
        found += _freshness(case, case.view)
        found += _contents(case, case.view)
    found += _numbers(case)
    if case.compromised:
        yield case.finding(
            Gravity.WELL,
            Symptom.COMPROMISED,
            since=_time(case.compromised.since),
            id=case.compromised.id,
        )
    found += _probes(case, signers)
    yield from found
    if all(each.gravity is Gravity.WELL for each in found) and case.view is not None:
        age = age_of(case.view, case.issuer, at=case.at)
        yield case.finding(
            Gravity.WELL,
            Symptom.ISSUER_WELL,
            crls=len(case.issuer.partitions),
            spent=f"{age.spent:.0%}",
            signers=len(signers),
            operator=case.issuer.operator or "-",
        )


# --- Signers --------------------------------------------------------------------------------


def _load_signers(case: Case) -> tuple[list[Signer], list[Finding]]:
    """Load every signer by the checks of a start (T20), and see how long each lasts (T17)."""
    signers, found = list[Signer](), list[Finding]()
    for files in case.rack.files:
        try:
            signer = load_signer(files, case.issuer.certificate, at=case.at)
        except SignerRefused as refused:
            found.append(case.finding(FAILURE, Symptom.SIGNER_UNFIT, reason=refused))
            continue
        signers.append(signer)
        if (left := signer.not_after - case.at) < timedelta(days=SIGNER_DAYS):
            found.append(
                case.finding(
                    WARNING,
                    Symptom.SIGNER_ENDS,
                    file=files.certificate,
                    ends=_time(signer.not_after),
                    days=left.days,
                )
            )
    if not signers:
        found.append(case.finding(FAILURE, Symptom.NO_SIGNER))
    return signers, found


# --- CRLs -----------------------------------------------------------------------------------


def _freshness(case: Case, view: Snapshot) -> Iterator[Finding]:
    # By the configuration, CRL by CRL: the index knows only of those that it was told to expect.
    age = age_of(view, case.issuer, at=case.at)
    crls = len(case.issuer.partitions)
    if age.missing:
        first = age.missing[0] or COMPLETE
        yield case.finding(
            FAILURE, Symptom.CRL_MISSING, missing=len(age.missing), crls=crls, first=first
        )
    if age.next_update is not None and age.late:
        expired = age.spent >= 1
        yield case.finding(
            FAILURE if expired or age.stage is Stage.EXPIRED else WARNING,
            Symptom.CRL_EXPIRED if expired else Symptom.CRL_AGEING,
            late=len(age.late),
            crls=crls,
            spent=f"{age.spent:.0%}",
            ends=_time(age.next_update),
        )
    for each in view.quarantined(case.issuer.identity.fingerprint):
        en, ja = remedy(each.check, each.partition)
        yield case.finding(
            WARNING,
            Symptom.FEED_STOPPED if each.partition == FEED else Symptom.QUARANTINED,
            partition=each.partition or COMPLETE,
            since=_time(each.at),
            check=each.check,
            detail=each.detail,
            remedy=en,
            remedy_ja=ja,
        )


def _contents(case: Case, view: Snapshot) -> Iterator[Finding]:
    """Compare what the index holds with what the CRLs had, and both with the issuer's word."""
    issuer, fingerprint = case.issuer, case.issuer.identity.fingerprint
    marks = view.marks(fingerprint)
    for name, mark in marks.items():
        ours = view.count(fingerprint, name)
        # Whatever a push feed has said since that CRL may be one more or less.
        if abs(ours - mark.entries) > len(view.fed(fingerprint, name, since=mark.number)):
            yield case.finding(
                FAILURE,
                Symptom.COUNT_DIFFERS,
                partition=name or COMPLETE,
                ours=ours,
                theirs=mark.entries,
            )
    if issuer.register:
        yield from _register(case, issuer.register, view.register(fingerprint))
    if issuer.published:
        yield from _compared(case, issuer.published, marks)


def _register(case: Case, file: Path, known: RegisterMark | None) -> Iterator[Finding]:
    """Read the register as the refresher does: one that is refused stays as it was (T10, T19)."""
    if known is None:
        yield case.finding(FAILURE, Symptom.REGISTER_MISSING)
        return
    try:
        read_register(file, known)
    except RegisterRefused as refused:
        yield case.finding(FAILURE, Symptom.REGISTER_REFUSED, reason=refused)


def _compared(case: Case, file: Path, marks: Mapping[str, Mark]) -> Iterator[Finding]:
    """Compare with the issuer's own list: what arrived says nothing of what did not (T10)."""
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


def _numbers(case: Case) -> Iterator[Finding]:
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


# --- Probes ---------------------------------------------------------------------------------


def _probes(case: Case, signers: Sequence[Signer]) -> Iterator[Finding]:
    """Ask for serials whose standing is certain (T12); a serial is named by its place only."""
    if not case.issuer.probes:
        yield case.finding(WARNING, Symptom.NO_PROBE)
    certificates = [each.certificate for each in signers]
    for number, probe in enumerate(case.issuer.probes, start=1):
        try:
            heard = _said(case.oracle.ask(case.issuer, probe.serial, certificates))
        except Unanswered as silent:
            yield case.finding(
                FAILURE,
                Symptom.PROBE_UNANSWERED,
                number=number,
                where=case.oracle.where,
                reason=silent,
            )
            continue
        expected = Expected.REVOKED if case.compromised else probe.standing
        if heard is not expected:
            yield case.finding(
                FAILURE,
                Symptom.PROBE_WRONG,
                number=number,
                where=case.oracle.where,
                heard=heard,
                expected=expected,
            )


def _said(standing: Standing) -> Expected:
    if isinstance(standing, Good):
        return Expected.GOOD
    return Expected.REVOKED if isinstance(standing, Revoked) else Expected.UNKNOWN


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"
