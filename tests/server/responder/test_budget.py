"""T22: whatever is asked, it costs little. Windows OCSP Server could be exhausted by requests."""

import time
import tracemalloc
from functools import cache

import pytest

from support.asking import AT, GOOD, NEIGHBOUR, open_counter
from tashika.pki import der
from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika_server.refusal import MalformedQuestion, Refusal, TooManyCertificates
from tashika_server.responder import answer

SECONDS = 0.02
"""The dearest honest question, 16 certificates, takes under 1 ms on an idle core."""
BYTES = 1_000_000
ROUNDS = 20


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    return open_counter(tmp_path_factory.mktemp("desk"), read_one_in=64)


def request(*cert_ids: bytes, extensions=b"", requestor=b""):
    return der.sequence(
        der.sequence(
            requestor,
            der.sequence(*(der.sequence(each) for each in cert_ids)),
            der.wrap(der.explicit(2), extensions) if extensions else b"",
        )
    )


def extension(number, value=der.NULL):
    return der.sequence(der.oid(f"1.2.3.{number}"), der.octet_string(value))


def nested(depth):
    """Build `depth` SEQUENCEs, one in another."""
    inner = b""
    for _ in range(depth):
        inner = der.sequence(inner)
    return inner


def fill(make):
    """Return what makes the largest thing that is still read, by bisection."""

    def made():
        fits, beyond = 1, MAX_REQUEST_BYTES
        while beyond - fits > 1:
            middle = (fits + beyond) // 2
            if len(make(middle)) <= MAX_REQUEST_BYTES:
                fits = middle
            else:
                beyond = middle
        return make(fits)

    return made


TINY_ID = der.sequence(
    der.sequence(der.oid("1.2")), der.octet_string(b""), der.octet_string(b""), der.integer(1)
)


def attacks(honest):
    """Name what makes each attack: some take a while, and every test process asks for the names."""
    return {
        "many CertIDs": fill(lambda n: request(*[TINY_ID] * n)),
        "many request extensions": fill(
            lambda n: request(honest, extensions=der.sequence(*map(extension, range(n))))
        ),
        "one extension repeated": fill(
            lambda n: request(honest, extensions=der.sequence(*[extension(1)] * n))
        ),
        "extensions of single requests": fill(
            lambda n: request(
                *[honest + der.wrap(der.explicit(0), der.sequence(*map(extension, range(n))))] * 8
            )
        ),
        "many preferred algorithms": fill(
            lambda n: request(
                honest,
                extensions=der.sequence(
                    der.sequence(
                        der.oid("1.3.6.1.5.5.7.48.1.8"),
                        der.octet_string(
                            der.sequence(*[der.sequence(der.sequence(der.oid("1.2.3")))] * n)
                        ),
                    )
                ),
            )
        ),
        "nesting in the requestor": fill(
            lambda n: request(honest, requestor=der.wrap(der.explicit(1), nested(n)))
        ),
        "nesting in an extension": fill(
            lambda n: request(honest, extensions=der.sequence(extension(1, nested(n))))
        ),
        "nesting and nothing else": fill(nested),
        "a long serial": fill(
            lambda n: request(
                der.sequence(
                    der.sequence(der.oid("1.2")),
                    der.octet_string(b""),
                    der.octet_string(b""),
                    der.integer(1 << 8 * n),
                )
            )
        ),
        "a long object identifier": fill(
            lambda n: request(
                der.sequence(
                    der.sequence(der.wrap(der.OID, b"\x81" * n + b"\x01")),
                    der.octet_string(b""),
                    der.octet_string(b""),
                    der.integer(1),
                )
            )
        ),
        "a long hash": fill(
            lambda n: request(
                der.sequence(
                    der.sequence(der.oid("1.3.14.3.2.26")),
                    der.octet_string(bytes(n)),
                    der.octet_string(b""),
                    der.integer(1),
                )
            )
        ),
        "too long": lambda: request(honest) + bytes(MAX_REQUEST_BYTES),
        "a length of 4 GB": lambda: b"\x30\x84\xff\xff\xff\xff" + request(honest),
        "an indefinite length": lambda: b"\x30\x80" + request(honest) + b"\0\0",
    }


NAMES = tuple(attacks(TINY_ID))


@cache
def attack(honest, name):
    return attacks(honest)[name]()


def put(counter, question):
    try:
        return answer(question, NEIGHBOUR, counter.desk, at=AT)
    except Refusal as refusal:
        return refusal


@pytest.mark.parametrize("name", NAMES)
def test_t22_no_question_costs_much_time(counter, name):
    question = attack(counter.cert_id(GOOD).der, name)
    begun = time.process_time()
    for _ in range(ROUNDS):
        put(counter, question)
    assert (time.process_time() - begun) / ROUNDS < SECONDS


@pytest.mark.parametrize("name", NAMES)
def test_t22_no_question_costs_much_memory(counter, name):
    question = attack(counter.cert_id(GOOD).der, name)
    put(counter, question)
    tracemalloc.start()
    try:
        put(counter, question)
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()


def test_t22_the_dearest_honest_question_stays_within_the_budget(counter):
    question = counter.question(*range(1000, 1016), nonce=b"n" * 128)
    begun = time.process_time()
    for _ in range(ROUNDS):
        answer(question, NEIGHBOUR, counter.desk, at=AT)
    assert (time.process_time() - begun) / ROUNDS < SECONDS


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("many CertIDs", TooManyCertificates),
        ("many request extensions", MalformedQuestion),
        ("one extension repeated", MalformedQuestion),
        ("extensions of single requests", MalformedQuestion),
        ("nesting and nothing else", MalformedQuestion),
        ("a long serial", MalformedQuestion),
        ("a long object identifier", MalformedQuestion),
        ("too long", MalformedQuestion),
        ("a length of 4 GB", MalformedQuestion),
        ("an indefinite length", MalformedQuestion),
    ],
)
def test_t22_what_is_beyond_a_cap_is_refused(counter, name, refusal):
    assert isinstance(put(counter, attack(counter.cert_id(GOOD).der, name)), refusal)


def test_t22_refusals_leave_nothing_behind(counter):
    questions = [attack(counter.cert_id(GOOD).der, name) for name in NAMES]
    for question in questions * 5:
        put(counter, question)
    tracemalloc.start()
    try:
        for question in questions * 20:
            put(counter, question)
        assert tracemalloc.get_traced_memory()[0] < BYTES // 4
    finally:
        tracemalloc.stop()
