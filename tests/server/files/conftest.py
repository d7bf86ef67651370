"""A counter where files are handed out, and a client before it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from support.counter import Counter, open_counter


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    with open_counter(tmp_path) as counter:
        yield counter


@pytest.fixture
async def client(counter: Counter, aiohttp_client: Any) -> AsyncIterator[TestClient[Any, Any]]:
    assert await counter.group.begin()
    application = web.Application()
    counter.provision.add_routes(application.router)
    yield await aiohttp_client(application, auto_decompress=False)
    counter.group.end()
