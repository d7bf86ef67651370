"""The turns of a worker: who has asked is answered together with all who ask meanwhile.

    join → take → draft → note → encode → sign → seal → commit → release

One turn is one generation of the index, one time, one run of signatures, and one sync of the
journal; what comes during a turn waits for the next. While several verifiers ask, how many a turn
takes follows from what an answer has cost lately, so that nobody waits long for the others.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from tashika_server.clock import Clock
from tashika_server.log import get_log
from tashika_server.metering.journal import JournalStopped
from tashika_server.metering.meter import Meter, NotJournalled
from tashika_server.metering.usage import Delivery, whole_second
from tashika_server.refusal import InternalFault, Refusal, TooManyWait, WaitedTooLong
from tashika_server.responder.admission import Leave
from tashika_server.responder.answer import abandon, draft, encode, note, seal, sign
from tashika_server.responder.desk import Desk
from tashika_server.responder.framing import Request
from tashika_server.responder.given import Answer, Draft, Replay
from tashika_server.responder.line import Ageing, Line
from tashika_server.responder.rim import Asked, Given, Rim, outcomes
from tashika_server.responder.sight import Sight

__all__ = ["Turns"]

log = get_log()

MOST = 128
"""Answers of a turn at most; what a turn costs itself, 0.7 ms with its sync, is then little."""
SECONDS = 0.008
"""What a turn may take where several verifiers ask: who has just missed one waits as long."""
SECONDS_ALONE = 0.1
"""What it may take where one alone has asked for `A_WHILE`: only keys that are slow need it."""
A_WHILE = 10.0
LOOK_EVERY = 0.0015
"""Seconds of signing before the sync of the turn before is looked at."""
ENOUGH = 32
"""So many that wait are worth a turn of their own while the one before is being synced."""
AT_LAST = 0.02
"""Seconds after which fewer have it too: what needs no record does not wait for a disk."""
OLD = 7 / 8
"""What the past counts for in the cost of an answer; the last turn counts for the rest."""


class Turns:
    """The turns of one event loop. For its thread alone."""

    def __init__(
        self,
        rim: Rim,
        *,
        meter: Meter | None,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin, in a running loop."""
        self.rim = rim
        self._meter, self._clock, self._monotonic = meter, clock, monotonic
        self._loop = asyncio.get_running_loop()
        self._line: Line[Asked] = Line()
        self._ageing = Ageing()
        self._due = False
        self._unreleased = 0
        """Turns that wait for their sync."""
        self._at_last: asyncio.TimerHandle | None = None
        self._cost = SECONDS / MOST
        self._last_name, self._shared_at = "", -math.inf

    def join(self, asked: Asked, request: Request) -> None:
        """Let a request wait for its turn; what needs none is ready when this returns.

        What is to be refused waits too: it costs as much as many an answer.
        """
        try:
            if not self.rim.understand(asked, request):
                self.rim.report(asked)
                asked.ready = True
                return
        except Refusal as refusal:
            asked.name, asked.given = str(asked.caller.peer), refusal
        except Exception:
            log.exception("request_failed")
            asked.name, asked.given = str(asked.caller.peer), InternalFault()
        if self._line.join(asked.name, asked) or self._squeeze_in(asked):
            asked.since = self._monotonic()
            if asked.name != self._last_name:
                self._last_name, self._shared_at = asked.name, asked.since
            if len(self._line) == 1:
                self._ageing.rest(asked.since)
            self._soon()
        else:
            self.rim.refuse(asked, TooManyWait())
            asked.ready = True

    def _squeeze_in(self, asked: Asked) -> bool:
        """Let one join a full line in the place of whoever came last of those that flood it."""
        crowded_out = self._line.make_room(asked.name)
        if crowded_out is None:
            return False
        self.rim.refuse(crowded_out, TooManyWait())
        crowded_out.ready = True
        self._loop.call_soon(crowded_out.caller.hand_out)
        return self._line.join(asked.name, asked)

    def settle(self, answered: Iterable[Asked], delivery: Delivery) -> None:
        """Say, once of each, what became of answers that have left or never will.

        What was not handed over is not billed, so it is not to be had by asking again either: an
        answer to a signed question is kept no sooner than the kernel has taken it whole.
        """
        for each in answered:
            if each.noted and self._meter:
                self._meter.settle(each.noted, delivery)
            if each.claim:
                leave, answer = each.claim
                each.claim = None
                _end(leave, answer, delivery)

    def _soon(self) -> None:
        """See that those who wait have a turn: at once, or when a sync that is under way is over.

        A turn costs much itself. Many small ones would take all that there is to catch up with
        after a disk was slow for a moment.
        """
        if self._due or not self._line:
            return
        if not self._unreleased or len(self._line) >= ENOUGH:
            self._due = True
            self._loop.call_soon(self._turn)
        elif self._at_last is None:
            self._at_last = self._loop.call_later(AT_LAST, self._turn)

    def _turn(self) -> None:
        """Answer as many as there is time for, and have their records made durable."""
        self._due = True
        if self._at_last is not None:
            self._at_last.cancel()
            self._at_last = None
        began, at = self._monotonic(), self._clock.now()
        taken = [each for each in self._line.take(self._size(began)) if not each.dropped]
        if taken:
            try:
                self._answer(taken, began, at)
            except Exception:
                log.exception("turn_failed")
                self._break_off(taken)
        self._due = False
        self._soon()

    def _answer(self, taken: list[Asked], began: float, at: datetime) -> None:
        # The first one taken need not be the first who came.
        longest = began - min(each.since for each in taken)
        self._draft(taken, self._ageing.limit(began, longest), began, at)
        self._note(taken, at)
        self._encode(taken, at)
        self._finish(taken, at)
        self._commit(taken)
        cost = (self._monotonic() - began) / len(taken)
        self._cost = OLD * self._cost + (1 - OLD) * cost

    def _break_off(self, taken: list[Asked]) -> None:
        """Refuse all of a turn: they are told, and the next turn is taken."""
        self.settle(taken, Delivery.ABANDONED)
        for each in taken:
            self.rim.refuse(each, InternalFault())
        self._release(taken, None)

    def _size(self, now: float) -> int:
        """Return how many the next turn may take."""
        seconds = SECONDS_ALONE if now - self._shared_at > A_WHILE else SECONDS
        return max(1, min(MOST, int(seconds / self._cost)))

    def _draft(self, taken: list[Asked], patience: float, now: float, at: datetime) -> None:
        desk = self.rim.desk
        with Sight(desk.index) as sight:
            for each in taken:
                if each.given is not None:
                    continue
                try:
                    if now - each.since > patience:
                        raise WaitedTooLong
                    each.given = draft(each.question, each.asker, desk, sight, at=at)
                except Refusal as refusal:
                    each.given = refusal
                except Exception:
                    log.exception("answer_failed")
                    each.given = InternalFault()

    def _note(self, taken: list[Asked], at: datetime) -> None:
        desk = self.rim.desk
        for each in taken:
            given = each.given
            if given is None or isinstance(given, Refusal):
                continue
            try:
                note(given, desk, at=at)
            except Refusal as refusal:
                each.given = refusal
            except Exception:
                log.exception("answer_failed")
                each.given = InternalFault()

    def _encode(self, taken: list[Asked], at: datetime) -> None:
        desk = self.rim.desk
        for each in taken:
            given = each.given
            if isinstance(given, Draft):
                try:
                    encode(given, desk, at=at)
                except Exception:
                    log.exception("answer_failed")
                    each.given = InternalFault()

    def _finish(self, taken: list[Asked], at: datetime) -> None:
        """Sign what is drafted, then seal it."""
        signatures = self._sign(taken)
        second, answered, replayed = whole_second(at), 0, 0
        for each, signature in zip(taken, signatures, strict=True):
            given = each.given or InternalFault()
            if isinstance(given, Draft):
                leave, given = given.leave, _seal(given, signature, self.rim.desk, at)
                if leave.claimed and isinstance(given, Answer):
                    each.claim = leave, given
            answered += isinstance(given, Answer)
            replayed += isinstance(given, Replay)
            self._write(each, given, second)
        outcomes.count("answered", answered)
        outcomes.count("replayed", replayed)

    def _sign(self, taken: list[Asked]) -> list[bytes | None]:
        """Sign many in a row: that is what makes it fast.

        Now and then look whether the answers of the turn before may go.
        """
        signatures: list[bytes | None] = []
        in_a_row = max(1, int(LOOK_EVERY / self._cost))
        for place, each in enumerate(taken):
            if self._meter and place % in_a_row == 0:
                self._meter.look()
            signatures.append(_sign(each.given) if isinstance(each.given, Draft) else b"")
        return signatures

    def _write(self, asked: Asked, given: Given, second: datetime) -> None:
        try:
            self.rim.reply(asked, given, at=second)
        except Exception:
            log.exception("answer_failed")
            self.settle([asked], Delivery.ABANDONED)
            self.rim.refuse(asked, InternalFault())

    def _commit(self, taken: list[Asked]) -> None:
        """Release what is answered once the last record of it is durable: they are in order."""
        noted = [each.noted for each in taken if each.noted]
        if noted and self._meter:
            self._meter.on_commit(noted[-1], partial(self._go_out, taken))
            self._unreleased += 1
        else:
            self._release(taken, None)

    def _go_out(self, taken: list[Asked], stopped: JournalStopped | None) -> None:
        self._unreleased -= 1
        self._release(taken, stopped)
        self._soon()

    def _release(self, taken: list[Asked], stopped: JournalStopped | None) -> None:
        """Let replies go: the commit point of all of them. No journal, no answer (rule 1)."""
        for each in taken:
            if each.dropped:
                self.settle([each], Delivery.ABANDONED)
            elif stopped is not None and each.noted:
                self.settle([each], Delivery.ABANDONED)
                self.rim.refuse(each, NotJournalled())
            each.ready = True
        for each in taken:
            if each.dropped:  # who is so by now only has been settled by his caller
                continue
            try:
                each.caller.hand_out()
            except Exception:
                # One connection's trouble is not that of the others.
                log.exception("reply_not_sent")


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
