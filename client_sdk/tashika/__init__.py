"""Check certificates of Japan's JPKI, and of any X.509 PKI, in one call that fails closed.

::

    from tashika import Client

    with Client("https://ocsp.example.jp/") as client:
        client.check(certificate, issuer).require_good()

Errors are in :mod:`tashika.errors`, help for your own tests in :mod:`tashika.testing`.
"""

from tashika.causes import Cause, Status
from tashika.certificates import load_certificate
from tashika.client import AsyncClient, Client
from tashika.credential import BearerToken, Credential, RequestSigner
from tashika.errors import NotGood, TashikaError
from tashika.issuance import IssuedCertificate, verify_issued
from tashika.ocsp import CheckedAnswer, Question, ask, verify_answer
from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown
from tashika.policy import BreakerLimits, CertIdHash, Deadlines, Nonce, NoNextUpdate, Policy
from tashika.report import Attempt, Report
from tashika.transport import Reply, Transport

__all__ = [
    "AsyncClient",
    "Attempt",
    "BearerToken",
    "BreakerLimits",
    "Cause",
    "CertIdHash",
    "CheckedAnswer",
    "Client",
    "Credential",
    "Deadlines",
    "Good",
    "IssuedCertificate",
    "NoNextUpdate",
    "Nonce",
    "NotGood",
    "Policy",
    "Question",
    "Reason",
    "Reply",
    "Report",
    "RequestSigner",
    "Revoked",
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
