"""CRLs made wrong under a signature that holds: each is taken or set aside, nothing escapes.

What is taken has still to be what asn1crypto reads in it.
"""

from asn1crypto import crl as asn1_crl
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from support.crls import AT, DAY, NAKA, Ca, Row, hold, listed
from support.mutations import mutants
from support.reading import take
from tashika.pki import der
from tashika.pki.algorithms import ECDSA_SHA256
from tashika_server.refresh.source import NotTaken, Source

CA = Ca.found()
ISSUER = CA.issuer({NAKA: "lab:/x"})
SOURCE = Source(ISSUER, ISSUER.partitions[0], ISSUER.identity.fingerprint)
GOOD = CA.crl([Row(7, reason="superseded", since=AT - 2 * DAY), 300, hold(2**70)], scope=NAKA)
TBS = asn1_crl.CertificateList.load(GOOD)["tbs_cert_list"].dump()


def taken(body: bytes) -> dict[int, object] | None:
    try:
        entries = take(body, SOURCE, None, at=AT).entries
    except NotTaken:
        return None
    return {entry.serial: entry.revoked_at for entry in entries}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_t27_t28_a_wrong_list_under_a_right_signature_is_set_aside(seed: int):
    for tbs in mutants(TBS, seed, 20):
        signature = CA.key.sign(tbs, ec.ECDSA(SHA256()))
        body = der.sequence(tbs, ECDSA_SHA256.der, der.bit_string(signature))
        if (found := taken(body)) is not None:
            assert found == listed(body)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_is_set_aside(seed: int):
    for body in mutants(GOOD, seed, 20):
        assert taken(body) is None or body == GOOD
