"""A house with one bank that has an agreement, on SQLite and on PostgreSQL."""

import pytest

from support.till import SIGNATURE, USER_AUTH, Till
from tashika_server.agreements.registry import Agreement, Verifier
from tashika_server.book import Book


@pytest.fixture
def till(book: Book) -> Till:
    return Till(book)


@pytest.fixture
def bank(till: Till) -> Verifier:
    return till.verifier()


@pytest.fixture
def agreement(till: Till, bank: Verifier) -> Agreement:
    return till.active(bank, SIGNATURE, USER_AUTH)
