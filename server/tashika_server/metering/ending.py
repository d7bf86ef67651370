"""How a segment ends as it is read: still open, torn, sealed, or corrupt, and by what harm.

Its writer syncs what it has written before it writes on, and each slot names the place where its
own unsynced writes began (`group`). Hence the two ways in which a slot may be unreadable can be
told apart:

- Nothing that is readable was written after it: the write that brought it was cut off. Nobody
  ever waited for it to the end, so no answer rests on it; the segment is TORN there and is read
  up to there.
- Something after it was: then it was durable once, and has been damaged since. The segment is
  CORRUPT, which a person must look at. So is one with a gap in its numbers or a wrong digest.

With durability `os` nothing is synced and a power cut may do the second by itself; that too is
for a person, because answers may rest on what is lost.
"""

from dataclasses import dataclass
from enum import StrEnum

from tashika_server.metering.record import Seal

__all__ = ["End", "Harm", "Verdict"]


class Verdict(StrEnum):
    """How a segment ends."""

    EMPTY = "empty"
    """Nothing was ever written to it."""
    OPEN = "open"
    """Only zeros follow; its writer may go on."""
    TORN = "torn"
    """What was written last is not whole. While its writer lives: not yet."""
    SEALED = "sealed"
    """Whole, with the right digest."""
    CORRUPT = "corrupt"
    """Not as any writer or any crash leaves it; nothing beyond may be counted."""


class Harm(StrEnum):
    """What is wrong with a journal; names an alarm."""

    DAMAGED = "damaged"
    """A slot is unreadable, or bytes lie where nothing was written."""
    GAP = "gap"
    """Numbers, times or groups do not follow each other."""
    DIGEST = "digest"
    """The seal's digest or count is not that of the segment."""
    STRANGE = "strange"
    """The checksums hold, but no writer of this version says so."""
    FOREIGN = "foreign"
    """The file belongs elsewhere."""
    CUT = "cut"
    """The file does not have its length."""
    UNSEALED = "unsealed"
    """The next segment was begun, and this one has no seal."""
    MISSING = "missing"
    """A file or directory is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Why reading a segment ended where it did."""

    verdict: Verdict
    seal: Seal | None = None
    """Of a SEALED one."""
    harm: Harm | None = None
    """Of a CORRUPT one."""
    detail: str = ""
    """What is wrong, for a person."""
