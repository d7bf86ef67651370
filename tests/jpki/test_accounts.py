"""Opaque accounts: the same certificate, the same account; nothing else has it."""

import hmac
from hashlib import sha256

import pytest

from support.jpki import AT, FAMILIES, JPKI, SECRETS, certificate, examine, profile
from tashika.errors import Malformed, WrongUse
from tashika.jpki import AccountKey, AccountSecrets
from tashika.pki.certid import IssuerIdentity
from tashika.testing import Jpki

SIGNATURE, USER_AUTH = FAMILIES
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
ROTATED = AccountSecrets(secrets={"2026": OLD, "2027": NEW}, current="2027")


def test_an_account_is_the_hmac_that_the_documentation_says():
    given = certificate()
    identity = IssuerIdentity.of(JPKI.authority(SIGNATURE).certificate)
    fingerprint = sha256(sha256(identity.name).digest() + identity.key).digest()
    serial = given.serial_number.to_bytes(4, "big")
    message = b"tashika account key 1\x00" + fingerprint + serial
    expected = hmac.new(OLD, message, "sha256").hexdigest()
    assert examine(given).account.text == f"2026:{expected}"


def test_the_same_certificate_has_the_same_account_at_any_time():
    given = certificate()
    later = profile(Jpki(at=AT), generations=JPKI.generations)
    assert examine(given).account == examine(given, profile=later).account
    assert hash(examine(given).account) == hash(examine(given, profile=later).account)


def test_certificates_of_one_holder_have_accounts_of_their_own():
    renewed = [certificate(generation=generation) for generation in (0, 1, 2, 2)]
    accounts = {examine(each).account for each in renewed}
    accounts.add(examine(certificate(USER_AUTH), USER_AUTH).account)
    assert len(accounts) == 5


def test_one_serial_number_under_two_cas_is_two_accounts():
    cas = Jpki(at=AT), Jpki(at=AT)
    one, two = (each.issue(SIGNATURE).certificate for each in cas)
    assert one.serial_number == two.serial_number
    ours, theirs = map(profile, cas)
    assert examine(one, profile=ours).account != examine(two, profile=theirs).account


def test_two_relying_parties_cannot_compare_accounts():
    given = certificate()
    other = AccountSecrets(secrets={"2026": NEW}, current="2026")
    assert examine(given).account != examine(given, profile=profile(secrets=other)).account


# --- rotation ----------------------------------------------------------------


def test_after_a_rotation_old_accounts_are_found_and_new_ones_made():
    given = certificate()
    stored = AccountKey.parse(examine(given).account.text)
    found = examine(given, profile=profile(secrets=ROTATED))
    assert found.account.key_id == "2027"
    assert found.is_account(stored)
    assert found.is_account(found.account)
    assert stored in found.accounts
    assert not found.is_account(AccountKey("2026", bytes(32)))
    assert not found.is_account(examine(certificate()).account)


def test_a_dropped_key_does_not_look_like_another_person():
    given = certificate()
    stored = examine(given).account
    dropped = AccountSecrets(secrets={"2027": NEW}, current="2027")
    with pytest.raises(WrongUse, match="keep it"):
        examine(given, profile=profile(secrets=dropped)).is_account(stored)


def test_comparing_takes_constant_time(monkeypatch: pytest.MonkeyPatch):
    seen = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: seen.append(1) or compare(*both))
    assert AccountKey("a", bytes(32)) != AccountKey("a", bytes(31) + b"\x01")
    assert AccountKey("a", bytes(32)) != AccountKey("b", bytes(32))
    assert len(seen) == 2
    assert AccountKey("a", bytes(32)) != "a:" + "00" * 32


# --- what is stored ----------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "a", "a:", ":" + "0" * 64, "a:" + "0" * 63, "a:" + "G" * 64, "a:" + "0" * 64 + "\n"],
)
def test_a_stored_account_that_was_spoiled_is_malformed(text: str):
    with pytest.raises(Malformed, match="account key"):
        AccountKey.parse(text)


@pytest.mark.parametrize(
    ("secrets", "current", "message"),
    [
        ({}, "a", "current"),
        ({"a": OLD}, "b", "current"),
        ({"a": OLD[:31]}, "a", "32 random octets"),
        ({"a": "x" * 32}, "a", "32 random octets"),
        ({"a:b": OLD}, "a:b", "id of a key"),
        ({"": OLD}, "", "id of a key"),
        ({1: OLD}, 1, "id of a key"),
        ({"x" * 33: OLD}, "x" * 33, "id of a key"),
    ],
)
def test_secrets_that_cannot_serve_are_refused(secrets: dict, current: str, message: str):
    with pytest.raises(WrongUse, match=message):
        AccountSecrets(secrets=secrets, current=current)


def test_secrets_do_not_change_behind_the_profiles_back():
    given = {"a": OLD}
    secrets = AccountSecrets(secrets=given, current="a")
    given["a"] = NEW
    assert secrets.secrets["a"] == OLD
    with pytest.raises(TypeError):
        secrets.secrets["a"] = NEW  # type: ignore[index]
    assert repr(SECRETS) == "<AccountSecrets 1, current 2026>"
