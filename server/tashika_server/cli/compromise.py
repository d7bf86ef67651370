"""`tashika-server compromise`: declare that an issuer's key is compromised, and take that back.

Always two persons: what is ordered here is a proposal until another operator approves it.
"""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence

from sqlalchemy import Connection

from tashika.pki.certid import IssuerIdentity
from tashika_server.agreements import registry
from tashika_server.agreements.errors import NoSuchRecord
from tashika_server.agreements.registry import DeclareCompromise, WithdrawCompromise
from tashika_server.book import Change
from tashika_server.certificate_file import read_certificate
from tashika_server.cli import actor
from tashika_server.cli.arguments import first_moment
from tashika_server.cli.registrar import add_list, add_show, add_write
from tashika_server.config import IssuerSettings, load_settings
from tashika_server.config.problem import nearest

__all__ = ["add_commands"]


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `compromise` and its verbs."""
    noun = nouns.add_parser("compromise")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    text = "propose to revoke everything under the key of an issuer (Act art. 14, 33)"
    declare = add_write(verbs, "declare", _declare, text)
    declare.add_argument("issuer", metavar="ISSUER", help="its name in the configuration")
    declare.add_argument("--reason", required=True, help="what happened, for the record")
    declare.add_argument(
        "--since",
        type=first_moment,
        metavar="TIME",
        help="when the key was lost, as far as is known (default: when it is approved)",
    )
    text = "propose to take a declaration back"
    withdraw = add_write(verbs, "withdraw", _withdraw, text)
    withdraw.add_argument("id", metavar="K-NUMBER")
    withdraw.add_argument("--reason", required=True, help="why, for the record")
    columns = "id", "issuer", "since", "declared_at", "declared_by", "withdrawn_at"
    add_list(verbs, "list", _list, "list the declarations", *columns)
    show = add_show(verbs, "show", _show, "show one")
    show.add_argument("id", metavar="K-NUMBER")


def _declare(options: Namespace, change: Change) -> object:
    issuer = _issuer(options)
    certificate = read_certificate(issuer.certificate)
    order = DeclareCompromise(
        issuer=issuer.name,
        fingerprint=IssuerIdentity.of(certificate).fingerprint,
        family=issuer.family,
        reason=options.reason,
        since=options.since,
    )
    return actor.submit(options, change, order)


def _issuer(options: Namespace) -> IssuerSettings:
    known = {each.name: each for each in load_settings(options.config).issuer}
    if options.issuer not in known:
        raise NoSuchRecord(
            f"there is no issuer {options.issuer!r}",
            rule="issuers are named as in the configuration",
            remedy=nearest(options.issuer, known),
        )
    return known[options.issuer]


def _withdraw(options: Namespace, change: Change) -> object:
    order = WithdrawCompromise(compromise=options.id, reason=options.reason)
    return actor.submit(options, change, order)


def _list(_options: Namespace, connection: Connection) -> Sequence[object]:
    return registry.compromises(connection)


def _show(options: Namespace, connection: Connection) -> object:
    return registry.find_compromise(connection, options.id)
