"""Terms to verify JPKI signatures and logins by: profile, key use and judge that go together."""

from tashika.errors import WrongUse
from tashika.jpki.profile import JpkiProfile
from tashika.jpki.purpose import CheckPurpose, Purpose
from tashika.signature.flow import Terms
from tashika.signature.judging import OneTier
from tashika.signature.report import KeyUse


def terms(profile: JpkiProfile, purpose: Purpose) -> Terms:
    """Return the terms of one verification, for a client to go by.

    The certificate is of the profile and of the purpose's family, its key declares or
    logs in as that wants, and a client says that it is in force (Act arts. 19, 21, 38).
    """
    if not isinstance(profile, JpkiProfile) or not isinstance(purpose, Purpose):
        raise WrongUse("pass a JpkiProfile and a Purpose of tashika.jpki")
    logs_in = purpose.kind is CheckPurpose.USER_AUTHENTICATION
    return Terms(
        judge=OneTier(tuple(profile.generations)),
        purpose=purpose,
        use=KeyUse.AUTHENTICATION if logs_in else KeyUse.DECLARATION,
        profile=profile,
    )
