"""Fixtures for a relying party's own pytest suite, loaded on request only.

::

    pytest_plugins = ["tashika.testing.fixtures"]  # in the conftest.py at the root

    def test_a_revoked_card_is_turned_away(tashika_responder, tashika_url):
        tashika_responder.revoke(tashika_responder.pki.certificate)
        ...  # your application, with tashika_url in its configuration

and ``@every_fault`` runs a test once with each order of :class:`tashika.testing.Fault`.
"""

from collections.abc import Iterator

import pytest

from tashika.testing.faults import Fault
from tashika.testing.pki import Pki
from tashika.testing.responder import FakeResponder

__all__ = ["every_fault", "tashika_pki", "tashika_responder", "tashika_url"]

every_fault = pytest.mark.parametrize("fault", [*Fault])
"""Give a test, as ``fault``, every wrong answer in turn: none may let anybody in."""


@pytest.fixture(scope="session")
def tashika_pki() -> Pki:
    """Make a CA, a certificate of it and its responder; one for the session, as keys take time."""
    return Pki()


@pytest.fixture
def tashika_responder(tashika_pki: Pki) -> FakeResponder:
    """Make a responder for which all is good, until the test orders otherwise."""
    return FakeResponder(tashika_pki)


@pytest.fixture
def tashika_url(tashika_responder: FakeResponder) -> Iterator[str]:
    """Serve it over HTTP on 127.0.0.1 while the test runs; this is the URL."""
    with tashika_responder.serve() as url:
        yield url
