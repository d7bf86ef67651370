"""`tashika-server agreement`: what a verifier may ask, from when to when, and how much."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.registry import Agreement, Period, Scope, State, Step
from tashika_server.agreements.terms import Environment, Grant, Method, Network, Purpose
from tashika_server.book import Change
from tashika_server.cli.registrar import (
    add_list,
    add_show,
    add_write,
    first_moment,
    last_moment,
    now,
    one_of,
)

__all__ = ["add_commands"]

PLAIN = ("rate", "burst", "max_cert_ids", "signed_required", "path_tokens")
"""Options that are named as their field and not given when they are None."""
NO_CAP = 0
STEPS = (Step.NOTIFY, Step.AGREE, Step.ACTIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An agreement as the list shows it."""

    id: str
    verifier: str
    environment: Environment
    state: State
    version: int
    period: Period
    grants: tuple[str, ...]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `agreement` and its verbs."""
    noun = nouns.add_parser("agreement", help="what a verifier may ask")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    add = add_write(verbs, "add", _add, "draft an agreement")
    add.add_argument("verifier", metavar="V-NUMBER")
    add.add_argument("--environment", **one_of(*Environment), default=Environment.PRODUCTION)
    _add_scope(add, required=True)
    columns = ("id", "verifier", "environment", "state", "version", "period", "grants")
    listed = add_list(verbs, "list", _list, "list the agreements", *columns)
    listed.add_argument("--verifier", metavar="V-NUMBER", help="those of one only")
    _of(add_show(verbs, "show", _show, "show one with its versions and credentials"))
    change = _of(add_write(verbs, "change", _change, "let another version take effect"))
    _add_scope(change, required=False)
    advance = _of(add_write(verbs, "advance", _advance, "take the next step of its life"))
    advance.add_argument("step", **one_of(*STEPS))
    advance.add_argument(
        "--on", type=first_moment, metavar="DAY", help="when it was concluded (default: now)"
    )
    _of(add_write(verbs, "end", _end, "end it now"))


def _of(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("id", metavar="A-NUMBER")
    return verb


def _add_scope(verb: ArgumentParser, *, required: bool) -> None:
    """Add the options of a scope; what is not given keeps what it was."""
    verb.add_argument(
        "--grant",
        dest="grants",
        type=_grant,
        action="append",
        required=required,
        metavar="FAMILY:METHOD[:ISSUER,...]",
        help="may be given several times",
    )
    verb.add_argument("--purpose", dest="purposes", **one_of(*Purpose), action="append")
    verb.add_argument("--network", dest="networks", type=_network, action="append", metavar="CIDR")
    verb.add_argument("--from", dest="start", type=first_moment, metavar="DAY", help="default: now")
    verb.add_argument("--to", dest="end", type=last_moment, metavar="DAY", help="last day")
    verb.add_argument("--rate", type=float, metavar="N", help="statuses a second")
    verb.add_argument("--burst", type=int, metavar="N", help="statuses at once")
    verb.add_argument("--daily", type=_daily, metavar="N|none", help="statuses a day of Japan")
    verb.add_argument("--max-cert-ids", type=int, metavar="N", help="certificates a question")
    for name in ("signed-required", "path-tokens"):
        verb.add_argument(f"--{name}", type=_yes_or_no, metavar="yes|no")


def _grant(text: str) -> Grant:
    family, _, rest = text.partition(":")
    method, _, issuers = rest.partition(":")
    try:
        return Grant(
            family=Family(family),
            method=Method(method),
            issuers=frozenset(issuers.split(",")) if issuers else None,
        )
    except ValueError as wrong:
        raise ArgumentTypeError(f"{wrong}; write for example signature:ocsp") from None


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as wrong:
        raise ArgumentTypeError(f"{wrong}; write for example 192.0.2.0/24") from None


def _daily(text: str) -> int:
    return NO_CAP if text == "none" else int(text)


def _yes_or_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ArgumentTypeError(f"{text!r} is neither yes nor no")
    return text == "yes"


# --- Work -----------------------------------------------------------------------------------


def _add(options: Namespace, change: Change) -> object:
    return registry.add_agreement(
        change,
        options.verifier,
        environment=options.environment,
        period=Period(options.start or change.at, options.end),
        scope=_scope(options, Scope(grants=())),
    )


def _change(options: Namespace, change: Change) -> object:
    newest = registry.find_agreement(change.connection, options.id).newest
    return registry.change_agreement(
        change,
        options.id,
        period=Period(options.start or change.at, options.end or newest.period.end),
        scope=_scope(options, newest.scope),
    )


def _scope(options: Namespace, before: Scope) -> Scope:
    """Change in a scope what was given as an option."""
    given = {name: getattr(options, name) for name in PLAIN if getattr(options, name) is not None}
    if options.daily is not None:
        given["daily"] = None if options.daily == NO_CAP else options.daily
    grants = tuple(options.grants or before.grants)
    if options.purposes:
        grants = tuple(replace(each, purposes=frozenset(options.purposes)) for each in grants)
    networks = tuple(options.networks or before.networks)
    return replace(before, grants=grants, networks=networks, **given)


def _advance(options: Namespace, change: Change) -> object:
    return registry.advance_agreement(change, options.id, options.step, concluded_at=options.on)


def _end(options: Namespace, change: Change) -> object:
    return registry.end_agreement(change, options.id)


def _list(options: Namespace, connection: Connection) -> Sequence[object]:
    at, standing = now(), registry.suspensions(connection)
    return tuple(
        _row(each, registry.state(each, standing, at))
        for each in registry.agreements(connection, options.verifier)
    )


def _row(agreement: Agreement, state: State) -> Row:
    version = agreement.newest
    return Row(
        id=agreement.id,
        verifier=agreement.verifier,
        environment=agreement.environment,
        state=state,
        version=version.number,
        period=version.period,
        grants=tuple(f"{family}:{method}" for family, method in sorted(version.scope.lines)),
    )


def _show(options: Namespace, connection: Connection) -> dict[str, Any]:
    agreement = registry.find_agreement(connection, options.id)
    return {
        "agreement": agreement,
        "credential": registry.credentials(connection, agreement.id),
        "suspension": registry.suspensions(connection, agreement.verifier),
    }
