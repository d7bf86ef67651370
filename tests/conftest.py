"""How the suite runs: what waits longest begins first, and what is dear is made once."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

WAITS = ("tests/system/", "tests/server/test_")
"""Here are the tests that start processes and wait for them; at the end they would wait alone."""
ON_THE_SCENE = tuple(
    f"tests/system/test_{name}.py"
    for name in (
        "bad_clients",
        "bad_lists",
        "many_questions",
        "openssl_and_curl",
        "publication",
        "sdk",
    )
)
"""They use one running service, `scene`; a test process that has any starts its own."""

# Whoever loads aiohttp, as most processes of the service do, would read every authority that this
# machine trusts, for a tenth of a second. Here, nobody is to be trusted for that reason.
os.environ |= {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}

# No example fails for being slow: that would be a test of the machine.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


class WholeFiles(LoadScopeScheduling):
    """Gives all tests of a file to one test process, so that what they share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "the scene" if file in ON_THE_SCENE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> WholeFiles:
    config.option.loadscopereorder = False
    return WholeFiles(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(WAITS))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep thousands of tests, which live to the end, out of garbage collections, now rarer."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)
        gc.enable()
