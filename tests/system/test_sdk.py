"""The SDK and its command against the real service."""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from support.scene import PATIENT, Scene, command, now
from support.service import wait_until
from tashika import AsyncClient, Cause, Client, Report, Status
from tashika.errors import CertificateRevoked
from tashika.pki.profile import Family
from tashika_server.lab import Certificate
from tashika_server.lab.keys import read_key
from tashika_server.lab.layout import write_certificate
from tashika_server.lab.responders import responder_certificate

Cards = dict[Status, Certificate]


@pytest.fixture(scope="module")
def cards(scene: Scene) -> Cards:
    """A good certificate and a revoked one, of different families."""
    good, revoked = scene.issue(Family.USER_AUTH), scene.issue(Family.SIGNATURE)
    scene.world.hold(revoked, at=now())
    scene.publish()
    return {Status.GOOD: good, Status.REVOKED: revoked}


def check(scene: Scene, card: Certificate, *options: object, code: int) -> str:
    """Run `tashika check` on a card."""
    named = ("--cert", scene.file(card), "--issuer", scene.issuer_file(card))
    return command("tashika", "check", *named, "--url", scene.url, *options, code=code)


def test_the_command_exits_0_for_good_and_1_for_revoked(scene: Scene, cards: Cards) -> None:
    assert check(scene, cards[Status.GOOD], code=0).startswith("GOOD: ")
    told = json.loads(check(scene, cards[Status.REVOKED], "--json", code=1))
    assert (told["status"], told["cause"]) == ("revoked", "on_hold")
    assert told["reason"] == "certificate_hold"
    assert told["source"] == scene.url


def test_the_command_exits_2_for_what_it_cannot_tell_and_64_for_wrong_use(
    scene: Scene, cards: Cards, tmp_path: Path
) -> None:
    good = cards[Status.GOOD]
    namesake = scene.directory / "issuers" / "user-auth-g1.pem"
    named = ("--cert", scene.file(good), "--issuer", namesake, "--url", scene.url, "--json")
    told = json.loads(command("tashika", "check", *named, code=2))
    assert told["cause"] == "not_issued_by_issuer"
    said = command("tashika", "check", "--cert", tmp_path / "none", *named[2:], code=64)
    assert "No such file" in said


def test_the_command_may_ask_as_old_clients_do(scene: Scene, cards: Cards) -> None:
    options = ("--nonce", "off", "--certid-hash", "sha1")
    check(scene, cards[Status.REVOKED], *options, code=1)


def test_both_clients_say_what_the_issuer_says(scene: Scene, cards: Cards) -> None:
    with Client(scene.url, policy=PATIENT) as client:
        told = [
            client.check(one.der, scene.issuer_file(one).read_bytes()) for one in cards.values()
        ]
    assert [each.status for each in told] == list(cards)
    assert [each.status for each in asyncio.run(_all(scene, cards.values()))] == list(cards)
    with pytest.raises(CertificateRevoked):
        told[1].require_good()


async def _all(scene: Scene, cards: Iterable[Certificate]) -> list[Report]:
    async with AsyncClient(scene.url, policy=PATIENT) as client:
        return await asyncio.gather(
            *(client.check(one.der, scene.issuer_file(one).read_bytes()) for one in cards)
        )


def test_t19_a_certificate_that_the_ca_never_issued_is_never_good(scene: Scene) -> None:
    """Somebody has the CA's key: the signature is right, and the register does not know it."""
    card = scene.issue()
    (authority,) = [each for each in scene.world.premises.authorities() if each.name == card.issuer]
    forged = authority.certify(
        x509.load_der_x509_certificate(card.der).subject,
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        serial=10**9,
        at=now() - timedelta(days=1),
        not_after=now() + timedelta(days=1),
        extensions=(),
    )
    with Client(scene.url, policy=PATIENT) as client:
        report = client.check(
            forged.public_bytes(Encoding.DER), scene.issuer_file(card).read_bytes()
        )
    assert report.cause is Cause.NEVER_ISSUED


def test_t17_no_answer_outlives_its_signer_and_a_renewed_one_takes_over(scene: Scene) -> None:
    """The lab renews a responder certificate that has less than ten days to live."""
    card = scene.issue(Family.SIGNATURE)
    premises = scene.world.premises
    (authority,) = [each for each in premises.authorities() if each.name == card.issuer]
    signer = premises.layout.signer(card.issuer)
    old = responder_certificate(
        authority,
        "",
        read_key(signer.with_suffix(".key")).public_key(),
        serial=10**9,
        at=now() - timedelta(days=29),
    )

    def is_taken_up() -> bool:
        # The lab itself publishes every five minutes, and may renew it before a worker has seen it.
        if x509.load_pem_x509_certificate(signer.read_bytes()) != old:
            write_certificate(signer, old)
        newest = {
            each["process"]: each["not_after"]
            for each in scene.service.events("signer_replaced")
            if each["certificate"] == signer.name
        }
        return list(newest.values()) == [str(old.not_valid_after_utc)] * 2

    wait_until(is_taken_up, "the signer in both workers")
    assert scene.check(card).next_update == old.not_valid_after_utc

    taken_up = len(scene.service.events("signer_replaced"))
    scene.publish()
    scene.service.wait_for_event("signer_replaced", more_than=taken_up + 1)
    next_update = scene.check(card).next_update
    assert next_update
    assert next_update > old.not_valid_after_utc
