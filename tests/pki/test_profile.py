"""The facts of the JPKI profile do not contradict each other."""

import pytest
from asn1crypto.core import ObjectIdentifier

from tashika.pki import der, profile
from tashika.pki.profile import BasicItem, Family

OIDS = [
    *profile.POLICY.values(),
    *profile.SIMULATED_POLICY.values(),
    *BasicItem,
    profile.TEST_SIGNATURE_POLICY,
]


@pytest.mark.parametrize("oid", OIDS)
def test_every_oid_can_be_written(oid: str):
    assert der.Reader(der.oid(oid)).oid() == ObjectIdentifier(oid).dotted == oid


def test_no_two_meanings_share_an_oid():
    assert len(set(OIDS)) == len(OIDS)


def test_a_simulated_policy_is_never_taken_for_a_real_one():
    assert not any(oid.startswith(profile.JPKI_ARC) for oid in profile.SIMULATED_POLICY.values())
    assert set(profile.SIMULATED_POLICY) == set(profile.POLICY) == set(Family) - {Family.OTHER}
