"""What each legal cause ends, what the law forbids, and the move-out timer."""

import random
from contextlib import suppress
from datetime import date, timedelta

import pytest
from cryptography import x509

from support import lab
from support.lab import NOON
from tashika.pki.profile import Family
from tashika.pki.standing import Good, Reason, Revoked
from tashika_server.lab import (
    RULES,
    Cause,
    Certificate,
    LabError,
    NotOfThisLab,
    Unlawful,
    World,
)
from tashika_server.lab.days import move_out_lapse
from tashika_server.lab.records import Role

MINUTE = timedelta(minutes=1)
SIGNATURE, USER_AUTH = Family.SIGNATURE, Family.USER_AUTH


@pytest.mark.parametrize("family", [SIGNATURE, USER_AUTH])
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (Cause.APPLICATION, Reason.CESSATION_OF_OPERATION),
        (Cause.KEY_COMPROMISE, Reason.KEY_COMPROMISE),
        (Cause.RECORD_ERROR, Reason.UNSPECIFIED),
        (Cause.RENEWAL, Reason.SUPERSEDED),
    ],
)
def test_causes_that_end_one_certificate(
    world: World, family: Family, cause: Cause, reason: Reason
) -> None:
    certificate = lab.first(world, family)
    assert world.revoke(certificate, cause, at=NOON) == (certificate,)
    assert world.standing(certificate) == Revoked(NOON, reason)
    assert world.standing(lab.other(world, certificate)) == Good()


@pytest.mark.parametrize("seen_from", [SIGNATURE, USER_AUTH])
def test_a_change_of_the_four_items_ends_the_signature_certificate_only(
    world: World, seen_from: Family
) -> None:
    signature = lab.first(world, SIGNATURE)
    ended = world.revoke(lab.first(world, seen_from), Cause.CHANGE_OF_ITEMS, at=NOON)
    assert ended == (signature,)
    assert world.standing(signature) == Revoked(NOON, Reason.AFFILIATION_CHANGED)
    assert world.standing(lab.first(world, USER_AUTH)) == Good()
    with pytest.raises(Unlawful, match="nothing is left"):
        world.revoke(signature, Cause.CHANGE_OF_ITEMS, at=NOON)


def test_the_removal_of_the_record_ends_both(world: World) -> None:
    certificate = lab.first(world, USER_AUTH)
    ended = world.revoke(certificate, Cause.REMOVAL_OF_RECORD, at=NOON)
    assert set(ended) == {certificate, lab.other(world, certificate)}
    assert {world.standing(one) for one in ended} == {Revoked(NOON, Reason.CESSATION_OF_OPERATION)}


def test_a_compromised_issuer_key_ends_everything_under_it(world: World) -> None:
    certificate = lab.first(world, SIGNATURE)
    on_hold, gone = (
        world.issue(at=NOON)[1],
        world.issue(at=NOON)[1],
    )
    world.hold(on_hold, at=NOON)
    world.revoke(gone, Cause.APPLICATION, at=NOON)
    world.revoke(certificate, Cause.ISSUER_KEY_COMPROMISE, at=NOON + MINUTE)
    under = [one for one in world.certificates() if one.issuer == certificate.issuer]
    assert len(under) >= 3
    assert {one.family for one in under} == {SIGNATURE}
    for one in under:
        expected = Revoked(NOON + MINUTE, Reason.CA_COMPROMISE)
        if one == gone:  # revoked is final
            expected = Revoked(NOON, Reason.CESSATION_OF_OPERATION)
        assert world.standing(one) == expected
    others = [one for one in world.certificates() if one.issuer != certificate.issuer]
    assert {world.standing(one) for one in others} == {Good()}


def test_a_compromised_issuer_issues_no_more_and_leaves_no_files(world: World) -> None:
    authority = next(
        one
        for one in world.premises.state.certificates(role=Role.AUTHORITY)
        if one.issuer == "signature-g3"
    )
    world.revoke(authority, Cause.ISSUER_KEY_COMPROMISE, at=NOON)
    folder = world.premises.layout.certificate(lab.first(world, USER_AUTH)).parent
    before = set(folder.iterdir())
    with pytest.raises(LabError, match="no signature CA can issue"):
        world.issue(at=NOON)
    assert set(folder.iterdir()) == before
    with pytest.raises(Unlawful, match="nothing is left"):
        world.revoke(authority, Cause.ISSUER_KEY_COMPROMISE, at=NOON)


def test_t21_hold_release_revoke_matrix(world: World) -> None:
    auth, signature = lab.first(world, USER_AUTH), lab.first(world, SIGNATURE)
    for one in (auth, signature):
        with pytest.raises(Unlawful):
            world.release(one, at=NOON)
        world.hold(one, at=NOON)
        assert world.standing(one) == Revoked(NOON, Reason.CERTIFICATE_HOLD)
        with pytest.raises(Unlawful, match="on hold already"):
            world.hold(one, at=NOON)
    world.release(auth, at=NOON + MINUTE)
    assert world.standing(auth) == Good()
    with pytest.raises(Unlawful, match="section 9 lets a hold end for user-authentication"):
        world.release(signature, at=NOON + MINUTE)
    world.hold(auth, at=NOON + 2 * MINUTE)
    for one in (auth, signature):
        world.revoke(one, Cause.APPLICATION, at=NOON + 3 * MINUTE)
        # The revocation's own date, not the hold's.
        assert world.standing(one) == Revoked(NOON + 3 * MINUTE, Reason.CESSATION_OF_OPERATION)
        for verb in (world.hold, world.release):
            with pytest.raises(Unlawful):
                verb(one, at=NOON + 4 * MINUTE)
        with pytest.raises(Unlawful, match="final"):
            world.revoke(one, Cause.KEY_COMPROMISE, at=NOON + 4 * MINUTE)
        assert world.standing(one) == Revoked(NOON + 3 * MINUTE, Reason.CESSATION_OF_OPERATION)


def test_what_has_run_out_is_neither_held_nor_revoked(world: World) -> None:
    certificate = lab.first(world, USER_AUTH)
    world.revoke(certificate, Cause.APPLICATION, at=certificate.not_after)
    second = lab.first(world, SIGNATURE)
    late = second.not_after + timedelta(seconds=1)
    with pytest.raises(Unlawful, match="in force only from"):
        world.hold(second, at=late)
    with pytest.raises(Unlawful, match="in force only from"):
        world.revoke(second, Cause.APPLICATION, at=late)


def test_a_move_out_ends_the_signature_now_and_user_authentication_after_30_days(
    world: World,
) -> None:
    certificate = lab.first(world, USER_AUTH)
    planned = date(2026, 4, 10)
    lapse = move_out_lapse(planned)
    departure = world.move_out(certificate, planned=planned, at=NOON)
    assert departure.ended == (lab.other(world, certificate),)
    assert departure.lapses_at == lapse
    assert world.standing(certificate) == Good()
    with pytest.raises(Unlawful, match="moved out already"):
        world.move_out(certificate, planned=planned, at=NOON)
    assert world.settle(at=lapse - timedelta(seconds=1)) == ()
    with pytest.raises(Unlawful, match="30 days"):
        world.move_in(certificate, at=lapse)
    # It ends when it is recorded, which may be later than it was due.
    assert world.settle(at=lapse + MINUTE) == (certificate,)
    assert world.standing(certificate) == Revoked(lapse + MINUTE, Reason.CESSATION_OF_OPERATION)
    assert world.settle(at=lapse + 2 * MINUTE) == ()


def test_a_move_in_stops_the_timer(world: World) -> None:
    certificate = lab.first(world, USER_AUTH)
    with pytest.raises(Unlawful, match="no move-out"):
        world.move_in(certificate, at=NOON)
    departure = world.move_out(certificate, planned=date(2026, 4, 10), at=NOON)
    world.move_in(certificate, at=departure.lapses_at - timedelta(seconds=1))
    assert world.settle(at=departure.lapses_at + MINUTE) == ()
    assert world.standing(certificate) == Good()
    world.move_out(certificate, planned=date(2026, 6, 1), at=NOON + timedelta(days=60))


def test_a_lapse_passes_over_what_ended_before(world: World) -> None:
    certificate = lab.first(world, USER_AUTH)
    departure = world.move_out(certificate, planned=date(2026, 4, 1), at=NOON)
    world.revoke(certificate, Cause.APPLICATION, at=NOON)
    assert world.settle(at=departure.lapses_at) == ()
    assert world.standing(certificate) == Revoked(NOON, Reason.CESSATION_OF_OPERATION)


def test_a_move_out_is_not_a_cause_without_its_day(world: World) -> None:
    with pytest.raises(Unlawful, match="planned day"):
        world.revoke(lab.first(world, USER_AUTH), Cause.MOVE_OUT, at=NOON)


def test_renewal_supersedes_so_that_nobody_holds_two(world: World) -> None:
    old = lab.first(world, USER_AUTH)
    new = world.renew(old, at=NOON)
    assert world.standing(old) == Revoked(NOON, Reason.SUPERSEDED)
    assert world.standing(new) == Good()
    assert (new.person, new.municipality) == (old.person, old.municipality)
    newer = world.renew(old, at=NOON + MINUTE)  # the old file still names the holder
    assert world.standing(new) == Revoked(NOON + MINUTE, Reason.SUPERSEDED)
    assert world.standing(newer) == Good()


def test_a_signature_certificate_never_outlives_user_authentication(world: World) -> None:
    signature = lab.first(world, SIGNATURE)
    auth = lab.other(world, signature)
    late = auth.not_after - timedelta(days=30)  # within the window: the sixth birthday
    assert world.renew(signature, at=late).not_after == auth.not_after
    renewed = world.renew(auth, at=late)
    assert renewed.not_after.year == auth.not_after.year + 5


def test_only_a_lost_key_has_an_invalidity_date(world: World) -> None:
    auth, signature = lab.first(world, USER_AUTH), lab.first(world, SIGNATURE)
    since = NOON - timedelta(days=3)
    world.revoke(auth, Cause.KEY_COMPROMISE, at=NOON, invalid_since=since)
    assert world.standing(auth) == Revoked(NOON, Reason.KEY_COMPROMISE, since)
    for cause, when in ((Cause.APPLICATION, since), (Cause.KEY_COMPROMISE, NOON + MINUTE)):
        with pytest.raises(Unlawful, match="only a compromised key"):
            world.revoke(signature, cause, at=NOON, invalid_since=when)


def test_a_certificate_is_found_by_issuer_serial_and_bytes(world: World) -> None:
    certificate = lab.first(world, USER_AUTH)
    assert world.find(x509.load_der_x509_certificate(certificate.der)) == certificate
    signer = world.premises.layout.signer("user-auth-g3").read_bytes()
    found = world.find(x509.load_pem_x509_certificate(signer))
    assert found.role is Role.RESPONDER
    with pytest.raises(Unlawful, match="not a holder's"):
        world.hold(found, at=NOON)


def test_a_certificate_of_another_lab_is_not_taken_for_ours(world: World) -> None:
    stranger = lab.stranger(world, NOON)
    with pytest.raises(NotOfThisLab):
        world.find(stranger)


def test_every_cause_names_its_articles() -> None:
    assert set(RULES) == set(Cause)
    for rule in RULES.values():
        assert SIGNATURE in rule.articles
        assert all(rule.articles.values())


def test_the_event_log_cannot_be_rewritten(world: World) -> None:
    world.hold(lab.first(world, USER_AUTH), at=NOON)
    for statement in ("UPDATE events SET at = 0", "DELETE FROM events"):
        with pytest.raises(Exception, match="append-only"):
            world.premises.state._db.execute(statement)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_asked_in_whatever_order_the_law_holds(world: World, seed: int) -> None:
    """A walk of random verbs; the fixture checks every invariant at the end."""
    chance = random.Random(seed)
    final: dict[Certificate, Revoked] = {}
    at = NOON
    for _ in range(40):
        at += timedelta(days=chance.randint(0, 40))
        certificate = chance.choice(world.certificates())
        with suppress(LabError):
            random_verb(world, certificate, chance, at)
        for one in world.certificates():
            standing = world.standing(one)
            assert final.get(one, standing) == standing
            if isinstance(standing, Revoked) and not standing.on_hold:
                final[one] = standing
    world.publish(at=at)
    listed = {
        (path.parent.name, entry.serial_number)
        for path in world.premises.layout.published.rglob("*.crl")
        for entry in x509.load_der_x509_crl(path.read_bytes())
    }
    assert listed == {
        (one.issuer, one.serial) for one in world.certificates() if world.standing(one) != Good()
    }


def random_verb(world: World, one: Certificate, chance: random.Random, at) -> None:
    match chance.randrange(8):
        case 0:
            world.hold(one, at=at)
        case 1:
            world.release(one, at=at)
        case 2:
            world.renew(one, at=at)
        case 3:
            world.move_out(one, planned=at.date(), at=at)
        case 4:
            world.move_in(one, at=at)
        case 5:
            world.settle(at=at)
        case 6:
            world.issue(at=at)
        case _:
            world.revoke(one, chance.choice([Cause.APPLICATION, Cause.CHANGE_OF_ITEMS]), at=at)
