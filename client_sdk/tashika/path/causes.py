"""Why a path came out as it did: one row a cause, in words for people."""

from enum import Enum

from tashika.causes import Explained


class Outcome(Enum):
    """What may be concluded from a path. Only VALID lets a certificate be relied on."""

    VALID = "valid"
    """A path holds, and every certificate of it is in force."""
    INVALID = "invalid"
    """No path of those that can be made holds."""
    UNDETERMINED = "undetermined"
    """A path might hold, but something is missing that would show it; treat it as a refusal."""

    def __bool__(self) -> bool:
        """Tell whether the certificate may be relied on, as of a report."""
        return self is Outcome.VALID


class PathCause(Explained):
    """The reason behind an outcome."""

    @property
    def outcome(self) -> Outcome:
        """The outcome that this cause leads to."""
        if self is PathCause.VALID:
            return Outcome.VALID
        return Outcome.UNDETERMINED if self in _UNDETERMINED else Outcome.INVALID

    VALID = (
        "valid",
        "A path from a trust anchor holds and nothing on it is revoked.",
        "Accept the certificate for the purpose that was checked.",
    )

    # Building.
    MALFORMED = (
        "malformed",
        "A certificate cannot be read.",
        "Pass whole X.509 certificates, in PEM or DER.",
    )
    UNSUPPORTED = (
        "unsupported",
        "A certificate or its issuer's key uses an algorithm or a form that is not accepted.",
        "Ask the issuer for RSA of 2048 bits or ECDSA, with SHA-2.",
    )
    NO_PATH = (
        "no_path",
        "No issuer leads from the certificate to a trust anchor.",
        "Pass the certificates in between, and trust the right key generation of the root.",
    )
    BAD_SIGNATURE = (
        "bad_signature",
        "A certificate was not signed with its issuer's key.",
        "Do not accept it; pass the issuer of the right key generation if you have another.",
    )
    BUDGET_SPENT = (
        "budget_spent",
        "The certificates given need more work than the limits allow.",
        "Pass fewer certificates; raise WorkLimits only for certificates you trust.",
    )

    # One certificate of a path.
    EXPIRED = (
        "expired",
        "A certificate's validity has ended.",
        "Do not accept it; ask for a new one.",
    )
    NOT_YET_VALID = (
        "not_yet_valid",
        "A certificate's validity has not begun.",
        "Do not accept it yet; if it should be valid, set this machine's clock.",
    )
    NOT_A_CA = (
        "not_a_ca",
        "An issuer's certificate is not a CA's.",
        "Do not accept what it issued.",
    )
    KEY_USAGE = (
        "key_usage",
        "An issuer's key is not for signing certificates.",
        "Do not accept what it issued.",
    )
    PURPOSE = (
        "purpose",
        "A certificate's extended key usage does not allow the purpose.",
        "Name the purpose in Demands.purpose; if it is named, ask for another certificate.",
    )
    UNKNOWN_CRITICAL_EXTENSION = (
        "unknown_critical_extension",
        "A certificate has a critical extension that is not understood.",
        "Do not accept it: its issuer insists that it be understood.",
    )

    # The path as a whole.
    PATH_TOO_LONG = (
        "path_too_long",
        "More CAs follow than one of them allows.",
        "Do not accept the certificate.",
    )
    NAME_NOT_PERMITTED = (
        "name_not_permitted",
        "A name lies outside what a CA above may vouch for.",
        "Do not accept the certificate.",
    )
    POLICY = (
        "policy",
        "No certificate policy that is demanded holds along the path.",
        "Demand a policy under which the certificate was issued, or refuse it.",
    )

    # Revocation.
    REVOKED = (
        "revoked",
        "A certificate of the path is revoked or on hold.",
        "Do not accept it.",
    )
    STATUS_MISSING = (
        "status_missing",
        "Nothing was given that says whether a certificate of the path is revoked.",
        "Get what the report's needs name, and check again.",
    )
    STATUS_STALE = (
        "status_stale",
        "The revocation data is past its nextUpdate, too old, or made later than now.",
        "Get newer data; set this machine's clock if it is wrong.",
    )
    STATUS_UNUSABLE = (
        "status_unusable",
        "The revocation data is not by an entitled signer, or not in a form that is understood.",
        "Get the list from the issuer's distribution point; pass its signer's certificate too.",
    )
    STATUS_TOLERATED = (
        "status_tolerated",
        "A path holds, but nobody could be asked whether it is revoked; the policy tolerates that.",
        "Ask again when a source answers, or do not accept it: nothing shows that it is in force.",
    )


_UNDETERMINED = frozenset(
    {
        PathCause.BUDGET_SPENT,
        PathCause.STATUS_MISSING,
        PathCause.STATUS_STALE,
        PathCause.STATUS_UNUSABLE,
        PathCause.STATUS_TOLERATED,
    }
)
