"""Who is told of each generation before it is committed, so that nothing of it is lost.

The index lists at most 10,000 serials a generation, and never what an entry was before: whoever
keeps a history must hear it from the writer. Not for telling readers (`Snapshot.changes`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tashika_server.index.values import Entry, Publication

__all__ = ["Historian"]


class Historian(Protocol):
    """Hears of every generation, in order, within its transaction and before its commit.

    On return what was told is durable. Whatever it raises undoes the transaction. A generation
    that is told again, or one that is smaller than the last, means that the former never came
    to be. Not from two threads.
    """

    def keep(self, generation: int, published: Sequence[Publication]) -> None:
        """Hear what one commit publishes, whose last generation this is.

        Each publication is a generation of its own; there is none where it is a register's.
        """
        ...

    def expect(
        self,
        generation: int,
        fingerprint: bytes,
        partitions: Collection[str],
        leaving: Mapping[str, Sequence[Entry]],
    ) -> None:
        """Hear that these partitions are expected now, and what those listed that go."""
        ...
