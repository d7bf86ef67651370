"""Wrong bytes into every function: documented errors only, and never recognised."""

import os
from collections.abc import Callable
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from support.jpki import AT, FAMILIES, SECRETS, certificate, examine, profile
from support.mutations import mutants
from tashika.errors import CertificateRefused, Malformed, ProfileRefused, WrongUse
from tashika.jpki import AccountKey, AccountSecrets, Family, JpkiProfile, age_at_least, basic_four
from tashika.pki import der
from tashika.pki.profile import BasicItem

SIGNATURE, USER_AUTH = FAMILIES
MUTANTS_OF_ONE = 25
EXAMPLES = int(os.environ.get("TASHIKA_FUZZ", "3"))
GOOD = {family: certificate(family).public_bytes(Encoding.DER) for family in FAMILIES}
ENTRIES: list[Callable[[bytes], object]] = [
    lambda data: examine(data, SIGNATURE),
    lambda data: examine(data, USER_AUTH),
    basic_four,
    lambda data: age_at_least(data, 18, at=AT),
]
DOCUMENTED = (ProfileRefused, CertificateRefused)


def feed(data: bytes) -> None:
    for entry in ENTRIES:
        with suppress(*DOCUMENTED):
            entry(data)


@settings(max_examples=10 * EXAMPLES, deadline=None)
@given(st.binary(max_size=300))
def test_c11_random_bytes(data: bytes):
    feed(data)
    feed(b"-----BEGIN CERTIFICATE-----\n" + data)
    with suppress(WrongUse):
        JpkiProfile(generations=[data])
    with suppress(Malformed):
        AccountKey.parse(data.decode("latin-1"))
    with suppress(WrongUse):
        AccountSecrets(secrets={data.decode("latin-1"): data}, current=data.decode("latin-1"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32), family=st.sampled_from(FAMILIES))
def test_c11_certificates_made_wrong(seed: int, family: Family):
    for data in mutants(GOOD[family], seed, MUTANTS_OF_ONE):
        feed(data)
        if data != GOOD[family]:
            with pytest.raises(DOCUMENTED):
                examine(data, family)


VALUES = st.builds(
    der.wrap, st.sampled_from([0x05, 0x0C, 0x13, 0x1E, 0x30]), st.binary(max_size=20)
)
ITEMS = st.dictionaries(
    st.sampled_from([*BasicItem, "2.25.9"]), st.none() | st.text(max_size=20) | VALUES
)


@settings(max_examples=10 * EXAMPLES, deadline=None)
@given(items=ITEMS)
def test_c11_items_that_a_ca_signed_without_looking(items: dict):
    given = certificate(items=items)
    for entry in (basic_four, lambda each: age_at_least(each, 18, at=AT), examine):
        with suppress(ProfileRefused):
            entry(given)


def test_generations_are_as_many_as_a_path_takes():
    too_many = profile(generations=profile().generations * 3, secrets=SECRETS)
    with pytest.raises(WrongUse, match="at most"):
        examine(GOOD[SIGNATURE], profile=too_many)
