"""The feed is dead past nextUpdate: not one expired answer, and recovery without hands (T3)."""

import time
from datetime import datetime, timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

from support.forging import forge
from support.scene import Scene, now
from support.service import PATIENCE
from tashika import Cause
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, ErrorResponse, ResponseStatus, parse_response
from tashika_server.durable import write_atomically
from tashika_server.lab import Certificate


def offer_a_list_that_ends_soon(scene: Scene, card: Certificate) -> datetime:
    """Have a list taken in that ends in a few seconds, more of them on a busy machine."""
    assert card.municipality
    lists = [(card.issuer, card.municipality)]
    for seconds in (2, 4, 8, 16, 32):
        end = now().replace(microsecond=0) + timedelta(seconds=seconds)
        write_atomically(scene.crl_file(card), forge(scene.world, card, next_update=end))
        with scene.world.premises.state.transaction():
            scene.world.premises.state.allot_numbers(lists)  # the number is used up
        if scene.notify()["published"]:
            return end
    raise AssertionError("the service takes in no list within 32 s")


def test_t3_with_a_dead_feed_answers_end_at_next_update(scene: Scene) -> None:
    held, good = scene.issue(), scene.issue()
    while good.municipality == held.municipality:  # as good as all lists together say
        good = scene.issue()
    scene.world.hold(held, at=now())
    scene.publish()
    end = offer_a_list_that_ends_soon(scene, held)

    question = build_request([scene.cert_id(held), scene.cert_id(good)])
    connection = HTTPConnection(urlsplit(scene.url).netloc, timeout=PATIENCE)
    answered = 0
    while (asked := now()) < end + timedelta(seconds=0.2):
        connection.request("POST", "/ocsp", question)
        answer = parse_response(connection.getresponse().read())
        if isinstance(answer, BasicResponse):
            answered += 1
            assert asked < end
            assert answer.produced_at < end
            assert {each.next_update for each in answer.responses} == {end}
        else:
            assert answer == ErrorResponse(ResponseStatus.TRY_LATER)
        time.sleep(0.02)
    connection.close()
    assert answered
    assert isinstance(answer, ErrorResponse)

    assert {scene.check(one).cause for one in (held, good)} == {Cause.TRY_LATER}
    assert scene.query(good, code=2)["declined"] == "status_stale"
    scene.publish()
    assert [scene.check(one).cause for one in (held, good)] == [Cause.ON_HOLD, Cause.GOOD]
