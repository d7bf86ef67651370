"""`tashika-server credential`: what verifiers prove themselves by. A secret is shown once."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tashika_server.agreements import registry
from tashika_server.agreements.registry import IssueCredential
from tashika_server.agreements.terms import CredentialKind
from tashika_server.book import Change
from tashika_server.cli import actor
from tashika_server.cli.arguments import (
    demand_change,
    first_moment,
    last_moment,
    one_of,
    pem_text,
)
from tashika_server.cli.registrar import add_list, add_show, add_write

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `credential` and its verbs."""
    noun = nouns.add_parser("credential")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_add(verbs)
    its = ("kind", "holder", "valid_from", "valid_to", "revoked_at")
    columns = ("id", "agreement", "label", *(f"credential.{name}" for name in its))
    listed = add_list(verbs, "list", _list, "list the credentials", *columns)
    listed.add_argument("--agreement", metavar="A-NUMBER", help="those of one only")
    _of(add_show(verbs, "show", _show, "show one"))
    change = _of(add_write(verbs, "change", _change, "give it another label or an earlier end"))
    change.add_argument("--label")
    change.add_argument("--to", dest="end", type=last_moment, metavar="DAY", help="last day")
    _of(add_write(verbs, "end", _end, "withdraw it now"))
    bar = _of(add_write(verbs, "bar", _bar, "refuse one certificate of a registered CA"))
    bar.add_argument("--certificate", type=pem_text, required=True, metavar="FILE")


def _add_add(verbs: Any) -> None:
    add = add_write(verbs, "add", _add, "issue a token, or register a key or a CA")
    add.add_argument("agreement", metavar="A-NUMBER")
    add.add_argument("--kind", **one_of(*CredentialKind), required=True)
    add.add_argument("--label", required=True, help="what people call it by")
    add.add_argument(
        "--certificate", type=pem_text, metavar="FILE", help="PEM of client, signer or CA"
    )
    add.add_argument("--subject", help="of the client's certificate, with --kind mtls-ca")
    add.add_argument("--holder", metavar="H-NUMBER", help="who uses it (default: the verifier)")
    add.add_argument("--from", dest="start", type=first_moment, metavar="DAY", help="default: now")
    add.add_argument("--to", dest="end", type=last_moment, metavar="DAY", help="last day")
    add.add_argument("--rate", type=float, metavar="N", help="statuses a second of this one alone")
    add.add_argument("--burst", type=int, metavar="N", help="goes with --rate")


def _of(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("id", metavar="C-NUMBER")
    return verb


def _add(options: Namespace, change: Change) -> object:
    order = IssueCredential(
        agreement=options.agreement,
        kind=options.kind,
        label=options.label,
        certificate=options.certificate,
        subject=options.subject,
        holder=options.holder,
        valid_from=options.start,
        valid_to=options.end,
        rate=options.rate,
        burst=options.burst,
    )
    return actor.submit(options, change, order)


def _list(options: Namespace, connection: Connection) -> Sequence[object]:
    return registry.credentials(connection, options.agreement)


def _show(options: Namespace, connection: Connection) -> object:
    return registry.find_credential(connection, options.id)


def _change(options: Namespace, change: Change) -> object:
    demand_change(options.label, options.end)
    return registry.change_credential(change, options.id, label=options.label, valid_to=options.end)


def _end(options: Namespace, change: Change) -> object:
    return registry.end_credential(change, options.id)


def _bar(options: Namespace, change: Change) -> object:
    return registry.bar_certificate(change, options.id, options.certificate)
