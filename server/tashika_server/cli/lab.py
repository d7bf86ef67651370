"""`tashika-server lab`: the simulated issuer's commands, for demonstrations and tests.

What they change shows in a running service after `lab publish`.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tashika.pki.standing import Good, Reason
from tashika_server.certificate_file import read_certificate
from tashika_server.cli import lab_init
from tashika_server.clock import SystemClock
from tashika_server.lab import (
    ACT_VERSION,
    JST,
    RULES,
    Cause,
    Certificate,
    LabError,
    NotOfThisLab,
    World,
    found_world,
)
from tashika_server.refresh.control import notify

__all__ = ["add_commands"]

Verb = Callable[[argparse.Namespace, World, datetime], None]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `lab` and its verbs."""
    noun = nouns.add_parser("lab")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    init = _add(verbs, "init", _list, "make a simulated world in a new or empty directory")
    init.set_defaults(handler=_init)
    lab_init.add_options(init)
    issue = _add(verbs, "issue", _issue, "give new people a card, or renew a certificate")
    issue.add_argument("--cert", type=Path, metavar="FILE", help="renew this certificate instead")
    issue.add_argument(
        "--people", type=lab_init.positive, default=1, metavar="N", help="how many cards"
    )
    _add_revoke(verbs)
    for verb, record, text in (
        ("hold", World.hold, "put a certificate on hold: the card is lost (user terms section 9)"),
        ("release", World.release, "end the hold of a user-authentication certificate"),
        ("move-in", World.move_in, "its holder moved in: stop the timer of the move-out"),
    ):
        _add_certificate(_add(verbs, verb, partial(_record, record), text))
    _add(verbs, "publish", _publish, "publish all CRLs and tell the running service")
    _add(verbs, "push", _push, "push what has happened through the feeds; made by init --feed")
    _add(verbs, "list", _list, "show every certificate and its standing")


def _add(verbs: Any, name: str, work: Verb, text: str, **more: Any) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text, **more)
    verb.add_argument("directory", type=Path, metavar="DIR", help="where the lab is")
    verb.add_argument("--json", action="store_true", help="print one JSON value")
    verb.set_defaults(handler=lambda options: _run(work, options))
    return verb


def _add_revoke(verbs: Any) -> None:
    lines = [f"causes, with articles of the {ACT_VERSION} (signature; user authentication):"]
    for cause, rule in RULES.items():
        articles = "; ".join(rule.articles.values())
        lines.append(f"  {cause:22} {rule.meaning} (art. {articles})")
    revoke = _add(
        verbs,
        "revoke",
        _revoke,
        "record a legal cause that ends certificates",
        epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_certificate(revoke)
    revoke.add_argument(
        "--cause",
        choices=[each.value for each in Cause],
        default=Cause.APPLICATION.value,
        metavar="CAUSE",
        help="default %(default)s; see below",
    )
    revoke.add_argument(
        "--since", type=_moment, metavar="TIME", help="when a compromised key was lost, if known"
    )
    revoke.add_argument(
        "--planned", type=date.fromisoformat, metavar="DAY", help="of a move-out; default today"
    )


def _add_certificate(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--cert", type=Path, required=True, metavar="FILE", help="PEM or DER")


def _init(options: argparse.Namespace) -> int:
    order = lab_init.order_of(options)
    with _files(), found_world(options.directory, order, at=SystemClock().now()) as world:
        if options.json:
            _print_json([_described(world, each) for each in world.certificates()])
        else:
            lab_init.welcome(world, order)
    return 0


def _run(work: Verb, options: argparse.Namespace) -> int:
    with _files(), World.open(options.directory) as world:
        work(options, world, SystemClock().now())
    return 0


def _issue(options: argparse.Namespace, world: World, now: datetime) -> None:
    if options.cert:
        issued = [world.renew(_certificate(options, world), at=now)]
    else:
        world.premises.keys.prepare(2 * options.people)
        issued = [one for _ in range(options.people) for one in world.issue(at=now)]
    # Without the new register the service would call them never issued.
    asyncio.run(notify(world.premises.layout.run))
    _show(options, world, issued)


def _revoke(options: argparse.Namespace, world: World, now: datetime) -> None:
    certificate, cause = _certificate(options, world), Cause(options.cause)
    if cause is Cause.MOVE_OUT:
        planned = options.planned or now.astimezone(JST).date()
        departure = world.move_out(certificate, planned=planned, at=now)
        _show(options, world, departure.ended)
        if not options.json:
            print(f"user authentication ends on {departure.lapses_at.astimezone(JST):%F %T} JST")
            print("unless a move-in comes before: tashika-server lab move-in")
    else:
        ended = world.revoke(certificate, cause, at=now, invalid_since=options.since)
        _show(options, world, ended)


def _record(
    record: Callable[..., None], options: argparse.Namespace, world: World, now: datetime
) -> None:
    certificate = _certificate(options, world)
    record(world, certificate, at=now)
    _show(options, world, [certificate])


def _publish(options: argparse.Namespace, world: World, now: datetime) -> None:
    publication = world.publish(at=now)
    service = asyncio.run(notify(world.premises.layout.run))
    if options.json:
        _print_json(
            {
                "this_update": _time(publication.at),
                "lists": publication.lists,
                "entries": publication.entries,
                "service": service,
            }
        )
        return
    print(f"{publication.lists} CRLs as of {_time(publication.at)}, {publication.entries} entries")
    if service is None:
        print("no service is running on this lab")
    else:
        print("the service: " + ", ".join(f"{name} {value}" for name, value in service.items()))


def _push(options: argparse.Namespace, world: World, now: datetime) -> None:
    events = world.push(at=now)
    if options.json:
        _print_json({"events": events})
    else:
        print(f"{events} events pushed")


def _list(options: argparse.Namespace, world: World, _now: datetime) -> None:
    _show(options, world, world.certificates())


def _show(options: argparse.Namespace, world: World, certificates: Iterable[Certificate]) -> None:
    described = [_described(world, each) for each in certificates]
    if options.json:
        _print_json(described)
        return
    for each in described:
        print("  ".join(value for value in each.values() if value is not None))


def _described(world: World, certificate: Certificate) -> dict[str, str | None]:
    layout, standing = world.premises.layout, world.standing(certificate)
    described: dict[str, str | None] = {
        "certificate": str(layout.certificate(certificate)),
        "issuer": str(layout.issuer(certificate.issuer)),
        "not_after": _time(certificate.not_after),
    }
    if isinstance(standing, Good):
        return described | {"standing": "good", "since": None, "reason": None}
    return described | {
        "standing": "on-hold" if standing.on_hold else "revoked",
        "since": _time(standing.at),
        "reason": (standing.reason or Reason.UNSPECIFIED).name.lower(),
    }


def _certificate(options: argparse.Namespace, world: World) -> Certificate:
    try:
        return world.find(read_certificate(options.cert))
    except NotOfThisLab as foreign:
        seen = f"`tashika-server lab list {options.directory}` shows those that were"
        raise NotOfThisLab(f"{options.cert} was not issued by this lab; {seen}") from foreign


@contextmanager
def _files() -> Iterator[None]:
    """Tell of files that cannot be read or written in one line."""
    try:
        yield
    except OSError as wrong:
        raise LabError(f"{wrong.filename or 'a file'}: {wrong.strerror}") from wrong


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    """Read a time; one without a zone is Japan's."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=JST)
