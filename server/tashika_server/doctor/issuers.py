"""What is examined of one issuer: signers, CRLs, numbers, register, probes (T10, T12, T15)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from tashika.pki.standing import Good, Revoked, Standing
from tashika_server.doctor.asking import Unanswered
from tashika_server.doctor.case import COMPLETE, Case
from tashika_server.doctor.completeness import compare_with_list, find_holes
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.doctor.remedies import FEED, remedy
from tashika_server.index import RegisterMark, Snapshot
from tashika_server.issuer import Expected
from tashika_server.office.freshness import Stage, age_of
from tashika_server.refresh.register import RegisterRefused, read_register
from tashika_server.signing import Signer, SignerRefused, load_signer

__all__ = ["examine_issuer"]

SIGNER_DAYS = 7
"""An issuer may take days to renew a responder, and nobody answers without one."""

WARNING, FAILURE = Gravity.WARNING, Gravity.FAILURE


def examine_issuer(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with an issuer; if nothing is, how it stands."""
    signers, found = _load_signers(case)
    if case.view is not None:
        found += _freshness(case, case.view)
        found += _contents(case, case.view)
    found += find_holes(case)
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
        yield from compare_with_list(case, issuer.published, marks)


def _register(case: Case, file: Path, known: RegisterMark | None) -> Iterator[Finding]:
    """Read the register as the refresher does: one that is refused stays as it was (T10, T19)."""
    if known is None:
        yield case.finding(FAILURE, Symptom.REGISTER_MISSING)
        return
    try:
        read_register(file, known)
    except RegisterRefused as refused:
        yield case.finding(FAILURE, Symptom.REGISTER_REFUSED, reason=refused)


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
