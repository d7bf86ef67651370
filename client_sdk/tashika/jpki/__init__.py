"""The profile of Japan's JPKI (公的個人認証サービス): which certificate this is, and what it says.

::

    profile = JpkiProfile(generations=[signca02, signca03])
    purpose = Purpose(kind=CheckPurpose.SIGNATURE_VERIFICATION, reference="loan 4711")
    report = client.verify_signature(submitted, terms(profile, purpose))

``report.recognised`` says which certificate it was, and so does ``profile.examine()``, which
looks at no revocation and at no signature of the holder. What either returns
can be kept: certificate, serial number and items are not in it. The basic four
items are read by `basic_four` and `age_at_least`, when called, and by nothing else.
"""

from tashika.jpki.accounts import AccountKey, AccountSecrets
from tashika.jpki.age import age_at_least
from tashika.jpki.causes import JpkiCause
from tashika.jpki.items import BasicFour, Birth, Era, Gender, Written, basic_four
from tashika.jpki.japanese import JA
from tashika.jpki.profile import Generation, JpkiProfile, Recognised
from tashika.jpki.purpose import CheckPurpose, Purpose
from tashika.jpki.verification import terms
from tashika.pki.profile import (
    CONFIRMED_POLICIES,
    REPORTED_POLICIES,
    CertificatePolicy,
    Family,
    Hierarchy,
    Medium,
)

__all__ = [
    "CONFIRMED_POLICIES",
    "JA",
    "REPORTED_POLICIES",
    "AccountKey",
    "AccountSecrets",
    "BasicFour",
    "Birth",
    "CertificatePolicy",
    "CheckPurpose",
    "Era",
    "Family",
    "Gender",
    "Generation",
    "Hierarchy",
    "JpkiCause",
    "JpkiProfile",
    "Medium",
    "Purpose",
    "Recognised",
    "Written",
    "age_at_least",
    "basic_four",
    "terms",
]
