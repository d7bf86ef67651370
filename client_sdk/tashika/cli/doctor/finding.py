"""What the doctor finds, as values. Failed questions are told by their Cause."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from tashika.causes import Explained


class Gravity(IntEnum):
    """How bad a finding is; the worst is the exit status."""

    WELL = 0
    WARNING = 1
    FAILURE = 2


class Symptom(Explained):
    """What no Cause says; of what is well there is nothing to be done."""

    CONNECTED = (
        "connected",
        "The responder takes connections.",
    )
    IN_CLEAR = (
        "in_clear",
        "Questions go over the network in clear: whoever listens learns about whom you ask.",
        "Use the responder's https URL if it has one; a token is sent over https only.",
    )
    TLS_UNTRUSTED = (
        "tls_untrusted",
        "The responder's TLS certificate is not trusted.",
        "Give its CA with --tls-ca if no public one vouches for it; check the host in the URL.",
    )
    TLS_FAILED = (
        "tls_failed",
        "No TLS connection comes about.",
        "Check port and scheme of the URL, and the client certificate if one is demanded.",
    )
    TLS_ENDS_SOON = (
        "tls_ends_soon",
        "The responder's TLS certificate ends soon.",
        "Ask the responder's operator whether its renewal is under way.",
    )
    CLIENT_CERTIFICATE_UNFIT = (
        "client_certificate_unfit",
        "The client certificate cannot be used now.",
        "Register a valid one with the responder's operator, and give it with --client-cert.",
    )
    CLIENT_CERTIFICATE_ENDS_SOON = (
        "client_certificate_ends_soon",
        "The client certificate ends soon.",
        "Get a new one and register it with the responder's operator before then.",
    )
    NOBODY_ASKS = (
        "nobody_asks",
        "Nothing says who asks.",
        "Give --token-file, or --client-cert and an https URL.",
    )
    ANSWERED = (
        "answered",
        "The responder answers about the test certificate, and the answer holds.",
    )
    NO_NONCE = (
        "no_nonce",
        "The responder does not repeat nonces, so an old answer can be replayed until it is stale.",
        "Set Policy.nonce to OPPORTUNISTIC, and Policy.max_age as short as the data is made.",
    )
    NO_SHA256 = (
        "no_sha256",
        "The responder understands questions by SHA-1 only.",
        "Set Policy.certid_hash to SHA1; it names the issuer and protects nothing.",
    )
    CLOCK_OFF = (
        "clock_off",
        "This machine's clock and the responder's differ.",
        "Set this machine's clock by NTP; if it is right, tell the responder's operator.",
    )
    DATA_OLD = (
        "data_old",
        "The revocation data is over half as old as the policy allows.",
        "Ask the responder's operator how often it is made, and set Policy.max_age by that.",
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    gravity: Gravity
    subject: str
    """A URL without its credential, or what the command line calls a file."""
    reason: Explained
    detail: str = ""


def worst(found: Iterable[Finding]) -> Gravity:
    """Return the gravest of the gravities."""
    return max((each.gravity for each in found), default=Gravity.WELL)
