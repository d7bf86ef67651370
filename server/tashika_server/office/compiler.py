"""Keeps the workers' copy of the agreements equal to the book, and says how old it is.

Not for what the copy says (`agreements.compiling`), nor for believing it (`agreements.snapshot`).
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from cryptography import x509

from tashika.pki.errors import TashikaError
from tashika_server.agreements import registry
from tashika_server.agreements.compilation import Compilation
from tashika_server.agreements.compromise_file import Compromised, write_compromises
from tashika_server.agreements.compromises import Compromise
from tashika_server.agreements.snapshot import write_lines
from tashika_server.book import Book
from tashika_server.clock import Clock
from tashika_server.door import Answer
from tashika_server.log import get_log
from tashika_server.office.bulletin import public_notices, publish

__all__ = ["Compiler", "CompilerParts"]

log = get_log()

LOOK_EVERY = timedelta(seconds=1)
"""How soon a change made on another machine is seen; a suspension must bite within two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompilerParts:
    """What the compiler works with."""

    book: Book
    snapshot: Path
    """The file that it writes and the workers read."""
    compromises: Path
    """The file of compromised keys, for the same readers."""
    issuers: Mapping[bytes, x509.Certificate]
    """The issuers that are served, by fingerprint, for the public notices."""
    stamp_every: timedelta
    """How often the file is renewed while nothing changes; well below what workers believe."""
    clock: Clock


class Compiler:
    """The one writer of the snapshot of a machine. For one event loop."""

    def __init__(self, parts: CompilerParts, bench: ThreadPoolExecutor) -> None:
        self._parts = parts
        self.compromises_changed = asyncio.Event()
        """Set when other keys are compromised than before; for who shows that, who clears it."""
        self._bench = bench
        self._compilation = Compilation()
        self._compromises: tuple[Compromise, ...] | None = None
        """What the file says; None while nobody has written it here."""
        self._due = False
        """Whether something was compiled that the file does not have yet."""
        self._stamp_at = 0.0
        self._trouble: str | None = None

    @classmethod
    @contextmanager
    def of(cls, parts: CompilerParts) -> Iterator[Self]:
        """Lend a compiler; what it is writing at the end is finished."""
        with ThreadPoolExecutor(1, "compiler") as bench:  # one thread: looks take turns
            yield cls(parts, bench)

    async def keep(self) -> None:
        """Look for changes forever; whatever is wrong with the book, go on."""
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            await self.look()

    async def look(self) -> Answer:
        """Compile what has changed before this call; tells up to which entry, or the error."""
        before = self._compromises or ()
        answer = await asyncio.get_running_loop().run_in_executor(self._bench, self._look)
        if before != (self._compromises or ()):
            self.compromises_changed.set()
        return answer

    def _look(self) -> Answer:
        try:
            self._update()
        except (TashikaError, OSError, ValueError, LookupError) as wrong:
            # T4, T40: the file stays as it is, and its age tells the workers when to stop.
            if self._trouble is None:
                log.warning("agreements_not_compiled", reason=str(wrong))
            self._trouble = str(wrong)
            return {"error": self._trouble}
        if self._trouble is not None:
            log.info("agreements_compiled_again")
            self._trouble = None
        return self._standing()

    def _update(self) -> None:
        at = self._parts.clock.now()
        with self._parts.book.reading() as connection:
            self._due |= self._compilation.update(connection, at)
            compromises = registry.compromises(connection)
        # First: agreements that are renewed say that the workers know of every compromise.
        self._tell_of(compromises)
        if not self._due and time.monotonic() < self._stamp_at:
            return
        write_lines(self._parts.snapshot, self._compilation.lines, compiled_at=at)
        self._stamp_at = time.monotonic() + self._parts.stamp_every.total_seconds()
        if self._due:
            log.info("agreements_compiled", **self._standing())
        self._due = False

    def _tell_of(self, compromises: tuple[Compromise, ...]) -> None:
        path = self._parts.compromises
        if compromises == self._compromises and path.exists():
            return
        standing = [each for each in compromises if each.withdrawn_at is None]
        write_compromises(
            path,
            (
                Compromised(id=each.id, fingerprint=each.fingerprint, since=each.since)
                for each in standing
            ),
        )
        notices = public_notices(compromises, self._parts.issuers)
        publish(path.parent, notices, at=self._parts.clock.now())
        self._compromises = compromises
        log.info("compromises_told", keys=len(standing))

    def _standing(self) -> Answer:
        return {"agreements": len(self._compilation), "entry": self._compilation.entry}
