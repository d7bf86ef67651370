"""`tashika-server agreement`: what a verifier may ask, from when to when, and how much."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from typing import TypeVar

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.registry import Period, Scope, Step
from tashika_server.agreements.terms import Environment, Grant, Method, Network, Purpose
from tashika_server.book import Change
from tashika_server.cli.arguments import demand_change, first_moment, last_moment, one_of
from tashika_server.cli.registrar import add_list, add_show, add_write, now
from tashika_server.console import views

__all__ = ["add_commands"]

PLAIN = ("rate", "burst", "max_cert_ids", "signed_required", "path_tokens", "receipts")
"""Options that are named as their field and not given when they are None."""
OTHERS = ("grants", "purposes", "networks", "start", "end", "daily")
NONE = "none"
"""What is typed for no end and no cap; an option that is not typed keeps what there was."""
STEPS = (Step.NOTIFY, Step.AGREE, Step.ACTIVATE)
T = TypeVar("T", int, datetime)


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `agreement` and its verbs."""
    noun = nouns.add_parser("agreement")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    usual = Scope(grants=())
    limits = (
        f"unless given: no end, {usual.rate:g} statuses a second, {usual.burst} at once, "
        f"{usual.daily} a day, {usual.max_cert_ids} certificates a question"
    )
    add = add_write(verbs, "add", _add, "draft an agreement", epilog=limits)
    add.add_argument("verifier", metavar="V-NUMBER")
    add.add_argument(
        "--environment",
        **one_of(*Environment),
        default=Environment.PRODUCTION,
        help="which certificates it is about (default: %(default)s)",
    )
    _add_scope(add, required=True)
    its = ("id", "verifier", "environment", "newest.period")
    columns = (*(f"agreement.{name}" for name in its), "state", "grants")
    listed = add_list(verbs, "list", _list, "list the agreements", *columns)
    listed.add_argument("--verifier", metavar="V-NUMBER", help="those of one only")
    _of(add_show(verbs, "show", _show, "show one with its versions"))
    text = "let another version take effect; what is not given stays as it was"
    change = _of(add_write(verbs, "change", _change, text))
    _add_scope(change, required=False)
    advance = _of(add_write(verbs, "advance", _advance, "take the next step of its life"))
    advance.add_argument("step", **one_of(*STEPS))
    advance.add_argument(
        "--on",
        type=first_moment,
        metavar="DAY",
        help="with agree: when it was concluded (default: now)",
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
        help=f"methods: {', '.join(Method)}; for all issuers of the family unless some are named; "
        "may be given several times",
    )
    verb.add_argument(
        "--purpose",
        dest="purposes",
        **one_of(*Purpose),
        action="append",
        help="of all grants; may be given twice (default: both)",
    )
    verb.add_argument(
        "--network",
        dest="networks",
        type=_network,
        action="append",
        metavar="CIDR",
        help="where questions may come from (default: anywhere); may be given several times",
    )
    verb.add_argument("--from", dest="start", type=first_moment, metavar="DAY", help="default: now")
    verb.add_argument("--to", dest="end", type=_end_of, metavar="DAY|none", help="last day")
    verb.add_argument("--rate", type=float, metavar="N", help="statuses a second")
    verb.add_argument("--burst", type=int, metavar="N", help="statuses at once")
    verb.add_argument("--daily", type=_daily, metavar="N|none", help="statuses a day of Japan")
    verb.add_argument("--max-cert-ids", type=int, metavar="N", help="certificates a question")
    for name, text in (
        ("signed-required", "whether OCSP requests must be signed"),
        ("path-tokens", "whether a token may stand in the URL, where others' logs show it"),
        ("receipts", "whether OCSP answers carry receipts, to check the statement by"),
    ):
        verb.add_argument(f"--{name}", type=_yes_or_no, metavar="yes|no", help=text)


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


def _end_of(text: str) -> datetime | str:
    return NONE if text == NONE else last_moment(text)


def _daily(text: str) -> int | str:
    return NONE if text == NONE else int(text)


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
        period=_period(options, change, None),
        scope=_scope(options, Scope(grants=())),
        issuers=options.issuers,
    )


def _change(options: Namespace, change: Change) -> object:
    demand_change(*(getattr(options, name) for name in (*PLAIN, *OTHERS)))
    newest = registry.find_agreement(change.connection, options.id).newest
    return registry.change_agreement(
        change,
        options.id,
        period=_period(options, change, newest.period.end),
        scope=_scope(options, newest.scope),
        issuers=options.issuers,
    )


def _period(options: Namespace, change: Change, end: datetime | None) -> Period:
    return Period(options.start or change.at, _or_none(options.end, end))


def _scope(options: Namespace, before: Scope) -> Scope:
    """Change in a scope what was given as an option."""
    given = {name: getattr(options, name) for name in PLAIN if getattr(options, name) is not None}
    given["daily"] = _or_none(options.daily, before.daily)
    grants = tuple(options.grants or before.grants)
    if options.purposes:
        grants = tuple(replace(each, purposes=frozenset(options.purposes)) for each in grants)
    networks = tuple(options.networks or before.networks)
    return replace(before, grants=grants, networks=networks, **given)


def _or_none(typed: T | str | None, before: T | None) -> T | None:
    if typed is None:
        return before
    return None if isinstance(typed, str) else typed


def _advance(options: Namespace, change: Change) -> object:
    return registry.advance_agreement(change, options.id, options.step, concluded_at=options.on)


def _end(options: Namespace, change: Change) -> object:
    return registry.end_agreement(change, options.id)


def _list(options: Namespace, connection: Connection) -> Sequence[object]:
    return views.list_agreements(connection, now(), verifier_id=options.verifier)


def _show(options: Namespace, connection: Connection) -> object:
    return views.show_agreement(connection, options.id, now())
