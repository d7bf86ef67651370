"""The turns of a worker: who has asked is answered together with all who ask meanwhile.

    join → wait → a turn of the stages

Says when a turn begins and for how long it may go on; `stages` says what happens in it. What
comes during a turn waits for the next. While several verifiers ask, turns are short, so that
nobody waits long for the others.
"""

import asyncio
import math
import time
from collections.abc import Callable

from tashika_server.clock import Clock
from tashika_server.log import get_log
from tashika_server.metering.meter import Meter
from tashika_server.refusal import InternalFault, Refusal, TooManyWait
from tashika_server.responder.framing import Request
from tashika_server.responder.line import Ageing, Line, stranger
from tashika_server.responder.pace import SECONDS, SECONDS_ALONE, SECONDS_EACH, Pace
from tashika_server.responder.rim import Asked, Rim
from tashika_server.responder.stages import Stages

__all__ = ["Turns"]

log = get_log()

A_WHILE = 10.0
"""Seconds after which one who asks alone has longer turns."""
ENOUGH = 32
"""So many that wait are worth a turn of their own while the one before is being synced."""
AT_LAST = 0.02
"""Seconds after which fewer have it too: what needs no record does not wait for a disk."""


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
        self._clock, self._monotonic, self._pace = clock, monotonic, Pace()
        self.stages = Stages(
            rim, meter=meter, pace=self._pace, monotonic=monotonic, on_release=self._soon
        )
        self._loop = asyncio.get_running_loop()
        self._line: Line[Asked] = Line()
        self._ageing = Ageing()
        self._due = False
        self._at_last: asyncio.TimerHandle | None = None
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
            asked.name = stranger(asked.caller.peer)
            asked.decline(refusal)
        except Exception:
            log.exception("request_failed")
            asked.name, asked.given = stranger(asked.caller.peer), InternalFault()
        if self._line.join(asked.name, asked) or self._squeeze_in(asked):
            asked.since = self._monotonic()
            if asked.name != self._last_name:
                if self._last_name:
                    self._shared_at = asked.since
                self._last_name = asked.name
            if len(self._line) == 1:
                self._ageing.note(asked.since, 0.0)
            self._soon()
        else:
            self.rim.refuse(asked, TooManyWait())
            asked.ready = True

    def _squeeze_in(self, asked: Asked) -> bool:
        """Let one join a full line in the place of a stranger, or of the last who flood it."""
        crowded_out = self._line.make_room(asked.name)
        if crowded_out is None:
            return False
        self.rim.refuse(crowded_out, TooManyWait())
        crowded_out.ready = True
        self._loop.call_soon(crowded_out.caller.hand_out)
        return self._line.join(asked.name, asked)

    def _soon(self) -> None:
        """See that those who wait have a turn: at once, or when a sync that is under way is over.

        A turn costs much itself. Many small ones would take all that there is to catch up with
        after a disk was slow for a moment.
        """
        if self._due or not self._line:
            return
        if not self.stages.unreleased or len(self._line) >= ENOUGH:
            self._due = True
            self._loop.call_soon(self._turn)
        elif self._at_last is None:
            self._at_last = self._loop.call_later(AT_LAST, self._turn)

    def _turn(self) -> None:
        """Answer as many as there is time for."""
        self._due = True
        if self._at_last is not None:
            self._at_last.cancel()
            self._at_last = None
        began = self._monotonic()
        if began - self._shared_at > A_WHILE:
            self._pace.begin(SECONDS_ALONE)
        else:
            self._pace.begin(min(SECONDS, SECONDS_EACH * self._line.keys))
        taken = self.stages.answer(
            self._line, patience=self._ageing.limit(began), began=began, at=self._clock.now()
        )
        if taken:
            # The first one taken need not be the first who came.
            self._ageing.note(began, began - min(each.since for each in taken))
        self._due = False
        self._soon()
