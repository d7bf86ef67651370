"""Buckets with a clock that stands still, and keys made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.verifiers import FakeMonotonic, Key, new_key
from tashika_server.agreements.limits import Buckets


@pytest.fixture
def monotonic() -> FakeMonotonic:
    return FakeMonotonic()


@pytest.fixture
def buckets(tmp_path: Path, monotonic: FakeMonotonic) -> Iterator[Buckets]:
    made = Buckets(tmp_path / "limits", workers=1, monotonic=monotonic)
    yield made
    made.close()


@pytest.fixture(scope="session")
def key() -> Key:
    return new_key()


@pytest.fixture(scope="session")
def authority() -> Key:
    return new_key()
