"""How a question becomes a signed answer. The page to read first; it knows no HTTP.

    draft    parse → choose issuer → admit → recall, or look up → choose signer → judge
             → note → encode
    sign
    seal     close → inspect → keep

A worker drafts what came within one turn of its loop in sight of one generation of the index,
signs it all, and seals it (`turns`): signing one after the other is faster than between other
work. Anything that stands in the way is a Refusal, and the rim knows what that is on the wire.
"""

from collections.abc import Sequence
from datetime import datetime

from tashika.pki.certid import CertId
from tashika.pki.errors import PkiError
from tashika.pki.extensions import UnknownCriticalExtension
from tashika.pki.request import OcspRequest, TooManyCertIds, parse_request
from tashika.pki.response import BasicResponse, SingleResponse, parse_response
from tashika_server.agreements.gate import Permit
from tashika_server.index import Finding, IndexMissing
from tashika_server.metering.meter import Noted
from tashika_server.metering.usage import Delivery, Occasion, whole_second
from tashika_server.refusal import (
    MalformedQuestion,
    NotLoaded,
    TooManyCertificates,
    UnknownCritical,
)
from tashika_server.responder.admission import Asker, Leave
from tashika_server.responder.common import Words
from tashika_server.responder.desk import Desk
from tashika_server.responder.directory import Directory, Served
from tashika_server.responder.given import Answer, Draft, Replay
from tashika_server.responder.judge import judge, judge_foreign
from tashika_server.responder.sight import Sight, View
from tashika_server.signing import encode_answer

__all__ = ["abandon", "answer", "draft", "seal"]

# For the hot path: to find a member of an enum takes as long as a call.
_FRESH, _CACHED = Occasion.FRESH, Occasion.CACHED


def answer(question: bytes, asker: Asker, desk: Desk, *, at: datetime) -> Answer | Replay:
    """Answer one OCSP request as of `at`; raises a Refusal and nothing else on any bytes."""
    with Sight(desk.index) as sight:
        drafted = draft(question, asker, desk, sight, at=at)
    if not isinstance(drafted, Draft):
        return drafted
    try:
        given = seal(drafted, drafted.unsigned.sign(), desk, at=at)
    except BaseException:
        abandon(drafted, desk)
        raise
    if drafted.leave.claimed:
        drafted.leave.keep(given.body, until=given.next_update)
    return given


def draft(
    question: bytes, asker: Asker, desk: Desk, sight: Sight, *, at: datetime
) -> Draft | Answer | Replay:
    """Say everything but sign nothing; raises a Refusal. Who has a Draft seals or abandons it.

    Whoever may not ask is turned away before what is asked is looked up: then a refusal tells
    nothing about which serials exist.
    """
    known = desk.cache.find(question, at)
    if known is not None:
        request, served = known.question, known.served
    else:
        request, served = desk.shapes.recognise(question) or _parse(question, desk)
    leave = desk.admission.admit(question, request, served.issuer, asker, sight, at=at)
    try:
        if leave.earlier is not None:
            return _give_again(leave.earlier, request, leave.permit, desk, at=at)
        view = sight.view()
        desk.cache.follow(view, desk.shelf.edition)
        if _may_be_kept(request, leave) and (known := desk.cache.find(question, at)):
            return _give_kept(known, leave.permit, desk, at=at)
        return _write(question, request, served, leave, view=view, desk=desk, at=at)
    except BaseException as failed:
        leave.give_back()
        if isinstance(failed, IndexMissing):
            raise NotLoaded from failed
        raise


def seal(drafted: Draft, signature: bytes, desk: Desk, *, at: datetime) -> Answer:
    """Make an answer of a draft and its signature; raises InternalFault for one that is none.

    If the draft's leave is a claim, the caller ends that, once the answer is given or is not.
    """
    unsigned, question, served, signer, generation, responses, leave, noted, asked = drafted
    body = unsigned.seal(signature)
    desk.inspection.inspect(body, question)
    given = Answer(body, question, served, signer, generation, responses, leave.permit, noted)
    if _may_be_kept(question, leave):
        desk.cache.keep(asked, given._replace(permit=None, noted=None), at)
    return given


def abandon(drafted: Draft, desk: Desk) -> None:
    """Undo what a draft has entered, since it comes to nothing."""
    drafted.leave.give_back()
    _settle_abandoned(drafted.noted, desk)


def _settle_abandoned(noted: Noted | None, desk: Desk) -> None:
    if noted and desk.meter:
        desk.meter.settle(noted, Delivery.ABANDONED)


def _write(
    question: bytes,
    request: OcspRequest,
    served: Served,
    leave: Leave,
    *,
    view: View,
    desk: Desk,
    at: datetime,
) -> Draft:
    """Say what the index says, and where the answer stands in the journal."""
    second, permit = whole_second(at), leave.permit
    findings = [_find(each, desk.directory, served, view) for each in request.cert_ids]
    common = desk.common.find(findings, request, desk.shelf.edition, second)
    words = common.said(request) if common else _word(request, findings, served, desk, at=second)
    # Before it is encoded: the answer may say where it stands in the journal.
    responses = words.responses
    noted = _note(
        responses, desk, permit, _FRESH, nonce=request.nonce, generation=view.generation, at=at
    )
    produced_at = noted.produced_at if noted else second
    receipt = noted.receipt if noted and permit and permit.receipts else None
    try:
        if common and receipt is None and produced_at == second:
            unsigned = common.fill(request)
        else:
            unsigned = encode_answer(
                responses,
                nonce=request.nonce,
                signer=words.signer,
                algorithm=words.algorithm,
                produced_at=produced_at,
                receipt=receipt,
            )
            if receipt is None and produced_at == second:
                desk.common.keep(findings, request, words, unsigned, second)
    except BaseException:
        _settle_abandoned(noted, desk)
        raise
    return Draft(
        unsigned, request, served, words.signer, view.generation, responses, leave, noted, question
    )


def _may_be_kept(request: OcspRequest, leave: Leave) -> bool:
    """Tell whether the answer fits whoever else asks so: it names no asker, and no place."""
    if request.nonce is not None or request.signed:
        return False
    return leave.permit is None or not leave.permit.receipts


def _give_kept(known: Answer, permit: Permit | None, desk: Desk, *, at: datetime) -> Answer:
    """Give what another has been given; it is recorded as that."""
    noted = _note(
        known.responses, desk, permit, _CACHED, nonce=None, generation=known.generation, at=at
    )
    body, question, served, signer, generation, responses, _, _ = known
    return Answer(body, question, served, signer, generation, responses, permit, noted)


def _give_again(
    body: bytes, request: OcspRequest, permit: Permit | None, desk: Desk, *, at: datetime
) -> Replay:
    """Give what was given before to this very question; it is recorded as that."""
    given = parse_response(body)
    responses = given.responses if isinstance(given, BasicResponse) else ()
    noted = _note(
        responses, desk, permit, Occasion.REPLAY, nonce=request.nonce, generation=0, at=at
    )
    return Replay(body, request, permit, noted)


def _note(
    responses: Sequence[SingleResponse],
    desk: Desk,
    permit: Permit | None,
    occasion: Occasion,
    *,
    nonce: bytes | None,
    generation: int,
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
) -> Words:
    """Choose who signs, and judge what was found."""
    signer, algorithm = desk.shelf.pick(served.fingerprint, request.preferred, at=at)
    end, issuer = signer.not_after, served.issuer
    responses = [
        judge_foreign(cert_id, signer_end=end, at=at)
        if finding is None
        else judge(cert_id, finding, issuer, signer_end=end, at=at)
        for cert_id, finding in zip(request.cert_ids, findings, strict=True)
    ]
    return Words(signer, algorithm, tuple(responses))
