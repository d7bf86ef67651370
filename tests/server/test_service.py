"""The main job, through real processes: a revocation becomes an answer that is believed."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.lab import first
from support.service import PATIENCE, Service, make_lab, wait_until
from tashika import Client, Status
from tashika.pki.profile import Family
from tashika_server.lab import World
from tashika_server.refresh.control import notify

PAUSE = 0.02
"""Seconds between two questions: without it they take what the service needs to get ahead."""


class Card:
    """A card of a lab, and whoever asks about it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with World.open(directory) as world:
            self.record = first(world, Family.USER_AUTH)
            layout = world.premises.layout
            self.certificate = layout.certificate(self.record).read_bytes()
            self.issuer = layout.issuer(self.record.issuer).read_bytes()

    def becomes(self, verb: str) -> None:
        """Hold or release it, and publish."""
        at = datetime.now(UTC)
        with World.open(self.directory) as world:
            getattr(world, verb)(self.record, at=at)
            world.publish(at=at)

    def notify(self) -> dict[str, Any] | None:
        return asyncio.run(notify(self.directory / "run"))

    def seconds_until(self, status: Status, url: str) -> float:
        """Ask until the answer says so; every answer on the way must be one to rely on."""
        began = time.monotonic()
        with Client(url) as client:
            while (report := client.check(self.certificate, self.issuer)).status is not status:
                assert report.status is not Status.UNDETERMINED, report
                assert time.monotonic() - began < PATIENCE
                time.sleep(PAUSE)
        return time.monotonic() - began


@pytest.fixture
def card(tmp_path) -> Card:
    return Card(make_lab(tmp_path))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all that leave its card good."""
    with Service(make_lab(tmp_path_factory.mktemp("served"))) as service:
        yield service


def test_from_publication_to_the_answer_takes_at_most_two_seconds(service) -> None:
    card, took = Card(service.config.parent), []
    card.seconds_until(Status.GOOD, service.url)
    for verb, status in (("hold", Status.REVOKED), ("release", Status.GOOD)) * 2:
        card.becomes(verb)
        began = time.monotonic()
        assert card.notify()
        card.seconds_until(status, service.url)
        took.append(time.monotonic() - began)
    assert min(took) <= 2.0, took


def test_without_a_notify_it_takes_one_turn_of_the_schedule(card) -> None:
    config = card.directory / "tashika.toml"
    config.write_text(config.read_text() + '\n[refresh]\nevery = "2s"\n')
    took = []
    with Service(card.directory) as service:
        for verb, status in (("hold", Status.REVOKED), ("release", Status.GOOD)) * 2:
            card.becomes(verb)
            took.append(card.seconds_until(status, service.url))
    assert min(took) <= 2.0 + 1.0, took


def test_a_refresher_killed_before_the_publication_takes_it_in_when_it_is_back(service) -> None:
    card = Card(service.config.parent)
    killed = service.kill("refresher")
    card.becomes("hold")
    card.seconds_until(Status.REVOKED, service.url)
    assert service.wait_for_successor("refresher", of=killed)
    card.becomes("release")
    wait_until(card.notify, "a refresher that listens")
    card.seconds_until(Status.GOOD, service.url)


def test_what_was_taken_in_survives_the_service(card) -> None:
    with Service(card.directory) as service:
        card.becomes("hold")
        assert card.notify()
        service.kill("supervisor")
    with Service(card.directory) as service:
        card.seconds_until(Status.REVOKED, service.url)
        assert not service.events("crl_published")
