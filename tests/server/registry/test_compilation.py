"""Compiling only what has changed says what compiling everything says, whatever happened."""

import shutil
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event

from support.registry import START, Office, certificate, ocsp
from tashika.pki.profile import Family
from tashika_server.agreements import compilation as module
from tashika_server.agreements import registry
from tashika_server.agreements.act import ActVersion, Category
from tashika_server.agreements.compilation import Compilation
from tashika_server.agreements.errors import RegistryError
from tashika_server.agreements.grounds import Ground
from tashika_server.agreements.holders import HolderKind
from tashika_server.agreements.period import Period
from tashika_server.agreements.registry import IssueCredential, Resume, Scope, Step, Suspend
from tashika_server.agreements.terms import CredentialKind, Environment, Grant, Method
from tashika_server.book import open_book

DAY = timedelta(days=1)
CA = certificate(authority=True, purposes=(), end=START + 2000 * DAY)
CLIENT = certificate(end=START + 2000 * DAY)
NOTIFIED = (Family.SIGNATURE, Family.USER_AUTH)
PARTIES = (
    Category.ACCREDITED_VERIFIER,
    Category.SPECIFIED_CERTIFIER,
    Category.COURT,
    Category.FILING_AGENTS_BODY,
    Category.OTHER_PARTY,
)


def everything(office: Office) -> tuple[bytes, ...]:
    """What a full compile says."""
    fresh = Compilation()
    assert office.see(fresh.update, office.at)
    return fresh.lines


class History:
    """A registry where things are done at random; many are refused, as those of people are."""

    def __init__(self, office: Office, random: Random) -> None:
        self.office = office
        self.random = random
        self.done: set[str] = set()

    def try_to(self, name: str) -> None:
        """Do it to the first, of some in any order, to whom it may be done."""
        for _ in range(4):
            with suppress(RegistryError):
                VERBS[name](self)
                self.done.add(name)
                return

    def do(self, verb: Any, which: Any, **named: Any) -> None:
        self.office.do(verb, self.some(which), **named)

    def some(self, which: Any) -> str:
        found = self.office.see(which)
        return self.pick(found[-4:]).id if found else "nothing yet"

    def pick(self, options: Iterable[Any]) -> Any:
        return self.random.choice(list(options))

    def period(self) -> Period:
        start = self.office.at + self.pick([-DAY, 0 * DAY, 30 * DAY])
        return Period(start, self.pick([None, start + 50 * DAY, start + 400 * DAY]))

    def scope(self, *families: Family) -> Scope:
        grants = ocsp(*(families or [self.pick(Family)])).grants
        both = Grant(family=Family.SIGNATURE, method=Method.CORRESPONDING)
        return Scope(grants=self.pick([grants, (*grants, both)]), path_tokens=self.pick([0, 1]))

    def register(self) -> None:
        name, act, category = str(self.random.random()), self.pick(ActVersion), self.pick(PARTIES)
        verifier = self.office.verifier(category, name=name, act=act)
        scope = self.scope(*sorted(verifier.facts.families))
        self.office.token(self.office.active(verifier, scope=scope))

    def agree(self) -> None:
        environment, period = self.pick(Environment), self.period()
        of = {"environment": environment, "period": period, "scope": self.scope(), "issuers": {}}
        self.do(registry.add_agreement, registry.verifiers, **of)
        agreement = self.office.see(registry.agreements)[-1].id
        for step in (Step.NOTIFY, Step.AGREE, Step.ACTIVATE):
            self.office.do(registry.advance_agreement, agreement, step)

    def issue(self) -> None:
        kind, named = self.pick([CredentialKind.MTLS_CA, CredentialKind.PATH_TOKEN]), {}
        if kind is CredentialKind.MTLS_CA:
            named = {"certificate": CA, "subject": f"CN={self.random.random()}"}
        named["holder"] = self.pick([None, self.some(registry.holders)])
        agreement = self.some(registry.agreements)
        self.office.submit(IssueCredential(agreement=agreement, kind=kind, label="x", **named))

    def suspend(self) -> None:
        ground = self.pick([Ground.SIGNATURE_DUTY, Ground.USER_AUTH_DUTY, Ground.AGREEMENT_BREACH])
        since, verifier = self.office.at + self.pick([0, 3]) * DAY, self.some(registry.verifiers)
        self.office.submit(Suspend(verifier=verifier, ground=ground, reason="x", since=since))


VERBS: dict[str, Callable[[History], object]] = {
    "register": History.register,
    "amend": lambda h: h.do(registry.change_verifier, registry.verifiers, act=h.pick(ActVersion)),
    "leave": lambda h: h.do(registry.end_verifier, registry.verifiers),
    "notify": lambda h: h.do(
        registry.add_notification,
        registry.verifiers,
        family=h.pick(NOTIFIED),
        received_at=h.office.at,
    ),
    "withdraw": lambda h: h.do(
        registry.withdraw_notification, registry.verifiers, family=h.pick(NOTIFIED)
    ),
    "accredit": lambda h: h.do(
        registry.add_accreditation,
        registry.verifiers,
        reference=str(h.random.random()),
        term=Period(h.office.at, h.office.at + 400 * DAY),
    ),
    "disaccredit": lambda h: h.do(registry.revoke_accreditation, registry.verifiers),
    "admit": lambda h: h.do(
        registry.admit_holder,
        registry.verifiers,
        kind=h.pick(HolderKind),
        name=str(h.random.random()),
        period=h.period(),
    ),
    "dismiss": lambda h: h.do(registry.dismiss_holder, registry.holders),
    "agree": History.agree,
    "change": lambda h: h.do(
        registry.change_agreement,
        registry.agreements,
        period=h.period(),
        scope=h.scope(),
        issuers={},
    ),
    "end": lambda h: h.do(registry.end_agreement, registry.agreements),
    "issue": History.issue,
    "shorten": lambda h: h.do(
        registry.change_credential, registry.credentials, valid_to=h.office.at + DAY
    ),
    "revoke": lambda h: h.do(registry.end_credential, registry.credentials),
    "bar": lambda h: h.do(registry.bar_certificate, registry.credentials, certificate=CLIENT),
    "suspend": History.suspend,
    "resume": lambda h: h.office.submit(
        Resume(suspension=h.some(registry.suspensions), reason="settled")
    ),
    "approve": lambda h: h.office.approve(h.some(registry.proposals)),
}


def test_it_equals_a_full_compile_whatever_has_happened(office: Office):
    history, kept = History(office, Random(4)), Compilation()
    for _ in range(4):
        history.try_to("register")
    for turn in range(48):
        office.wait(history.pick([0, 0, 0, 1, 1, 40]) * DAY)
        history.try_to(history.pick(sorted(VERBS.keys() - history.done) or VERBS))
        if turn % 3 == 2:
            office.see(kept.update, office.at)
            assert kept.lines == everything(office)
    assert len(history.done) > 15, "too many verbs were always refused for this to say much"


# --- What is compiled, and what is not ------------------------------------------------------


@pytest.fixture
def banks(office: Office) -> tuple[str, ...]:
    """Three, each with an agreement."""
    parties = [office.verifier(name=f"Bank {n}") for n in range(3)]
    return tuple(office.active(each).id for each in parties)


@pytest.fixture
def kept(office: Office, banks) -> Compilation:
    made = Compilation()
    assert office.see(made.update, office.at)
    return made


def suspend(office: Office, verifier: str) -> None:
    office.submit(Suspend(verifier=verifier, ground=Ground.SIGNATURE_DUTY, reason="a breach"))


def same(kept: Compilation, before: tuple[bytes, ...]) -> list[bool]:
    """Tell which lines are the very ones of before, not compiled again."""
    return [now is then for now, then in zip(kept.lines, before, strict=True)]


def test_a_change_compiles_whom_it_concerns(office: Office, kept: Compilation):
    before = kept.lines
    suspend(office, "V-000002")
    assert office.see(kept.update, office.at)
    assert same(kept, before) == [True, False, True]
    assert len(kept) == 3


def test_nothing_is_compiled_where_nothing_changed(office: Office, kept: Compilation):
    assert not office.see(kept.update, office.at)
    assert not office.see(kept.update, office.at + DAY)


def test_entries_about_other_things_concern_nobody(office: Office, kept: Compilation):
    for subject in ("O-000001", "P-000001", "signature-g3", "V-x", "2026-04", ""):
        with office.change() as change:
            change.record("x", subject, before=None, after={})
        assert not office.see(kept.update, office.at)
        assert kept.entry == change.entries[-1].number


def test_what_is_to_be_forgotten_is_compiled_then(office: Office, kept: Compilation, banks):
    before = kept.lines
    office.wait()
    office.do(registry.end_agreement, banks[0])
    office.see(kept.update, office.at)
    assert not office.see(kept.update, office.at + 90 * DAY - timedelta(microseconds=1))
    assert office.see(kept.update, office.at + 90 * DAY)
    assert kept.lines == before[1:]


# --- In doubt, everything -------------------------------------------------------------------


def test_after_very_many_changes_all_is_compiled(office: Office, kept: Compilation, monkeypatch):
    before = kept.lines
    monkeypatch.setattr(module, "MOST", 1)
    for verifier in ("V-000001", "V-000002"):
        suspend(office, verifier)
    office.see(kept.update, office.at)
    assert same(kept, before) == [False, False, False]
    assert kept.lines == everything(office)


def test_a_clock_put_back_has_all_compiled(office: Office, kept: Compilation):
    before = kept.lines
    assert office.see(kept.update, office.at - DAY)
    assert same(kept, before) == [False, False, False]


@pytest.mark.parametrize("later", [0, 1, 2, 3], ids=["shorter", "short", "as long", "longer"])
def test_a_backup_put_back_has_all_compiled(sqlite_template: Path, tmp_path: Path, later: int):
    """However far its trail has grown again."""
    book, backup = tmp_path / "book.sqlite", tmp_path / "backup.sqlite"
    shutil.copy(sqlite_template, book)
    with closing(open_book(f"sqlite:///{book}")) as opened:
        office = Office(opened)
        agreement = office.active(office.verifier())
    shutil.copy(book, backup)
    kept = Compilation()
    with closing(open_book(f"sqlite:///{book}")) as opened:
        office = Office(opened)
        for _ in range(2):
            office.token(agreement)
        office.see(kept.update, office.at)
    with closing(open_book(f"sqlite:///{backup}")) as opened:
        office = Office(opened)
        for _ in range(later):
            office.token(agreement)
        assert office.see(kept.update, office.at)
        assert kept.lines == everything(office)


def test_an_update_that_breaks_off_leaves_it_as_it_was(office: Office, kept: Compilation):
    before, entry = kept.lines, kept.entry
    suspend(office, "V-000001")
    suspend(office, "V-000003")
    engine, steps = office.book._engine, 0

    def interrupt(*_: object) -> None:
        nonlocal steps
        steps -= 1
        if steps == 0:
            raise InterruptedError

    event.listen(engine, "before_cursor_execute", interrupt)
    for count in range(4, 20, 4):
        steps = count
        with pytest.raises(InterruptedError):
            office.see(kept.update, office.at)
        assert (kept.lines, kept.entry) == (before, entry)
    event.remove(engine, "before_cursor_execute", interrupt)
    office.see(kept.update, office.at)
    assert kept.lines == everything(office)
