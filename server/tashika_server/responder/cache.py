"""Answers that are given again: those to questions without a nonce.

One is kept under its whole question, so under the very CertIDs and signature algorithms that were
asked for, and only until something it says has changed: before each turn the cache follows the
index to the generation of that turn, by its change list. So a revocation is never masked, not
for one answer after the commit, and a SHA-256 question never has a SHA-1 answer.

Who may have an answer is not decided here, and each that is given again is metered as any other.
"""

from datetime import datetime, timedelta

from tashika_server.responder.given import Answer
from tashika_server.responder.sight import View

__all__ = ["AnswerCache"]

MOST = 16_384
"""Answers kept in one worker, 1 to 2 kB each; beyond it the oldest goes first."""
MOST_BEHIND = 64
"""Generations that are followed one by one: 10,000 serials of one take 2 ms to read."""
KEEP_FOR = timedelta(minutes=1)
"""However long it would hold: its producedAt is not to look forgotten."""


class AnswerCache:
    """The answers of one worker. For one thread."""

    def __init__(self, *, most: int = MOST, keep_for: timedelta = KEEP_FOR) -> None:
        self._most, self._keep_for = most, keep_for
        self._kept: dict[bytes, tuple[Answer, datetime, datetime]] = {}
        """By question; each from when until when it may be given."""
        self._questions: dict[tuple[bytes, int], set[bytes]] = {}
        """By the fingerprint of the issuer and the serial that they ask about."""
        self._generation = 0
        self._lineage: object = None
        self._edition = 0

    def follow(self, view: View, edition: int) -> bool:
        """Forget what is not so any more in this generation, or was signed before this edition.

        True if there was nothing to follow: then what was found before may be given.
        """
        generation, lineage = view.generation, view.lineage
        same = lineage is self._lineage and edition == self._edition
        if same and generation == self._generation:
            return True
        if self._kept:
            near = same and 0 < generation - self._generation <= MOST_BEHIND
            changes = view.changes(after=self._generation) if near else None
            if changes is None:
                self.clear()
            else:
                for change in changes:
                    self._forget(change.fingerprint, change.serials)
        self._generation, self._lineage, self._edition = generation, lineage, edition
        return False

    def find(self, question: bytes, at: datetime) -> Answer | None:
        """Return the answer that this very question has had."""
        kept = self._kept.get(question)
        if kept is None:
            return None
        answer, since, until = kept
        # A clock that was put back must not give, nor keep, what was made in its future.
        if not since <= at < until:
            self._drop(question)
            return None
        return answer

    def keep(self, question: bytes, answer: Answer, at: datetime) -> None:
        """Keep an answer that anybody may have who may ask; of the generation followed last."""
        if answer.generation != self._generation:
            return
        if len(self._kept) >= self._most:
            self._drop(next(iter(self._kept)))
        until = min(answer.next_update, answer.signer.not_after, at + self._keep_for)
        self._kept[question] = answer, at, until
        for place in _places(answer):
            self._questions.setdefault(place, set()).add(question)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._questions.clear()

    def _forget(self, fingerprint: bytes, serials: tuple[int, ...] | None) -> None:
        """Forget what is said of these certificates; None: of all that this issuer issued."""
        if serials is None:
            places = [each for each in self._questions if each[0] == fingerprint]
        else:
            places = [(fingerprint, serial) for serial in serials]
        for place in places:
            for question in tuple(self._questions.get(place, ())):
                self._drop(question)

    def _drop(self, question: bytes) -> None:
        answer = self._kept.pop(question)[0]
        for place in _places(answer):
            if alike := self._questions.get(place):
                alike.discard(question)
                if not alike:
                    del self._questions[place]


def _places(answer: Answer) -> set[tuple[bytes, int]]:
    fingerprint = answer.served.fingerprint
    return {(fingerprint, each.serial) for each in answer.question.cert_ids}
