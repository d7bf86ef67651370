"""Makes a lab: two CAs with three key generations each, people with cards, a configuration.

The history is told in the order it would have happened, so that serials rise with time across
generations. Everything but the keys follows from the order and the instant.
"""

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path

from tashika.pki.names import name_text
from tashika.pki.profile import Family
from tashika_server.lab.certificates import Policies
from tashika_server.lab.errors import LabError
from tashika_server.lab.issuing import found_generation
from tashika_server.lab.keys import Algorithm
from tashika_server.lab.layout import GUIDE, SIMULATED, Layout, write
from tashika_server.lab.naming import distribution_point
from tashika_server.lab.premises import Plan
from tashika_server.lab.responders import SIGNERS
from tashika_server.lab.state import State
from tashika_server.lab.world import World

__all__ = ["Order", "found_world"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What kind of world is wanted."""

    people: int = 12
    municipalities: int = 3
    seed: int = 1
    port: int = 8080
    """Where the service will listen; 0 lets the kernel choose."""
    algorithm: Algorithm = Algorithm.RSA2048
    policies: Policies = Policies.SIMULATED

    def plan(self) -> Plan:
        """Return what the world keeps of the order."""
        host = f"127.0.0.1:{self.port}" if self.port else "ocsp.jpki-sim.invalid"
        return Plan(
            seed=self.seed,
            municipalities=self.municipalities,
            algorithm=self.algorithm,
            policies=self.policies,
            responder_url=f"http://{host}/ocsp",
        )


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
        world.publish(at=at)
        _configure(world, order)
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


def _configure(world: World, order: Order) -> None:
    layout = world.premises.layout
    for authority in world.premises.authorities():
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["url", "name"])
        for place in world.premises.places:
            url = layout.crl(authority.name, place.code).relative_to(layout.published)
            point = distribution_point(authority.family, place).public_bytes()
            rows.writerow([f"lab:/{url}", name_text(point)])
        write(layout.issuer(authority.name).with_suffix(".csv"), table.getvalue().encode())
    write(layout.root / "README.txt", GUIDE.encode())
    write(layout.configuration, _configuration(world, order).encode())


def _configuration(world: World, order: Order) -> str:
    tables = [_HEAD.format(label=SIMULATED, keys=order.algorithm.label, port=order.port)]
    tables += [_issuer_table(a.name, a.family) for a in world.premises.authorities()]
    return "\n".join(tables)


def _issuer_table(name: str, family: Family) -> str:
    signers = ", ".join(
        f'{{ certificate = "signers/{name}{suffix}.pem", key = "signers/{name}{suffix}.key" }}'
        for suffix in SIGNERS
    )
    return _ISSUER.format(name=name, family=family, signers=signers)


_HEAD = """\
# {label}
# Keys: {keys}.

access = "open"  # anyone may ask, from this machine only: there are no agreements yet

[responder]
listen = "127.0.0.1:{port}"

[index]
path = "index"

[lab]
directory = "."
listen = "127.0.0.1:0"
"""
_ISSUER = """\
[[issuer]]
name = "{name}"
family = "{family}"
certificate = "issuers/{name}.pem"
partitions = "issuers/{name}.csv"
register = "register/{name}.txt"
signers = [{signers}]
"""
