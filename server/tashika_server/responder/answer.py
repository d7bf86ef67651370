"""How a question becomes a signed answer. The page to read first; it knows no HTTP.

parse → choose issuer → admit → choose signer → look up → judge → encode and sign → inspect, all
in sight of one generation of the index. Anything that stands in the way is a Refusal, and the rim
knows what that is on the wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tashika.pki.certid import CertId
from tashika.pki.errors import PkiError
from tashika.pki.extensions import UnknownCriticalExtension
from tashika.pki.request import OcspRequest, TooManyCertIds, parse_request
from tashika.pki.response import BasicResponse, SingleResponse, parse_response
from tashika_server.agreements.gate import Permit
from tashika_server.index import IndexMissing
from tashika_server.metering.meter import Noted
from tashika_server.metering.usage import Delivery, Occasion
from tashika_server.refusal import (
    MalformedQuestion,
    NotLoaded,
    TooManyCertificates,
    UnknownCritical,
)
from tashika_server.responder.admission import Asker
from tashika_server.responder.desk import Desk
from tashika_server.responder.directory import Directory, Served
from tashika_server.responder.judge import judge, judge_foreign
from tashika_server.responder.sight import Sight, View
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
    noted: Noted | None
    """Where it is in the journal; None where nobody is to be billed."""

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
    noted: Noted | None


def answer(question: bytes, asker: Asker, desk: Desk, *, at: datetime) -> Answer | Replay:
    """Answer one OCSP request as of `at`; raises a Refusal and nothing else on any bytes.

    Whoever may not ask is turned away before what is asked is looked up: then a refusal tells
    nothing about which serials exist.
    """
    request, served = desk.shapes.recognise(question) or _parse(question, desk)
    try:
        with (
            Sight(desk.index) as sight,
            desk.admission.admit(question, request, served.issuer, asker, sight, at=at) as leave,
        ):
            if leave.earlier is not None:
                return _give_again(leave.earlier, request, leave.permit, desk, at=at)
            given = _give(request, served, leave.permit, sight, desk, at=at)
            leave.keep(given.body, until=given.next_update)
            return given
    except IndexMissing as missing:
        raise NotLoaded from missing


def _give(
    request: OcspRequest,
    served: Served,
    permit: Permit | None,
    sight: Sight,
    desk: Desk,
    *,
    at: datetime,
) -> Answer:
    signer, algorithm = desk.shelf.pick(served.fingerprint, request.preferred, at=at)
    view, second = sight.view(), at.replace(microsecond=0)
    responses = tuple(
        _respond(each, desk.directory, served, view, signer_end=signer.not_after, at=second)
        for each in request.cert_ids
    )
    # Before it is signed: the answer may say where it stands in the journal.
    noted = _note(
        responses,
        desk,
        permit,
        nonce=request.nonce,
        generation=view.generation,
        occasion=Occasion.FRESH,
        at=at,
    )
    try:
        body = encode_answer(
            responses,
            nonce=request.nonce,
            signer=signer,
            algorithm=algorithm,
            produced_at=noted.produced_at if noted else second,
            receipt=noted.receipt if noted and permit and permit.receipts else None,
        )
        desk.inspection.inspect(body, request)
    except BaseException:
        if noted and desk.meter:
            desk.meter.settle(noted, Delivery.ABANDONED)
        raise
    return Answer(
        body=body,
        question=request,
        permit=permit,
        served=served,
        signer=signer,
        generation=view.generation,
        responses=responses,
        noted=noted,
    )


def _give_again(
    body: bytes, request: OcspRequest, permit: Permit | None, desk: Desk, *, at: datetime
) -> Replay:
    """Give what was given before; it is recorded as that."""
    given = parse_response(body)
    responses = given.responses if isinstance(given, BasicResponse) else ()
    noted = _note(
        responses,
        desk,
        permit,
        nonce=request.nonce,
        generation=0,
        occasion=Occasion.REPLAY,
        at=at,
    )
    return Replay(body=body, question=request, permit=permit, noted=noted)


def _note(
    responses: Sequence[SingleResponse],
    desk: Desk,
    permit: Permit | None,
    *,
    nonce: bytes | None,
    generation: int,
    occasion: Occasion,
    at: datetime,
) -> Noted | None:
    """Enter what is about to be said into the journal; raises NotJournalled."""
    if permit is None or desk.meter is None:
        return None
    return desk.meter.note(
        permit, responses, nonce=nonce, generation=generation, at=at, occasion=occasion
    )


def _parse(question: bytes, desk: Desk) -> tuple[OcspRequest, Served]:
    """Read a question whose shape is new, and choose the issuer that speaks."""
    try:
        request = parse_request(question, max_cert_ids=desk.max_cert_ids)
    except TooManyCertIds as many:
        raise TooManyCertificates from many
    except UnknownCriticalExtension as unknown:
        raise UnknownCritical from unknown
    except PkiError as malformed:
        raise MalformedQuestion from malformed
    served = desk.directory.speaker(request.cert_ids)
    if desk.directory.find(request.cert_ids[0]) is served:
        desk.shapes.learn(question, request, served)
    return request, served


def _respond(
    cert_id: CertId,
    directory: Directory,
    served: Served,
    view: View,
    *,
    signer_end: datetime,
    at: datetime,
) -> SingleResponse:
    if directory.find(cert_id) is None:
        return judge_foreign(cert_id, signer_end=signer_end, at=at)
    finding = view.find(served.fingerprint, cert_id.serial)
    return judge(cert_id, finding, served.issuer, signer_end=signer_end, at=at)
