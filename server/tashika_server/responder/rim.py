"""What each HTTP request gets: the way from a request through `answer` to the bytes of a reply.

Knows neither sockets nor framing (`connection`), nor turns, nor what the headers of OCSP mean
(`http`). Raises nothing: what goes wrong is a refusal.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Final, Protocol

from tashika_server.agreements.compromise_file import FEED_FILE, PAGE_FILE, STATUS_FILE
from tashika_server.agreements.notes import Notebook
from tashika_server.agreements.presented import Address, ClientCertificate
from tashika_server.agreements.refusals import AccessRefused
from tashika_server.clock import Clock
from tashika_server.index import IndexMissing
from tashika_server.metering.meter import Noted
from tashika_server.metering.usage import whole_second
from tashika_server.metrics import Tally
from tashika_server.refusal import Refusal, TooManyWait, UnknownPath, metric_labels
from tashika_server.responder.admission import Asker, Leave
from tashika_server.responder.asker import Reception
from tashika_server.responder.desk import Desk
from tashika_server.responder.framing import NO_HEAD, Head, Request
from tashika_server.responder.given import Answer, Draft, Replay
from tashika_server.responder.http import (
    Aim,
    HttpReply,
    decline,
    deliver,
    plain_head,
    read_target,
    report_health,
    show_public,
    write_head,
)

__all__ = ["Asked", "Caller", "Given", "Rim", "outcomes"]

outcomes = Tally(
    "tashika_answers",
    "What became of each question.",
    label="outcome",
    allowed=("answered", "replayed", *metric_labels()),
)

MOST_REFUSED = 256
# Not a set: to hash a member of an enum takes as long as a call.
_QUESTIONS: Final = (Aim.OCSP_IN_BODY, Aim.OCSP_IN_PATH)
_PUBLIC = {
    Aim.NOTICE_FEED: FEED_FILE,
    Aim.NOTICE_PAGE: PAGE_FILE,
    Aim.STATUS_PAGE: STATUS_FILE,
}

Given = Answer | Replay | Refusal


class Known:
    """Whom a head showed; what the same head shows again on the same connection."""

    __slots__ = ("asker", "name", "path_token")

    def __init__(self, path_token: bytes | None, asker: Asker, name: str) -> None:
        """`name` is with whom he waits his turn."""
        self.path_token, self.asker, self.name = path_token, asker, name


class Caller(Protocol):
    """Who is at the other end of a connection."""

    @property
    def peer(self) -> Address:
        """Where the connection comes from."""
        ...

    def certificate(self) -> ClientCertificate | None:
        """Return the certificate that the client has; raises CertificateUnusable."""
        ...

    def hand_out(self) -> None:
        """Send what is ready."""
        ...


class Asked:
    """One request on its way to its reply."""

    __slots__ = (
        *("aim", "asker", "caller", "claim", "data", "dropped", "given", "head", "last", "name"),
        *("noted", "question", "ready", "since"),
    )

    aim: Aim
    question: bytes
    asker: Asker
    name: str
    since: float
    """When it began to wait."""
    data: bytes
    """The reply."""
    noted: Noted | None
    """Where it is in the journal: not to be released before that is durable."""

    def __init__(self, caller: Caller, *, last: bool) -> None:
        self.caller = caller
        self.head = NO_HEAD
        self.last = last
        """Whether nothing more is heard on the connection after the reply."""
        self.given: Draft | Given | None = None
        """None until it has had its turn, unless it was refused on arrival."""
        self.claim: tuple[Leave, Answer] | None = None
        """What is to be kept in case the question comes again."""
        self.noted = None
        self.ready = False
        """True once the reply may go out."""
        self.dropped = False
        """True once nobody waits for it any more; for the caller to set."""

    def decline(self, refusal: Refusal) -> None:
        """Give a refusal."""
        self.given = refusal.by_itself()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rim:
    """Answers HTTP requests from one desk."""

    desk: Desk
    reception: Reception
    notebook: Notebook
    clock: Clock
    cache_for: timedelta
    public: Path | None = None
    """Where the office writes what is public; None where there is no office."""
    refused: dict[Hashable, bytes] = field(default_factory=dict, repr=False)
    """The refusals of the present second, written: a flood of them costs little."""

    def understand(self, asked: Asked, request: Request) -> bool:
        """Read what is asked and by whom; False for what is no question. Raises a Refusal."""
        head, caller = request.head, asked.caller
        asked.head = head
        target = read_target(head.method, request.target)
        asked.aim = target.aim
        if target.aim not in _QUESTIONS:
            return False
        known = head.shown
        if not isinstance(known, Known) or known.path_token != target.path_token:
            known = head.shown = self._meet(head, target.path_token, caller)
        asked.asker, asked.name = known.asker, known.name
        asked.question = target.question if target.question is not None else request.body
        return True

    def reply(self, asked: Asked, given: Given, *, at: datetime) -> None:
        """Write what was given, as of a whole second."""
        if not isinstance(given, (Answer, Replay)):
            self.refuse(asked, given)
            return
        head, body, asked.noted = asked.head, given.body, given.noted
        replayed = isinstance(given, Replay)
        if head.plain and not (asked.last or replayed or given.permit is None):
            asked.data = plain_head(at, len(body)) + body
            return
        reply = deliver(
            given, aim=asked.aim, conditions=head.fields, cache_for=self.cache_for, at=at
        )
        asked.data = _write(reply, head, last=asked.last)

    def refuse(self, asked: Asked, refusal: Refusal) -> None:
        """Decline a request, or what is none at all."""
        outcomes.count(refusal.reply.metric)
        # What else is on its way may be the rest of a request that is no OCSP.
        whole = refusal.reply.ocsp is not None or isinstance(refusal, TooManyWait)
        asked.noted, asked.last = None, asked.last or not whole
        asked.data = self._write_refusal(refusal, asked.head, last=asked.last)

    def report(self, asked: Asked) -> None:
        """Tell a probe whether there is an index to answer from, or show what is public."""
        if asked.aim is not Aim.HEALTH:
            self._show_public(asked)
            return
        try:
            with self.desk.index.snapshot() as view:
                generation: int | None = view.generation
        except IndexMissing:
            generation = None
        reply = report_health(generation, at=self.clock.now())
        asked.data = _write(reply, asked.head, last=asked.last)

    def _show_public(self, asked: Asked) -> None:
        try:
            body = self.public.joinpath(_PUBLIC[asked.aim]).read_bytes() if self.public else None
        except OSError:
            body = None
        if body is None:
            self.refuse(asked, UnknownPath())
        else:
            reply = show_public(asked.aim, body, at=self.clock.now())
            asked.data = _write(reply, asked.head, last=asked.last)

    def _write_refusal(self, refusal: Refusal, head: Head, *, last: bool) -> bytes:
        """Write a refusal, or give the one of this second that is the same, its id too."""
        at, why = whole_second(self.clock.now()), None
        if isinstance(refusal, AccessRefused):
            why = refusal.grounds, ceil(refusal.retry_after or 0)
        same = type(refusal), why, at, last, head.version, head.method
        if (written := self.refused.get(same)) is None:
            reply = decline(refusal, note=self.notebook.seal(refusal, at), at=at)
            if len(self.refused) >= MOST_REFUSED:
                self.refused.clear()
            written = self.refused[same] = _write(reply, head, last=last)
        return written

    def _meet(self, head: Head, path_token: bytes | None, caller: Caller) -> Known:
        asker = self.reception.read(
            head.fields,
            peer=caller.peer,
            certificate=caller.certificate(),
            path_token=path_token,
        )
        name = self.desk.admission.name(asker, at=self.clock.now())
        return Known(path_token, asker, name)


def _write(reply: HttpReply, head: Head, *, last: bool) -> bytes:
    """Write a reply; HEAD gets the head alone."""
    written = write_head(reply, length=len(reply.body), closing=last, version=head.version)
    return written if head.method == "HEAD" else written + reply.body
