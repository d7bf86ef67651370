"""Which certificates may still end, and the writing down that they did.

Works inside the caller's transaction and decides by the simulated law alone: revoked is final,
what has run out is not revoked, a hold may become a revocation with a date of its own.
"""

from datetime import datetime

from tashika.pki.profile import Family
from tashika.pki.standing import Good, Reason, Revoked
from tashika_server.lab.causes import RULES, Cause, Reach
from tashika_server.lab.days import day_in_japan, move_out_lapse
from tashika_server.lab.errors import Unlawful
from tashika_server.lab.records import Certificate, Event, Happening, Role
from tashika_server.lab.state import State

__all__ = ["Standings", "holder_of"]


class Standings:
    """The standings of one lab's certificates."""

    def __init__(self, state: State) -> None:
        self._state = state

    def in_force(self, person: int, family: Family, at: datetime) -> list[Certificate]:
        """Return a holder's certificates that can still end, held ones among them."""
        found = self._state.certificates(person=person, family=family)
        return [one for one in found if self._can_end(one, at)]

    def revocable(self, certificate: Certificate, at: datetime) -> Good | Revoked:
        """Return the standing of a certificate that can still end; Unlawful otherwise."""
        holder_of(certificate)
        standing = self._state.standing(certificate)
        if isinstance(standing, Revoked) and not standing.on_hold:
            raise Unlawful(
                f"{certificate.name} was revoked on {day_in_japan(standing.at)}, and that is final"
            )
        if not self._can_end(certificate, at):
            raise Unlawful(
                f"{certificate.name} is in force only from {day_in_japan(certificate.not_before)} "
                f"to {day_in_japan(certificate.not_after)} (Act art. 15(1)(v), 34(1)(v))"
            )
        return standing

    def struck_by(
        self, cause: Cause, certificate: Certificate, at: datetime
    ) -> tuple[Certificate, ...]:
        """Return what a cause ends, seen from one certificate; Unlawful if that is nothing."""
        rule = RULES[cause]
        if rule.reach is Reach.CERTIFICATE:
            self.revocable(certificate, at)
            return (certificate,)
        if rule.reach is Reach.ISSUER:
            under = self._state.certificates(issuer=certificate.issuer)
            found = [one for one in under if one.role is not Role.RESPONDER]
            ended = tuple(one for one in found if self._can_end(one, at))
        else:
            person = holder_of(certificate)
            ended = tuple(
                one for family in rule.articles for one in self.in_force(person, family, at)
            )
        if not ended:
            raise Unlawful(f"nothing is left that {cause} could end")
        return ended

    def lapse(self, at: datetime) -> tuple[Certificate, ...]:
        """End the user authentication of everybody whose move-out has lapsed."""
        ended: list[Certificate] = []
        for person, planned in self._state.departures().items():
            if at >= move_out_lapse(planned):
                self._state.append(Event(at=at, happening=Happening.LAPSED, person=person))
                ended += self.in_force(person, Family.USER_AUTH, at)
        for one in ended:
            # Dated now, not when the thirty days were over: it ends when recorded (art. 34(1)).
            self.revoke(one, Cause.MOVE_OUT, at=at)
        return tuple(ended)

    def revoke(
        self,
        certificate: Certificate,
        cause: Cause,
        *,
        at: datetime,
        invalid_since: datetime | None = None,
    ) -> None:
        """Record that a certificate has ended."""
        reason = RULES[cause].reason
        self._append(
            certificate,
            Happening.REVOKED,
            at,
            cause=cause,
            reason=reason,
            invalid_since=invalid_since,
        )

    def hold(self, certificate: Certificate, *, at: datetime) -> None:
        """Record that a certificate is on hold."""
        self._append(certificate, Happening.HELD, at, reason=Reason.CERTIFICATE_HOLD)

    def release(self, certificate: Certificate, *, at: datetime) -> None:
        """Record that a hold is over."""
        self._append(certificate, Happening.RELEASED, at)

    def _can_end(self, certificate: Certificate, at: datetime) -> bool:
        standing = self._state.standing(certificate)
        return certificate.not_before <= at <= certificate.not_after and (
            isinstance(standing, Good) or standing.on_hold
        )

    def _append(
        self,
        certificate: Certificate,
        happening: Happening,
        at: datetime,
        *,
        cause: Cause | None = None,
        reason: Reason | None = None,
        invalid_since: datetime | None = None,
    ) -> None:
        self._state.append(
            Event(
                at=at,
                happening=happening,
                family=certificate.family,
                serial=certificate.serial,
                person=certificate.person,
                cause=cause,
                reason=reason,
                invalid_since=invalid_since,
            )
        )


def holder_of(certificate: Certificate) -> int:
    """Return the number of the person; Unlawful for a CA's or a responder's certificate."""
    if certificate.person is None:
        raise Unlawful(f"{certificate.name} is not a holder's certificate")
    return certificate.person
