"""How the suite runs: what waits longest begins first, and what is dear is made once."""

import gc
from collections.abc import Iterator

import pytest
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
    """Keep thousands of tests, which live to the end, out of every garbage collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
