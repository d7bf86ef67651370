"""What each HTTP request gets: the way from a request through `answer` to the bytes of a reply.

Knows neither sockets nor framing (`connection`), nor what the headers of OCSP mean (`http`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from tashika_server.agreements.notes import Notebook
from tashika_server.clock import Clock
from tashika_server.index import IndexMissing
from tashika_server.log import get_log
from tashika_server.metering.meter import Meter, Noted
from tashika_server.metrics import Tally
from tashika_server.refusal import InternalFault, Refusal, metric_labels
from tashika_server.responder.answer import Replay, answer
from tashika_server.responder.asker import Reception
from tashika_server.responder.connection import Connection, Reply, Request
from tashika_server.responder.desk import Desk
from tashika_server.responder.http import (
    Aim,
    HttpReply,
    decline,
    deliver,
    read_target,
    report_health,
)

__all__ = ["Rim"]

log = get_log()

_outcomes = Tally(
    "tashika_answers",
    "What became of each question.",
    label="outcome",
    allowed=("answered", "replayed", *metric_labels()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rim:
    """Answers HTTP requests from one desk."""

    desk: Desk
    reception: Reception
    notebook: Notebook
    meter: Meter | None
    clock: Clock
    cache_for: timedelta

    def handle(self, request: Request, connection: Connection, *, last: bool) -> Reply:
        """Answer one request; refuse it where it has no answer."""
        at = self.clock.now()
        try:
            reply, noted = self._hear(request, connection, at)
        except Refusal as refusal:
            return self.refuse(refusal, request, last=last)
        except Exception:
            log.exception("answer_failed")
            return self.refuse(InternalFault(), request, last=last)
        return Reply(_write(reply, request, last=last), last, request, noted)

    def refuse(self, refusal: Refusal, request: Request | None, *, last: bool) -> Reply:
        """Decline a request, or what is none at all."""
        at = self.clock.now()
        _outcomes.count(refusal.reply.metric)
        # What else is on its way may be the rest of a request that is no OCSP.
        last = last or refusal.reply.ocsp is None
        reply = decline(refusal, note=self.notebook.seal(refusal, at), at=at)
        return Reply(_write(reply, request, last=last), last)

    def _hear(
        self, request: Request, connection: Connection, at: datetime
    ) -> tuple[HttpReply, Noted | None]:
        target = read_target(request.method, request.target)
        if target.aim is Aim.HEALTH:
            return report_health(self._generation(), at=at), None
        if target.aim is Aim.OCSP_IN_BODY:
            target = replace(target, question=request.body)
        asker = self.reception.read(
            request.fields,
            peer=connection.peer,
            certificate=connection.certificate(),
            path_token=target.path_token,
        )
        given = answer(target.question, asker, self.desk, at=at)
        _outcomes.count("replayed" if isinstance(given, Replay) else "answered")
        reply = deliver(
            given, aim=target.aim, conditions=request.fields, cache_for=self.cache_for, at=at
        )
        return reply, given.noted

    def _generation(self) -> int | None:
        try:
            with self.desk.index.snapshot() as view:
                return view.generation
        except IndexMissing:
            return None


def _write(reply: HttpReply, request: Request | None, *, last: bool) -> bytes:
    """Write a reply as HTTP/1.1 (RFC 9112 4); HEAD gets the head alone, 304 has no body."""
    lines = [f"HTTP/1.1 {reply.status.value} {reply.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append("Server: tashika")
    if reply.status is not HTTPStatus.NOT_MODIFIED:
        lines.append(f"Content-Length: {len(reply.body)}")
    if last:
        lines.append("Connection: close")
    elif request and request.version == "1.0":
        lines.append("Connection: keep-alive")
    body = b"" if request and request.method == "HEAD" else reply.body
    return "\r\n".join((*lines, "\r\n")).encode("latin-1") + body
