"""What is given for a question, at each stage.

Plain classes, not tuples: several are made for each answer, and stages fill them in.
"""

from datetime import datetime

from tashika.pki.request import OcspRequest
from tashika.pki.response import SingleResponse
from tashika_server.agreements.gate import Permit
from tashika_server.metering.meter import Noted
from tashika_server.responder.admission import Leave
from tashika_server.responder.common import Saying
from tashika_server.responder.directory import Served
from tashika_server.signing import Signer, Unsigned

__all__ = ["Answer", "Draft", "Replay"]


class Draft:
    """What is to be said. Whoever has one seals or abandons it."""

    __slots__ = (
        "asked",
        "generation",
        "leave",
        "noted",
        "question",
        "saying",
        "served",
        "unsigned",
    )

    noted: Noted | None
    """Where it is in the journal; None where nobody is to be billed."""
    unsigned: Unsigned | None
    """It, encoded."""

    def __init__(
        self,
        *,
        asked: bytes,
        question: OcspRequest,
        served: Served,
        saying: Saying,
        generation: int,
        leave: Leave,
    ) -> None:
        """`asked` is the question as it came."""
        self.asked, self.question, self.served = asked, question, served
        self.saying, self.generation, self.leave = saying, generation, leave
        self.noted = self.unsigned = None

    @property
    def permit(self) -> Permit | None:
        """Return the right by which it is said; None where everybody may ask."""
        return self.leave.permit


class Answer:
    """A signed answer, and what it rests on."""

    __slots__ = ("body", "draft", "noted", "permit")

    def __init__(
        self, body: bytes, draft: Draft, permit: Permit | None, noted: Noted | None = None
    ) -> None:
        """`permit` is the right by which it is given; None where everybody may ask."""
        self.body, self.draft, self.permit, self.noted = body, draft, permit, noted

    @property
    def question(self) -> OcspRequest:
        """Return what was asked."""
        return self.draft.question

    @property
    def served(self) -> Served:
        """Return the issuer that speaks."""
        return self.draft.served

    @property
    def saying(self) -> Saying:
        """Return what it says."""
        return self.draft.saying

    @property
    def signer(self) -> Signer:
        """Return who has signed it."""
        return self.saying.signer

    @property
    def generation(self) -> int:
        """Return that of the index in which the certificates were looked up."""
        return self.draft.generation

    @property
    def responses(self) -> tuple[SingleResponse, ...]:
        """Return its statements."""
        return self.saying.responses(self.question)

    @property
    def next_update(self) -> datetime:
        """Return when the first of its statements lapses."""
        return min(each.next_update for each in self.responses if each.next_update)


class Replay:
    """The answer of an earlier time to a signed question that came again; nothing is provided."""

    __slots__ = ("body", "noted", "permit", "question")

    def __init__(self, body: bytes, question: OcspRequest, permit: Permit | None) -> None:
        self.body, self.question, self.permit = body, question, permit
        self.noted: Noted | None = None
