"""Stopped and started again: nothing is forgotten, fetched twice, or answered differently."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.feed import Feed, feeding
from support.lab import FAST
from support.scene import Scene, arrange, command, now
from support.service import PATIENCE, wait_until
from tashika import Cause
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, SingleResponse, parse_response
from tashika_server.lab import Certificate, found_world

LISTS = 12


@pytest.fixture
def feed(lab: Path) -> Iterator[Feed]:
    """The lab's lists, served by the test in place of the lab; each is asked for every second."""
    with feeding(lab / "published") as feed:
        text = (lab / "tashika.toml").read_text()
        simulated = text[text.index("[lab]") : text.index("[[issuer]]")]
        arrange(lab, (simulated, '[refresh]\nevery = "1s"\n\n'))
        for table in (lab / "issuers").glob("*.csv"):
            table.write_text(table.read_text().replace("lab:", feed.url))
        yield feed


def test_t15_a_missing_list_is_not_an_empty_one_and_arrives_by_itself(
    lab: Path, feed: Feed
) -> None:
    scene = Scene(lab)
    good, held = in_two_places(scene)
    scene.world.hold(held, at=now())
    scene.world.publish(at=now())
    missing = scene.crl_file(good)
    body = missing.read_bytes()
    missing.unlink()
    with scene:
        assert scene.check(held).cause is Cause.ON_HOLD
        assert scene.check(good).cause is Cause.TRY_LATER
        assert scene.query(good, code=2)["declined"] == "not_loaded"
        missing.write_bytes(body)
        wait_until(lambda: scene.check(good).cause is Cause.GOOD, "the list that was missing")
        # Nobody told the service, then or now: its schedule brings what is published.
        scene.world.hold(good, at=now())
        scene.world.publish(at=now())
        wait_until(lambda: scene.check(good).cause is Cause.ON_HOLD, "the turn of the list")
        assert {one["check"] for one in scene.service.events("crl_not_taken")} == {"fetch"}


def in_two_places(scene: Scene) -> tuple[Certificate, Certificate]:
    """Issue cards until two of one issuer are spoken of by different lists."""
    one = other = scene.world.issue(at=now())[0]
    while one.municipality == other.municipality:
        other = scene.world.issue(at=now())[0]
    return one, other


def test_t8_a_restart_changes_no_answer_and_fetches_nothing_twice(lab: Path, feed: Feed) -> None:
    with Scene(lab) as first:
        card = first.world.certificates()[-1]
        first.world.hold(first.world.certificates()[0], at=now())
        first.publish()
        questions = [
            build_request([first.cert_id(one, name)])
            for one in first.world.certificates()
            for name in ("sha1", "sha256")
        ]
        said, generation = replay(first, questions), first.generation()
        named = ("--cert", first.file(card), "--issuer", first.issuer_file(card))
    told = command("tashika", "check", *named, "--url", first.url, "--json", code=2)
    assert json.loads(told)["cause"] == "unreachable"

    feed.statuses.clear()
    with Scene(lab) as second:
        assert feed.statuses[:LISTS] == [304] * LISTS
        assert second.generation() == generation
        assert replay(second, questions) == said
        assert not second.service.events("crl_published")


def replay(scene: Scene, questions: list[bytes]) -> list[tuple[SingleResponse, ...]]:
    """Ask recorded questions and return what is said, less signatures and their time."""
    connection = HTTPConnection(urlsplit(scene.url).netloc, timeout=PATIENCE)
    said = []
    for question in questions:
        connection.request("POST", "/ocsp", question)
        answer = parse_response(connection.getresponse().read())
        assert isinstance(answer, BasicResponse)
        said.append(answer.responses)
    connection.close()
    return said


def test_t13_a_service_that_slept_past_next_update_is_current_when_it_is_ready(
    tmp_path: Path,
) -> None:
    """The lab too: it publishes what it missed before the service takes anything in."""
    lab = tmp_path / "lab"
    found_world(lab, FAST, at=now() - timedelta(days=3)).close()
    with Scene(lab) as scene:
        assert {scene.check(one).cause for one in scene.world.certificates()} == {Cause.GOOD}
