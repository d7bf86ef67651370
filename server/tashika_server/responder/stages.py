"""What happens in a turn: all who were taken go through each stage together.

    take → draft → note → encode → sign → seal → commit → release

One turn is one generation of the index, one time, one run of signatures, and one sync of the
journal. When it begins is for `turns` to say; what each stage does to one answer, for `answer`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from tashika_server.log import get_log
from tashika_server.metering.journal import JournalStopped
from tashika_server.metering.meter import Meter, NotJournalled
from tashika_server.metering.usage import Delivery, whole_second
from tashika_server.refusal import InternalFault, Refusal, WaitedTooLong
from tashika_server.responder.admission import Leave
from tashika_server.responder.answer import abandon, draft, encode, note, seal, sign
from tashika_server.responder.desk import Desk
from tashika_server.responder.given import Answer, Draft, Replay
from tashika_server.responder.line import Line
from tashika_server.responder.pace import Pace
from tashika_server.responder.rim import Asked, Given, Rim, outcomes
from tashika_server.responder.sight import Sight

__all__ = ["Stages"]

log = get_log()

LOOK_EVERY = 0.0004
"""Seconds of signing before the sync of the turn before is looked at."""


class Stages:
    """Those of one event loop. For its thread alone."""

    def __init__(
        self,
        rim: Rim,
        *,
        meter: Meter | None,
        pace: Pace,
        monotonic: Callable[[], float],
        on_release: Callable[[], None],
    ) -> None:
        """`on_release` is called when the sync of a turn is over and its replies have gone."""
        self.unreleased = 0
        """Turns that wait for their sync."""
        self._rim, self._desk, self._meter, self._pace = rim, rim.desk, meter, pace
        self._monotonic, self._on_release = monotonic, on_release

    def answer(
        self, line: Line[Asked], *, patience: float, began: float, at: datetime
    ) -> list[Asked]:
        """Answer as many as the pace allows, and have their records made durable; returns them.

        `patience` is how many seconds one may have waited by `began` and still be served.
        """
        taken: list[Asked] = []
        try:
            self._draft(taken, line, patience, began, at)
            self._look()
            self._note(taken, at)
            self._look()
            self._encode(taken, at)
            self._look()
            signing = self._monotonic()
            signatures = self._sign(taken)
            signing = self._monotonic() - signing
            self._look()
            self._seal(taken, signatures, at)
            self._commit(taken)
            self._pace.learn(signing=signing, rest=self._monotonic() - began - signing)
        except Exception:
            log.exception("turn_failed")
            self._break_off(taken)
        return taken

    def settle(self, answered: Iterable[Asked], delivery: Delivery) -> None:
        """Say, once of each, what became of answers that have left or never will.

        What was not handed over is not billed, so it is not to be had by asking again either: an
        answer to a signed question is kept no sooner than the kernel has taken it whole.
        """
        for each in answered:
            if each.noted and self._meter:
                self._meter.settle(each.noted, delivery)
            if each.claim:
                _end(*each.claim, delivery)
                each.claim = None

    def _draft(
        self, taken: list[Asked], line: Line[Asked], patience: float, began: float, at: datetime
    ) -> None:
        """Take from the line and draft, for as long as what is drafted leaves time for more."""
        with Sight(self._desk.index) as sight:
            while some := line.take(self._pace.room()):
                there = [each for each in some if not each.dropped]
                taken += there
                self._draft_some(there, began - patience, sight, at)

    def _draft_some(self, some: list[Asked], oldest: float, sight: Sight, at: datetime) -> None:
        """Draft for who came then or later, and reckon with what is to be signed."""
        drafts = 0
        for each in some:
            if each.given is not None:
                continue
            try:
                if each.since < oldest:
                    raise WaitedTooLong
                each.given = draft(each.question, each.asker, self._desk, sight, at=at)
                drafts += isinstance(each.given, Draft)
            except Refusal as refusal:
                each.decline(refusal)
            except Exception:
                log.exception("answer_failed")
                each.given = InternalFault()
        self._pace.spend(len(some), to_sign=drafts)

    def _note(self, taken: list[Asked], at: datetime) -> None:
        for each in taken:
            given = each.given
            if given is None or isinstance(given, Refusal):
                continue
            try:
                note(given, self._desk, at=at)
            except Refusal as refusal:
                each.decline(refusal)
            except Exception:
                log.exception("answer_failed")
                each.given = InternalFault()

    def _encode(self, taken: list[Asked], at: datetime) -> None:
        for each in taken:
            if isinstance(each.given, Draft):
                try:
                    encode(each.given, self._desk, at=at)
                except Exception:
                    log.exception("answer_failed")
                    each.given = InternalFault()

    def _sign(self, taken: list[Asked]) -> list[bytes | None]:
        """Sign many in a row: that is what makes it fast.

        Now and then look whether the answers of the turn before may go.
        """
        signatures: list[bytes | None] = []
        in_a_row, made = max(1, int(LOOK_EVERY / self._pace.dearest)), 0
        for each in taken:
            if not isinstance(each.given, Draft):
                signatures.append(b"")
                continue
            signatures.append(_sign(each.given))
            made += 1
            if made % in_a_row == 0:
                self._look()
        return signatures

    def _look(self) -> None:
        """Release those of the turn before whose sync is over by now."""
        if self._meter:
            self._meter.look()

    def _seal(self, taken: list[Asked], signatures: list[bytes | None], at: datetime) -> None:
        """Make answers of drafts and signatures, and write the replies."""
        second, answered, replayed = whole_second(at), 0, 0
        for each, signature in zip(taken, signatures, strict=True):
            given = each.given or InternalFault()
            if isinstance(given, Draft):
                leave, given = given.leave, _seal(given, signature, self._desk, at)
                if leave.claimed and isinstance(given, Answer):
                    each.claim = leave, given
            answered += isinstance(given, Answer)
            replayed += isinstance(given, Replay)
            self._write(each, given, second)
        outcomes.count("answered", answered)
        outcomes.count("replayed", replayed)

    def _write(self, asked: Asked, given: Given, second: datetime) -> None:
        try:
            self._rim.reply(asked, given, at=second)
        except Exception:
            log.exception("answer_failed")
            self.settle([asked], Delivery.ABANDONED)
            self._rim.refuse(asked, InternalFault())

    def _commit(self, taken: list[Asked]) -> None:
        """Release what is answered once the last record of it is durable: they are in order."""
        noted = [each.noted for each in taken if each.noted]
        if noted and self._meter:
            self._meter.on_commit(noted[-1], partial(self._go_out, taken))
            self.unreleased += 1
        else:
            self._release(taken, None)

    def _go_out(self, taken: list[Asked], stopped: JournalStopped | None) -> None:
        self.unreleased -= 1
        self._release(taken, stopped)
        self._on_release()

    def _release(self, taken: list[Asked], stopped: JournalStopped | None) -> None:
        """Let replies go: the commit point of all of them. No journal, no answer (rule 1)."""
        for each in taken:
            if each.dropped:
                self.settle([each], Delivery.ABANDONED)
            elif stopped is not None and each.noted:
                self.settle([each], Delivery.ABANDONED)
                self._rim.refuse(each, NotJournalled())
            each.ready = True
        for each in taken:
            if each.dropped:  # who is so by now only has been settled by his caller
                continue
            try:
                each.caller.hand_out()
            except Exception:
                # One connection's trouble is not that of the others.
                log.exception("reply_not_sent")

    def _break_off(self, taken: list[Asked]) -> None:
        """Refuse all of a turn: they are told, and the next turn is taken."""
        self.settle(taken, Delivery.ABANDONED)
        for each in taken:
            self._rim.refuse(each, InternalFault())
        self._release(taken, None)


def _end(leave: Leave, answer: Answer, delivery: Delivery) -> None:
    """Keep the answer to a signed question in case it comes again, if it was handed over."""
    try:
        if delivery is Delivery.HANDED_OVER:
            leave.keep(answer.body, until=answer.next_update)
        else:
            leave.give_back()
    except Exception:
        log.exception("replay_not_kept")


def _sign(drafted: Draft) -> bytes | None:
    """Make the signature; None where that fails."""
    try:
        return sign(drafted)
    except Exception:
        log.exception("signing_failed")
        return None


def _seal(drafted: Draft, signature: bytes | None, desk: Desk, at: datetime) -> Given:
    """Finish an answer, or undo it."""
    try:
        if signature is not None:
            return seal(drafted, signature, desk, at=at)
    except Exception:
        log.exception("answer_failed")
    abandon(drafted, desk)
    return InternalFault()
