"""Bad clients cost a worker a bounded amount of memory, and a verifier beside them is answered.

Five thousand of them, and whether the verifier waits longer, are `make soak`.
"""

from urllib.parse import urlsplit

from benchmarks.load.deck import Mix
from benchmarks.load.population import Standing, of_lab
from benchmarks.load.run import Order, run
from soak.crowd import Crowd
from soak.memory import own_bytes
from support.scene import Scene

BAD = 300
KIB_EACH = 128
"""Of all workers, for each of them; what the verifier's own answers leave in caches included."""


def test_t18_t22_t35_t36_a_verifier_beside_three_hundred_bad_clients_is_answered(
    scene: Scene,
) -> None:
    where = urlsplit(scene.url)
    populations = [each for each in of_lab(scene.directory) if each.serials.get(Standing.GOOD)]
    order = Order(
        url=scene.url,
        mix=Mix(revoked=0.0, get=0.3, distinct=100),
        connections=4,
        rate=200.0,
        seconds=1.0,
        warm_up=0.0,
        sample=1,
    )
    workers = [p for title, p in scene.service.children().items() if title.startswith("worker")]
    before = own_bytes(workers)
    port = where.port or 0  # those who would knock at TLS speak it to the same door
    with Crowd(where.hostname or "", port, port, BAD):
        outcome = run(order, populations)
        grown = own_bytes(workers) - before
    assert outcome.wrong == {}
    assert outcome.verified == outcome.replies.total() > 0
    assert grown < BAD * KIB_EACH * 1024
    assert workers == [
        p for title, p in scene.service.children().items() if title.startswith("worker")
    ]
