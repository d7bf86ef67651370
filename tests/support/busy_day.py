"""A day at the registry in one transaction, broken off at a writing statement of choice.

Run as a program (`python busy_day.py DSN`), it is killed before each of them in turn, by a
signal that no program can catch, and prints how many there were.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import event

from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import ActVersion, Category
from tashika_server.agreements.grounds import Ground
from tashika_server.agreements.holders import HolderKind
from tashika_server.agreements.registry import (
    IssueCredential,
    Period,
    Resume,
    Scope,
    Step,
    Suspend,
    Suspension,
)
from tashika_server.agreements.terms import CredentialKind, Environment, Grant, Method
from tashika_server.book import Book, Change, Mode, open_book

AT = datetime(2026, 4, 1, tzinfo=UTC)
YEAR = Period(AT, AT + timedelta(days=366))


def busy_day(change: Change) -> None:
    """Do a bit of everything."""
    bank = registry.add_verifier(
        change, name="Bank", category=Category.ACCREDITED_VERIFIER, act=ActVersion.IN_FORCE_2024
    )
    families = (Family.SIGNATURE, Family.USER_AUTH)
    for family in families:
        registry.add_notification(change, bank.id, family=family, received_at=AT)
    registry.add_accreditation(change, bank.id, reference="no. 1", term=YEAR)
    registry.admit_holder(change, bank.id, kind=HolderKind.TENANT, name="Shop", period=YEAR)
    agreement = registry.add_agreement(
        change,
        bank.id,
        environment=Environment.PRODUCTION,
        period=YEAR,
        scope=Scope(grants=tuple(Grant(family=each, method=Method.OCSP) for each in families)),
        issuers={},
    )
    for step in (Step.NOTIFY, Step.AGREE, Step.ACTIVATE):
        registry.advance_agreement(change, agreement.id, step)
    registry.submit(
        change,
        IssueCredential(agreement=agreement.id, kind=CredentialKind.TOKEN, label="one"),
        two_person=(),
    )
    stopped = registry.submit(
        change,
        Suspend(verifier=bank.id, ground=Ground.SIGNATURE_DUTY, reason="a breach"),
        two_person=(),
    )
    assert isinstance(stopped, Suspension)
    registry.approve(change, "P-000001", two_person=())
    registry.submit(change, Resume(suspension=stopped.id, reason="put right"), two_person=())
    registry.end_verifier(change, bank.id)


def interrupted(book: Book, step: int, interrupt: Callable[[], None]) -> int:
    """Work until `interrupt` is called before step number `step`; return how many there were.

    A step is a statement that writes, and at last the commit.
    """
    count = 0

    def about_to() -> None:
        nonlocal count
        count += 1
        if count == step:
            interrupt()

    def before_statement(_: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            about_to()

    def before_commit(_: object) -> None:
        about_to()

    listeners = {"before_cursor_execute": before_statement, "commit": before_commit}
    for name, listener in listeners.items():
        event.listen(book._engine, name, listener)
    try:
        with book.writing(actor="sato", at=AT) as change:
            busy_day(change)
    finally:
        for name, listener in listeners.items():
            event.remove(book._engine, name, listener)
    return count


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(dsn: str) -> None:
    """Kill a child before each step until one lives to the end."""
    book = open_book(dsn)
    with book.writing(actor="sato", at=AT, mode=Mode.REHEARSE) as change:
        busy_day(change)  # what SQLAlchemy learns by it, no child has to learn again
    book.close()
    step = 1
    while True:
        child = os.fork()
        if child == 0:
            interrupted(book, step, _die)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        step += 1
    sys.stdout.write(str(step))


if __name__ == "__main__":
    main(sys.argv[1])
