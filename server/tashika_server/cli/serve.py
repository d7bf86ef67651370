"""`tashika-server serve`: all processes of the service in the foreground."""

import argparse
import contextlib
import sys
from functools import partial
from pathlib import Path

from tashika_server.assembly.starting import check_book, check_files, check_start
from tashika_server.clock import SystemClock
from tashika_server.config import Access, Config, LabSettings, load_config
from tashika_server.log import configure_log, get_log
from tashika_server.supervisor import supervise

__all__ = ["add_commands"]

log = get_log()


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `serve`."""
    noun = nouns.add_parser("serve")
    noun.add_argument("config", type=Path, metavar="CONFIG")
    noun.set_defaults(handler=_serve)


def _serve(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    configure_log(config.settings.log.format, process="supervisor")
    if config.settings.lab:
        _wake(config.settings.lab)
    check_files(config, at=SystemClock().now())
    _warn(config)
    supervise(
        config,
        load=partial(_load, options.config),
        check=partial(check_book, config),
        announce=_announce,
    )
    return 0


def _load(file: Path) -> Config:
    config = load_config(file)
    check_start(config, at=SystemClock().now())
    return config


def _wake(lab: LabSettings) -> None:
    """Renew what ran out while the simulated issuers slept: signers before they are checked."""
    from tashika_server.lab import World  # noqa: PLC0415 (a service of real ones starts sooner)

    with World.open(lab.directory) as world:
        world.upkeep(at=SystemClock().now())


def _warn(config: Config) -> None:
    """Say loudly what must not be so in production."""
    if config.settings.access is Access.OPEN:
        listen = str(config.settings.responder.listen)
        log.warning("access_open_to_anyone", listen=listen)
        print(
            f'*** access = "open": whoever can reach {listen} is answered, without agreement ***',
            file=sys.stderr,
        )
    if config.settings.lab:
        log.warning("issuers_simulated", directory=str(config.settings.lab.directory))


def _announce(url: str) -> None:
    with contextlib.suppress(OSError):  # whoever started us no longer listens
        print(f"ready {url}", flush=True)
