"""Verify signatures, logins and certificates of Japan's JPKI, and of any X.509 PKI.

::

    terms = jpki.terms(JpkiProfile(generations=generations), purpose)
    submitted = Submitted(document=form, signature=signature, certificate=certificate)
    with Client("https://ocsp.example.jp/") as client:
        report = client.verify_signature(submitted, terms)
        report.require_valid()

Each is one call that fails closed: ``verify_signature``, ``verify_authentication``, ``check``.

Errors are in :mod:`tashika.errors`, help for your own tests in :mod:`tashika.testing`.

Names are loaded when first used: who wants `tashika.pki` alone does not wait for the client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tashika.causes import Cause, Status
    from tashika.client import AsyncClient, Client
    from tashika.credential import BearerToken, Credential, RequestSigner
    from tashika.errors import NotGood, TashikaError
    from tashika.issuance import IssuedCertificate, verify_issued
    from tashika.network.answers import Cache
    from tashika.network.settings import BatchLimits, CachePolicy, HedgePolicy, PoolLimits
    from tashika.network.sqlite_cache import SqliteCache
    from tashika.ocsp import CheckedAnswer, Question, ask, verify_answer
    from tashika.path import CrlSource, PathReport, TrustAnchor, check_path, read_list
    from tashika.pki.certificates import load_certificate
    from tashika.pki.receipt import Receipt
    from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown
    from tashika.policy import BreakerLimits, CertIdHash, Deadlines, Nonce, NoNextUpdate, Policy
    from tashika.receipts import ReceiptBook
    from tashika.report import Attempt, Report
    from tashika.signature import (
        ByPath,
        Challenge,
        ChallengesInMemory,
        Digest,
        Form,
        KeepCertificate,
        KeepLists,
        KeyUse,
        Login,
        OneTier,
        RelyingParty,
        SignatureReport,
        Submitted,
        Terms,
        keep_evidence,
        read_evidence,
        recheck,
    )
    from tashika.status import (
        Addresses,
        Configured,
        Freshness,
        Means,
        RevocationPolicy,
        Stapled,
    )
    from tashika.transport import Reply, Transport

__all__ = [
    "Addresses",
    "AsyncClient",
    "Attempt",
    "BatchLimits",
    "BearerToken",
    "BreakerLimits",
    "ByPath",
    "Cache",
    "CachePolicy",
    "Cause",
    "CertIdHash",
    "Challenge",
    "ChallengesInMemory",
    "CheckedAnswer",
    "Client",
    "Configured",
    "Credential",
    "CrlSource",
    "Deadlines",
    "Digest",
    "Form",
    "Freshness",
    "Good",
    "HedgePolicy",
    "IssuedCertificate",
    "KeepCertificate",
    "KeepLists",
    "KeyUse",
    "Login",
    "Means",
    "NoNextUpdate",
    "Nonce",
    "NotGood",
    "OneTier",
    "PathReport",
    "Policy",
    "PoolLimits",
    "Question",
    "Reason",
    "Receipt",
    "ReceiptBook",
    "RelyingParty",
    "Reply",
    "Report",
    "RequestSigner",
    "RevocationPolicy",
    "Revoked",
    "SignatureReport",
    "SqliteCache",
    "Standing",
    "Stapled",
    "Status",
    "Submitted",
    "TashikaError",
    "Terms",
    "Transport",
    "TrustAnchor",
    "Unknown",
    "ask",
    "check_path",
    "keep_evidence",
    "load_certificate",
    "read_evidence",
    "read_list",
    "recheck",
    "verify_answer",
    "verify_issued",
]

_HOMES = {
    "tashika.causes": (
        "Cause",
        "Status",
    ),
    "tashika.client": (
        "AsyncClient",
        "Client",
    ),
    "tashika.credential": (
        "BearerToken",
        "Credential",
        "RequestSigner",
    ),
    "tashika.errors": (
        "NotGood",
        "TashikaError",
    ),
    "tashika.issuance": (
        "IssuedCertificate",
        "verify_issued",
    ),
    "tashika.ocsp": (
        "CheckedAnswer",
        "Question",
        "ask",
        "verify_answer",
    ),
    "tashika.network.answers": ("Cache",),
    "tashika.network.settings": (
        "BatchLimits",
        "CachePolicy",
        "HedgePolicy",
        "PoolLimits",
    ),
    "tashika.network.sqlite_cache": ("SqliteCache",),
    "tashika.path": (
        "CrlSource",
        "PathReport",
        "TrustAnchor",
        "check_path",
        "read_list",
    ),
    "tashika.pki.certificates": ("load_certificate",),
    "tashika.pki.receipt": ("Receipt",),
    "tashika.pki.standing": (
        "Good",
        "Reason",
        "Revoked",
        "Standing",
        "Unknown",
    ),
    "tashika.policy": (
        "BreakerLimits",
        "CertIdHash",
        "Deadlines",
        "Nonce",
        "NoNextUpdate",
        "Policy",
    ),
    "tashika.receipts": ("ReceiptBook",),
    "tashika.report": (
        "Attempt",
        "Report",
    ),
    "tashika.signature": (
        "ByPath",
        "Challenge",
        "ChallengesInMemory",
        "Digest",
        "Form",
        "KeepCertificate",
        "KeepLists",
        "KeyUse",
        "Login",
        "OneTier",
        "RelyingParty",
        "SignatureReport",
        "Submitted",
        "Terms",
        "keep_evidence",
        "read_evidence",
        "recheck",
    ),
    "tashika.status": (
        "Addresses",
        "Configured",
        "Freshness",
        "Means",
        "RevocationPolicy",
        "Stapled",
    ),
    "tashika.transport": (
        "Reply",
        "Transport",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
