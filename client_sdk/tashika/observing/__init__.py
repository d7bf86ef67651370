"""What a client does, told to whoever measures it: events without anything personal.

An event names origins (scheme, host and port), never a path, a certificate, a serial number or a
nonce. Ready observers: :mod:`tashika.observing.logs`, which every client has,
:mod:`tashika.observing.prometheus` and :mod:`tashika.observing.opentelemetry`.
"""

from enum import StrEnum
from typing import NamedTuple, Protocol

from tashika.causes import Cause

__all__ = ["Event", "Happening", "Observer"]


class Happening(StrEnum):
    """What happened. The value is stable and fit for metrics."""

    CHECKED = "checked"
    """A certificate's check ended, with this cause."""
    RECALLED = "recalled"
    """One ended by what was remembered: nobody was asked."""
    ANSWERED = "answered"
    """A source answered, and the answer was accepted, for so many certificates."""
    FAILED = "failed"
    """A source did not answer, or its answer was refused, for so many certificates."""
    RETRIED = "retried"
    """A connection broke, and the same question is sent again."""
    HEDGED = "hedged"
    """The sources before are slow, and this one is asked beside them."""
    LEFT_ALONE = "left_alone"
    """A responder failed so often that its circuit breaker opened."""
    RENEWED = "renewed"
    """An answer is asked for again before its time ends."""


class Event(NamedTuple):
    """One thing that happened."""

    what: Happening
    source: str | None = None
    """The origin of the responder."""
    cause: Cause | None = None
    seconds: float | None = None
    """How long it took, where that can be told."""
    certificates: int = 1


class Observer(Protocol):
    """Hears of everything that a client does.

    note() is called in whatever thread works, must be quick and must not
    block. What it raises is logged once and costs that event only.
    """

    def note(self, event: Event) -> None:
        """Take note of an event."""
        ...
