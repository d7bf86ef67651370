"""How old the newest revocation data is, watched by a process that does not fetch it (T3, T13).

The index says until when each CRL holds, so a refresher that hangs, or is dead, is noticed here
all the same. Not for doing anything about it: `doctor` names the remedy.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from tashika_server.agreements.compromise_file import CompromisesUnreadable
from tashika_server.clock import Clock
from tashika_server.index import Coverage, IndexMissing, IndexReader, Mark, Snapshot
from tashika_server.issuer import Issuer
from tashika_server.log import get_log
from tashika_server.metrics import Level

__all__ = [
    "ALARM_AT",
    "Age",
    "FreshnessParts",
    "FreshnessWatch",
    "Stage",
    "age_of",
    "ages",
    "keep_watching_freshness",
    "spent",
]

log = get_log()


LOOK_EVERY = timedelta(seconds=30)
"""A freshness budget is hours; the index of a hundred issuers is looked through in milliseconds."""
ALARM_AT = 0.5
"""The part of the time from thisUpdate to nextUpdate that may pass before somebody is told (T3)."""

_spent = Level(
    "tashika_freshness_spent_ratio",
    "The part of its time that the oldest CRL of an issuer has used up; 1 is past nextUpdate.",
    label="issuer",
)
_late = Level("tashika_crls_late", "CRLs that have used up half of their time.", label="issuer")


class Stage(IntEnum):
    """How an issuer's revocation data stands; the worst of its CRLs counts."""

    FRESH = 0
    AGEING = 1
    """Half of the freshness budget is spent."""
    EXPIRED = 2
    """Past nextUpdate: nothing is said of what it covers."""
    MISSING = 3
    """A configured CRL has never arrived (T15)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How one issuer's revocation data stands at an instant."""

    issuer: str
    stage: Stage
    spent: float
    """The part of its time that the oldest CRL has used up; 1 and more is past nextUpdate."""
    late: tuple[str, ...] = ()
    """The partitions whose CRLs have used up half of their time."""
    missing: tuple[str, ...] = ()
    """The partitions of which no CRL was ever taken in."""
    next_update: datetime | None = None
    """When the first of its CRLs runs out, or ran out."""


def spent(crl: Mark | Coverage, at: datetime) -> float:
    """Return the part of a CRL's time that has passed: 0 at thisUpdate, 1 at nextUpdate."""
    return (at - crl.this_update) / (crl.next_update - crl.this_update)


def ages(view: Snapshot, issuers: Iterable[Issuer], *, at: datetime) -> Iterator[Age]:
    """Tell how each issuer's data stands; only what may be late is read CRL by CRL."""
    for issuer in issuers:
        coverage = view.coverage(issuer.identity.fingerprint)
        # A push feed keeps the coverage young, and CRLs grow old all the same.
        has_feed = view.feed(issuer.identity.fingerprint) is not None
        if coverage is not None and not has_feed and spent(coverage, at) < ALARM_AT:
            yield Age(
                issuer=issuer.name,
                stage=Stage.FRESH,
                spent=spent(coverage, at),
                next_update=coverage.next_update,
            )
        else:
            yield age_of(view, issuer, at=at)


def age_of(view: Snapshot, issuer: Issuer, *, at: datetime) -> Age:
    """Tell how an issuer's data stands, of all the CRLs that are configured."""
    marks = view.marks(issuer.identity.fingerprint)
    missing = tuple(each.name for each in issuer.partitions if each.name not in marks)
    worst = max((spent(mark, at) for mark in marks.values()), default=1.0)
    stage = Stage.EXPIRED if worst >= 1 else Stage.AGEING if worst >= ALARM_AT else Stage.FRESH
    return Age(
        issuer=issuer.name,
        stage=Stage.MISSING if missing else stage,
        spent=worst,
        late=tuple(sorted(name for name, mark in marks.items() if spent(mark, at) >= ALARM_AT)),
        missing=missing,
        next_update=min((mark.next_update for mark in marks.values()), default=None),
    )


Show = Callable[[tuple[Age, ...]], None]
"""Shows what was found to whoever may see it; may raise OSError and CompromisesUnreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessParts:
    """What the watch works with."""

    index: IndexReader
    issuers: tuple[Issuer, ...]
    clock: Clock


@dataclass(slots=True)
class FreshnessWatch:
    """Says once when an issuer's data gets worse, and once when it is well again."""

    parts: FreshnessParts
    known: dict[str, Stage] = field(default_factory=dict)
    has_index: bool = True

    def look(self) -> tuple[Age, ...]:
        """Look at every issuer, set the metrics and log what has changed."""
        try:
            with self.parts.index.snapshot() as view:
                found = tuple(ages(view, self.parts.issuers, at=self.parts.clock.now()))
        except IndexMissing as missing:
            if self.has_index:
                log.error("freshness_unknown", reason=str(missing))  # noqa: TRY400 - no fault of ours
            self.has_index = False
            return ()
        self.has_index = True
        for age in found:
            _spent.show(age.issuer, age.spent)
            _late.show(age.issuer, len(age.late))
            self._tell(age)
        return found

    def _tell(self, age: Age) -> None:
        before = self.known.get(age.issuer, Stage.FRESH)
        self.known[age.issuer] = age.stage
        if age.stage is before:
            return
        facts = {
            "issuer": age.issuer,
            "spent": round(age.spent, 2),
            "late": len(age.late),
            "missing": len(age.missing),
            "next_update": age.next_update and age.next_update.isoformat(),
        }
        match age.stage:
            case Stage.FRESH:
                log.info("crls_fresh_again", **facts)
            case Stage.AGEING:
                log.warning("crls_ageing", **facts, see="doctor")
            case Stage.EXPIRED:
                log.error("crls_expired", **facts, see="doctor")
            case Stage.MISSING:
                log.error("crls_missing", **facts, see="doctor")


async def keep_watching_freshness(
    parts: FreshnessParts, show: Show, *, sooner: asyncio.Event
) -> None:
    """Look forever, and have each look shown; not before a first load has had its time.

    `sooner` has the next look taken at once.
    """
    watch = FreshnessWatch(parts)
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(sooner.wait(), LOOK_EVERY.total_seconds())
        sooner.clear()
        found = await asyncio.to_thread(watch.look)
        try:
            await asyncio.to_thread(show, found)
        except (OSError, CompromisesUnreadable) as wrong:
            log.warning("status_not_shown", reason=str(wrong))
