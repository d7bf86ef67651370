"""Signed questions that were answered: the same one again gets the same answer, and no bill.

A signed question can be caught on the way and sent again by anybody. Within the memory it is
answered with the very bytes of the first time, is marked as a replay, and counts for nothing;
so it can neither run up a bill nor use up a limit.

For a question whose signature holds: recall(); the gate, with no certificates counted if there
was an answer; claim(); the answer, handed over; remember() or release().

How long: with a nonce the signer has promised never to ask the same again, so for `keep`.
Without one an honest client that repeats its question looks just like a replay; it too gets the
earlier answer, but only until that answer's nextUpdate, and only while what that says is so: a
revocation is not masked. Then it is answered anew, as a new question.

Shared by all workers of one machine, in LMDB and without fsync: a restart of the service
forgets nothing, a restart of the machine everything. Bounded: the oldest goes first.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import Struct

import lmdb

from tashika_server.agreements.refusals import AnswerUnderway

__all__ = ["ReplayMemory"]

MOST = 100_000
"""Questions remembered: more than one a second for a day."""

BYTES_EACH = 8192
"""Room for one answer with its pages; 16 answers signed with RSA take 4 kB."""

UNDERWAY = timedelta(seconds=10)
"""After so long a claim without an answer is of a worker that died."""

PRUNED_AT_ONCE = 4
"""Lapsed questions removed with each new one: it shrinks faster than it grows."""

_UNTIL = Struct(">Q")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ReplayMemory:
    """Answers to signed questions by SignedQuestion.identity. Open after fork."""

    def __init__(self, environment: lmdb.Environment, *, keep: timedelta, most: int) -> None:
        self._environment = environment
        self._keep = keep
        self._most = most
        self._answers = environment.open_db(b"answers")  # identity: until, answer
        self._order = environment.open_db(b"order")  # until, identity: nothing

    @classmethod
    def open(cls, run: Path, *, keep: timedelta, most: int = MOST) -> "ReplayMemory":
        """Open the memory in the run directory; raises lmdb.Error.

        What is not synced can be torn by a crash of the machine, but not by one of a process;
        so each boot has its own file, and those of others go.
        """
        path = run / f"replays-{_BOOT_ID.read_text().strip()}"
        for other in run.glob("replays-*"):
            if not other.name.startswith(path.name):
                other.unlink(missing_ok=True)
        return cls(
            lmdb.open(
                str(path),
                map_size=most * BYTES_EACH,
                subdir=False,
                max_dbs=2,
                sync=False,
                mode=0o600,
            ),
            keep=keep,
            most=most,
        )

    def close(self) -> None:
        """Let go of the file."""
        self._environment.close()

    def recall(self, identity: bytes, at: datetime) -> bytes | None:
        """Return the answer that the question had; ask before the gate counts it."""
        with self._environment.begin(self._answers) as transaction:
            return _still_kept(transaction, identity, at) or None

    def claim(self, identity: bytes, at: datetime, *, instead_of: bytes | None = None) -> None:
        """Make a question that the gate let through ours to answer, the first time or anew.

        `instead_of` is the answer that recall() had. Raises AnswerUnderway where it is another's;
        asked again, recall() has its answer. Follow with remember() or release(), which find
        the claim by its `at`: no two claims of one question lapse at the same time.
        """
        with self._environment.begin(self._answers, write=True) as transaction:
            if _still_kept(transaction, identity, at) != instead_of:
                raise AnswerUnderway
            self._prune(transaction, at)
            self._put(transaction, identity, at + UNDERWAY, b"")

    def remember(
        self, identity: bytes, answer: bytes, *, nonce: bytes | None, until: datetime, at: datetime
    ) -> None:
        """Keep the answer to a question that was claimed at `at`; `until` is its nextUpdate.

        Does nothing where the claim has lapsed and the question is another's by now.
        """
        if nonce is not None:
            until = max(until, at + self._keep)
        claim = _claim(at)
        with self._environment.begin(self._answers, write=True) as transaction:
            if transaction.get(identity, claim) == claim:
                self._put(transaction, identity, until, answer)

    def release(self, identity: bytes, at: datetime) -> None:
        """Give up a question that was claimed at `at`: no answer to it was handed over.

        Does nothing where the claim has lapsed and the question is another's by now.
        """
        with self._environment.begin(self._answers, write=True) as transaction:
            if transaction.get(identity) == _claim(at):
                transaction.delete(identity)

    def _put(
        self, transaction: lmdb.Transaction, identity: bytes, until: datetime, answer: bytes
    ) -> None:
        stamp = _UNTIL.pack(_microseconds(until))
        transaction.put(identity, stamp + answer)
        transaction.put(stamp + identity, b"", db=self._order)

    def _prune(self, transaction: lmdb.Transaction, at: datetime) -> None:
        """Remove what has lapsed, and the next to lapse where there are too many."""
        now = _UNTIL.pack(_microseconds(at))
        for _ in range(PRUNED_AT_ONCE):
            with transaction.cursor(self._order) as cursor:
                if not cursor.first():
                    return
                key = bytes(cursor.key())
            stamp, identity = key[: _UNTIL.size], key[_UNTIL.size :]
            if stamp > now and transaction.stat(self._order)["entries"] < self._most:
                return
            transaction.delete(key, db=self._order)
            # A claim that became an answer has two places in the order; the later one counts.
            if bytes(transaction.get(identity, b"")).startswith(stamp):
                transaction.delete(identity)


def _claim(at: datetime) -> bytes:
    """Write what stands for an answer while somebody works at it: until when he may."""
    return _UNTIL.pack(_microseconds(at + UNDERWAY))


def _still_kept(transaction: lmdb.Transaction, identity: bytes, at: datetime) -> bytes | None:
    """Return the answer, empty for a claim; None where there is none or it has lapsed."""
    value = bytes(transaction.get(identity, b""))
    lapsed = not value or _UNTIL.unpack_from(value)[0] <= _microseconds(at)
    return None if lapsed else value[_UNTIL.size :]


def _microseconds(at: datetime) -> int:
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
