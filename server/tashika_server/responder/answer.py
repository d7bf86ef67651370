"""How a question becomes a signed answer. The page to read first; it knows no HTTP.

parse → choose issuer → admit → choose signer → look up under one snapshot → judge → encode
and sign → inspect. Anything that stands in the way is a Refusal, and the rim knows what that is
on the wire.
"""

from dataclasses import dataclass
from datetime import datetime

from tashika.pki.certid import CertId
from tashika.pki.errors import PkiError
from tashika.pki.request import (
    OcspRequest,
    TooManyCertIds,
    UnknownCriticalExtension,
    parse_request,
)
from tashika.pki.response import SingleResponse
from tashika_server.agreements.gate import Permit
from tashika_server.index import IndexMissing
from tashika_server.refusal import (
    MalformedQuestion,
    NotLoaded,
    TooManyCertificates,
    UnknownCritical,
)
from tashika_server.responder.admission import Asker
from tashika_server.responder.desk import Desk, Served, View
from tashika_server.responder.judge import judge, judge_foreign
from tashika_server.signing import Signer, encode_answer

__all__ = ["Answer", "Replay", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A signed answer, and what it rests on."""

    body: bytes
    question: OcspRequest
    permit: Permit | None
    """By whose right it was given; None where everybody may ask."""
    served: Served
    signer: Signer
    generation: int
    responses: tuple[SingleResponse, ...]

    @property
    def next_update(self) -> datetime:
        """Return when the first of its statements lapses."""
        return min(each.next_update for each in self.responses if each.next_update)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The answer of an earlier time to a signed question that came again; nothing is provided."""

    body: bytes
    question: OcspRequest
    permit: Permit | None


def answer(question: bytes, asker: Asker, desk: Desk, *, at: datetime) -> Answer | Replay:
    """Answer one OCSP request as of `at`; raises a Refusal and nothing else on any bytes.

    Whoever may not ask is turned away before anything is looked up: then a refusal tells nothing
    about which serials exist.
    """
    request = _parse(question, desk)
    served = desk.directory.speaker(request.cert_ids)
    with desk.admission.admit(question, request, served.issuer, asker, at=at) as leave:
        if leave.earlier is not None:
            return Replay(body=leave.earlier, question=request, permit=leave.permit)
        given = _give(request, served, leave.permit, desk, at=at.replace(microsecond=0))
        leave.keep(given.body, until=given.next_update)
        return given


def _give(
    request: OcspRequest, served: Served, permit: Permit | None, desk: Desk, *, at: datetime
) -> Answer:
    """Answer from one generation of the index."""
    signer, algorithm = desk.shelf.pick(served.fingerprint, request.preferred, at=at)
    generation, responses = _look_up(request, desk, served, signer.not_after, at=at)
    body = encode_answer(
        responses, nonce=request.nonce, signer=signer, algorithm=algorithm, produced_at=at
    )
    desk.inspection.inspect(body, request)
    return Answer(
        body=body,
        question=request,
        permit=permit,
        served=served,
        signer=signer,
        generation=generation,
        responses=responses,
    )


def _parse(question: bytes, desk: Desk) -> OcspRequest:
    try:
        return parse_request(question, max_cert_ids=desk.max_cert_ids)
    except TooManyCertIds as many:
        raise TooManyCertificates from many
    except UnknownCriticalExtension as unknown:
        raise UnknownCritical from unknown
    except PkiError as malformed:
        raise MalformedQuestion from malformed


def _look_up(
    request: OcspRequest, desk: Desk, served: Served, signer_end: datetime, *, at: datetime
) -> tuple[int, tuple[SingleResponse, ...]]:
    def respond(cert_id: CertId, view: View) -> SingleResponse:
        if desk.directory.find(cert_id) is None:
            return judge_foreign(cert_id, signer_end=signer_end, at=at)
        finding = view.find(served.fingerprint, cert_id.serial)
        return judge(cert_id, finding, served.issuer, signer_end=signer_end, at=at)

    try:
        with desk.index.snapshot() as view:
            return view.generation, tuple(respond(each, view) for each in request.cert_ids)
    except IndexMissing as missing:
        raise NotLoaded from missing
