"""How the gate declines: five manners on the wire, and what every refusal of it carries.

A refusal of the gate is one of these manners, a label in the metrics and two texts; together its
row. The refusals are in `refusals`.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, NamedTuple

from tashika.pki.response import ResponseStatus
from tashika_server.refusal import Refusal, Reply

__all__ = [
    "DENIED",
    "LIMITED",
    "STRANGER",
    "UNABLE",
    "UNSIGNED",
    "AccessRefused",
    "AccessReply",
    "Grounds",
    "Manner",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReply(Reply):
    """A row of the gate; `elsewhere` is its HTTP status over other methods than OCSP."""

    elsewhere: HTTPStatus


class Manner(NamedTuple):
    """What refusals of one kind have in common on the wire."""

    ocsp: ResponseStatus
    elsewhere: HTTPStatus

    def row(self, metric: str, ja: str, en: str) -> AccessReply:
        """Make the row of one refusal, with what it says to people."""
        return AccessReply(
            ocsp=self.ocsp,
            http=HTTPStatus.OK,
            metric=metric,
            elsewhere=self.elsewhere,
            ja=ja,
            en=en,
        )


STRANGER = Manner(ResponseStatus.UNAUTHORIZED, HTTPStatus.UNAUTHORIZED)
"""Nothing was shown that we know: asking again changes nothing, showing something else may."""
DENIED = Manner(ResponseStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""May not ask, and asking again changes nothing (RFC 6960 2.3)."""
UNSIGNED = Manner(ResponseStatus.SIG_REQUIRED, HTTPStatus.FORBIDDEN)
"""May ask, but must sign."""
LIMITED = Manner(ResponseStatus.TRY_LATER, HTTPStatus.TOO_MANY_REQUESTS)
"""May ask, but not so much at once."""
UNABLE = Manner(ResponseStatus.TRY_LATER, HTTPStatus.SERVICE_UNAVAILABLE)
"""May ask, for all we know: the shortage is ours, and nobody is `unauthorized` for it (T4)."""


class Grounds(NamedTuple):
    """What decided: for the operator, who reads it back from the refusal's id. No serials."""

    verifier: str = ""
    agreement: str = ""
    version: int = 0
    credential: str = ""
    holder: str = ""
    halt: str = ""
    """The suspension's id, where a person ordered it."""
    ground: str = ""
    article: str = ""


class AccessRefused(Refusal):
    """The gate does not let this question through."""

    reply: ClassVar[AccessReply] = DENIED.row(
        "access_refused", "提供できません。", "The information cannot be provided."
    )

    def __init__(self, grounds: Grounds | None = None, *, retry_after: float = 0.0) -> None:
        super().__init__(grounds)
        self.grounds = grounds or Grounds()
        self.retry_after = retry_after
        """Seconds after which asking again may help; 0 where it is not known."""
