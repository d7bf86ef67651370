"""A kept answer is given again as long as it is so, to whoever may ask, and is recorded."""

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.access import BANK, closed, terms
from support.asking import AT, GOOD, NEIGHBOUR, NEVER
from support.metered import Books, open_books
from support.published import HOUR, PARTITIONS, open_index, published
from support.verifiers import (
    SOURCE,
    credential,
    digest_of,
    issue_der,
    name,
    new_key,
    suspension,
)
from tashika.pki.response import BasicResponse, parse_response
from tashika.pki.signed_request import sign_request
from tashika.pki.standing import Good, Reason, Revoked
from tashika_server.agreements import refusals as r
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.terms import CredentialKind, HaltKind, secret_digest
from tashika_server.index import Entry
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.usage import Occasion
from tashika_server.refusal import Refusal
from tashika_server.responder import Answer, Asker, Replay, answer, cache
from tashika_server.responder.cache import KEEP_FOR, AnswerCache

SECOND = timedelta(seconds=1)
LISTED = Entry(GOOD, AT - HOUR, Reason.CERTIFICATE_HOLD)


@pytest.fixture
def world(tmp_path):
    with published(tmp_path) as world:
        yield world


def standing(given):
    read = parse_response(given.body)
    assert isinstance(read, BasicResponse)
    return read.responses[0].standing


def kept(world, question):
    """Tell whether a question gets one answer twice: no two signatures of ECDSA are alike."""
    return world.ask(question).body == world.ask(question).body


def test_the_same_question_has_the_same_answer(world):
    question = world.question(GOOD)
    assert kept(world, question)
    assert not kept(world, world.question(GOOD, nonce=b"n" * 32))
    assert kept(world, question)


def test_nothing_is_given_that_was_made_in_the_future_of_a_clock_put_back(world):
    question, before = world.question(GOOD), AT - timedelta(minutes=10)
    first = world.ask(question)
    then = world.ask(question, at=before)
    assert parse_response(first.body).produced_at == AT
    assert parse_response(then.body).produced_at == before


# --- Never masked ---------------------------------------------------------------------------


def revoke(world):
    world.publish(world.issuers[0], added=[LISTED])


def revoke_elsewhere(world):
    world.publish(world.issuers[0], "second", added=[LISTED])


def revoke_among_many(world):
    """More at once than the index lists one by one."""
    many = [Entry(serial, AT - HOUR) for serial in range(GOOD + 1, GOOD + 10_002)]
    world.publish(world.issuers[0], added=[LISTED, *many])


def change_register(world):
    world.register(world.issuers[0], range(1, 10))


def revoke_and_more(world):
    """Several generations between two questions."""
    revoke(world)
    world.publish(world.issuers[1], added=[Entry(NEVER, AT - HOUR)])
    world.publish(world.issuers[0], "second")


def expect_less(world):
    """The partition that has nothing on it goes, and so does what all say together."""
    world.publish(world.issuers[0], added=[LISTED])
    world.writer.expect(world.issuers[0].identity.fingerprint, [""])


CHANGES = [
    revoke,
    revoke_elsewhere,
    revoke_among_many,
    change_register,
    revoke_and_more,
    expect_less,
]


@pytest.mark.parametrize("change", CHANGES)
def test_not_one_answer_masks_what_was_published_between_two_questions(world, change):
    question = world.question(GOOD)
    other = world.question(GOOD, issuer=world.issuers[1])
    assert (standing(world.ask(question)), kept(world, question)) == (Good(), True)
    others = world.ask(other).body
    change(world)
    assert isinstance(standing(world.ask(question)), Revoked)
    assert kept(world, question)
    # Of another issuer nothing has changed, and nothing is forgotten.
    assert world.ask(other).body == others


@pytest.mark.parametrize("serials", [(GOOD, GOOD + 1), (GOOD + 1, GOOD), (GOOD + 1, GOOD, NEVER)])
@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_nor_of_one_among_several(world, serials, hash_name):
    question = world.question(*serials, hash_name=hash_name)
    before = world.ask(question)
    assert world.ask(question).body == before.body
    revoke(world)
    told = {each.cert_id.serial: each.standing for each in world.ask(question).responses}
    assert isinstance(told[GOOD], Revoked)
    assert told[GOOD + 1] == Good()


def test_a_hold_and_its_release_are_seen_at_once(world):
    issuer, question = world.issuers[0], world.question(GOOD)
    for change, expected in (
        ({"added": [LISTED]}, Revoked(AT - HOUR, Reason.CERTIFICATE_HOLD)),
        ({"removed": [LISTED]}, Good()),
        ({"added": [LISTED]}, Revoked(AT - HOUR, Reason.CERTIFICATE_HOLD)),
        ({"changed": [(LISTED, Entry(GOOD, AT - HOUR))]}, Revoked(AT - HOUR)),
    ):
        kept(world, question)
        world.publish(issuer, **change)
        assert standing(world.ask(question)) == expected
        assert kept(world, question)


def test_what_is_not_changed_is_kept(world):
    question = world.question(GOOD + 1)
    before = world.ask(question).body
    revoke(world)
    assert world.ask(question).body == before


def test_who_is_far_behind_starts_afresh(world, monkeypatch):
    monkeypatch.setattr(cache, "MOST_BEHIND", 2)
    question, other = world.question(GOOD + 1), world.question(GOOD, issuer=world.issuers[1])
    for generations, afresh in ((2, False), (3, True)):
        before = [world.ask(each).body for each in (question, other)]
        for _ in range(generations):
            world.publish(world.issuers[0])
        after = [world.ask(each).body for each in (question, other)]
        assert [a != b for a, b in zip(before, after, strict=True)] == [afresh] * 2


def test_of_another_index_nothing_is_remembered(world, tmp_path):
    """Though its generations have the same numbers."""
    question = world.question(GOOD)
    with open_index(tmp_path / "other", world.issuers) as other:
        for issuer in world.issuers:
            world.publish(issuer, writer=other, added=[LISTED])
            world.publish(issuer, "second", writer=other)
        world.ask(question)
        with world.writer.reader.snapshot() as view:
            generation = view.generation
        other_desk = replace(world.desk, index=other.reader)
        while True:
            with other.reader.snapshot() as view:
                if view.generation == generation:
                    break
            world.publish(world.issuers[1], writer=other)
        given = answer(question, NEIGHBOUR, other_desk, at=AT)
        assert given.generation == generation
        assert isinstance(standing(given), Revoked)


def test_t17_what_a_signer_signed_goes_with_him(world):
    question, other = world.question(GOOD), world.question(GOOD, issuer=world.issuers[1])
    first = world.ask(question)
    world.ask(other)
    world.replace_signer(0, "successor")
    second = world.ask(question)
    assert second.signer is not first.signer
    assert parse_response(second.body).certificates == (second.signer.embedded,)


# --- Whatever happens -------------------------------------------------------------------------

ISSUERS, SERIALS = st.integers(0, 1), st.sampled_from([GOOD, GOOD + 1, 2**64])
LISTINGS = st.tuples(st.just("list"), ISSUERS, SERIALS, st.sampled_from(PARTITIONS))
REGISTERS = st.tuples(st.just("register"), ISSUERS, SERIALS)
QUESTIONS = st.tuples(
    st.just("ask"),
    ISSUERS,
    st.lists(SERIALS, min_size=1, max_size=2, unique=True),
    st.sampled_from(["sha1", "sha256"]),
)


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A world with what its issuers list: the entry and the partition by issuer and serial."""
    with published(tmp_path_factory.mktemp("busy")) as world:
        yield world, {}


@settings(max_examples=20)
@given(st.lists(st.one_of(QUESTIONS, QUESTIONS, LISTINGS, REGISTERS), min_size=4, max_size=20))
def test_what_is_kept_says_what_would_be_said_anew(busy, steps):
    """A certificate is listed in some partition, or released where it is."""
    world, listed = busy
    for what, which, serial, *how in steps:
        issuer = world.issuers[which]
        if what == "register":
            world.register(issuer, range(GOOD, serial + 1))
        elif what == "list" and (which, serial) in listed:
            entry, partition = listed.pop((which, serial))
            world.publish(issuer, partition, removed=[entry])
        elif what == "list":
            listed[which, serial] = entry, _ = Entry(serial, AT - HOUR), how[0]
            world.publish(issuer, how[0], added=[entry])
        else:
            question = world.question(*serial, issuer=issuer, hash_name=how[0])
            anew = replace(world.desk, cache=AnswerCache())
            expected = answer(question, NEIGHBOUR, anew, at=AT)
            for _ in range(2):
                given = world.ask(question)
                assert said(given) == said(expected)


def said(given):
    return [(each.cert_id, each.standing) for each in given.responses]


# --- The very question ----------------------------------------------------------------------


def test_a_sha_256_question_never_has_a_sha_1_answer(world):
    for hash_name in ("sha1", "sha256", "sha1", "sha384", "sha256"):
        question = world.question(GOOD, hash_name=hash_name)
        (told,) = parse_response(world.ask(question).body).responses
        assert told.cert_id.der in question


def test_each_has_the_signature_that_he_prefers(world):
    for oid in ("1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3") * 2:
        question = world.question(GOOD, preferred=[oid])
        assert parse_response(world.ask(question).body).algorithm.oid == oid


def test_who_sent_a_nonce_has_it_back_and_nobody_else_does(world):
    for nonce in (None, b"n" * 32, None, b"m" * 32):
        assert parse_response(world.ask(world.question(GOOD, nonce=nonce)).body).nonce == nonce


# --- Until when -----------------------------------------------------------------------------


def test_an_answer_is_kept_for_a_minute(world):
    question = world.question(GOOD)
    first = world.ask(question)
    assert world.ask(question, at=AT + KEEP_FOR - SECOND).body == first.body
    again = world.ask(question, at=AT + KEEP_FOR)
    assert parse_response(again.body).produced_at == AT + KEEP_FOR


def test_and_not_past_its_next_update(world):
    for partition in ("", "second"):
        world.publish(world.issuers[0], partition, next_update=AT + 10 * SECOND)
    question = world.question(GOOD)
    first = world.ask(question)
    assert world.ask(question, at=AT + 9 * SECOND).body == first.body
    with pytest.raises(Refusal):  # StatusStale: nothing newer has come
        world.ask(question, at=AT + 10 * SECOND)


def test_and_not_past_the_end_of_its_signer(world):
    question = world.question(GOOD)
    given = world.ask(question)
    saying = given.draft.saying
    saying.signer = replace(given.signer, not_after=AT + 10 * SECOND)
    answers = AnswerCache()
    with world.desk.index.snapshot() as view:
        answers.follow(view, 0)
    answers.keep(question, given, AT)
    assert answers.find(question, AT + 9 * SECOND)
    assert answers.find(question, AT + 10 * SECOND) is None
    assert answers.find(question, AT) is None


def test_one_of_another_generation_is_not_kept(world):
    """It was drafted before the cache followed the index on."""
    question = world.question(GOOD)
    given = world.ask(question)
    revoke(world)
    answers = AnswerCache()
    with world.desk.index.snapshot() as view:
        answers.follow(view, 0)
    answers.keep(question, given, AT)
    assert answers.find(question, AT) is None


def test_few_are_kept_and_the_oldest_goes_first(world):
    desk = replace(world.desk, cache=AnswerCache(most=3))
    questions = [world.question(GOOD, GOOD + 1 + number) for number in range(5)]
    for each in questions:
        answer(each, NEIGHBOUR, desk, at=AT)
    assert [bool(desk.cache.find(each, AT)) for each in questions] == [False] * 2 + [True] * 3
    # Nor is anything else remembered of those that have gone: GOOD, and one each.
    assert len(desk.cache._questions) == 4
    desk.cache.clear()
    assert not any(desk.cache.find(each, AT) for each in questions)


def test_all_is_forgotten_of_what_was_dropped(world):
    questions = [world.question(GOOD, GOOD + 1 + number) for number in range(5)]
    for each in questions:
        world.ask(each)
    revoke(world)
    world.ask(world.question(GOOD, nonce=b"n"))
    assert not world.desk.cache._kept
    assert not world.desk.cache._questions


# --- Who may have it, and what is written down ------------------------------------------------


@dataclass
class Shop:
    """A closed desk before a real index, with a journal."""

    closed: object
    desk: object
    group: GroupCommit
    books: Books

    def ask(self, question, asker=BANK, *, at=AT):
        return answer(question, asker, self.desk, at=at)

    def agree(self, *agreements: object):
        """Put agreements in force, and return the time by which they are seen."""
        self.closed.agree(*agreements)
        return AT + SECOND

    def occasions(self):
        """End the journal, and say who was given what in which way."""
        self.group.end()
        return [(each.context.verifier, each.occasion) for each in self.books.read()]


@contextmanager
def shop(directory, world, *agreements: object):
    directory.joinpath("closed").mkdir()
    with (
        open_books(directory, *world.issuers) as books,
        closed(directory / "closed", *agreements) as behind,
    ):
        group = books.group()
        assert asyncio.run(group.begin())
        desk = replace(world.desk, admission=behind.desk.admission, meter=books.meter(group))
        yield Shop(behind, desk, group, books)
        group.end()


OTHERS = Asker(Presented(SOURCE, token=secret_digest("other-token")))


def others_terms(**changes: object):
    token = credential(id="C-000002", digest=secret_digest("other-token"))
    return terms(
        **({"agreement": "A-000002", "verifier": "V-000002", "credentials": (token,)} | changes)
    )


def test_each_that_is_given_again_is_recorded_with_whom_it_was_given_to(tmp_path, world):
    question = world.question(GOOD, GOOD + 1)
    with shop(tmp_path, world, terms(), others_terms()) as opened:
        bodies = {opened.ask(question, asker).body for asker in (BANK, BANK, OTHERS)}
        assert len(bodies) == 1
        assert opened.occasions() == [
            *[("V-000001", Occasion.FRESH)] * 2,
            *[("V-000001", Occasion.CACHED)] * 2,
            *[("V-000002", Occasion.CACHED)] * 2,
        ]


def test_it_is_given_by_the_right_of_whoever_asks(tmp_path, world):
    question = world.question(GOOD)
    with shop(tmp_path, world, terms(), others_terms()) as opened:
        given = [opened.ask(question, asker) for asker in (BANK, OTHERS)]
        assert [each.permit.agreement for each in given] == ["A-000001", "A-000002"]
        assert given[0].noted.first + 1 == given[1].noted.first


def test_it_counts_against_the_limits(tmp_path, world):
    question = world.question(GOOD)
    with shop(tmp_path, world, terms(burst=3, max_cert_ids=3, rate=0.0001)) as opened:
        for _ in range(3):
            opened.ask(question)
        with pytest.raises(r.TooFast):
            opened.ask(question)
        assert len(opened.occasions()) == 3


def test_whoever_may_not_ask_does_not_get_it(tmp_path, world):
    question = world.question(GOOD)
    with shop(tmp_path, world) as opened:
        opened.ask(question)
        for asker, refusal in ((NEIGHBOUR, r.NoCredential), (OTHERS, r.UnknownCredential)):
            with pytest.raises(refusal):
                opened.ask(question, asker)
        assert len(opened.occasions()) == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"halts": (suspension(),)}, r.ProvisionSuspended),
        ({"halts": (suspension(kind=HaltKind.NOTIFICATION),)}, r.NotNotified),
        ({"halts": (suspension(kind=HaltKind.ACCREDITATION),)}, r.AccreditationLapsed),
        ({"credentials": (credential(revoked_at=AT),)}, r.CredentialRevoked),
        ({"valid_to": AT + SECOND}, r.AgreementEnded),
        ({"grants": ()}, r.FamilyNotGranted),
    ],
)
def test_a_halt_bites_on_a_kept_answer_too(tmp_path, world, changes, refusal):
    question = world.question(GOOD)
    with shop(tmp_path, world, terms(), others_terms()) as opened:
        first = opened.ask(question)
        assert opened.ask(question).body == first.body
        at = opened.agree(terms(version=2, **changes), others_terms())
        with pytest.raises(refusal):
            opened.ask(question, at=at)
        assert opened.ask(question, OTHERS, at=at).body == first.body


def test_an_agreement_with_receipts_gets_no_kept_answer_and_leaves_none(tmp_path, world):
    """A receipt names one place in one journal."""
    question = world.question(GOOD)
    with shop(tmp_path, world, terms(receipts=True), others_terms()) as opened:
        opened.ask(question)
        assert opened.desk.cache.find(question, AT) is None
        plain = opened.ask(question, OTHERS)
        places = [parse_response(opened.ask(question).body).receipt.first for _ in range(2)]
        assert places == [2, 3]
        assert parse_response(plain.body).receipt is None
        assert {each for _, each in opened.occasions()} == {Occasion.FRESH}


@pytest.fixture
def signing_shop(tmp_path, world):
    """A shop with a question about GOOD, signed and without a nonce."""
    key, subject = new_key(), name("CN=bank,C=JP")
    kind = CredentialKind.SIGNED_REQUEST
    shown = credential(id="C-000009", kind=kind, digest=digest_of(key))
    plain, along = world.question(GOOD), [issue_der(key, key, subject)]
    signed = sign_request(plain, requestor=subject.public_bytes(), key=key, certificates=along)
    with shop(tmp_path, world, terms(credentials=(credential(), shown))) as opened:
        yield opened, signed


def test_a_signed_question_gets_its_own_first_answer_and_no_kept_one(signing_shop, world):
    opened, signed = signing_shop
    unsigned = opened.ask(world.question(GOOD))
    first, again = opened.ask(signed), opened.ask(signed)
    assert (type(first), type(again)) == (Answer, Replay)
    assert first.body == again.body != unsigned.body
    assert opened.desk.cache.find(signed, AT) is None
    occasions = [Occasion.FRESH, Occasion.FRESH, Occasion.REPLAY]
    assert [each for _, each in opened.occasions()] == occasions


@pytest.mark.parametrize("reason", [None, Reason.UNSPECIFIED, Reason.CERTIFICATE_HOLD])
def test_no_earlier_answer_to_a_signed_question_masks_a_revocation(signing_shop, world, reason):
    """Without a nonce nobody has promised not to ask again."""
    opened, signed = signing_shop
    first = opened.ask(signed)
    world.publish(world.issuers[0], added=[Entry(GOOD + 1, AT - HOUR)])
    assert opened.ask(signed).body == first.body
    world.publish(world.issuers[0], added=[Entry(GOOD, AT - HOUR, reason)])
    anew, again = opened.ask(signed), opened.ask(signed)
    assert (standing(first), type(anew), type(again)) == (Good(), Answer, Replay)
    assert isinstance(standing(anew), Revoked)
    assert anew.body == again.body
    occasions = [Occasion.FRESH, Occasion.REPLAY, Occasion.FRESH, Occasion.REPLAY]
    assert [each for _, each in opened.occasions()] == occasions
