"""The revocation index as the responder sees it: one generation for one question.

Protocols, and the one way in. How the index lies on disk is `index`'s business.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from tashika_server.index import Change, Finding

__all__ = ["Index", "Sight", "View"]


class View(Protocol):
    """The index as it stood at one generation; does not change while it is held."""

    @property
    def generation(self) -> int:
        """Return the number of the last change that this view contains."""
        ...

    @property
    def lineage(self) -> object:
        """Return whose generations these are: another object once another index is there."""
        ...

    def find(self, fingerprint: bytes, serial: int) -> Finding:
        """Look one certificate of one issuer up; never raises for a serial of any size."""
        ...

    def changes(self, *, after: int) -> Sequence[Change] | None:
        """Return what changed after a generation; None where that is no longer known."""
        ...


class Index(Protocol):
    """The revocation index. Snapshots may be held by many at once."""

    def snapshot(self) -> AbstractContextManager[View]:
        """Open the newest generation; raises IndexMissing while there is none to read."""
        ...


class Sight:
    """The index for the length of one turn: shut until somebody looks, then one generation.

    Whoever is refused before that has had nothing looked up. Raises IndexMissing, on the way
    out too, where the index turns out to be unreadable.
    """

    __slots__ = ("_index", "_snapshot", "_view")

    def __init__(self, index: Index) -> None:
        self._index = index
        self._snapshot: AbstractContextManager[View] | None = None
        self._view: View | None = None

    def view(self) -> View:
        """Return what the index held at the first look; raises IndexMissing."""
        if self._view is None:
            snapshot = self._index.snapshot()
            self._view = snapshot.__enter__()
            self._snapshot = snapshot
        return self._view

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._snapshot is not None:
            self._snapshot.__exit__(kind, raised, trace)
