"""What is recognised by its shape is read exactly as the codec reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.asking import Authority, ec_key, make_issuer
from tashika.pki.certid import CertId
from tashika.pki.errors import PkiError
from tashika.pki.request import build_request, parse_request
from tashika_server.responder import Directory
from tashika_server.responder.shapes import MAX_SHAPES, Shapes

HASHES = st.sampled_from(["sha1", "sha256", "sha384", "sha512"])
SERIALS = st.one_of(st.integers(0, 2**32), st.integers(0, 2**159))
NONCES = st.one_of(st.none(), st.binary(min_size=1, max_size=128))


@pytest.fixture(scope="module")
def issuer():
    return make_issuer(Authority.make("JPKI for user authentication", ec_key("ca")))


@pytest.fixture(scope="module")
def served(issuer):
    directory = Directory([issuer])
    return directory.find(CertId.build(issuer.identity, 1))


@pytest.fixture(scope="module")
def ask(issuer):
    def ask(serial, nonce, hash_name="sha256"):
        return build_request([CertId.build(issuer.identity, serial, hash_name)], nonce=nonce)

    return ask


def learnt(served, *questions: bytes):
    shapes = Shapes()
    for each in questions:
        shapes.learn(each, parse_request(each), served)
    return shapes


@given(HASHES, NONCES, st.data())
def test_a_learnt_shape_is_read_alike(ask, served, hash_name, nonce, data):
    first, other = ask(data.draw(SERIALS), nonce, hash_name), data.draw(SERIALS)
    bits = data.draw(st.binary(min_size=len(nonce or b""), max_size=len(nonce or b"")))
    shapes, again = learnt(served, first), ask(other, bits or None, hash_name)
    recognised = shapes.recognise(again)
    same_length = len(again) == len(first)
    assert recognised == ((parse_request(again), served) if same_length else None)


@given(SERIALS, NONCES, st.data())
def test_no_mutation_is_recognised_as_what_it_is_not(ask, served, serial, nonce, data):
    question = ask(serial, nonce)
    shapes = learnt(served, question, ask(7, b"n" * 32), ask(2**40, None))
    at = data.draw(st.integers(0, len(question) - 1))
    octet = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(question)))
    changed = question[:at] + bytes((octet,)) + question[at + 1 :]
    for mutant in (changed, question[:cut], question + question[cut:], question[cut:]):
        recognised = shapes.recognise(mutant)
        if recognised is not None:
            assert recognised == (parse_request(mutant), served)


def test_what_is_written_otherwise_is_not_learnt(ask, served, issuer):
    """A second CertID, other extensions: each has more to say than a serial and a nonce."""
    two = build_request([CertId.build(issuer.identity, each) for each in (1, 2)])
    preferring = build_request(
        [CertId.build(issuer.identity, 1)], preferred=["1.2.840.10045.4.3.2"]
    )
    shapes = learnt(served, two, preferring)
    assert shapes.recognise(two) is None
    assert shapes.recognise(preferring) is None


def test_memory_is_bounded(ask, served):
    questions = [ask(2 ** (8 * bits), bytes(n)) for bits in range(20) for n in range(1, 129)]
    shapes = learnt(served, *questions[: MAX_SHAPES + 500])
    assert sum(shapes.recognise(each) is not None for each in questions) <= MAX_SHAPES


def test_an_absurd_serial_is_left_to_the_codec(ask, served):
    question = ask(300, b"n" * 32)
    shapes = learnt(served, question)
    at = question.index(b"\x02\x02\x01\x2c") + 2
    for content in (b"\x00\x2c", b"\x80\x2c", b"\xff\xff"):
        mutant = question[:at] + content + question[at + 2 :]
        assert shapes.recognise(mutant) is None
        with pytest.raises(PkiError):
            parse_request(mutant)
