"""A change is whole or never was, wherever it breaks off; and whoever makes it leaves a trail."""

import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from support import busy_day
from support.registry import Office
from tashika_server.agreements import registry
from tashika_server.book import Book, Mode
from tashika_server.book.trail import entries


class Interrupted(Exception):
    pass


def interrupt() -> None:
    raise Interrupted


def everything(book: Book) -> dict[str, list[Any]]:
    with book.reading() as connection:
        return {
            table: connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all()  # noqa: S608
            for table in inspect(connection).get_table_names()
            if table != "alembic_version"
        }


# The last attempt succeeds, so what any other left behind shows in the numbers.


def test_an_error_before_any_step_leaves_nothing(book: Book):
    for step in count(1):
        with suppress(Interrupted):
            busy_day.interrupted(book, step, interrupt)
            break
    assert step > 30
    assert_done(book)


def test_a_kill_before_any_step_leaves_nothing(book: Book, book_dsn: str):
    book.close()
    run = subprocess.run(
        [sys.executable, busy_day.__file__, book_dsn],
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
        cwd=Path(busy_day.__file__).parent.parent,
    )
    assert int(run.stdout) > 30
    assert_done(book)


def assert_done(book: Book) -> None:
    with book.reading() as connection:
        assert [each.id for each in registry.verifiers(connection)] == ["V-000001"]
        assert [each.id for each in registry.credentials(connection)] == ["C-000001"]
        numbers = [entry.number for entry in entries(connection)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_rehearsal_of_everything_keeps_nothing_and_tells_all(office: Office):
    before = everything(office.book)
    with office.change(Mode.REHEARSE) as change:
        busy_day.busy_day(change)
    assert everything(office.book) == before
    told = change.entries
    with office.change() as change:
        busy_day.busy_day(change)

    def what(entry) -> tuple[Any, ...]:
        return entry.number, entry.action, entry.subject, entry.before

    # Not `after`: the token, and so its digest, is another one.
    assert [what(each) for each in told] == [what(each) for each in change.entries]


def test_every_row_of_the_registry_has_its_entry(office: Office):
    with office.change() as change:
        busy_day.busy_day(change)
    added = {entry.subject for entry in change.entries if entry.before is None}
    prefixes = {
        "verifier": "V",
        "notification": "N",
        "accreditation": "R",
        "holder": "H",
        "agreement": "A",
        "credential": "C",
        "suspension": "S",
        "proposal": "P",
    }
    rows = everything(office.book)
    assert added == {
        f"{prefix}-{row.id:06d}" for table, prefix in prefixes.items() for row in rows[table]
    }


def test_an_entry_tells_before_and_after(office: Office):
    with office.change() as change:
        bank = office_bank(change)
        renamed = registry.change_verifier(change, bank.id, name="Other")
    entry = change.entries[-1]
    assert (entry.action, entry.subject) == ("verifier.change", bank.id)
    assert '"name":"Bank"' in entry.before
    assert '"name":"Other"' in entry.after
    assert renamed.name == "Other"


def office_bank(change):
    return registry.add_verifier(
        change,
        name="Bank",
        category=busy_day.Category.COURT,
        act=busy_day.ActVersion.AMENDED_2013,
    )
