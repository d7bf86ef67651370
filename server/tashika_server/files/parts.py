"""Whether a part of a file goes on with one that was handed over, and so is no new provision."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tashika_server.agreements.gate import Permit
from tashika_server.metering.usage import Occasion

__all__ = ["Begun"]

WITHIN = timedelta(days=1)
MOST = 100_000
"""Files that are remembered, the newest: 20 MB."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What was handed over lately, whole or in part, under each agreement. For one event loop.

    Only that counts: of a file that was broken off nothing is charged, so the part that goes on
    with it is the one that is. A restart forgets; a part may then count as a file of its own.
    """

    _at: dict[tuple[str, bytes], datetime] = field(default_factory=dict)

    def occasion(
        self, permit: Permit, digest: bytes, part: range | None, *, at: datetime
    ) -> Occasion:
        """Say how a file, or a part of it, is to be recorded."""
        begun = self._at.get((permit.agreement, digest))
        goes_on = part is not None and part.start and begun and at - begun <= WITHIN
        return Occasion.RETRY if goes_on else Occasion.FRESH

    def handed_over(self, permit: Permit, digest: bytes, *, at: datetime) -> None:
        """Remember it, in place of the oldest if need be."""
        self._at.pop((permit.agreement, digest), None)
        self._at[permit.agreement, digest] = at
        if len(self._at) > MOST:
            del self._at[next(iter(self._at))]
