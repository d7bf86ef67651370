"""Makes a lab: two CAs with three key generations each, people with cards, a configuration.

The history is told in the order it would have happened, so that serials rise with time across
generations. Everything but the keys follows from the order and the instant.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path

from tashika.pki.profile import Family
from tashika_server.lab.configuring import configure
from tashika_server.lab.errors import LabError
from tashika_server.lab.feeding import found_feed
from tashika_server.lab.issuing import found_generation
from tashika_server.lab.layout import Layout, write_certificate, write_key
from tashika_server.lab.order import Access, News, Order
from tashika_server.lab.prefectures import found_prefectures
from tashika_server.lab.state import State
from tashika_server.lab.world import World

__all__ = ["found_world"]

GENERATIONS = {
    1: timedelta(days=2600),
    2: timedelta(days=1250),
    3: timedelta(days=180),
}
"""How long ago each key generation began: about four years apart, as in 2015, 2019 and 2023."""

OLDEST_CARD = timedelta(days=1400)
"""Under the first generation, and still in force: the fifth birthday is four years away."""

PERIODS = (
    (OLDEST_CARD, GENERATIONS[2]),
    (GENERATIONS[2], GENERATIONS[3]),
    (GENERATIONS[3], timedelta()),
)
"""A third of the cards each, so that every generation has some."""


def found_world(directory: Path, order: Order, *, at: datetime) -> World:
    """Make a world, published and ready to serve, in a directory that is new or empty.

    LabError if it is not. A crash leaves the file UNFINISHED, and no configuration.
    """
    layout = Layout(directory)
    _begin(layout)
    State.create(layout.memory, order.plan().texts()).close()
    world = World.open_unfinished(layout)
    try:
        world.premises.keys.prepare(2 * (order.people + 2 * len(GENERATIONS)))
        _live_through(world, order, at=at.replace(microsecond=0))
        if order.prefectures:
            found_prefectures(world.premises, order.prefectures, at=at.replace(microsecond=0))
        world.publish(at=at)
        if order.news is News.FEED:
            found_feed(layout)
            world.push(at=at)
        if order.access is Access.CLOSED:
            _open_office(layout, order, at=at.replace(microsecond=0))
        configure(world, order)
    except BaseException:
        world.close()
        raise
    layout.unfinished.unlink()
    return world


def _begin(layout: Layout) -> None:
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        if any(layout.root.iterdir()):
            raise FileExistsError
        with layout.unfinished.open("x") as marker:
            marker.write(
                "`tashika-server lab init` is at work here, or was killed.\n"
                "If it is not running, delete this directory and run it again.\n"
            )
    except FileExistsError:
        remedy = "delete it and run again" if layout.unfinished.exists() else "name a new one"
        raise LabError(f"{layout.root} is not an empty directory; {remedy}") from None


def _live_through(world: World, order: Order, *, at: datetime) -> None:
    """Found the generations and issue the cards, oldest first."""
    history: list[tuple[datetime, Callable[..., object]]] = [
        (at - age, partial(found_generation, world.premises, family, generation))
        for generation, age in GENERATIONS.items()
        for family in (Family.SIGNATURE, Family.USER_AUTH)
    ]
    history += [(moment, world.issue) for moment in _moments_of_issue(order, at)]
    for moment, happen in sorted(history, key=itemgetter(0)):
        happen(at=moment)


def _moments_of_issue(order: Order, at: datetime) -> list[datetime]:
    chance = random.Random(f"moments/{order.seed}")  # noqa: S311 reproducible, guards nothing
    moments = []
    for number in range(order.people):
        third, within = divmod(3 * (number + chance.random()) / order.people, 1)
        begins, ends = PERIODS[int(third)]
        moments.append((at - begins + within * (begins - ends)).replace(microsecond=0))
    return moments


def _open_office(layout: Layout, order: Order, *, at: datetime) -> None:
    """Register the verifiers, and make what the service shows them."""
    # Every command of the lab imports this module, and few found a world with a book.
    from tashika_server.book import open_book  # noqa: PLC0415
    from tashika_server.lab.transport import server_pair  # noqa: PLC0415
    from tashika_server.lab.verifiers import register_verifiers  # noqa: PLC0415
    from tashika_server.ledger.keys import make_key  # noqa: PLC0415

    book = open_book(order.book, relative_to=layout.root)
    try:
        register_verifiers(book, layout, order.files, at=at)
    finally:
        book.close()
    make_key(layout.root / "ledger.key")
    server = server_pair(at=at)
    write_certificate(layout.server, server.certificate)
    write_key(layout.server.with_suffix(".key"), server.key)
