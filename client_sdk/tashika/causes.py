"""Why a check came out as it did: one row a cause, in words for people.

Every cause says what it means and what to do about it.
"""

from enum import Enum, StrEnum
from typing import Self


class Status(Enum):
    """What a relying party may conclude. Only GOOD lets a certificate be relied on."""

    GOOD = "good"
    """In force: a responder entitled to say so has said so, freshly."""
    REVOKED = "revoked"
    """Revoked, on hold, or never issued."""
    UNDETERMINED = "undetermined"
    """Nothing was proved; treat it as a refusal."""

    def __bool__(self) -> bool:
        """Tell whether the certificate may be relied on, as of a report."""
        return self is Status.GOOD


class Explained(StrEnum):
    """A kind of reason. The value is stable and fit for logs and metrics."""

    meaning: str
    """What happened, one sentence."""
    remedy: str
    """What to do about it, one sentence."""

    def __new__(cls, label: str, meaning: str = "", remedy: str = "") -> Self:
        """Join the three columns of a row; the defaults serve look-ups by label."""
        cause = str.__new__(cls, label)
        cause._value_ = label
        cause.meaning = meaning
        cause.remedy = remedy
        return cause


class Cause(Explained):
    """The reason behind a status."""

    @property
    def status(self) -> Status:
        """The status that this cause leads to."""
        return _STATUS.get(self, Status.UNDETERMINED)

    # Signed answers.
    GOOD = (
        "good",
        "The certificate is in force.",
        "Accept it for the transaction at hand.",
    )
    REVOKED = (
        "revoked",
        "The issuer has revoked the certificate.",
        "Do not accept it; ask its holder for a new one.",
    )
    ON_HOLD = (
        "on_hold",
        "The issuer has put the certificate on hold.",
        "Do not accept it now; the issuer may release it or revoke it for good.",
    )
    NEVER_ISSUED = (
        "never_issued",
        "The issuer says that it never issued this certificate.",
        "Do not accept it, and report it to the issuer: its key may be in wrong hands.",
    )
    UNKNOWN = (
        "unknown",
        "The responder does not know the certificate.",
        "Ask a responder that serves this issuer.",
    )

    # The certificate itself; nobody was asked.
    CERTIFICATE_MALFORMED = (
        "certificate_malformed",
        "The certificate cannot be read.",
        "Pass one whole X.509 certificate, in PEM or DER.",
    )
    ISSUER_UNSUITABLE = (
        "issuer_unsuitable",
        "The issuer's certificate is unreadable, no CA's, not valid now, or of a weak key.",
        "Pass the certificate of the CA, in PEM or DER.",
    )
    NOT_ISSUED_BY_ISSUER = (
        "not_issued_by_issuer",
        "This issuer did not issue the certificate.",
        "Pass the CA certificate of the right key generation: several share one name.",
    )
    EXPIRED = (
        "expired",
        "The certificate's validity has ended.",
        "Do not accept it; ask its holder for a new one.",
    )
    NOT_YET_VALID = (
        "not_yet_valid",
        "The certificate's validity has not begun.",
        "Do not accept it yet; if it should be valid, set this machine's clock.",
    )

    # No answer came.
    UNREACHABLE = (
        "unreachable",
        "The responder cannot be reached.",
        "Check the URL, name resolution, TLS trust and firewalls; give a second URL.",
    )
    TIMED_OUT = (
        "timed_out",
        "The responder did not answer in time.",
        "Try again; give a second URL, or longer deadlines if the network needs them.",
    )
    HTTP_STATUS = (
        "http_status",
        "The responder answered with an HTTP status other than 200.",
        "Check the URL, its path included; redirects are not followed.",
    )
    ADDRESS_REFUSED = (
        "address_refused",
        "A certificate leads to an address that it may lead nobody to.",
        "Configure the URL if you trust it; addresses out of certificates must be public ones.",
    )
    RESTING = (
        "resting",
        "The responder failed several times in a row and is left alone for a while.",
        "Try again in half a minute; give a second URL.",
    )

    # An answer came that is an unsigned refusal (C6).
    MALFORMED_REQUEST = (
        "malformed_request",
        "The responder did not understand the question.",
        "Ask with another CertID hash or without a nonce, if your policy allows it.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        "The responder reports an error of its own.",
        "Try again later; tell the responder's operator if it lasts.",
    )
    TRY_LATER = (
        "try_later",
        "The responder cannot answer now: it has no fresh data, or you asked too much.",
        "Try again in some minutes.",
    )
    SIG_REQUIRED = (
        "sig_required",
        "The responder answers only signed questions.",
        "Pass a credential that signs: RequestSigner.",
    )
    UNAUTHORIZED = (
        "unauthorized",
        "The responder does not answer you, or not about this issuer.",
        "Check your credential and the URL; the responder's operator can explain a refusal's id.",
    )

    # An answer came that proves nothing.
    TOO_LARGE = (
        "too_large",
        "The answer is larger than any honest answer.",
        "Check that the URL is an OCSP responder's.",
    )
    MALFORMED = (
        "malformed",
        "The answer is not a well-formed OCSP response.",
        "Check that the URL is an OCSP responder's and that no proxy rewrites answers.",
    )
    UNSUPPORTED = (
        "unsupported",
        "The answer uses an algorithm, version or critical extension that is not accepted.",
        "Ask the responder's operator for RSA or ECDSA with SHA-2, per RFC 6960.",
    )
    RESPONDER_UNIDENTIFIED = (
        "responder_unidentified",
        "The answer does not carry the certificate of whoever signed it.",
        "Ask the responder's operator to embed the responder certificate.",
    )
    RESPONDER_UNAUTHORISED = (
        "responder_unauthorised",
        "Whoever signed the answer may not speak for the issuer.",
        "Do not trust this responder; ask its operator about its responder certificate.",
    )
    BAD_SIGNATURE = (
        "bad_signature",
        "The answer's signature does not hold.",
        "Do not trust this responder, nor the network in between.",
    )
    OTHER_CERTIFICATE = (
        "other_certificate",
        "The answer is about another certificate.",
        "Check for caches in between that mix up answers.",
    )
    AMBIGUOUS = (
        "ambiguous",
        "The answer speaks of the certificate more than once.",
        "Tell the responder's operator.",
    )
    FROM_THE_FUTURE = (
        "from_the_future",
        "The answer was made later than now.",
        "Set this machine's clock; else tell the responder's operator.",
    )
    STALE = (
        "stale",
        "The answer is past its nextUpdate.",
        "Try again later; set this machine's clock if it is wrong.",
    )
    TOO_OLD = (
        "too_old",
        "The revocation data is older than the policy allows.",
        "Try again later, or allow an older answer with Policy.max_age.",
    )
    NO_NEXT_UPDATE = (
        "no_next_update",
        "The answer does not say how long it holds.",
        "If that is usual there, set Policy.no_next_update to ACCEPT_WITHIN_MAX_AGE.",
    )
    NONCE_MISSING = (
        "nonce_missing",
        "The answer does not repeat our nonce, so it may be a replay.",
        "If the responder knows no nonces, set Policy.nonce to OPPORTUNISTIC or OFF.",
    )
    NONCE_DIFFERS = (
        "nonce_differs",
        "The answer repeats another nonce than ours: it belongs to another question.",
        "Check for caches in between; do not trust this answer.",
    )


_STATUS = {
    Cause.GOOD: Status.GOOD,
    Cause.REVOKED: Status.REVOKED,
    Cause.ON_HOLD: Status.REVOKED,
    Cause.NEVER_ISSUED: Status.REVOKED,
}
