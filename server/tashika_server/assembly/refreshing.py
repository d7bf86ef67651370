"""The parts of the refresher, and of the simulated issuers that it may follow."""

from pathlib import Path
from random import Random

from tashika_server.assembly.archiving import historian_of, keeper_of
from tashika_server.clock import Clock
from tashika_server.config import Config
from tashika_server.refresh.fetch import FetchLimits
from tashika_server.refresh.process import RefreshParts

__all__ = ["lab_directory", "refresh_parts"]


def refresh_parts(config: Config, *, lab_base: str | None, clock: Clock) -> RefreshParts:
    """Put the refresher together; `lab_base` is where the simulated issuer listens."""
    settings = config.settings
    return RefreshParts(
        issuers=config.issuers,
        index=settings.index.path,
        index_size=settings.index.size,
        run=settings.run,
        spool=settings.refresh.spool,
        every=settings.refresh.every,
        lab_base=lab_base,
        clock=clock,
        random=Random(),  # noqa: S311 (spreads turns in time, guards nothing)
        keeper=keeper_of(config),
        historian=historian_of(config, clock=clock),
        limits=FetchLimits(max_bytes=settings.refresh.max_size, total=settings.refresh.timeout),
    )


def lab_directory(config: Config) -> Path:
    """Return where the simulated world lies, of a configuration that has one."""
    if config.settings.lab is None:
        raise ValueError("the configuration has no [lab]")
    return config.settings.lab.directory
