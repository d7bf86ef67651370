"""What the issuer publishes is what the next answer says, at the command line and the socket."""

import json
from pathlib import Path

from support.scene import Scene, command, now
from tashika import Cause, Reason, Report, Revoked
from tashika.pki.profile import Family
from tashika_server.lab import Cause as LegalCause
from tashika_server.lab import Certificate


def lab(scene: Scene, verb: str, *arguments: object, code: int = 0) -> str:
    return command("tashika-server", "lab", verb, scene.directory, *arguments, code=code)


def issued(scene: Scene) -> list[Certificate]:
    """Have a card made by the command, user authentication first."""
    rows = json.loads(lab(scene, "issue", "--json"))
    return [one for row in rows for one in scene.world.certificates() if is_of(scene, one, row)]


def is_of(scene: Scene, certificate: Certificate, row: dict[str, str]) -> bool:
    return scene.file(certificate) == Path(row["certificate"])


def publish(scene: Scene, certificate: Certificate, before: Cause) -> Report:
    """Publish by the command. Its notify alone makes the next answer new: turns take minutes."""
    assert scene.check(certificate).cause is before
    said = lab(scene, "publish")
    assert "published 12, unchanged 0, quarantined 0, failed 0" in said
    return scene.check(certificate)


def test_the_life_of_a_card_shows_in_the_very_next_answer(scene: Scene) -> None:
    card, signature = issued(scene)
    assert scene.check(signature).cause is Cause.GOOD

    lab(scene, "hold", "--cert", scene.file(card))
    scene.world.hold(signature, at=now())
    assert publish(scene, card, before=Cause.GOOD).cause is Cause.ON_HOLD

    lab(scene, "release", "--cert", scene.file(card))
    refused = lab(scene, "release", "--cert", scene.file(signature), code=1)
    assert refused.startswith("tashika-server: ")
    assert "cannot be released" in refused
    assert publish(scene, card, before=Cause.ON_HOLD).cause is Cause.GOOD
    assert scene.check(signature).cause is Cause.ON_HOLD

    lab(scene, "revoke", "--cert", scene.file(card), "--cause", "key-compromise")
    report = publish(scene, card, before=Cause.GOOD)
    assert isinstance(report.standing, Revoked)
    assert report.standing.reason is Reason.KEY_COMPROMISE


def test_a_change_of_the_four_items_ends_the_signature_certificate_only(scene: Scene) -> None:
    card = scene.issue()
    signature = next(
        one
        for one in scene.world.certificates()
        if one.person == card.person and one.family is Family.SIGNATURE
    )
    scene.world.revoke(card, LegalCause.CHANGE_OF_ITEMS, at=now())
    scene.publish()
    assert scene.check(signature).cause is Cause.REVOKED
    assert scene.check(card).cause is Cause.GOOD


def test_a_compromised_issuer_key_ends_its_generation_and_no_other(scene: Scene) -> None:
    """Both generations have one name; only the key tells their certificates apart."""
    ended = [one for one in scene.world.certificates() if one.issuer == "user-auth-g1"]
    scene.world.revoke(ended[0], LegalCause.ISSUER_KEY_COMPROMISE, at=now())
    scene.publish()
    assert {scene.check(one).cause for one in ended} == {Cause.REVOKED}
    assert scene.check(scene.issue()).cause is Cause.GOOD
