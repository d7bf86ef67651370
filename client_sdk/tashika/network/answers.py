"""Verified answers that may be used again, and failures that are not repeated at once.

What is here was verified when it came, with its nonce; how fresh it still is, its times say. An
answer from a Cache is verified again from its first byte: a cache file can be lost, cut or
forged, but it cannot make anything good.
"""

import random
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from tashika.errors import AnswerRefused
from tashika.network.recent import Recent
from tashika.network.settings import CachePolicy
from tashika.network.subjects import Known
from tashika.ocsp import CheckedAnswer, verify_answers
from tashika.pki.standing import Revoked, Unknown
from tashika.policy import Policy
from tashika.report import Report

_HEAD = struct.Struct(">BqBH")
_FORM = 1
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Cache(Protocol):
    """Keeps answers outside of a client, for its next start or for other processes.

    Either method returns at once and raises nothing; what cannot be kept or
    found is lost. Several clients, in threads of their own, may share one.
    ``name`` is a bare hash of a serial that may be small, and ``value`` holds
    the serial in clear: write down neither as it is (:class:`Seal`).
    """

    def load(self, name: bytes) -> bytes | None:
        """Return what was last stored under a name, if it is still there."""
        ...

    def store(self, name: bytes, value: bytes, *, until: datetime) -> None:
        """Keep a value, of no use after ``until``."""
        ...


class Remembered(NamedTuple):
    """An answer, and between which times it is used without asking."""

    answer: CheckedAnswer
    source: str
    since: datetime
    renew: datetime
    """From then on a use renews it."""
    until: datetime


class Arrived(NamedTuple):
    """An answer as it came."""

    body: bytes
    nonce: bytes | None
    source: str
    at: datetime


class Answers:
    """What one client remembers; recall() is for any thread."""

    def __init__(
        self,
        limits: CachePolicy,
        policy: Policy,
        *,
        cache: Cache | None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._limits, self._policy, self._cache = limits, policy, cache
        self._chance = chance
        self._answers: Recent[Remembered] = Recent(limits.entries)
        self._failures: Recent[tuple[datetime, Report]] = Recent(limits.entries)

    def recall(self, key: bytes, at: datetime) -> Remembered | None:
        """Return an answer from memory that may be used now."""
        found = self._answers.get(key)
        return found if found and found.since <= at < found.until else None

    def load(self, known: Known, at: datetime) -> Remembered | None:
        """Return an answer from memory or from the cache that may be used now."""
        if (held := self.recall(known.key, at)) is not None:
            return held
        found, before = self._verified(known, at), self._answers.get(known.key)
        if found is None or (before and _undoes(found.answer, before.answer)):
            return None
        self._answers.put(known.key, found)
        return self.recall(known.key, at)

    def keep(self, known: Known, answer: CheckedAnswer, arrived: Arrived) -> Remembered:
        """Remember an answer that was just verified, and return what holds now.

        That is the answer, or a revocation of newer data that was known
        before: a responder that lags behind must not undo it. "Unknown" is
        no answer to rely on, and is not remembered as one.
        """
        for before in (self._answers.get(known.key), self._verified(known, arrived.at)):
            if before and _undoes(answer, before.answer):
                return before
        kept = self._bounded(answer, arrived)
        if not isinstance(answer.standing, Unknown):
            self._failures.drop(known.key)
            self._answers.put(known.key, kept)
            if self._cache:
                self._cache.store(known.key, _written(arrived), until=kept.until)
        return kept

    def keep_failure(self, known: Known, report: Report) -> None:
        """Remember for a moment that nobody knew."""
        patience = self._limits.failures * (0.5 + self._chance())
        if patience:
            self._failures.put(known.key, (report.at + patience, report))

    def recall_failure(self, key: bytes, at: datetime) -> Report | None:
        """Return the report of a failure a moment ago, as of now; never a good one."""
        failed = self._failures.get(key)
        if failed is None:
            return None
        until, report = failed
        return replace(report, at=at, remembered=True) if report.at <= at < until else None

    def _verified(self, known: Known, at: datetime) -> Remembered | None:
        """Read an answer from the cache and verify all of it again."""
        value = self._cache.load(known.key) if self._cache else None
        arrived = _read(value) if value else None
        if arrived is None or arrived.at > at:
            return None
        try:
            (outcome,) = verify_answers(
                arrived.body, [known.subject], nonce=arrived.nonce, policy=self._policy, at=at
            )
        except AnswerRefused:
            return None
        return None if isinstance(outcome, AnswerRefused) else self._bounded(outcome, arrived)

    def _bounded(self, answer: CheckedAnswer, arrived: Arrived) -> Remembered:
        since, of = arrived.at, answer.this_update
        ends = [since + self._limits.max_age, of + self._policy.max_age]
        until = min(ends if answer.next_update is None else [*ends, answer.next_update])
        last_part = (until - since) * self._limits.refresh_ahead
        renew = until - last_part * self._chance()
        return Remembered(answer, arrived.source, since, renew, until)


def _undoes(now: CheckedAnswer, before: CheckedAnswer) -> bool:
    """Tell whether an answer that is no revocation stands against a newer one that is."""
    if isinstance(now.standing, Revoked) or not isinstance(before.standing, Revoked):
        return False
    return (now.this_update, now.produced_at) <= (before.this_update, before.produced_at)


def _written(arrived: Arrived) -> bytes:
    nonce, source = arrived.nonce or b"", arrived.source.encode()
    at = (arrived.at - _EPOCH) // _MICROSECOND
    return _HEAD.pack(_FORM, at, len(nonce), len(source)) + nonce + source + arrived.body


def _read(value: bytes) -> Arrived | None:
    try:
        form, at, nonce, source = _HEAD.unpack_from(value)
        if form != _FORM:
            return None
        end = _HEAD.size + nonce
        return Arrived(
            body=value[end + source :],
            nonce=value[_HEAD.size : end] or None,
            source=value[end : end + source].decode(),
            at=_EPOCH + at * _MICROSECOND,
        )
    except (struct.error, ValueError, OverflowError):
        return None
