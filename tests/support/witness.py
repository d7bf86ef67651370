"""A witness: publishes and asks without pause, and judges every answer by what was published.

    with Witness(scene, cards) as witness:
        scene.service.kill("refresher")
        witness.wait_for_acknowledgement()
    silent = witness.judge()

An answer is right if some publication said so that had begun when the answer was heard, and
that no other had replaced for certain when the question was asked.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Self

from support.scene import PATIENT, Scene, now
from support.service import wait_until
from tashika import BreakerLimits, Cause, Client, Policy, Status
from tashika.pki.standing import Good
from tashika_server.lab import Cause as LegalCause
from tashika_server.lab import Certificate, World
from tashika_server.refresh.control import notify

UNDAUNTED = Policy(deadlines=PATIENT.deadlines, breaker=BreakerLimits(failures=10**9))
NEVER = float("inf")
PAUSE = 0.01
"""Seconds, without which the two threads would leave no time to the service."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one certificate, and between which two moments."""

    serial: int
    asked: float
    heard: float
    cause: Cause


@dataclass(slots=True)
class Publication:
    """What the issuer says from a moment on."""

    begun: float
    standings: dict[int, Status]
    acknowledged: float = NEVER
    """When the service had it for certain: it told us so."""


class Witness:
    """One thread publishes changes to the cards, user-authentication all; one asks about them."""

    def __init__(self, scene: Scene, cards: Sequence[Certificate]) -> None:
        self.directory = scene.directory
        self.url = scene.url
        """Who is asked; may change."""
        self.answers: list[Answer] = []
        self._cards = {card.serial: card for card in cards}
        self._issuer = scene.issuer_file(cards[0]).read_bytes()
        standings = {serial: scene.truth(card) for serial, card in self._cards.items()}
        self._publications = [Publication(0, standings, time.monotonic())]
        self._over = threading.Event()
        self._stumbled: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._see_to, args=(work,))
            for work in (self._publish, self._ask)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_acknowledgement(self) -> None:
        """Wait until the service has taken in something that is published from now on."""
        since = time.monotonic()
        wait_until(
            lambda: any(
                one.begun > since and one.acknowledged < NEVER for one in self._publications[-3:]
            ),
            f"something taken in {self._stumbled}",
        )

    def judge(self) -> list[Answer]:
        """Fail if an answer was wrong or a thread stumbled; return the questions left open."""
        assert not self._stumbled, self._stumbled
        silent = [one for one in self.answers if one.cause.status is Status.UNDETERMINED]
        wrong = [
            one
            for one in self.answers
            if one not in silent and one.cause.status not in self._right(one)
        ]
        assert not wrong
        return silent

    def _right(self, answer: Answer) -> set[Status]:
        replaced = [
            number
            for number, one in enumerate(self._publications)
            if one.acknowledged <= answer.asked
        ]
        return {
            one.standings[answer.serial]
            for one in self._publications[replaced[-1] :]
            if one.begun <= answer.heard
        }

    def _see_to(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as stumbled:  # noqa: BLE001 - told of by judge, in the test's thread
            self._stumbled.append(stumbled)

    def _publish(self) -> None:
        chance = Random(4)
        with World.open(self.directory) as world:
            while not self._over.is_set():
                _change(world, chance.choice(list(self._cards.values())), chance)
                standings = {serial: _status(world, card) for serial, card in self._cards.items()}
                published = Publication(time.monotonic(), standings)
                self._publications.append(published)
                world.publish(at=now())
                if _is_taken_in(self.directory / "run"):
                    published.acknowledged = time.monotonic()
                self._over.wait(PAUSE)

    def _ask(self) -> None:
        while not self._over.is_set():
            url = self.url
            with Client(url, policy=UNDAUNTED) as client:
                while url == self.url and not self._over.is_set():
                    for card in self._cards.values():
                        self._check(client, card)

    def _check(self, client: Client, card: Certificate) -> None:
        asked = time.monotonic()
        report = client.check(card.der, self._issuer)
        self.answers.append(Answer(card.serial, asked, time.monotonic(), report.cause))
        self._over.wait(PAUSE)


def _change(world: World, card: Certificate, chance: Random) -> None:
    """Hold, release, or revoke for good."""
    standing = world.standing(card)
    if isinstance(standing, Good):
        world.hold(card, at=now())
    elif standing.on_hold and chance.random() < 0.8:
        world.release(card, at=now())
    elif standing.on_hold:
        world.revoke(card, LegalCause.APPLICATION, at=now())


def _status(world: World, card: Certificate) -> Status:
    return Status.GOOD if isinstance(world.standing(card), Good) else Status.REVOKED


def _is_taken_in(run: Path) -> bool:
    """Tell the service of what is published; True if all of it is in the index now."""
    said = asyncio.run(notify(run))
    return said is not None and not said["failed"] and not said["quarantined"]
