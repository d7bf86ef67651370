"""Verify a signature: that it was made with a certificate's key, and that it is in force.

::

    terms = Terms(judge=OneTier((ca_1, ca_2)), purpose="loan contract 4711")
    submitted = Submitted(document=contract, signature=signature, certificate=certificate)
    with Client(url) as client:
        report = client.verify_signature(submitted, terms)
        report.require_valid()

Which forms, what is refused, logins and evidence: docs/signatures.md.
"""

from tashika.driving import drive, drive_async
from tashika.signature.causes import SignatureCause
from tashika.signature.challenge import (
    AsyncChallengeStore,
    Challenge,
    ChallengesInMemory,
    ChallengeStore,
    RelyingParty,
)
from tashika.signature.driving import (
    offline,
    verify_signature,
)
from tashika.signature.evidence import Evidence, Piece, PieceKind, read_evidence
from tashika.signature.flow import Profile, Terms, verifying
from tashika.signature.japanese import JA
from tashika.signature.judging import ByLists, ByPath, CheckStatus, Judge, OneTier
from tashika.signature.keeping import KeepCertificate, KeepLists, keep_evidence
from tashika.signature.logins import (
    Login,
    TakeChallenge,
    authenticating,
    verify_authentication,
)
from tashika.signature.presented import Form, Presented
from tashika.signature.rechecking import recheck
from tashika.signature.report import KeyUse, SignatureReport, VerifiedSignature
from tashika.signature.schemes import Digest, Scheme
from tashika.signature.submitted import Submitted
from tashika.status.stapled import Stapled

__all__ = [
    "JA",
    "AsyncChallengeStore",
    "ByLists",
    "ByPath",
    "Challenge",
    "ChallengeStore",
    "ChallengesInMemory",
    "CheckStatus",
    "Digest",
    "Evidence",
    "Form",
    "Judge",
    "KeepCertificate",
    "KeepLists",
    "KeyUse",
    "Login",
    "OneTier",
    "Piece",
    "PieceKind",
    "Presented",
    "Profile",
    "RelyingParty",
    "Scheme",
    "SignatureCause",
    "SignatureReport",
    "Stapled",
    "Submitted",
    "TakeChallenge",
    "Terms",
    "VerifiedSignature",
    "authenticating",
    "drive",
    "drive_async",
    "keep_evidence",
    "offline",
    "read_evidence",
    "recheck",
    "verify_authentication",
    "verify_signature",
    "verifying",
]
