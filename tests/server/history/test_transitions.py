"""T21: hold, release, revoke: which of them may follow which, for either family."""

from datetime import timedelta

import pytest

from support.crls import AT
from support.remembered import held, revoked
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.history.events import Happening, Illegal, Keeping, What, happening
from tashika_server.index import Entry

SIGN, AUTH = (
    Keeping(family=family, beyond_expiry=False) for family in (Family.SIGNATURE, Family.USER_AUTH)
)
KEEPS = Keeping(family=Family.USER_AUTH, beyond_expiry=True)
HELD, REVOKED = held(1), revoked(1)
LATER = revoked(1, at=AT)
REASONED = revoked(1, reason=Reason.KEY_COMPROMISE)

MATRIX = [
    (AUTH, None, HELD, What.HELD, None),
    (SIGN, None, HELD, What.HELD, None),
    (AUTH, None, REVOKED, What.REVOKED, None),
    (AUTH, HELD, None, What.RELEASED, None),
    (SIGN, HELD, None, What.RELEASED, Illegal.SIGNATURE_RELEASED),
    (AUTH, HELD, REVOKED, What.REVOKED, None),
    (SIGN, HELD, REVOKED, What.REVOKED, None),
    (SIGN, HELD, LATER, What.REVOKED, None),
    (AUTH, HELD, held(1, at=AT), What.CORRECTED, None),
    (AUTH, REVOKED, REASONED, What.CORRECTED, None),
    (AUTH, REVOKED, LATER, What.CORRECTED, None),
    (AUTH, REVOKED, HELD, What.HELD, Illegal.UNREVOKED),
    (SIGN, REVOKED, HELD, What.HELD, Illegal.UNREVOKED),
    (AUTH, REVOKED, None, What.LAPSED, None),
    (KEEPS, REVOKED, None, What.LAPSED, Illegal.VANISHED),
    (KEEPS, HELD, None, What.RELEASED, None),
]


@pytest.mark.parametrize(("keeping", "before", "after", "what", "illegal"), MATRIX)
def test_t21_each_transition_has_its_name_and_its_law(
    keeping: Keeping,
    before: Entry | None,
    after: Entry | None,
    what: What,
    illegal: Illegal | None,
):
    assert happening(keeping, before, after, lapsed=False) == Happening(what, illegal)


@pytest.mark.parametrize(("after", "what"), [(HELD, What.HELD), (REVOKED, What.REVOKED)])
def test_t21_what_had_lapsed_may_not_return(after: Entry, what: What):
    assert happening(AUTH, None, after, lapsed=True) == Happening(what, Illegal.RETURNED)


def test_an_invalidity_date_that_comes_later_is_a_correction():
    since = Entry(1, REVOKED.revoked_at, None, AT - timedelta(days=3))
    assert happening(AUTH, REVOKED, since, lapsed=False).what is What.CORRECTED
