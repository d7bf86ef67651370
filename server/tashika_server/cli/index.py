"""`tashika-server index`: load, compact and audit it; let files in that are held back.

`build` is for the first load of a nation's CRLs, and after the index has been moved away.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tashika.pki.errors import TashikaError
from tashika_server.agreements.errors import NoSuchRecord
from tashika_server.agreements.releases import Release
from tashika_server.assembly.archiving import archive_of
from tashika_server.assembly.refreshing import lab_directory, refresh_parts
from tashika_server.book import Change
from tashika_server.cli import actor
from tashika_server.cli.display import print_json, print_table
from tashika_server.cli.registrar import add_write
from tashika_server.clock import SystemClock
from tashika_server.config import Config, load_config, load_settings
from tashika_server.config.problem import nearest
from tashika_server.doctor.auditing import Audit
from tashika_server.index import IndexReader, compact
from tashika_server.lab.layout import Layout
from tashika_server.refresh.cell import Confinement
from tashika_server.refresh.held import RELEASED_FILE, HeldFiles
from tashika_server.refresh.process import Refresher, RefreshParts, Told
from tashika_server.refresh.refresh import Outcome
from tashika_server.refresh.source import AnySource, Source, sources_of

__all__ = ["add_commands"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `index audit`, `build`, `compact`, `held` and `release`."""
    noun = nouns.add_parser("index")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    audit = verbs.add_parser(
        "audit",
        help="compare it entry by entry with the archived CRLs; ends with 1 if it differs",
    )
    audit.add_argument("config", type=Path, metavar="CONFIG")
    audit.add_argument("--issuer", metavar="NAME", help="of this issuer alone")
    audit.add_argument("--json", action="store_true", help="print one JSON value")
    audit.set_defaults(handler=_audit)
    build = verbs.add_parser(
        "build", help="fetch and load everything once; `serve` must not be running"
    )
    build.add_argument("config", type=Path, metavar="CONFIG")
    build.set_defaults(handler=_build)
    less = verbs.add_parser(
        "compact", help="write it anew, with full pages; `serve` must not be running"
    )
    less.add_argument("config", type=Path, metavar="CONFIG")
    less.set_defaults(handler=_compact)
    held = verbs.add_parser("held", help="list the files that wait for two persons")
    held.add_argument("config", type=Path, metavar="CONFIG")
    held.add_argument("--json", action="store_true", help="print one JSON value")
    held.set_defaults(handler=_held)
    release = add_write(verbs, "release", _release, "propose that one of them be taken in")
    release.add_argument("sha256", metavar="SHA256", help="as `index held` shows it")
    release.add_argument("--reason", required=True, help="what the issuer says, for the record")


def _audit(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    spool = config.settings.refresh.spool
    spool.mkdir(parents=True, exist_ok=True)
    with (
        closing(IndexReader.open(config.settings.index.path)) as index,
        index.snapshot() as view,
        Confinement() as cell,
        TemporaryDirectory(dir=spool, prefix="audit-") as place,
    ):
        audit = Audit(view=view, archive=archive_of(config), cell=cell, spool=Path(place))
        found = [audit.of(each) for each in _sources(config, options.issuer)]
    wrong = [each for each in found if each.differ or each.trouble]
    if options.json:
        print_json(found)
    else:
        print_table(wrong, ["issuer", "partition", "entries", "differ", "trouble"])
        entries = sum(each.entries for each in found)
        print(f"{len(found)} partitions, {entries} entries: {len(wrong)} are not in order")
    return 1 if wrong else 0


def _sources(config: Config, issuer: str | None) -> list[Source]:
    named = {each.name: each for each in config.issuers}
    if issuer is not None and issuer not in named:
        raise TashikaError(f"no [[issuer]] has the name {issuer}; {nearest(issuer, named)}")
    wanted = [named[issuer]] if issuer else config.issuers
    return [source for each in wanted for source in sources_of(each) if isinstance(source, Source)]


def _compact(options: argparse.Namespace) -> int:
    settings = load_settings(options.config).index
    before, after = compact(settings.path, settings.size)
    print(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now")
    return 0


def _held(options: argparse.Namespace) -> int:
    waiting = _files(options.config).waiting()
    if options.json:
        print_json(waiting)
    else:
        print_table(waiting, ["sha256", "issuer", "partition", "detail"])
    return 0


def _release(options: argparse.Namespace, change: Change) -> object:
    held = [each for each in _files(options.config).waiting() if each.sha256 == options.sha256]
    if not held:
        raise NoSuchRecord(
            f"no file of this machine with the SHA-256 {options.sha256} waits",
            rule="a file is released where it is held back",
            remedy="`tashika-server index held` lists those that wait",
        )
    (file,) = held
    order = Release(
        sha256=file.sha256, issuer=file.issuer, partition=file.partition, reason=options.reason
    )
    return actor.submit(options, change, order)


def _files(config: Path) -> HeldFiles:
    settings = load_settings(config)
    return HeldFiles(directory=settings.index.path / "held", released=settings.run / RELEASED_FILE)


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
