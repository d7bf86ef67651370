"""`tashika-server index`: load the revocation index without a running service.

For the first load of a nation's CRLs, and after the index has been moved away.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tashika_server.assembly.refreshing import lab_directory, refresh_parts
from tashika_server.clock import SystemClock
from tashika_server.config import Config, load_config
from tashika_server.lab.layout import Layout
from tashika_server.refresh.process import Refresher, RefreshParts, Told
from tashika_server.refresh.refresh import Outcome
from tashika_server.refresh.source import AnySource

__all__ = ["add_commands"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `index build`."""
    noun = nouns.add_parser("index")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    build = verbs.add_parser(
        "build", help="fetch and load everything once; `serve` must not be running"
    )
    build.add_argument("config", type=Path, metavar="CONFIG")
    build.set_defaults(handler=_build)


def _build(options: argparse.Namespace) -> int:
    return asyncio.run(_load(load_config(options.config)))


async def _load(config: Config) -> int:
    async with Refresher.of(_parts(config)) as refresher:
        with _progress(len(refresher.sources)) as told:
            answer = await refresher.refresh_all(told)
    bad = answer[Outcome.QUARANTINED] + answer[Outcome.FAILED]
    print(
        f"generation {answer['generation']}: {answer[Outcome.PUBLISHED]} CRLs loaded, "
        f"{answer[Outcome.UNCHANGED]} unchanged, {bad} not taken in"
    )
    return 1 if bad else 0


def _parts(config: Config) -> RefreshParts:
    """Return the refresher's parts; a simulated issuer is read from its files."""
    base = None
    if config.settings.lab:
        base = Layout(lab_directory(config)).published.as_uri()
    return refresh_parts(config, lab_base=base, clock=SystemClock())


@contextmanager
def _progress(total: int) -> Iterator[Told]:
    """Show what is done: a bar on a terminal, a line for each file elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda source, outcome: print(f"{outcome:11} {source}", flush=True)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("loading", total=total)

        def told(source: AnySource, outcome: Outcome) -> None:
            if outcome not in (Outcome.PUBLISHED, Outcome.UNCHANGED):
                progress.console.print(f"{outcome} {source}", markup=False, highlight=False)
            progress.advance(task)

        yield told
