"""Wrong lists in the issuer's tree: set aside, told of, and the old generation is served on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from support.forging import UNKNOWN, entry, forge
from support.scene import Scene, now
from tashika import Cause, Report
from tashika_server.durable import write_atomically
from tashika_server.lab import Cause as LegalCause
from tashika_server.lab import Certificate


@dataclass(frozen=True)
class Victim:
    """A list with one certificate that it revokes, and one of its issuer that is good."""

    scene: Scene
    revoked: Certificate
    good: Certificate
    older: bytes

    @property
    def file(self) -> Path:
        return self.scene.crl_file(self.revoked)

    @property
    def current(self) -> bytes:
        return self.file.read_bytes()

    def forge(self, **wrong: Any) -> bytes:
        return forge(self.scene.world, self.revoked, **wrong)

    def elsewhere(self, *, issuer: str | None = None) -> bytes:
        """Return the list of another issuer for this place, or of this one for another place."""
        if issuer:
            return (self.file.parents[1] / issuer / self.file.name).read_bytes()
        (other,) = set(self.file.parent.glob("*.crl")) - {self.file}
        return other.read_bytes()

    def reports(self) -> list[Report]:
        return [self.scene.check(one) for one in (self.revoked, self.good)]


@pytest.fixture
def victim(scene: Scene) -> Iterator[Victim]:
    revoked, good = scene.issue(), scene.issue()
    older = scene.crl_file(revoked).read_bytes()
    scene.world.revoke(revoked, LegalCause.KEY_COMPROMISE, at=now())
    scene.publish()
    yield Victim(scene, revoked, good, older)
    scene.publish()


Wrong = Callable[[Victim], bytes | None]

FOUNDING = datetime(1970, 1, 1, tzinfo=UTC)
LISTS: dict[str, tuple[Wrong, str]] = {
    "absent": (lambda _: None, "fetch"),
    "empty": (lambda _: b"", "form"),
    "no list": (lambda _: b"<html><title>Sign in to the hotel</title></html>", "form"),
    "truncated": (lambda victim: victim.current[:-7], "form"),
    "with something behind it": (lambda victim: victim.current + b"\0", "form"),
    "of another CA": (lambda victim: victim.elsewhere(issuer="signature-g3"), "issuer"),
    "of another generation": (lambda victim: victim.elsewhere(issuer="user-auth-g2"), "issuer"),
    "of another place": (lambda victim: victim.elsewhere(), "scope"),
    "of no place": (
        lambda victim: victim.forge(without=[x509.IssuingDistributionPoint.oid]),
        "scope",
    ),
    "by a foreign key": (
        lambda victim: victim.forge(key=ec.generate_private_key(ec.SECP384R1())),
        "signature",
    ),
    "wrongly signed": (
        lambda victim: victim.current[:-1] + bytes((victim.current[-1] ^ 1,)),
        "signature",
    ),
    "with an unknown critical extension": (
        lambda victim: victim.forge(extra=[(UNKNOWN, True)]),
        "critical-extension",
    ),
    "without a number": (lambda victim: victim.forge(number=None), "number"),
    "of the same number": (lambda victim: victim.forge(number=0, entries=[]), "number"),
    "older": (lambda victim: victim.older, "number"),
    "of tomorrow": (
        lambda victim: victim.forge(this_update=now() + timedelta(days=1)),
        "this-update",
    ),
    "of yesterday": (
        lambda victim: victim.forge(this_update=now() - timedelta(days=1)),
        "this-update",
    ),
    "expired": (lambda victim: victim.forge(next_update=now()), "next-update"),
    "a delta": (lambda victim: victim.forge(extra=[(x509.DeltaCRLIndicator(1), True)]), "delta"),
    "a delta without a number": (
        lambda victim: victim.forge(number=None, extra=[(x509.DeltaCRLIndicator(1), True)]),
        "number",
    ),
    "with a zero date": (
        lambda victim: victim.forge(entries=[entry(victim.revoked.serial, FOUNDING)]),
        "entries",
    ),
}


@pytest.mark.parametrize("kind", LISTS)
def test_t7_t14_t15_t27_a_bad_list_is_set_aside_and_the_next_good_one_heals(
    victim: Victim, kind: str
) -> None:
    scene, (make, check) = victim.scene, LISTS[kind]
    before, generation, good = victim.reports(), scene.generation(), victim.current
    assert [each.cause for each in before] == [Cause.REVOKED, Cause.GOOD]

    place(victim.file, make(victim))
    warned = len(scene.service.events("crl_not_taken"))
    said = scene.notify()
    assert (said["published"], said["unchanged"]) == (0, 11)
    event = scene.service.wait_for_event("crl_not_taken", more_than=warned)
    assert (event["issuer"], event["check"]) == ("user-auth-g3", check)
    assert event["detail"]
    assert [(one.cause, one.this_update) for one in victim.reports()] == [
        (one.cause, one.this_update) for one in before
    ]
    assert scene.generation() == generation

    healed = len(scene.service.events("crl_in_order_again"))
    place(victim.file, good)
    assert scene.notify()["unchanged"] == 12
    scene.service.wait_for_event("crl_in_order_again", more_than=healed)
    assert scene.publish()["published"] == 12


def place(file: Path, body: bytes | None) -> None:
    if body is None:
        file.unlink()
    else:
        write_atomically(file, body)


def test_the_operator_sees_what_is_in_quarantine_until_it_is_over(victim: Victim) -> None:
    place(victim.file, b"nonsense")
    assert victim.scene.notify()["quarantined"] == 1
    found = victim.scene.query(victim.good, code=0)
    (quarantined,) = found["quarantined"]
    assert quarantined["check"] == "form"
    assert quarantined["partition"].startswith("C=JP, O=JPKI-SIM, ")
    assert quarantined["detail"]
    victim.scene.publish()
    found = victim.scene.query(victim.revoked, code=1)
    assert found["quarantined"] == []


def test_a_list_that_forgets_revocations_waits_for_a_person(victim: Victim) -> None:
    scene = victim.scene
    gone = [victim.revoked]
    while len(gone) < 7:
        card = scene.world.issue(at=now())[0]
        if card.municipality == victim.revoked.municipality:
            scene.world.revoke(card, LegalCause.APPLICATION, at=now())
            gone.append(card)
    scene.publish()
    warned = len(scene.service.events("crl_not_taken"))
    place(victim.file, victim.forge(entries=[]))
    assert scene.notify()["quarantined"] == 1
    event = scene.service.wait_for_event("crl_not_taken", more_than=warned)
    assert event["check"] == "bounds"
    assert "would vanish" in event["detail"]
    assert {scene.check(one).cause for one in gone} == {Cause.REVOKED}
