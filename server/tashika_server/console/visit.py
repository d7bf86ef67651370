"""One request of an operator: what it shows, who that is, and the log-in itself."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tashika_server.agreements.terms import key_digest, secret_digest
from tashika_server.book import Book
from tashika_server.console.operators import Operator, find_operator, recognise
from tashika_server.console.problems import NotLoggedIn, TooManyFailures
from tashika_server.console.sessions import Failures, Session, Sessions
from tashika_server.log import get_log

__all__ = [
    "FrontDesk",
    "Ticket",
    "Visit",
    "demand_operator",
    "describe",
    "log_in",
    "log_out",
    "who_am_i",
]

log = get_log()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDesk:
    """What is there for visitors, whoever they are."""

    book: Book
    sessions: Sessions
    failures: Failures
    document: dict[str, Any]
    """The OpenAPI document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a request shows of who makes it."""

    desk: FrontDesk
    at: datetime
    address: str
    bearer: str | None = field(default=None, repr=False)
    client_key: bytes | None = None
    """The SubjectPublicKeyInfo of the certificate that TLS has verified."""
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An open log-in; the secret goes into the Authorization header of every later request."""

    session: str = field(repr=False)
    ends: datetime
    operator: Operator


def describe(visit: Visit) -> dict[str, Any]:
    """Return this document."""
    return visit.desk.document


def log_in(visit: Visit) -> Ticket:
    """Open a session for who shows an operator's token or client certificate."""
    desk = visit.desk
    if wait := desk.failures.wait(visit.address, visit.at):
        raise TooManyFailures(int(wait.total_seconds()) + 1)
    with desk.book.reading() as connection:
        operator = _recognised(connection, visit)
    if operator is None:
        desk.failures.count(visit.address, visit.at)
        log.warning("operator_not_recognised", address=visit.address)
        raise NotLoggedIn
    secret, session = desk.sessions.open(operator, visit.at)
    log.info("operator_logged_in", operator=operator.id, address=visit.address)
    return Ticket(session=secret, ends=session.ends, operator=operator)


def log_out(visit: Visit) -> None:
    """End this session."""
    visit.desk.sessions.close(visit.bearer or "")


def who_am_i(connection: Connection, visit: Visit) -> Operator:
    """Tell who is logged in."""
    return demand_operator(connection, visit)


def demand_operator(connection: Connection, visit: Visit) -> Operator:
    """Return the operator of the session; NotLoggedIn if they may be let in no more."""
    if visit.session is None:
        raise NotLoggedIn
    operator = find_operator(connection, visit.session.operator.id)
    if not operator.is_in_force(visit.at):
        raise NotLoggedIn
    return operator


def _recognised(connection: Connection, visit: Visit) -> Operator | None:
    """Recognise a token if one is shown, else the key of the TLS client."""
    if visit.bearer is not None:
        return recognise(connection, secret_digest(visit.bearer), visit.at)
    if visit.client_key is not None:
        return recognise(connection, key_digest(visit.client_key), visit.at)
    return None
