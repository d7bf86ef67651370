"""Tests that put something in the place of a function, where that function is compiled.

Compiled code calls compiled code, and does not look for another of that name (`make compiled`).
"""

import pytest

from tashika_server.responder import turns

__all__ = ["interpreted"]

interpreted = pytest.mark.skipif(
    not turns.__file__.endswith(".py"),
    reason="replaces what is compiled here; `make test` runs it on the sources",
)
