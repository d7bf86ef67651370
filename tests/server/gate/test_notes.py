"""A refusal's id: nothing is stored, the operator reads it back, nobody else does."""

import multiprocessing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.gate_processes import key_of
from support.verifiers import AT, ask, gate_of, suspension, terms
from tashika_server.agreements import client_refusals
from tashika_server.agreements import refusals as r
from tashika_server.agreements.act import TO_CONFIRM
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.notes import Notebook, NoteUnreadable, ensure_key
from tashika_server.refusal import MalformedQuestion

NOTEBOOK = Notebook(bytes(range(64)))


def test_an_id_is_read_back(buckets: Buckets):
    gate = gate_of(buckets, terms(version=3, halts=(suspension(),)))
    with pytest.raises(r.ProvisionSuspended) as refused:
        ask(gate)
    note = NOTEBOOK.read(NOTEBOOK.seal(refused.value, AT))
    assert note.refusal is r.ProvisionSuspended
    assert note.at == AT
    assert note.grounds == refused.value.grounds
    assert note.grounds.article == "2013 18(4)(i)"


@pytest.mark.parametrize("page", [r, client_refusals])
def test_every_refusal_of_the_gate_is_read_back(page):
    for refusal in vars(page).values():
        if isinstance(refusal, type) and issubclass(refusal, r.AccessRefused):
            assert NOTEBOOK.read(NOTEBOOK.seal(refusal(), AT)).refusal is refusal


def test_refusals_of_other_parts_have_ids_too():
    note = NOTEBOOK.read(NOTEBOOK.seal(MalformedQuestion(), AT))
    assert note == (MalformedQuestion, AT, r.Grounds())


def test_all_ids_are_alike_in_length():
    usual = r.Grounds("V-000001", "A-000001", 12, "C-000001", "T-000001")
    ground, article = "user-auth-follows-signature", f"2024 37(3)(vi) {TO_CONFIRM}"
    full = usual._replace(halt="S-000001", ground=ground, article=article)
    refusals = [
        r.NoCredential(),
        r.UnknownCredential(),
        r.TooManyForAgreement(usual),
        r.ProvisionSuspended(full),
    ]
    assert len({len(NOTEBOOK.seal(each, AT)) for each in refusals}) == 1
    assert {NOTEBOOK.seal(each, AT)[-1] == "=" for each in refusals} == {False}


def test_no_id_looks_like_an_option_of_a_command():
    sealed = {NOTEBOOK.seal(r.NoCredential(), AT + timedelta(seconds=each)) for each in range(300)}
    assert {each[0] for each in sealed} == {"R"}


def test_an_id_says_nothing_to_who_has_no_key():
    a, b = (NOTEBOOK.seal(r.NoCredential(), AT + timedelta(seconds=each)) for each in (0, 1))
    assert sum(x == y for x, y in zip(a, b, strict=True)) < len(a) / 4


texts = st.text(st.characters(exclude_characters="\x1f\0", exclude_categories=["Cs"]), max_size=60)


@given(st.builds(r.Grounds, texts, texts, st.integers(0, 10**9), texts, texts, texts, texts, texts))
def test_grounds_of_any_length_come_back(grounds: r.Grounds):
    assert NOTEBOOK.read(NOTEBOOK.seal(r.TooFast(grounds), AT)).grounds == grounds


@given(st.text() | st.binary(min_size=16, max_size=200).map(lambda raw: raw.hex()))
def test_whatever_else_is_typed_is_no_id(text: str):
    with pytest.raises(NoteUnreadable):
        NOTEBOOK.read(text)


def test_an_altered_id_or_one_of_another_key_is_no_id():
    sealed = NOTEBOOK.seal(r.NoCredential(), AT)
    assert NOTEBOOK.read(f" {sealed}\n").refusal is r.NoCredential
    for wrong in (sealed[:-1] + ("A" if sealed[-1] != "A" else "B"), sealed[4:]):
        with pytest.raises(NoteUnreadable):
            NOTEBOOK.read(wrong)
    with pytest.raises(NoteUnreadable):
        Notebook(bytes(64)).read(sealed)


def test_the_key_is_made_once_and_for_us_alone(tmp_path: Path):
    path = tmp_path / "refusals.key"
    with pytest.raises(NoteUnreadable):
        Notebook.open(path)
    ensure_key(path)
    key = path.read_bytes()
    ensure_key(path)
    assert path.read_bytes() == key
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = Notebook.open(path).seal(r.NoCredential(), AT)
    assert Notebook(key).read(sealed).refusal is r.NoCredential
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_make_the_key_at_once_get_one(tmp_path: Path):
    path = tmp_path / "refusals.key"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(key_of, [path] * 8)
    assert len(set(keys)) == 1
