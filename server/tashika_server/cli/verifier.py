"""`tashika-server verifier`: the parties that may ask, and those who ask under them."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import CATEGORIES, ActVersion, Category, CategoryFacts
from tashika_server.agreements.registry import HolderKind, Period
from tashika_server.book import Change
from tashika_server.cli.arguments import demand_change, first_moment, last_moment, one_of, words
from tashika_server.cli.registrar import add_list, add_show, add_write, now
from tashika_server.console import views

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `verifier` and its verbs."""
    noun = nouns.add_parser("verifier")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    categories = words("categories", ((each, _meaning(CATEGORIES[each])) for each in Category))
    add = add_write(verbs, "add", _add, "register a party", epilog=categories)
    add.add_argument("--name", required=True)
    add.add_argument("--category", **one_of(*Category), required=True, help="see below")
    add.add_argument(
        "--act",
        **one_of(*ActVersion),
        default=ActVersion.IN_FORCE_2024,
        help="the version of the Act its records are kept by (default: %(default)s)",
    )
    columns = ("id", "name", "category", "act", "registered_at", "ended_at")
    add_list(verbs, "list", _list, "list the verifiers", *columns)
    _of(add_show(verbs, "show", _show, "show one with all that it has"))
    text = "give it another name, or keep its records by another version of the Act"
    change = _of(add_write(verbs, "change", _change, text))
    change.add_argument("--name")
    change.add_argument("--act", **one_of(*ActVersion))
    _of(add_write(verbs, "end", _end, "end it and all its agreements"))
    _add_standing(verbs)
    _add_holders(verbs)


def _add_standing(verbs: Any) -> None:
    notify = _of(add_write(verbs, "notify", _notify, "record that it has notified"))
    notify.add_argument("--family", **one_of(*Family), required=True)
    notify.add_argument("--on", type=first_moment, metavar="DAY", help="default: now")
    notify.add_argument("--confirmers", metavar="RANGE", help="whom a group verifier answers")
    withdraw = _of(add_write(verbs, "withdraw", _withdraw, "end a notification now"))
    withdraw.add_argument("--family", **one_of(*Family), required=True)
    accredit = _of(add_write(verbs, "accredit", _accredit, "record an accreditation or renewal"))
    accredit.add_argument("--reference", required=True, help="the number of the decision")
    accredit.add_argument("--from", dest="start", type=first_moment, metavar="DAY", required=True)
    accredit.add_argument("--to", dest="end", type=last_moment, metavar="DAY", required=True)
    _of(add_write(verbs, "disaccredit", _disaccredit, "record that it was revoked"))
    due = add_list(verbs, "due", _due, "list what ends soon", "ends", "what", "subject", "verifier")
    due.add_argument("--days", type=int, default=registry.AHEAD.days, help="default: %(default)s")


def _add_holders(verbs: Any) -> None:
    admit = _of(add_write(verbs, "admit", _admit, "let a tenant, confirmer or processor ask"))
    admit.add_argument("--kind", **one_of(*HolderKind), required=True)
    admit.add_argument("--name", required=True)
    admit.add_argument(
        "--from", dest="start", type=first_moment, metavar="DAY", help="default: now"
    )
    admit.add_argument("--to", dest="end", type=last_moment, metavar="DAY", help="default: no end")
    dismiss = add_write(verbs, "dismiss", _dismiss, "let one ask no more")
    dismiss.add_argument("id", metavar="H-NUMBER")


def _of(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("id", metavar="V-NUMBER")
    return verb


def _meaning(facts: CategoryFacts) -> str:
    """Say in a line of help what the Act says of a category."""
    claims = {
        "accredited": facts.accredited,
        "has confirmers": facts.has_confirmers,
        "may have tenants": facts.has_tenants,
    }
    article = facts.clause.at(ActVersion.IN_FORCE_2024).number if facts.clause else "no article"
    parts = [", ".join(sorted(facts.families)), *(claim for claim in claims if claims[claim])]
    return f"{article}: {'; '.join(parts)}"


def _add(options: Namespace, change: Change) -> object:
    return registry.add_verifier(
        change, name=options.name, category=options.category, act=options.act
    )


def _list(_: Namespace, connection: Connection) -> Sequence[object]:
    return registry.verifiers(connection)


def _show(options: Namespace, connection: Connection) -> object:
    return views.show_verifier(connection, options.id)


def _change(options: Namespace, change: Change) -> object:
    demand_change(options.name, options.act)
    return registry.change_verifier(change, options.id, name=options.name, act=options.act)


def _end(options: Namespace, change: Change) -> object:
    return registry.end_verifier(change, options.id)


def _notify(options: Namespace, change: Change) -> object:
    return registry.add_notification(
        change,
        options.id,
        family=options.family,
        received_at=options.on or change.at,
        confirmers=options.confirmers,
    )


def _withdraw(options: Namespace, change: Change) -> object:
    return registry.withdraw_notification(change, options.id, family=options.family)


def _accredit(options: Namespace, change: Change) -> object:
    term = Period(options.start, options.end)
    return registry.add_accreditation(change, options.id, reference=options.reference, term=term)


def _disaccredit(options: Namespace, change: Change) -> object:
    return registry.revoke_accreditation(change, options.id)


def _due(options: Namespace, connection: Connection) -> Sequence[object]:
    return views.ending_soon(connection, now(), days=options.days)


def _admit(options: Namespace, change: Change) -> object:
    period = Period(options.start or change.at, options.end)
    return registry.admit_holder(
        change, options.id, kind=options.kind, name=options.name, period=period
    )


def _dismiss(options: Namespace, change: Change) -> object:
    return registry.dismiss_holder(change, options.id)
