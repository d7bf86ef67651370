"""The processes that a configuration wants, each with its command line and what it inherits."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from tashika_server.config import Access, Config
from tashika_server.supervisor.ears import Ears, url

__all__ = ["Role", "Succession", "roles"]

LAB_HUNG_AFTER = timedelta(minutes=1)


class Succession(Enum):
    """How a child of a new configuration follows that of the old one."""

    NONE = auto()
    """Nothing it works by can change."""
    AFTER = auto()
    """There may be one at a time: it begins when the old one has ended."""
    BESIDE = auto()
    """It is at work before the old one leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One kind of child, as one configuration wants it."""

    title: str
    """Its name in the log."""
    command: tuple[str, ...]
    descriptors: tuple[int, ...]
    """What it inherits."""
    text: str
    """The configuration that it works by."""
    hung_after: timedelta
    """How long its event loop may stand still before it is replaced."""
    succession: Succession


def roles(config: Config, ears: Ears, lock: int) -> Iterator[Role]:
    """Name the processes, in the order in which new ones take over.

    The office goes before the workers: it stamps the agreements anew, so that neither the old
    workers nor the new ones find them too old when `max_age` is changed. So does the refresher,
    whose first round loads what a new issuer or register needs to be answered about.
    """
    settings = config.settings
    base: tuple[str, ...] = ()
    if ears.lab:
        base = (f"--lab-base={url(ears.lab)}",)
        yield _role(config, "lab", "lab", (lock,), {"--socket": ears.lab.fileno()})
    if ears.office or settings.access is Access.CLOSED:
        own = {"--socket": ears.office.fileno()} if ears.office else {}
        yield _role(config, "office", "office", (lock,), own)
    yield _role(config, "refresher", "refresher", (lock,), {}, *base)
    heard = {"--socket": ears.responder.fileno()}
    if ears.tls:
        heard["--tls-socket"] = ears.tls.fileno()
    for number in range(1, settings.responder.processes + 1):
        yield _role(config, "worker", f"worker-{number}", (lock,), heard)


def _role(
    config: Config,
    kind: str,
    title: str,
    lock: tuple[int],
    sockets: dict[str, int],
    *more: str,
) -> Role:
    heard = (f"{option}={number}" for option, number in sockets.items())
    arguments = ("process", kind, str(config.file), f"--title={title}", *heard, *more)
    hung_after, succession = _manner(config, kind)
    return Role(
        title=title,
        command=(sys.executable, "-m", "tashika_server", *arguments),
        descriptors=(*lock, *sockets.values()),
        text=config.text,
        hung_after=hung_after,
        succession=succession,
    )


def _manner(config: Config, kind: str) -> tuple[timedelta, Succession]:
    settings = config.settings
    return {
        "lab": (LAB_HUNG_AFTER, Succession.NONE),
        "office": (settings.office.hung_after, Succession.AFTER),
        "refresher": (settings.refresh.hung_after, Succession.AFTER),
        "worker": (settings.responder.hung_after, Succession.BESIDE),
    }[kind]
