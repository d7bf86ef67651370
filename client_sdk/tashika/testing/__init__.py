"""A ready PKI and an OCSP responder with faults on order, for a relying party's own tests.

::

    def test_a_revoked_card_is_turned_away():
        responder = FakeResponder()
        responder.revoke(responder.pki.certificate)
        with Client(responder.url, transport=responder) as client:
            assert not client.check(responder.pki.certificate, responder.pki.issuer)

No socket is opened; ``with responder.serve() as url:`` opens one, on 127.0.0.1.
`Jpki` issues certificates in the shape of JPKI's, right and wrong ones.
The answers are encoded apart from the code they test, with asn1crypto.
Fixtures for pytest are in :mod:`tashika.testing.fixtures`.
"""

from tashika.testing.faults import Fault
from tashika.testing.jpki import DUMMY_ITEMS, Jpki
from tashika.testing.pki import KeyPair, Pki
from tashika.testing.responder import FakeResponder

__all__ = ["DUMMY_ITEMS", "FakeResponder", "Fault", "Jpki", "KeyPair", "Pki"]
