"""What is given for a question, at each stage, as values."""

from datetime import datetime
from typing import NamedTuple

from tashika.pki.request import OcspRequest
from tashika.pki.response import SingleResponse
from tashika_server.agreements.gate import Permit
from tashika_server.metering.meter import Noted
from tashika_server.responder.admission import Leave
from tashika_server.responder.directory import Served
from tashika_server.signing import Signer, Unsigned

__all__ = ["Answer", "Draft", "Replay"]


class Answer(NamedTuple):
    """A signed answer, and what it rests on."""

    body: bytes
    question: OcspRequest
    served: Served
    signer: Signer
    generation: int
    responses: tuple[SingleResponse, ...]
    permit: Permit | None
    """By whose right it is given; None where everybody may ask."""
    noted: Noted | None
    """Where it is in the journal; None where nobody is to be billed."""

    @property
    def next_update(self) -> datetime:
        """Return when the first of its statements lapses."""
        return min(each.next_update for each in self.responses if each.next_update)


class Draft(NamedTuple):
    """An answer that wants only its signature."""

    unsigned: Unsigned
    question: OcspRequest
    served: Served
    signer: Signer
    generation: int
    responses: tuple[SingleResponse, ...]
    leave: Leave
    noted: Noted | None
    asked: bytes
    """The question as it came."""


class Replay(NamedTuple):
    """The answer of an earlier time to a signed question that came again; nothing is provided."""

    body: bytes
    question: OcspRequest
    permit: Permit | None
    noted: Noted | None
