"""The facts of the JPKI profile do not contradict each other."""

import pytest
from asn1crypto.core import ObjectIdentifier

from tashika.pki import der, profile
from tashika.pki.profile import BasicItem, Family, Hierarchy

POLICIES = (*profile.CONFIRMED_POLICIES, *profile.REPORTED_POLICIES)
OIDS = [*(each.oid for each in POLICIES), *BasicItem]


@pytest.mark.parametrize("oid", OIDS)
def test_every_oid_can_be_written(oid: str):
    assert der.Reader(der.oid(oid)).oid() == ObjectIdentifier(oid).dotted == oid


def test_no_two_meanings_share_an_oid():
    assert len(set(OIDS)) == len(OIDS)


def test_a_simulated_policy_is_never_taken_for_a_real_one():
    for each in POLICIES:
        arc = profile.SIMULATED_ARC if each.hierarchy is Hierarchy.SIMULATED else profile.JPKI_ARC
        assert each.oid.startswith(f"{arc}.")
    assert set(profile.SIMULATED_POLICY) == set(profile.POLICY) == set(Family) - {Family.OTHER}
