"""Making evidence of a report: what of it is written down, and what by its digest only."""

from collections.abc import Iterator
from enum import Enum
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tashika.errors import PkiError, WrongUse
from tashika.path.certificate import read_certificate
from tashika.path.report import PathReport
from tashika.report import Report
from tashika.signature.evidence import Evidence, Piece, PieceKind, write_evidence
from tashika.signature.limits import MAX_EVIDENCE_BYTES, MAX_NOTE_CHARS
from tashika.signature.presented import Presented
from tashika.signature.report import SignatureReport, purpose_text
from tashika.status.answers import AnswerUsed
from tashika.status.sets import SetUsed
from tashika.status.stapled import Stapled


class KeepCertificate(Enum):
    """Whether evidence holds the signer's certificate: the person's name and more."""

    DIGEST = "digest"
    """The default: its SHA-256. Whoever judges again must supply the certificate."""
    WHOLE = "whole"


class KeepLists(Enum):
    """Whether evidence holds the CRLs: the numbers of everybody who was revoked, megabytes."""

    DIGEST = "digest"
    """The default: SHA-256, number and times. Whoever judges again supplies archived lists."""
    WHOLE = "whole"


def keep_evidence(
    report: SignatureReport,
    *,
    certificate: KeepCertificate = KeepCertificate.DIGEST,
    lists: KeepLists = KeepLists.DIGEST,
    policy: str = "",
    account: str | None = None,
    material: Stapled | None = None,
) -> bytes:
    """Write down what a report rests on, as one file.

    ``material`` is what the judge held beside what came along: an undetermined
    report names nothing of it. Raises WrongUse for a report of a signature that
    could not be read, and for lists that would make a file that recheck() does not take.
    """
    if report.presented is None:
        raise WrongUse("nothing was read of this signature: there is nothing to keep")
    if max(len(policy), len(account or "")) > MAX_NOTE_CHARS:
        raise WrongUse(f"a policy and an account have at most {MAX_NOTE_CHARS} characters")
    presented = report.presented
    path = report.judgement.path if isinstance(report.judgement, PathReport) else None
    pieces = tuple(_pieces(report, presented, certificate, lists, material or Stapled()))
    data = write_evidence(
        Evidence(
            library=f"tashika {_version()}",
            form=presented.form,
            scheme=presented.scheme,
            digest=presented.digest,
            covered=presented.covered,
            signature=presented.signature,
            claimed_at=presented.claimed_at,
            purpose=purpose_text(report.purpose),
            use=report.use,
            policy=policy,
            account=account,
            received_at=report.received_at,
            at=report.at,
            judged_at=report.judged_at,
            anchor=path.anchor.key_hash if path else None,
            policies=tuple(sorted(path.policies)) if path else (),
            remarks=tuple(_remarks(report)),
            pieces=pieces,
            outcome=report.outcome.value,
            cause=report.because.value,
        )
    )
    if len(data) > MAX_EVIDENCE_BYTES:
        raise WrongUse(
            f"this evidence is longer than {MAX_EVIDENCE_BYTES} bytes: keep its lists in an archive"
            " of their own, and here by KeepLists.DIGEST"
        )
    return data


def _pieces(
    report: SignatureReport,
    presented: Presented,
    keep: KeepCertificate,
    lists: KeepLists,
    material: Stapled,
) -> Iterator[Piece]:
    own = presented.certificate if keep is KeepCertificate.WHOLE else None
    yield _piece_of(PieceKind.CERTIFICATE, presented.certificate, own)
    for each in _issuers(report, presented):
        yield _piece_of(PieceKind.ISSUER, each, each)
    at_hand = presented.stapled + material
    if not report.judgement:
        for each in at_hand.answers:
            yield _piece_of(PieceKind.ANSWER, each, each)
        for each in at_hand.lists:
            yield _piece_of(PieceKind.LIST, each, each if lists is KeepLists.WHOLE else None)
    held = {sha256(each).digest(): each for each in at_hand.lists}
    for used in _used(report):
        if (piece := _status_piece(used, held, lists)) is not None:
            yield piece


def _piece_of(kind: PieceKind, whole: bytes, kept: bytes | None) -> Piece:
    return Piece(kind=kind, sha256=sha256(whole).digest(), content=kept)


def _status_piece(used: Any, held: dict[bytes, bytes], lists: KeepLists) -> Piece | None:
    """Write down an answer (it has ``encoded``) or a list (it may); None for other sources."""
    digest = getattr(used, "sha256", None)
    if not isinstance(digest, bytes):
        return None
    is_list = hasattr(used, "number")
    content = getattr(used, "encoded", None) or held.get(digest)
    return Piece(
        kind=PieceKind.LIST if is_list else PieceKind.ANSWER,
        sha256=digest,
        content=content if lists is KeepLists.WHOLE or not is_list else None,
        number=getattr(used, "number", None),
        this_update=getattr(used, "this_update", None),
        next_update=getattr(used, "next_update", None),
    )


def _issuers(report: SignatureReport, presented: Presented) -> Iterator[bytes]:
    """Yield the CAs of the path; where there is none, those that came along, and nobody else."""
    if isinstance(report.judgement, PathReport) and report.judgement.path:
        for each in report.judgement.path.certificates[:-1]:
            yield each.encoded
        return
    for other in presented.others:
        try:
            found = read_certificate(other)
            if found.is_ca:
                yield found.encoded
        except PkiError:
            continue


def _used(report: SignatureReport) -> Iterator[Any]:
    """Yield what the statuses rest on, each once: ListUsed and the like."""
    judgement, used = report.judgement, list[Any]()
    if isinstance(judgement, Report):
        used += _heard(judgement)
    elif judgement is not None:
        statuses = judgement.path.statuses if judgement.path else ()
        used += [*judgement.evidence, *(each for status in statuses for each in status.evidence)]
    yield from {getattr(each, "sha256", each): each for each in used}.values()


def _heard(checked: Report) -> Iterator[AnswerUsed | SetUsed]:
    """Yield what a client's check rests on."""
    answer, source = checked.answer, checked.source or ""
    if answer is None:
        return
    since, until = answer.this_update, answer.next_update
    if answer.encoded is None:
        yield SetUsed(source=source, this_update=since, next_update=until)
        return
    yield AnswerUsed(
        sha256=sha256(answer.encoded).digest(),
        this_update=since,
        next_update=until,
        produced_at=answer.produced_at,
        source=source,
        encoded=answer.encoded,
    )


def _remarks(report: SignatureReport) -> Iterator[str]:
    for used in _used(report):
        if not isinstance(getattr(used, "sha256", None), bytes):
            yield used if isinstance(used, str) else type(used).__name__


def _version() -> str:
    try:
        return version("tashika")
    except PackageNotFoundError:
        return "(not installed)"
