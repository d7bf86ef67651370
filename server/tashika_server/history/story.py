"""What is kept of one certificate, and what it tells: known, and in force. Pure.

Two times, never mixed. *Known* is when a CRL was published here; *in force* goes by the dates
that CRLs state (Act 15, 34: from the recording by the issuer on). What cannot be said exactly is
NotRemembered. Not for where it is read from (`look_back`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tashika.pki.standing import Reason
from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import Event, What
from tashika_server.index import Entry

__all__ = ["Chapter", "Known", "Place", "Story"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was known at a moment."""

    at: datetime
    entry: Entry | None
    """As it was listed; None where no CRL listed it, all of them being known."""
    event: Event | None
    """What had happened last; None where it has not changed since its partition's first CRL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A partition in one epoch, as far as it matters for what is absent."""

    partition: str
    expected_at: datetime
    baseline_at: datetime | None
    dropped_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One epoch: the time for which one index was followed without a gap."""

    began_at: datetime
    ended_at: datetime | None
    """When it was followed last; None for the index of now."""
    complete: bool
    """Whether what no event tells was listed nowhere: so of epochs that were taken over."""
    events: tuple[Event, ...]
    places: Sequence[Place]

    def covers(self, at: datetime) -> bool:
        """Tell whether what was known at a moment is known from this epoch."""
        return self.began_at <= at and (self.ended_at is None or at <= self.ended_at)

    def demand_all(self, at: datetime) -> None:
        """Raise NotRemembered unless every partition of then was known (T15), and there was one."""
        expected = [
            each
            for each in self.places
            if each.expected_at <= at and (each.dropped_at is None or each.dropped_at > at)
        ]
        for each in expected:
            if each.baseline_at is None or each.baseline_at > at:
                raise _too_early(each.partition, each.baseline_at)
        if not expected:
            raise NotRemembered("of this issuer no CRL was followed at that moment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that is kept of one certificate, as of one generation of the index."""

    chapters: Sequence[Chapter]
    entry: Entry | None
    """As the index lists it."""
    listing: str | None
    """Which partition does."""
    forgotten: datetime | None
    """Of what was before nothing is said: its time was over (`purging`)."""

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, in the order in which it became known."""
        return tuple(event for chapter in self.chapters for event in chapter.events)

    def known_at(self, at: datetime) -> Known:
        """Tell what was known at a moment; raises NotRemembered."""
        self._demand_kept(at)
        chapter = self._chapter(at)
        if past := [each for each in chapter.events if each.known_at <= at]:
            return Known(at=at, entry=past[-1].entry, event=past[-1])
        if not chapter.events:
            return self._unchanged(chapter, at)
        first = chapter.events[0]
        if first.what is What.BASELINE:
            raise _too_early(first.partition, first.known_at)
        chapter.demand_all(at)
        return Known(at=at, entry=None, event=None)

    def in_force_at(self, at: datetime, *, known: datetime) -> Entry | None:
        """Tell what stood against it at a moment, by all that was known at another one.

        A release counts from the thisUpdate of the CRL that no longer lists it; what lapsed was
        in force to the end. None is good. Raises NotRemembered.
        """
        self._demand_kept(at)
        last = self.known_at(known)
        stretches: list[tuple[datetime, Entry | None]] = []
        past = [each for each in self.events if each.known_at <= known]
        for each in past:
            if each.what is What.CORRECTED and stretches:
                stretches.pop()
            if each.entry is not None:
                _begin(stretches, each.entry.revoked_at, each.entry)
            elif each.what is What.RELEASED:
                _begin(stretches, each.this_update or each.known_at, None)
        chapter = self._chapter(known)
        if not past or past[-1] not in chapter.events:
            gap = self._followed_until(past), chapter.began_at
            _bridge(stretches, last.entry, gap, at)
        reached = [entry for begin, entry in stretches if begin <= at]
        return reached[-1] if reached else None

    def _followed_until(self, past: Sequence[Event]) -> datetime | None:
        """Return when the index was followed last in which the last of these events was heard."""
        heard = (each for each in self.chapters if past and past[-1] in each.events)
        return next((each.ended_at for each in heard), None)

    def _demand_kept(self, at: datetime) -> None:
        if self.forgotten and at < self.forgotten:
            since = self.forgotten.isoformat()
            raise NotRemembered(f"what happened before {since} was kept until its time was over")

    def _chapter(self, at: datetime) -> Chapter:
        found = next((each for each in reversed(self.chapters) if each.covers(at)), None)
        if found is None and not self.chapters:
            raise NotRemembered("the history has never heard of its issuer")
        if found is None:
            begin = self.chapters[-1].began_at.isoformat()
            raise NotRemembered(
                f"no index was followed at that moment; this one is since {begin}. "
                "`files as-of` has the CRLs of then"
            )
        return found

    def _unchanged(self, chapter: Chapter, at: datetime) -> Known:
        """Say what the index says: nothing has happened since the first CRL of its partition."""
        if chapter.ended_at is not None and not chapter.complete:
            raise NotRemembered("the index of then is gone; `files as-of` has its CRLs")
        if chapter.complete or self.entry is None:
            chapter.demand_all(at)
            return Known(at=at, entry=None, event=None)
        named = (each for each in reversed(chapter.places) if each.partition == self.listing)
        place = next(named, None)
        if place is None or place.baseline_at is None:
            raise NotRemembered("the index lists it, and the history never heard of that CRL")
        if place.baseline_at <= at:
            return Known(at=at, entry=self.entry, event=None)
        if place.expected_at <= at:
            raise _too_early(place.partition, place.baseline_at)
        chapter.demand_all(at)
        return Known(at=at, entry=None, event=None)


def _begin(
    stretches: list[tuple[datetime, Entry | None]], begin: datetime, entry: Entry | None
) -> None:
    """Let a new state hold from a moment on, whatever was said of later ones."""
    while stretches and stretches[-1][0] >= begin:
        stretches.pop()
    stretches.append((begin, entry))


def _bridge(
    stretches: list[tuple[datetime, Entry | None]],
    listed: Entry | None,
    gap: tuple[datetime | None, datetime],
    at: datetime,
) -> None:
    """Go on to what an index lists of which no event tells since it was followed."""
    before = stretches[-1][1] if stretches else None
    ended, begun = gap
    if listed is not None and listed != before:
        _begin(stretches, listed.revoked_at, listed)
    if listed is None and before and before.reason is Reason.CERTIFICATE_HOLD:
        if ended and ended < at < begun:
            raise NotRemembered("it was released at a time at which no index was followed")
        _begin(stretches, begun, None)


def _too_early(partition: str, since: datetime | None) -> NotRemembered:
    when = "none has come" if since is None else f"the first came at {since.isoformat()}"
    return NotRemembered(f"of the partition {partition or '(complete CRL)'} {when}")
