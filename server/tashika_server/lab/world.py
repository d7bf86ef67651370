"""The simulated issuer's verbs: issue, revoke, hold, release, move out and in, publish.

Each verb is one transaction and obeys the simulated law: a signature certificate on hold is
never released, revoked is final, nobody holds two certificates of a kind. Effects show in the
service only after `publish`, as they do in reality.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki.profile import Family
from tashika.pki.standing import Good, Reason, Revoked
from tashika_server.lab.causes import RULES, Cause
from tashika_server.lab.days import holder_end, move_out_lapse
from tashika_server.lab.errors import NotALab, NotOfThisLab, Unlawful
from tashika_server.lab.feeding import has_feed, push_news
from tashika_server.lab.issuing import (
    issue_to,
    issuing_authority,
    renew_responders,
    write_registers,
)
from tashika_server.lab.keys import KeyStock
from tashika_server.lab.layout import Layout
from tashika_server.lab.people import Person, synthetic_person
from tashika_server.lab.prefectures import publish_prefectures
from tashika_server.lab.premises import Plan, Premises
from tashika_server.lab.publishing import Publication, is_due, publish_lists
from tashika_server.lab.records import Certificate, Event, Happening, Role
from tashika_server.lab.standings import Standings, holder_of
from tashika_server.lab.state import State

__all__ = ["Departure", "World"]

GREATEST_NUMBER = (1 << 63) - 1
"""Of SQLite's; the lab counts its serials from 1."""
_COMPROMISES = (Reason.KEY_COMPROMISE, Reason.CA_COMPROMISE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A move-out: what ended at once, and when the rest ends without a move-in."""

    ended: tuple[Certificate, ...]
    lapses_at: datetime


class World:
    """One lab, opened; not for use from two threads, but any number may open the same one."""

    def __init__(self, premises: Premises) -> None:
        self.premises = premises
        self._state = premises.state
        self._standings = Standings(premises.state)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open a lab that `lab init` finished; NotALab otherwise."""
        layout = Layout(directory)
        if layout.unfinished.exists():
            raise NotALab(
                f"`lab init` did not finish in {directory}; delete the directory and run it again"
            )
        if not layout.memory.exists():
            raise NotALab(f"{directory} is no lab; make one with `tashika-server lab init`")
        return cls.open_unfinished(layout)

    @classmethod
    def open_unfinished(cls, layout: Layout) -> Self:
        """Open a lab in whatever condition; for `lab init` only."""
        state = State(layout.memory)
        plan = Plan.read(state.plan())
        return cls(Premises(plan=plan, layout=layout, state=state, keys=KeyStock(plan.algorithm)))

    def close(self) -> None:
        """Close the database and let the key makers go."""
        self._state.close()
        self.premises.keys.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, certificate: x509.Certificate) -> Certificate:
        """Find a certificate by its serial; NotOfThisLab if these are not its bytes."""
        serial = min(certificate.serial_number, GREATEST_NUMBER)
        for family in (Family.SIGNATURE, Family.USER_AUTH):
            for found in self._state.certificates(family=family, serial=serial):
                if found.der == certificate.public_bytes(Encoding.DER):
                    return found
        raise NotOfThisLab("this certificate was not issued by this lab")

    def certificates(self) -> list[Certificate]:
        """Return every holder's certificates, by family and serial."""
        return self._state.certificates(role=Role.HOLDER)

    def standing(self, certificate: Certificate) -> Good | Revoked:
        """Return what the lab has recorded of it, published or not."""
        return self._state.standing(certificate)

    def issue(self, *, at: datetime) -> tuple[Certificate, ...]:
        """Give the next synthetic person a card: user authentication first, then signature."""
        with self._issuing():
            person = self._person(self._state.next_person())
            ends = holder_end(person.birth, at=at)
            families = (Family.USER_AUTH, Family.SIGNATURE)
            authorities = [issuing_authority(self.premises, each, at=at) for each in families]
            return tuple(
                issue_to(self.premises, person, each, at=at, not_after=ends) for each in authorities
            )

    def renew(self, certificate: Certificate, *, at: datetime) -> Certificate:
        """Issue a holder's certificate anew; one of its family still in force is superseded.

        Superseding is what keeps the ban on double issue (Act art. 6, 25).
        """
        with self._issuing():
            person, family = self._person(holder_of(certificate)), certificate.family
            authority = issuing_authority(self.premises, family, at=at)
            old = self._standings.in_force(person.number, family, at)
            for one in old:
                self._standings.revoke(one, Cause.RENEWAL, at=at)
            ends = holder_end(person.birth, at=at, renews=old[-1].not_after if old else None)
            if family is Family.SIGNATURE:  # never beyond the other one: user terms 5(1)(2)
                others = self._standings.in_force(person.number, Family.USER_AUTH, at)
                ends = min([ends, *(other.not_after for other in others)])
            return issue_to(self.premises, person, authority, at=at, not_after=ends)

    def revoke(
        self,
        certificate: Certificate,
        cause: Cause,
        *,
        at: datetime,
        invalid_since: datetime | None = None,
    ) -> tuple[Certificate, ...]:
        """Record a legal cause; returns every certificate that it ended.

        `invalid_since` is when a compromised key was lost, where that is known. Unlawful if
        nothing is left to end, or for Cause.MOVE_OUT, which is `move_out`.
        """
        if cause is Cause.MOVE_OUT:
            raise Unlawful("a move-out needs its planned day (Act art. 31(ii))")
        if invalid_since and (RULES[cause].reason not in _COMPROMISES or invalid_since > at):
            raise Unlawful(
                "only a compromised key is invalid from an earlier time, and not a later"
            )
        with self._change():
            ended = self._standings.struck_by(cause, certificate, at)
            for one in ended:
                self._standings.revoke(one, cause, at=at, invalid_since=invalid_since)
            return ended

    def hold(self, certificate: Certificate, *, at: datetime) -> None:
        """Put a certificate on hold: its card is lost (user terms section 9)."""
        with self._change():
            if self._standings.revocable(certificate, at) != Good():
                raise Unlawful(f"{certificate.name} is on hold already")
            self._standings.hold(certificate, at=at)

    def release(self, certificate: Certificate, *, at: datetime) -> None:
        """End the hold of a user-authentication certificate; Unlawful for the other family."""
        with self._change():
            if certificate.family is not Family.USER_AUTH:
                raise Unlawful(
                    f"{certificate.name} cannot be released: user terms section 9 lets a hold end "
                    "for user-authentication certificates only; revoke it and issue a new one"
                )
            if self._standings.revocable(certificate, at) == Good():
                raise Unlawful(f"{certificate.name} is not on hold")
            self._standings.release(certificate, at=at)

    def move_out(self, certificate: Certificate, *, planned: date, at: datetime) -> Departure:
        """Record a holder's move-out notice: the signature certificate ends at once.

        User authentication ends with `settle`, once 30 days have passed since the planned day
        and no `move_in` came (Act art. 31(ii)).
        """
        with self._change():
            person = holder_of(certificate)
            if person in self._state.departures():
                raise Unlawful("this holder has moved out already; a move-in would end that")
            ended = tuple(self._standings.in_force(person, Family.SIGNATURE, at))
            for one in ended:
                self._standings.revoke(one, Cause.MOVE_OUT, at=at)
            self._state.append(
                Event(at=at, happening=Happening.MOVED_OUT, person=person, planned=planned)
            )
            return Departure(ended=ended, lapses_at=move_out_lapse(planned))

    def move_in(self, certificate: Certificate, *, at: datetime) -> None:
        """Record the move-in that stops the timer of a move-out."""
        with self._change():
            person = holder_of(certificate)
            planned = self._state.departures().get(person)
            if planned is None:
                raise Unlawful("no move-out of this holder is pending")
            if at >= move_out_lapse(planned):
                raise Unlawful("30 days have passed since the planned day (Act art. 31(ii))")
            self._state.append(Event(at=at, happening=Happening.MOVED_IN, person=person))

    def settle(self, *, at: datetime) -> tuple[Certificate, ...]:
        """End the user authentication of everybody whose move-out has lapsed."""
        with self._change():
            return self._standings.lapse(at)

    def publish(self, *, at: datetime) -> Publication:
        """Settle what is due, renew responders that run out, and publish every CRL as of `at`."""
        self.settle(at=at)
        with self.premises.alone():
            renew_responders(self.premises, at=at)
            write_registers(self.premises)
            if has_feed(self.premises.layout):
                # Before the lists have their numbers: events are told after the CRL without them.
                push_news(self.premises, at=at)
            done = publish_lists(self.premises, at=at)
            more = publish_prefectures(self.premises, at=at)
            return replace(done, lists=done.lists + more, entries=done.entries + more)

    def push(self, *, at: datetime) -> int:
        """Push what has happened and was not told yet, and return how much; no CRL is made."""
        self.settle(at=at)
        with self.premises.alone():
            return push_news(self.premises, at=at)

    def upkeep(self, *, at: datetime) -> Publication | None:
        """Publish if something came due by itself: a timer, a responder, a day-old list."""
        lapsed = self.settle(at=at)
        with self.premises.alone():
            renewed = renew_responders(self.premises, at=at)
            if has_feed(self.premises.layout):
                push_news(self.premises, at=at)
        due = lapsed or renewed or is_due(self.premises, at=at)
        return self.publish(at=at) if due else None

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self.premises.alone(), self._state.transaction():
            yield

    @contextmanager
    def _issuing(self) -> Iterator[None]:
        with self.premises.alone():
            with self._state.transaction():
                yield
            write_registers(self.premises)

    def _person(self, number: int) -> Person:
        return synthetic_person(self.premises.plan.seed, number, self.premises.places)
