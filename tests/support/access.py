"""A responder that is closed: a bank may ask it, by whatever its agreement says.

    with closed(tmp_path) as counter, counter.live() as port: ...

The agreement is replaced with `counter.agree(...)`, as the office would: by a new snapshot file.
Made at AT; the clock stands still unless a test moves `counter.clock`.
"""

import contextlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from support import asking, verifiers
from support.asking import AT, Counter
from support.clock import FakeClock
from tashika.pki.profile import Family
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.replay import ReplayMemory
from tashika_server.agreements.scan import ScanAlarm, ScanWatch
from tashika_server.agreements.snapshot import Snapshot, SnapshotWatcher, write_snapshot
from tashika_server.agreements.terms import Environment, Grant, Method, Terms
from tashika_server.issuer import Issuer
from tashika_server.responder import Asker, ByAgreement, ClientStandings, Desk

SECRET = "bank-token"
AUTHORIZATION = f"Authorization: Bearer {SECRET}"
BANK = Asker(Presented(ip_address("127.0.0.1"), token=verifiers.TOKEN))
GRANT = Grant(family=Family.USER_AUTH, method=Method.OCSP)


def terms(**changes: Any) -> Terms:
    """Make the bank's agreement: it may ask for the issuer of `asking` by OCSP."""
    return verifiers.terms(**({"grants": (GRANT,)} | changes))


def terms_of_today(now: datetime, **changes: Any) -> Terms:
    """Make an agreement without limits to speak of, for who cannot turn the clock to AT."""
    life = {"valid_from": now - verifiers.DAY, "valid_to": now + verifiers.DAY}
    token = verifiers.credential(**life)
    able = {"rate": 1e6, "burst": 1_000_000, "credentials": (token,)}
    return terms(**(able | life | changes))


@dataclass(kw_only=True, eq=False)
class ClosedCounter:
    """A desk behind a gate."""

    counter: Counter
    desk: Desk
    path: Path
    replays: ReplayMemory
    alarms: list[ScanAlarm]
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT))

    @property
    def issuer(self) -> Issuer:
        return self.counter.issuer

    def question(self, *serials: int, **how: Any) -> bytes:
        return self.counter.question(*serials, **how)

    def agree(self, *agreements: Terms, at: datetime | None = None) -> None:
        """Put agreements in force; seen once the clock has moved on by a second."""
        snapshot = Snapshot(compiled_at=at or self.clock.now(), agreements=agreements)
        write_snapshot(self.path, snapshot)

    def live(self, **how: Any) -> AbstractContextManager[int]:
        return asking.live(self.desk, **({"clock": self.clock} | how))


@contextmanager
def closed(directory: Path, *agreements: Terms, **how: Any) -> Iterator[ClosedCounter]:
    """Open a desk behind a gate; without agreements the bank's usual one is in force."""
    counter = asking.open_counter(directory, **how)
    path = directory / "agreements"
    alarms: list[ScanAlarm] = []
    with contextlib.ExitStack() as opened:
        buckets = Buckets(directory / "limits", workers=1, monotonic=time.monotonic)
        opened.callback(buckets.close)
        replays = ReplayMemory.open(directory, keep=timedelta(days=1), most=100)
        opened.callback(replays.close)
        watcher = SnapshotWatcher(path, max_age=timedelta(hours=1))
        admission = ByAgreement(
            gatehouse=Gatehouse(watcher, environment=Environment.PRODUCTION, buckets=buckets),
            clients=ClientStandings([counter.issuer]),
            replays=replays,
            scans=ScanWatch(salt=1, alarm=alarms.append),
        )
        desk = replace(counter.desk, admission=admission)
        made = ClosedCounter(counter=counter, desk=desk, path=path, replays=replays, alarms=alarms)
        made.agree(*(agreements or (terms(),)))
        yield made
