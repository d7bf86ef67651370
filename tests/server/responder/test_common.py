"""What is said from a template is what would have been said without one, to the last octet."""

import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.asking import AT, DAY, GOOD, ISSUED, NEIGHBOUR, NEVER, make_issuer
from support.compiled import interpreted
from support.published import HOUR, published
from tashika.pki.response import parse_response
from tashika.pki.standing import Good, Reason, Revoked, Unknown
from tashika_server.index import Entry
from tashika_server.issuer import NeverIssued, WithoutRegister
from tashika_server.refusal import Refusal
from tashika_server.responder import answer
from tashika_server.responder.answer import abandon, draft, encode
from tashika_server.responder.cache import AnswerCache
from tashika_server.responder.common import MOST, Commonplaces
from tashika_server.responder.sight import Sight
from tashika_server.signing import NEVER_ISSUED, encode_answer

SECOND = timedelta(seconds=1)
EXTENDED_REVOKE_END = b"\x30\x0f\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x09\x04\x02\x05\x00"
"""What an answer about a serial never issued ends with, and a nonce may look like."""
LISTED = (
    Entry(1007, AT - DAY),
    Entry(1008, AT - DAY, Reason.CERTIFICATE_HOLD),
    Entry(1009, AT - DAY, Reason.UNSPECIFIED),
    Entry(1010, AT - 2 * DAY, Reason.KEY_COMPROMISE, AT - 3 * DAY),
    Entry(2**64, AT - 2 * DAY),
)
ALGORITHMS = ["1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.113549.1.1.11"]

MAKERS = (
    lambda ca: make_issuer(ca, archive_cutoff=365 * DAY),
    lambda ca: make_issuer(ca, name="b", never_issued=NeverIssued.UNKNOWN),
    lambda ca: make_issuer(ca, name="c", without_register=WithoutRegister.GOOD),
    lambda ca: make_issuer(ca, name="d", archive_cutoff=DAY),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Four issuers of different policies, of which the last two came without a register."""
    with published(tmp_path_factory.mktemp("world"), *MAKERS, registers=2) as world:
        for each in world.issuers:
            world.publish(each, added=LISTED)
        yield world


@pytest.fixture
def small(tmp_path):
    with published(tmp_path) as world:
        yield world


def said(world, question, *, at, common=None):
    """Say everything but sign nothing; a refusal goes by its kind."""
    desk = replace(world.desk, cache=AnswerCache(), common=common or world.desk.common)
    with Sight(desk.index) as sight:
        try:
            drafted = draft(question, NEIGHBOUR, desk, sight, at=at)
        except Refusal as refusal:
            return type(refusal)
    encode(drafted, desk, at=at)
    abandon(drafted, desk)
    saying = drafted.saying
    return drafted.unsigned.data, saying.responses(drafted.question), saying.signer


# --- As if there were none ------------------------------------------------------------------

ISSUERS = st.integers(0, len(MAKERS) - 1)
SERIALS = st.one_of(
    st.sampled_from([GOOD, GOOD + 1, NEVER, *(each.serial for each in LISTED)]),
    st.integers(0, 2**159),
    st.integers(0, 2**16),
)
NONCES = st.one_of(
    st.sampled_from([None, b"n" * 32, b"m" * 32, b"\0", *map(bytes, (2, 127, 128))]),
    st.sampled_from([EXTENDED_REVOKE_END[-length:] for length in (1, 2, 4, 17)]),
    st.binary(min_size=1, max_size=128),
)
QUESTIONS = st.tuples(
    ISSUERS,
    st.one_of(st.tuples(SERIALS), st.tuples(SERIALS), st.tuples(SERIALS, SERIALS)),
    st.sampled_from(["sha1", "sha256", "sha384", "sha512"]),
    NONCES,
    st.lists(st.sampled_from(ALGORITHMS), max_size=2),
    st.sampled_from([0, 0, 0, 0.25, 1, 2]),
)
EVENTS = st.tuples(st.sampled_from(["crl", "register", "signer"]), ISSUERS, st.integers(1, 20))
STEPS = st.one_of(QUESTIONS, QUESTIONS, QUESTIONS, EVENTS)


def happen(world, event, which, number):
    issuer = world.issuers[which]
    if event == "crl":
        later = number * SECOND
        world.publish(issuer, this_update=AT - HOUR + later, next_update=AT + DAY + later)
    elif event == "register":
        world.register(issuer, range(1000, 2000 + number))
    else:
        world.replace_signer(which, f"signer {number % 3}")


def extended_revoke(nonce):
    return (0, (NEVER,), "sha256", nonce, [], 0)


@settings(max_examples=40)
@given(st.lists(STEPS, min_size=2, max_size=12))
@example([extended_revoke(b"\0"), extended_revoke(b"n")])
@example([extended_revoke(EXTENDED_REVOKE_END), extended_revoke(b"n" * 17)])
def test_with_memory_is_said_what_is_said_without(world, steps):
    for step in steps:
        if isinstance(step[0], str):
            happen(world, *step)
            continue
        which, serials, hash_name, nonce, preferred, later = step
        question = world.question(
            *serials,
            issuer=world.issuers[which],
            hash_name=hash_name,
            nonce=nonce,
            preferred=preferred,
        )
        at = AT + later * SECOND
        in_full = said(world, question, at=at, common=Commonplaces())
        assert said(world, question, at=at) == in_full
        assert said(world, question, at=at) == in_full


# --- What is said from a template, and what is not -------------------------------------------


@pytest.fixture
def in_full(monkeypatch):
    """List what is encoded in full."""
    encoded = []

    def encode(responses, **how: object):
        encoded.append([each.cert_id.serial for each in responses])
        return encode_answer(responses, **how)

    for module in ("answer", "common"):
        place = sys.modules[f"tashika_server.responder.{module}"]
        monkeypatch.setattr(place, "encode_answer", encode)
    return encoded


@interpreted
def test_the_same_of_another_certificate_is_not_encoded_again(small, in_full):
    """So that the property above shows something."""
    for serial in (GOOD, GOOD + 1, GOOD + 2):
        given = small.ask(small.question(serial, nonce=b"n" * 32))
        read = parse_response(given.body)
        assert read.nonce == b"n" * 32
        assert [(each.cert_id.serial, each.standing) for each in read.responses] == [
            (serial, Good())
        ]
    assert in_full == [[GOOD]]


@interpreted
def test_neither_is_the_same_of_one_that_was_never_issued(small, in_full):
    for serial, nonce in ((NEVER, b"n" * 32), (NEVER + 1, b"n" * 32), (NEVER, b"m" * 32)):
        read = parse_response(small.ask(small.question(serial, nonce=nonce)).body)
        (told,) = read.responses
        assert (told.cert_id.serial, told.standing) == (serial, NEVER_ISSUED)
        assert (read.nonce, read.extended_revoke) == (nonce, True)
    assert in_full == [[NEVER]]


@interpreted
def test_the_nonce_is_each_askers_own(small, in_full):
    nonces = [bytes((number,)) * 32 for number in range(5)]
    heard = [small.ask(small.question(GOOD, nonce=each)) for each in nonces]
    assert [parse_response(each.body).nonce for each in heard] == nonces
    assert len(in_full) == 1


@pytest.mark.parametrize("nonce", [b"\0", b"\5\0", EXTENDED_REVOKE_END])
def test_a_nonce_that_looks_like_the_end_of_an_answer_spoils_no_other(small, nonce):
    """It is not cut out where it only seems to stand."""
    small.ask(small.question(NEVER, nonce=nonce))
    read = parse_response(small.ask(small.question(NEVER, nonce=b"n" * len(nonce))).body)
    assert read.nonce == b"n" * len(nonce)
    assert read.extended_revoke


@interpreted
def test_a_listed_certificate_never_comes_from_a_template(small, in_full):
    (issuer, _), revoked = small.issuers, [Entry(each, AT - DAY) for each in (GOOD, GOOD + 1)]
    small.publish(issuer, added=revoked)
    for serial in (GOOD, GOOD + 1, GOOD, GOOD + 2, GOOD + 1):
        read = parse_response(small.ask(small.question(serial, nonce=b"n" * 32)).body)
        (told,) = read.responses
        assert isinstance(told.standing, Good if serial == GOOD + 2 else Revoked)
    assert len(in_full) == 5


@interpreted
@pytest.mark.parametrize(
    ("more", "how"),
    [((GOOD + 1,), {}), ((), {"nonce": None}), ((), {"nonce": b"n" * 31})],
)
def test_neither_do_several_nor_what_has_no_nonce_nor_one_of_another_length(
    small, in_full, more, how
):
    small.ask(small.question(GOOD, nonce=b"n" * 32))
    small.ask(small.question(GOOD, *more, **({"nonce": b"n" * 32} | how)))
    assert in_full == [[GOOD], [GOOD, *more]]


@interpreted
def test_in_the_next_second_nothing_is_as_it_was(small, in_full):
    for seconds in (0, 0.9, 1, 1.5, 2):
        at = AT + seconds * SECOND
        read = parse_response(small.ask(small.question(GOOD, nonce=b"n" * 32), at=at).body)
        assert read.produced_at == at.replace(microsecond=0)
    assert len(in_full) == 3


@interpreted
def test_in_the_next_generation_neither(small, in_full):
    issuer, question = small.issuers[0], small.question(GOOD, nonce=b"n" * 32)
    small.ask(question)
    small.publish(issuer, this_update=AT - SECOND, next_update=AT + HOUR)
    small.publish(issuer, "second", this_update=AT - SECOND, next_update=AT + HOUR)
    (told,) = parse_response(small.ask(question).body).responses
    assert (told.this_update, told.next_update) == (AT - SECOND, AT + HOUR)
    small.register(issuer, range(1, 10))
    (told,) = parse_response(small.ask(question).body).responses
    assert isinstance(told.standing, Revoked)
    assert len(in_full) == 3


def test_a_revocation_is_said_at_once_beside_what_was_common(small):
    question = small.question(GOOD, nonce=b"n" * 32)
    assert parse_response(small.ask(question).body).responses[0].standing == Good()
    small.publish(small.issuers[0], "second", added=[Entry(GOOD, AT - HOUR)])
    told = parse_response(small.ask(question).body).responses[0].standing
    assert told == Revoked(AT - HOUR)


@interpreted
def test_another_signer_signs_his_own_words(small, in_full):
    question = small.question(GOOD, nonce=b"n" * 32)
    first = small.ask(question)
    small.replace_signer(0, "successor")
    again = small.ask(question)
    assert again.signer is not first.signer
    read = parse_response(again.body)
    assert read.certificates == (again.signer.embedded,)
    assert first.signer.key_hash not in read.tbs
    assert again.signer.key_hash in read.tbs
    assert len(in_full) == 2


@interpreted
def test_one_issuers_words_are_not_anothers(small, in_full):
    for issuer in small.issuers * 2:
        given = small.ask(small.question(GOOD, issuer=issuer, nonce=b"n" * 32))
        assert given.signer.key_hash in given.body
        assert given.served.issuer is issuer
    assert len(in_full) == 2


def test_another_preference_is_another_algorithm(small):
    for oid in [*ALGORITHMS[:2], *ALGORITHMS[:2]]:
        question = small.question(GOOD, nonce=b"n" * 32, preferred=[oid])
        assert parse_response(small.ask(question).body).algorithm.oid == oid


@interpreted
def test_a_foreign_certificate_is_unknown_each_time(small, in_full):
    stranger = make_issuer(small.authorities[0].make("stranger", small.authorities[1].key))
    for _ in range(2):
        question = small.question(GOOD, issuer=stranger, nonce=b"n" * 32)
        (told,) = parse_response(small.ask(question).body).responses
        assert told.standing == Unknown()
    assert len(in_full) == 2


def test_memory_is_bounded(small):
    for length in range(1, 129):
        small.ask(small.question(GOOD, nonce=bytes(length)))
        assert len(small.desk.common._known) <= MOST


def test_issued_serials_only_are_good(small):
    """One finding speaks for all that are issued, another for all that are not."""
    question = {each: small.question(each, nonce=b"n" * 32) for each in (ISSUED[-1], 2000)}
    for _ in range(2):
        for serial, standing in ((ISSUED[-1], Good), (2000, Revoked)):
            given = answer(question[serial], NEIGHBOUR, small.desk, at=AT)
            assert isinstance(given.responses[0].standing, standing)
