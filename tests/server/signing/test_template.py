"""A template fits what its answer said, and is cut out of no other kind."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.asking import AT, DAY, Authority, ec_key, write_signer
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.receipt import Receipt
from tashika.pki.response import SingleResponse
from tashika.pki.standing import Good, Unknown
from tashika_server.signing import NEVER_ISSUED, Template, encode_answer, load_signer

HOWS = st.fixed_dictionaries(
    {
        "hash_name": st.sampled_from(["sha1", "sha256", "sha384", "sha512"]),
        "cutoff": st.sampled_from([None, AT - 365 * DAY]),
        "standing": st.sampled_from([Good(), Unknown(), NEVER_ISSUED]),
    }
)


@pytest.fixture(scope="module")
def ca():
    return Authority.make("JPKI for user authentication", ec_key("ca"))


@pytest.fixture(scope="module")
def signer(ca, tmp_path_factory):
    files = write_signer(tmp_path_factory.mktemp("s"), ca.issue_responder(ec_key()), ec_key())
    return load_signer(files, ca.certificate, at=AT)


@pytest.fixture(scope="module")
def write(ca, signer):
    identity = IssuerIdentity.of(ca.certificate)

    def write(serial, nonce, *, hash_name="sha256", standing=None, cutoff=None, receipt=None):
        cert_id = CertId.build(identity, serial, hash_name)
        told = SingleResponse(
            cert_id, standing or Good(), AT - timedelta(hours=1), AT + DAY, cutoff
        )
        unsigned = encode_answer(
            [told],
            nonce=nonce,
            signer=signer,
            algorithm=signer.algorithms[0],
            produced_at=AT,
            receipt=receipt,
        )
        return unsigned, cert_id.der

    return write


@settings(max_examples=50)
@given(HOWS, st.integers(1, 128), st.data())
def test_it_is_filled_as_the_whole_is_written(write, how, length, data):
    size = data.draw(st.integers(1, 19)) * 8
    serials = st.integers(2 ** (size - 2), 2 ** (size - 1) - 1)
    nonces = st.binary(min_size=length, max_size=length)
    first, second = (data.draw(nonces) for _ in range(2))
    unsigned, cert_id = write(data.draw(serials), first, **how)
    other, other_id = write(data.draw(serials), second, **how)
    filled = Template.cut(unsigned, cert_id, first).fill(other_id, second)
    assert (filled.data, filled.envelope) == (other.data, other.envelope)


@settings(max_examples=30)
@given(st.binary(min_size=1, max_size=128), st.integers(1, 40))
def test_nothing_is_cut_where_the_nonce_is_not_the_end(write, nonce, length):
    """Not even where it looks like the end: whoever asks chooses it."""
    for standing in (Good(), NEVER_ISSUED):
        how = {"standing": standing, "receipt": Receipt(bytes(16), 7)}
        end = write(7, nonce, **how)[0].data[-length:]
        for chosen in (nonce, end):
            unsigned, cert_id = write(7, chosen, **how)
            assert Template.cut(unsigned, cert_id, chosen) is None


def test_nothing_is_cut_out_of_what_is_about_another(write):
    unsigned, cert_id = write(7, b"n" * 32)
    assert Template.cut(unsigned, write(8, b"n" * 32)[1], b"n" * 32) is None
    assert Template.cut(unsigned, cert_id, b"m" * 32) is None
    assert Template.cut(unsigned, cert_id, b"n" * 31) is None
