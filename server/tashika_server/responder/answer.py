"""How a question becomes a signed answer. The page to read first; it knows no HTTP.

    draft    parse → choose issuer → admit → recall, or look up → choose signer → judge
    note     enter into the journal, before it is encoded: it may say where it stands there
    encode
    sign
    seal     close → inspect → keep

A worker takes what came within one turn of its loop through each stage together, and drafts it
in sight of one generation of the index (`stages`): one stage for many is faster than all stages
for one. Anything that stands in the way is a Refusal, and the rim knows what that is on the wire.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tashika.pki.certid import CertId
from tashika.pki.errors import PkiError
from tashika.pki.extensions import UnknownCriticalExtension
from tashika.pki.request import OcspRequest, TooManyCertIds, parse_request
from tashika.pki.response import BasicResponse, parse_response
from tashika_server.index import Finding, IndexMissing
from tashika_server.metering.meter import standing_code
from tashika_server.metering.usage import Delivery, Occasion, whole_second
from tashika_server.refusal import (
    InternalFault,
    MalformedQuestion,
    NotLoaded,
    TooManyCertificates,
    UnknownCritical,
)
from tashika_server.responder.admission import Asker, Leave
from tashika_server.responder.common import Saying
from tashika_server.responder.desk import Desk
from tashika_server.responder.directory import Directory, Served
from tashika_server.responder.given import Answer, Draft, Replay
from tashika_server.responder.judge import judge, judge_foreign
from tashika_server.responder.sight import Sight, View
from tashika_server.signing import encode_answer

__all__ = ["abandon", "answer", "draft", "encode", "note", "seal", "sign"]

# For the hot path: to find a member of an enum takes as long as a call.
_FRESH: Final = Occasion.FRESH
_CACHED: Final = Occasion.CACHED
_REPLAY: Final = Occasion.REPLAY


def answer(question: bytes, asker: Asker, desk: Desk, *, at: datetime) -> Answer | Replay:
    """Answer one OCSP request as of `at`; raises a Refusal and nothing else on any bytes."""
    with Sight(desk.index) as sight:
        given = draft(question, asker, desk, sight, at=at)
    note(given, desk, at=at)
    if not isinstance(given, Draft):
        return given
    encode(given, desk, at=at)
    try:
        answered = seal(given, sign(given), desk, at=at)
    except BaseException:
        abandon(given, desk)
        raise
    if given.leave.claimed:
        given.leave.keep(answered.body, until=answered.next_update)
    return answered


def draft(
    question: bytes, asker: Asker, desk: Desk, sight: Sight, *, at: datetime
) -> Draft | Answer | Replay:
    """Find out what is to be said; raises a Refusal.

    Whoever may not ask is turned away before what is asked is looked up: then a refusal tells
    nothing about which serials exist.
    """
    known = desk.cache.find(question, at)
    if known is not None:
        request, served = known.question, known.served
    else:
        request, served = desk.shapes.recognise(question) or _parse(question, desk)
    leave = desk.admission.admit(question, request, served.issuer, asker, sight, at=at)
    earlier = leave.earlier
    try:
        if earlier is not None and request.nonce is not None:
            return Replay(earlier, request, leave.permit)
        view = sight.view()
        if not desk.cache.follow(view, desk.shelf.edition):
            known = desk.cache.find(question, at)
        if known is not None and _may_be_kept(request, leave):
            return Answer(known.body, known.draft, leave.permit)
        saying = _look_up(request, served, view, desk, at=at)
        if earlier is not None:
            if _says(earlier, saying):
                return Replay(earlier, request, leave.permit)
            leave.renew()
        return Draft(
            asked=question,
            question=request,
            served=served,
            saying=saying,
            generation=view.generation,
            leave=leave,
        )
    except BaseException as failed:
        leave.give_back()
        if isinstance(failed, IndexMissing):
            raise NotLoaded from failed
        raise


def note(given: Draft | Answer | Replay, desk: Desk, *, at: datetime) -> None:
    """Enter what is about to be said into the journal; raises NotJournalled, and all is undone.

    What is given again is recorded as that.
    """
    if desk.meter is None:
        return
    request = given.question
    permit, generation, occasion = given.permit, 0, _REPLAY
    cert_ids = request.cert_ids
    if isinstance(given, Replay):
        said = parse_response(given.body)
        responses = said.responses if isinstance(said, BasicResponse) else ()
        cert_ids = tuple(each.cert_id for each in responses)
        standings = tuple(each.standing for each in responses)
    else:
        occasion = _FRESH if isinstance(given, Draft) else _CACHED
        standings, generation = given.saying.standings, given.generation
    if permit is None:
        return
    try:
        given.noted = desk.meter.note(
            permit,
            cert_ids,
            standings,
            nonce=request.nonce,
            generation=generation,
            at=at,
            occasion=occasion,
        )
    except BaseException:
        if isinstance(given, Draft):
            given.leave.give_back()
        raise


def encode(drafted: Draft, desk: Desk, *, at: datetime) -> None:
    """Write all but the signature; `at` is the time that it was drafted and noted with."""
    try:
        _encode(drafted, at)
    except BaseException:
        abandon(drafted, desk)
        raise


def sign(drafted: Draft) -> bytes:
    """Make the signature."""
    if drafted.unsigned is None:
        raise InternalFault
    return drafted.unsigned.sign()


def seal(drafted: Draft, signature: bytes, desk: Desk, *, at: datetime) -> Answer:
    """Make an answer of a draft and its signature; raises InternalFault for one that is none.

    If the draft's leave is a claim, the caller ends that, once the answer is given or is not.
    """
    if drafted.unsigned is None:
        raise InternalFault
    body = drafted.unsigned.seal(signature)
    desk.inspection.inspect(body, drafted.question)
    given = Answer(body, drafted, drafted.permit, drafted.noted)
    if _may_be_kept(drafted.question, drafted.leave):
        desk.cache.keep(drafted.asked, Answer(body, drafted, None), at)
        drafted.noted = None  # not before: who fails to keep it abandons it
    return given


def abandon(drafted: Draft, desk: Desk) -> None:
    """Undo what a draft has entered, since it comes to nothing."""
    drafted.leave.give_back()
    if drafted.noted and desk.meter:
        desk.meter.settle(drafted.noted, Delivery.ABANDONED)


def _look_up(
    request: OcspRequest, served: Served, view: View, desk: Desk, *, at: datetime
) -> Saying:
    """Find what is to be said of the certificates; most is said of many."""
    findings = [_find(each, desk.directory, served, view) for each in request.cert_ids]
    saying = desk.common.find(findings, request, desk.shelf.edition, at)
    if saying is None:
        second = whole_second(at)
        saying = _word(request, findings, served, desk, at=second)
        saying = desk.common.keep(findings, request, saying, second)
    return saying


def _says(earlier: bytes, saying: Saying) -> bool:
    """Tell whether an earlier answer calls its certificates what they are to be called now."""
    said = parse_response(earlier)
    told = said.responses if isinstance(said, BasicResponse) else ()
    return [standing_code(each.standing) for each in told] == [
        *map(standing_code, saying.standings)
    ]


def _encode(drafted: Draft, at: datetime) -> None:
    noted, saying, request = drafted.noted, drafted.saying, drafted.question
    permit = drafted.permit
    receipt = noted.receipt if noted and permit and permit.receipts else None
    if saying.template and receipt is None and not (noted and noted.late):
        drafted.unsigned = saying.template.fill(request.cert_ids[0].der, request.nonce or b"")
        return
    drafted.unsigned = encode_answer(
        saying.responses(request),
        nonce=request.nonce,
        signer=saying.signer,
        algorithm=saying.algorithm,
        produced_at=noted.produced_at if noted else whole_second(at),
        receipt=receipt,
    )


def _may_be_kept(request: OcspRequest, leave: Leave) -> bool:
    """Tell whether the answer fits whoever else asks so: it names no asker, and no place."""
    if request.nonce is not None or request.signed:
        return False
    return leave.permit is None or not leave.permit.receipts


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


def _find(cert_id: CertId, directory: Directory, served: Served, view: View) -> Finding | None:
    """Look a certificate up; None for a foreign one."""
    if directory.find(cert_id) is None:
        return None
    return view.find(served.fingerprint, cert_id.serial)


def _word(
    request: OcspRequest,
    findings: Sequence[Finding | None],
    served: Served,
    desk: Desk,
    *,
    at: datetime,
) -> Saying:
    """Choose who signs, and judge what was found."""
    signer, algorithm = desk.shelf.pick(served.fingerprint, request.preferred, at=at)
    end, issuer = signer.not_after, served.issuer
    responses = [
        judge_foreign(cert_id, signer_end=end, at=at)
        if finding is None
        else judge(cert_id, finding, issuer, signer_end=end, at=at)
        for cert_id, finding in zip(request.cert_ids, findings, strict=True)
    ]
    return Saying(signer, algorithm, tuple(responses))
