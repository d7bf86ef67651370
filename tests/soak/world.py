"""A lab that is closed, with three verifiers who ask as much as they like.

One has receipts, so each of its answers can be looked up; one has none, so it shares the cache;
the third breaks connections off.
"""

from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from random import Random

import tashika_server.cli
from benchmarks.load.population import Population, Standing, of_lab
from soak.callers import Caller
from soak.questions import Questions
from support.lab import FAST
from support.scene import arrange
from tashika.pki.profile import Family
from tashika_server.lab import Access, found_world

VERIFIERS = {"bank": "A-000001", "ministry": "A-000002", "platform": "A-000003"}
RECEIPTS, BREAKS = "bank", "ministry"
PLENTY = 10**9
"""Of a limit that is not to be reached."""
NEVER_ISSUED = range(10**9, 10**9 + 10_000)
PEOPLE = 60
HELD_ONE_IN = 3


def found(directory: Path, *, workers: int, seed: int) -> Path:
    """Make the world and its agreements; return the configuration."""
    order = replace(FAST, access=Access.CLOSED, people=PEOPLE, seed=seed)
    with found_world(directory, order, at=datetime.now(UTC)) as world:
        cards = [one for one in world.certificates() if one.family is Family.USER_AUTH]
        for card in cards[::HELD_ONE_IN]:
            world.hold(card, at=datetime.now(UTC))
        world.publish(at=datetime.now(UTC))
    arrange(directory, ("workers = 1", f"workers = {workers}"))
    config = directory / "tashika.toml"
    for name, agreement in VERIFIERS.items():
        limits = ["--rate", str(PLENTY), "--burst", str(PLENTY), "--daily", "none"]
        receipts = "yes" if name == RECEIPTS else "no"
        words = ["agreement", "change", str(config), agreement, *limits, "--receipts", receipts]
        with redirect_stdout(StringIO()):
            assert tashika_server.cli.main(words) == 0
    return config


def callers(directory: Path, path: str, *, seed: int, sample: int) -> list[Caller]:
    """Return the three, who ask about everybody there is, and about some who are not."""
    populations = list(_with_unknown(of_lab(directory)))
    return [
        Caller(
            name=name,
            agreement=agreement,
            questions=Questions(
                path=path,
                token=(directory / "verifiers" / f"{name}.token").read_text().strip(),
                populations=populations,
                chance=Random(f"{seed}/{name}"),
            ),
            receipts=name == RECEIPTS,
            breaks=name == BREAKS,
            sample=sample,
        )
        for name, agreement in VERIFIERS.items()
    ]


def _with_unknown(populations: Sequence[Population]) -> Iterable[Population]:
    """Give those of which somebody is revoked, each with serials that were never issued."""
    for each in populations:
        if each.serials.get(Standing.REVOKED):
            serials = {**each.serials, Standing.UNKNOWN: [NEVER_ISSUED]}
            yield Population(issuer=each.issuer, serials=serials)
