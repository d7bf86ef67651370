"""`tashika-server history`: what happened to one certificate, and what was known when."""

import argparse
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from tashika_server.agreements.compromise_file import Compromised
from tashika_server.agreements.compromises import Compromise, compromises
from tashika_server.agreements.period import JST
from tashika_server.assembly.archiving import files_settings
from tashika_server.assembly.registering import registry_book
from tashika_server.cli.arguments import past_moment
from tashika_server.cli.display import print_cells, print_json
from tashika_server.cli.query import FOREVER, certificate_named, issuer_of
from tashika_server.clock import SystemClock
from tashika_server.config import Access, Config, load_config
from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import Event
from tashika_server.history.look_back import look_back
from tashika_server.history.story import Story
from tashika_server.index import Entry, IndexReader

__all__ = ["add_commands"]

TOO_OLD = "what may have been was kept until its time was over"
HEADINGS = ("known at", "event", "of", "reason", "CRL", "partition", "")


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `history`."""
    noun = nouns.add_parser(
        "history",
        help="what happened to one certificate",
        epilog="exit status: 0 known, 2 not remembered, 64 usage",
    )
    noun.add_argument("config", type=Path, metavar="CONFIG")
    noun.add_argument("--cert", type=certificate_named, required=True, metavar="FILE")
    noun.add_argument(
        "--at", type=past_moment, metavar="TIME", help="2026-04-01T00:00+09:00; default: now"
    )
    noun.add_argument("--json", action="store_true", help="print one JSON object")
    noun.set_defaults(handler=_history)


def _history(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    file, fingerprint = (
        files_settings(config).history,
        issuer_of(options.cert, config.issuers).identity.fingerprint,
    )
    with closing(IndexReader.open(config.settings.index.path)) as index, index.snapshot() as view:
        story = look_back(file, view, fingerprint, options.cert.serial_number)
    now = SystemClock().now()
    declared = _declared(config, fingerprint)
    said = _said(story, declared, options.cert.serial_number, at=options.at or now, now=now)
    expired = options.cert.not_valid_after_utc
    if story.forgotten and expired < story.forgotten and not story.events:
        said |= {"known": None, "in_force": None}
        said["not_remembered"] = f"it expired before {story.forgotten.isoformat()}: {TOO_OLD}"
    if options.json:
        print_json(said)
    else:
        _print(said, story)
    return 2 if said["not_remembered"] else 0


def _declared(config: Config, fingerprint: bytes) -> tuple[Compromise, ...]:
    """Return what was ever declared of the issuer's key; raises BookError."""
    if config.settings.access is Access.OPEN:
        return ()
    with (
        closing(registry_book(config.file, config.settings)) as book,
        book.reading() as connection,
    ):
        return tuple(each for each in compromises(connection) if each.fingerprint == fingerprint)


def _said(
    story: Story, declared: Iterable[Compromise], serial: int, *, at: datetime, now: datetime
) -> dict[str, Any]:
    """Tell what was known at a moment, and by all that is known now, what was in force then."""
    said: dict[str, Any] = {"at": at, "known": None, "in_force": None, "not_remembered": None}
    then = [each for each in declared if each.declared_at <= at < (each.withdrawn_at or FOREVER)]
    since = [each for each in declared if each.withdrawn_at is None and each.since <= at]
    try:
        said["known"] = _standing(_condemned(story.known_at(at).entry, serial, then))
        said["in_force"] = _standing(_condemned(story.in_force_at(at, known=now), serial, since))
    except NotRemembered as why:
        said["not_remembered"] = str(why)
    return said | {
        "events": [_shown(each) for each in story.events],
        "compromises": [
            {
                "id": each.id,
                "since": each.since,
                "declared_at": each.declared_at,
                "withdrawn_at": each.withdrawn_at,
            }
            for each in declared
        ],
    }


def _condemned(entry: Entry | None, serial: int, declared: Iterable[Compromise]) -> Entry | None:
    """Revoke what is under a compromised key (Act art. 14, 33), as an answer does."""
    for each in declared:
        known = Compromised(id=each.id, fingerprint=each.fingerprint, since=each.since)
        entry = known.condemn(serial, entry)
    return entry


def _standing(entry: Entry | None) -> dict[str, Any]:
    """Say what a listing, or none, means; words as `query` has them."""
    if entry is None:
        return {"standing": "not-listed"}
    return {
        "standing": "revoked",
        "revoked_at": entry.revoked_at,
        "reason": _reason(entry),
        "invalid_since": entry.invalid_since,
    }


def _shown(event: Event) -> dict[str, Any]:
    return {
        "event": event.what.word,
        "illegal": event.illegal,
        "known_at": event.known_at,
        "generation": event.generation,
        "partition": event.partition,
        "crl": event.number,
        "this_update": event.this_update,
        "listed": event.entry and _standing(event.entry),
    }


def _reason(entry: Entry) -> str | None:
    return None if entry.reason is None else entry.reason.name.lower()


def _print(said: dict[str, Any], story: Story) -> None:
    if said["not_remembered"]:
        print(f"not remembered: {said['not_remembered']}")
    else:
        for title, key in (("known", "known"), ("in force", "in_force")):
            standing = said[key]
            since = standing.get("revoked_at")
            more = f" since {_japan(since)}, {standing['reason']}" if since else ""
            print(f"{title} at {_japan(said['at'])}: {standing['standing']}{more}")
    for each in said["compromises"]:
        withdrawn = each["withdrawn_at"]
        more = f", withdrawn at {_japan(withdrawn)}" if withdrawn else ""
        print(
            f"its issuer's key: compromised since {_japan(each['since'])} ({each['id']}), "
            f"declared at {_japan(each['declared_at'])}{more}"
        )
    if not story.events:
        print("nothing has happened to it since the first CRL of its partition")
        return
    rows = (
        (
            _japan(each.known_at),
            each.what.word,
            _japan(each.entry.revoked_at) if each.entry else "",
            (_reason(each.entry) or "") if each.entry else "",
            each.number or "",
            each.partition,
            "illegal" if each.illegal else "",
        )
        for each in story.events
    )
    print_cells(HEADINGS, rows)


def _japan(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M:%S JST}"
