"""Check certificates of Japan's JPKI, and of any X.509 PKI, in one call that fails closed.

::

    from tashika import Client

    with Client("https://ocsp.example.jp/") as client:
        client.check(certificate, issuer).require_good()

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
    from tashika.pki.certificates import load_certificate
    from tashika.pki.receipt import Receipt
    from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown
    from tashika.policy import BreakerLimits, CertIdHash, Deadlines, Nonce, NoNextUpdate, Policy
    from tashika.receipts import ReceiptBook
    from tashika.report import Attempt, Report
    from tashika.transport import Reply, Transport

__all__ = [
    "AsyncClient",
    "Attempt",
    "BatchLimits",
    "BearerToken",
    "BreakerLimits",
    "Cache",
    "CachePolicy",
    "Cause",
    "CertIdHash",
    "CheckedAnswer",
    "Client",
    "Credential",
    "Deadlines",
    "Good",
    "HedgePolicy",
    "IssuedCertificate",
    "NoNextUpdate",
    "Nonce",
    "NotGood",
    "Policy",
    "PoolLimits",
    "Question",
    "Reason",
    "Receipt",
    "ReceiptBook",
    "Reply",
    "Report",
    "RequestSigner",
    "Revoked",
    "SqliteCache",
    "Standing",
    "Status",
    "TashikaError",
    "Transport",
    "Unknown",
    "ask",
    "load_certificate",
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
