"""Who makes a change by a command: an enrolled operator, or an account of this machine.

An operator shows their token. Without one the trail gets the account that the kernel runs the
command under, marked as such: nobody types who they are. Several people may share an account,
and one person may have an account and a token, so that an account is nobody in particular: where
the house wants two persons, both are operators.
"""

import os
import pwd
from argparse import ArgumentParser, Namespace
from datetime import datetime

from tashika_server.agreements import registry
from tashika_server.agreements.errors import NotEntitled, SamePerson
from tashika_server.agreements.proposals import Order
from tashika_server.agreements.registry import Proposal
from tashika_server.agreements.terms import secret_digest
from tashika_server.book import Book, Change
from tashika_server.cli.arguments import secret_text
from tashika_server.console.operators import ACCOUNT_MARK, Role, recognise

__all__ = ["actor_of", "add_option", "approve", "demand_operator", "submit"]

KEEPING = {
    Role.REGISTRAR: "registrars keep the registry",
    Role.FINANCE: "finance keeps the accounts",
}


def add_option(verb: ArgumentParser) -> None:
    """Let the command be told who makes the change."""
    verb.add_argument(
        "--as",
        dest="token",
        type=secret_text,
        metavar="FILE",
        help="act as the operator whose token is in FILE (default: as your account here)",
    )
    verb.set_defaults(keeper=Role.REGISTRAR)


def actor_of(options: Namespace, book: Book, at: datetime) -> str:
    """Name who makes the change; NotEntitled if the token is not in force, or no keeper's.

    The keeper is a registrar, unless the command says that it is another role.
    """
    if options.token is None:
        return account()
    with book.reading() as connection:
        operator = recognise(connection, secret_digest(options.token), at)
    if operator is None or operator.role is not options.keeper:
        who = operator and f"{operator.id} is enrolled as {operator.role}"
        raise NotEntitled(
            who or "the token is no operator's, or no longer",
            rule=KEEPING[options.keeper],
            remedy=f"show the token of a {options.keeper} operator; `operator add` makes one",
        )
    return operator.name


def account() -> str:
    """Name the account of this process, which no variable of its environment can change."""
    number = os.getuid()
    try:
        return ACCOUNT_MARK + pwd.getpwuid(number).pw_name
    except KeyError:
        return f"{ACCOUNT_MARK}{number}"


def submit(options: Namespace, change: Change, order: Order) -> object:
    """Do what is ordered, or propose it if a second person has to agree."""
    done = registry.submit(change, order, two_person=options.two_person)
    if isinstance(done, Proposal):
        demand_operator(options, change)
    return done


def approve(options: Namespace, change: Change, proposal_id: str) -> object:
    """Approve a proposal and do at once what it orders."""
    if registry.find_proposal(change.connection, proposal_id).second_person:
        demand_operator(options, change)
    return registry.approve(change, proposal_id, two_person=options.two_person)


def demand_operator(options: Namespace, change: Change) -> None:
    """Raise SamePerson for an account, where an act takes two persons."""
    if options.token is None:
        raise SamePerson(
            f"{change.actor} is an account, and nobody can tell who uses it",
            rule="two persons for this, each an enrolled operator",
            remedy="give --as with the file of your own token (`operator add` makes one)",
        )
