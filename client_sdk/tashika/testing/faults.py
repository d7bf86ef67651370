"""The faults that a FakeResponder can be ordered to have."""

from enum import StrEnum, auto

from tashika.testing.encode import refuse


class Fault(StrEnum):
    """One way to answer wrongly. None of them may ever lead to 'good'."""

    # Times
    STALE = auto()
    TOO_OLD = auto()
    FROM_THE_FUTURE = auto()
    PRODUCED_IN_THE_FUTURE = auto()
    NO_NEXT_UPDATE = auto()
    NEXT_UPDATE_FIRST = auto()
    # Nonces
    NO_NONCE = auto()
    WRONG_NONCE = auto()
    SHORT_NONCE = auto()
    # Statements
    WRONG_CERTID = auto()
    WRONG_ISSUER_NAME = auto()
    WRONG_ISSUER_KEY = auto()
    WRONG_ISSUER = auto()
    """The right answer of another CA of the same name, about the same serial."""
    UNKNOWN_CERTID_HASH = auto()
    TWO_STATEMENTS = auto()
    CONTRADICTION = auto()
    NO_STATEMENT = auto()
    # Signatures
    BAD_SIGNATURE = auto()
    CUT_SIGNATURE = auto()
    EMPTY_SIGNATURE = auto()
    SHA1_SIGNATURE = auto()
    WRONG_KEY = auto()
    CHANGED_AFTER_SIGNING = auto()
    # Responders
    WRONG_EKU = auto()
    NO_EKU = auto()
    EXTRA_EKU = auto()
    RESPONDER_EXPIRED = auto()
    RESPONDER_NOT_YET_VALID = auto()
    RESPONDER_IS_CA = auto()
    RESPONDER_WITHOUT_NOCHECK = auto()
    RESPONDER_MAY_NOT_SIGN = auto()
    RESPONDER_CRITICAL_EXTENSION = auto()
    RESPONDER_OF_NAMESAKE = auto()
    RESPONDER_OF_SUBORDINATE = auto()
    RESPONDER_SELF_SIGNED = auto()
    RESPONDER_IS_END_ENTITY = auto()
    RESPONDER_NOT_EMBEDDED = auto()
    NAMESAKE_SIGNS = auto()
    # Error replies
    MALFORMED_REQUEST = auto()
    INTERNAL_ERROR = auto()
    TRY_LATER = auto()
    SIG_REQUIRED = auto()
    UNAUTHORIZED = auto()
    UNDEFINED_STATUS = auto()
    # Bytes
    EMPTY = auto()
    ONE_BYTE = auto()
    GARBAGE = auto()
    NO_RESPONSE_BYTES = auto()
    WRONG_RESPONSE_TYPE = auto()
    CRITICAL_EXTENSION = auto()
    TRUNCATED = auto()
    TRAILING_BYTES = auto()
    OVERSIZED = auto()
    COMPRESSED = auto()
    # The way there
    SLOW = auto()
    """Nothing comes."""
    TRICKLE = auto()
    """The answer comes byte by byte, too slowly to wait for."""
    ENDLESS = auto()
    """The body never ends."""
    HTTP_ERROR = auto()
    REDIRECT = auto()
    DISCONNECT = auto()


WIRE = frozenset(
    {
        Fault.SLOW,
        Fault.TRICKLE,
        Fault.ENDLESS,
        Fault.HTTP_ERROR,
        Fault.REDIRECT,
        Fault.DISCONNECT,
    }
)
"""Faults of the way there, which no bytes can show."""

BODIES: dict[Fault, bytes] = {
    Fault.MALFORMED_REQUEST: refuse("malformed_request"),
    Fault.INTERNAL_ERROR: refuse("internal_error"),
    Fault.TRY_LATER: refuse("try_later"),
    Fault.SIG_REQUIRED: refuse("sign_required"),
    Fault.UNAUTHORIZED: refuse("unauthorized"),
    Fault.UNDEFINED_STATUS: b"\x30\x03\x0a\x01\x04",
    Fault.EMPTY: b"",
    Fault.ONE_BYTE: b"\x30",
    Fault.GARBAGE: b"<html><body>Please log in to the network.</body></html>",
    Fault.NO_RESPONSE_BYTES: b"\x30\x03\x0a\x01\x00",
}
"""Answers that no recipe makes."""
