"""Halts and ends bite at their moment, and by the mere passing of time."""

from datetime import datetime, timedelta
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.verifiers import AT, ask, credential, gate_of, suspension, terms
from tashika_server.agreements import refusals as r
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.rules import Question, Seat, objection
from tashika_server.agreements.terms import Environment, Halt, HaltKind, Method, Purpose, Terms

HOUR = timedelta(hours=1)
SECONDS = count(0.0, 1.0)


def outcome(gate, at: datetime) -> str:
    try:
        return ask(gate, at=at).agreement
    except r.AccessRefused as refused:
        return refused.reply.metric


def test_the_life_of_an_agreement_on_one_compiled_gate(buckets: Buckets):
    gate = gate_of(
        buckets,
        terms(
            valid_from=AT,
            valid_to=AT + 9 * HOUR,
            halts=(
                suspension(since=AT + 2 * HOUR, until=AT + 3 * HOUR),
                suspension(kind=HaltKind.ACCREDITATION, since=AT + 5 * HOUR, until=AT + 7 * HOUR),
                suspension(since=AT + 6 * HOUR, until=AT + 8 * HOUR),
            ),
        ),
    )
    day = [outcome(gate, AT + hour * HOUR) for hour in range(-1, 10)]
    assert day == [
        "agreement_not_begun",
        "A-000001",
        "A-000001",
        "suspended",
        "A-000001",
        "A-000001",
        "accreditation_lapsed",
        "accreditation_lapsed",
        "suspended",
        "A-000001",
        "agreement_ended",
    ]
    assert [outcome(gate, AT + hour * HOUR) for hour in reversed(range(-1, 10))] == day[::-1]


def test_a_suspension_bites_to_the_microsecond_and_is_lifted_so(buckets: Buckets):
    since, until = AT + HOUR, AT + 2 * HOUR
    gate = gate_of(buckets, terms(halts=(suspension(since=since, until=until),)))
    tick = timedelta(microseconds=1)
    moments = (since - tick, since, until - tick, until)
    assert [outcome(gate, at) for at in moments] == [
        "A-000001",
        "suspended",
        "suspended",
        "A-000001",
    ]


moments = st.integers(-40, 40).map(lambda hours: AT + hours * HOUR)
halts = st.lists(
    st.builds(
        lambda kind, since, length, holder: Halt(
            kind=kind, since=since, until=length and since + length * HOUR, holder=holder
        ),
        st.sampled_from(HaltKind),
        moments,
        st.none() | st.integers(1, 30),
        st.sampled_from([None, None, "T-1", "T-2"]),
    ),
    max_size=4,
).map(tuple)


@st.composite
def agreements(draw: st.DrawFn) -> Terms:
    begins, halt_list = draw(moments), draw(halts)
    ends = draw(st.none() | st.integers(1, 60).map(lambda hours: begins + hours * HOUR))
    held = credential(
        holder=draw(st.sampled_from([None, "T-1"])),
        valid_from=AT - 20 * HOUR,
        valid_to=AT + 20 * HOUR,
        revoked_at=draw(st.none() | moments),
    )
    return terms(valid_from=begins, valid_to=ends, halts=halt_list, credentials=(held,))


@given(agreements(), st.lists(moments, min_size=1, max_size=30))
def test_a_kept_verdict_is_always_what_the_rules_would_say_now(
    tmp_path_factory: pytest.TempPathFactory, agreed: Terms, asked_at: list[datetime]
):
    path = tmp_path_factory.getbasetemp() / "limits-of-halts"
    buckets = Buckets(path, workers=1, monotonic=partial(next, SECONDS))
    gate = gate_of(buckets, agreed)
    seat = Seat(agreed, agreed.credentials[0], Environment.PRODUCTION)
    question = Question(
        agreed.grants[0].family, "signature-g3", Method.OCSP, Purpose.SIGNATURE_VERIFICATION
    )
    for at in asked_at:
        expected = objection(seat, question, at)
        assert outcome(gate, at) == (expected.refusal.reply.metric if expected else "A-000001")
    buckets.close()
