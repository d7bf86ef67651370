"""Every error that leaves this package, in one tree.

::

    TashikaError
    ├── PkiError                       bytes or keys that cannot be used
    │   ├── Malformed
    │   │   ├── EntryTooLong           an entry of a CRL
    │   │   └── TooManyCertIds
    │   ├── Unsupported
    │   │   └── UnknownCriticalExtension
    │   ├── BadSignature
    │   └── BadProof
    ├── CheckFailed                    one step of a check said no; has a cause
    │   ├── CertificateRefused         the certificate itself: no source can help
    │   ├── SourceFailed               no answer came: the next source may have one
    │   │   └── ConnectionLost         the connection broke: asking again may help
    │   └── AnswerRefused              the answer proves nothing: so may the next one's
    ├── NotGood                        from Report.require_good(); has the report
    │   ├── CertificateRevoked         revoked, on hold, or never issued
    │   ├── CertificateExpired
    │   ├── CertificateNotYetValid
    │   └── StatusUndetermined
    ├── ProfileRefused                 not a JPKI certificate for the purpose; has a cause
    ├── SignatureRefused               one step of verifying a signature said no; has a cause
    ├── NotValid                       from SignatureReport.require_valid(); has the report
    │   ├── SignatureInvalid
    │   └── SignatureUndetermined
    ├── CompactRefused                 a compact set or a delta is of no use; has a fault
    └── WrongUse                       the caller's mistake: setting, argument, closed client

``Client.check`` raises WrongUse only: whatever strangers send, a certificate
or an answer, ends in its report. The steps it is made of raise the others.
"""

from typing import TYPE_CHECKING

from tashika.causes import Cause
from tashika.pki.compact.faults import CompactRefused
from tashika.pki.crl_entries import EntryTooLong
from tashika.pki.errors import (
    BadProof,
    BadSignature,
    Malformed,
    PkiError,
    TashikaError,
    Unsupported,
)
from tashika.pki.extensions import UnknownCriticalExtension
from tashika.pki.request import TooManyCertIds

if TYPE_CHECKING:
    from tashika.causes import Explained
    from tashika.jpki.causes import JpkiCause
    from tashika.report import Report
    from tashika.signature.causes import SignatureCause
    from tashika.signature.report import SignatureReport

__all__ = [
    "AnswerRefused",
    "BadProof",
    "BadSignature",
    "CertificateExpired",
    "CertificateNotYetValid",
    "CertificateRefused",
    "CertificateRevoked",
    "CheckFailed",
    "CompactRefused",
    "ConnectionLost",
    "EntryTooLong",
    "Malformed",
    "NotGood",
    "NotValid",
    "PkiError",
    "ProfileRefused",
    "SignatureInvalid",
    "SignatureRefused",
    "SignatureUndetermined",
    "SourceFailed",
    "StatusUndetermined",
    "TashikaError",
    "TooManyCertIds",
    "UnknownCriticalExtension",
    "Unsupported",
    "WrongUse",
]


class WrongUse(TashikaError):
    """The caller passed something that can never work; the message says what would."""


class CheckFailed(TashikaError):
    """One step of a check said no. Never names the certificate."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(f"{cause.meaning} ({detail})" if detail else cause.meaning)
        self.cause = cause
        self.detail = detail


class CertificateRefused(CheckFailed):
    """The certificate cannot be good, whatever a responder says."""


class SourceFailed(CheckFailed):
    """No answer came from this source."""


class ConnectionLost(SourceFailed):
    """The connection broke after the question may have arrived, before the answer was whole."""


class AnswerRefused(CheckFailed):
    """An answer came and proves nothing."""


class ProfileRefused(TashikaError):
    """The JPKI profile says no. Never names the certificate, nor shows an item of it."""

    def __init__(self, cause: "JpkiCause", detail: str = "") -> None:
        super().__init__(f"{cause.meaning} ({detail})" if detail else cause.meaning)
        self.cause = cause
        self.detail = detail


class NotGood(TashikaError):
    """The certificate may not be relied on; ``report`` says why."""

    def __init__(self, report: "Report") -> None:
        super().__init__(f"{report.cause.meaning} {report.cause.remedy}")
        self.report = report


class CertificateRevoked(NotGood):
    """Revoked, on hold, or never issued."""


class CertificateExpired(NotGood):
    """Past its validity; revocation was not asked about."""


class CertificateNotYetValid(NotGood):
    """Before its validity; revocation was not asked about."""


class StatusUndetermined(NotGood):
    """Nothing was proved."""


class SignatureRefused(TashikaError):
    """One step of verifying a signature said no. Never names the signer."""

    def __init__(
        self, cause: "SignatureCause", detail: str = "", *, reason: "Explained | None" = None
    ) -> None:
        super().__init__(f"{cause.meaning} ({detail})" if detail else cause.meaning)
        self.cause = cause
        self.detail = detail
        self.reason = reason


class NotValid(TashikaError):
    """The signature may not be relied on; ``report`` says why."""

    def __init__(self, report: "SignatureReport") -> None:
        super().__init__(f"{report.because.meaning} {report.because.remedy}")
        self.report = report


class SignatureInvalid(NotValid):
    """It is shown that the signature is not to be accepted."""


class SignatureUndetermined(NotValid):
    """Nothing was proved."""
