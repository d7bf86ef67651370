"""Why a signature came out as it did: one row a cause, in words for people.

The same rows in Japanese: :mod:`tashika.signature.japanese`.
"""

from tashika.causes import Explained
from tashika.path.causes import Outcome


class SignatureCause(Explained):
    """The reason behind the outcome of a signature's verification."""

    @property
    def outcome(self) -> Outcome:
        """The outcome that this cause leads to."""
        if self is SignatureCause.VALID:
            return Outcome.VALID
        return Outcome.UNDETERMINED if self in _UNDETERMINED else Outcome.INVALID

    VALID = (
        "valid",
        "The signature was made with the certificate's key, and the certificate is in force.",
        "Accept it for the purpose that was stated, and use the certificate for nothing else.",
    )

    # Reading.
    MALFORMED = (
        "malformed",
        "The signature is not of the form it is said to be, or goes beyond a limit.",
        "Pass the signature as it was received, whole, in PEM or DER, and name its form.",
    )
    UNSUPPORTED = (
        "unsupported",
        "The signature uses an algorithm or a feature that is not accepted.",
        "Ask the signer for RSA or ECDSA with SHA-256, SHA-384 or SHA-512.",
    )
    WEAK_ALGORITHM = (
        "weak_algorithm",
        "The signature rests on a hash or a key that proves nothing any more.",
        "Do not accept it; ask the signer for SHA-256 or better and for RSA of 2048 bits or more.",
    )
    SEVERAL_SIGNERS = (
        "several_signers",
        "There is more than one signature, and nobody said which one is meant.",
        "Choose one with `signer`, counted from 0, and verify each that you rely on.",
    )
    NO_SIGNER = (
        "no_signer",
        "There is no signature, or not the one that was chosen.",
        "Pass a signed file; count `signer` from 0.",
    )
    CERTIFICATE_MISSING = (
        "certificate_missing",
        "The signer's certificate was not given and does not come along.",
        "Pass the certificate of the signer.",
    )
    DOCUMENT_MISSING = (
        "document_missing",
        "The document does not come along with its signature.",
        "Pass the document, or its digest by the signature's hash.",
    )
    ATTRIBUTES_MISSING = (
        "attributes_missing",
        "The signature has no signed attributes, so it could be passed off as another's.",
        "Ask the signer for signed attributes; OpenSSL makes them unless told -noattr.",
    )

    # What was signed, and by whom.
    DOCUMENT_DIFFERS = (
        "document_differs",
        "The document is not the one that was signed.",
        "Do not accept it; get the document as it was when it was signed.",
    )
    NOT_ALL_SIGNED = (
        "not_all_signed",
        "The file holds more than what was signed.",
        "Do not accept it; ask for the file as it was when it was signed, without later changes.",
    )
    OTHER_SIGNER = (
        "other_signer",
        "The signature names another certificate as its signer's.",
        "Pass the certificate that belongs to the signature.",
    )
    KEY_USAGE = (
        "key_usage",
        "The certificate's key is not for this use.",
        "Ask for a signature with the right certificate: JPKI has one to sign, one to log in.",
    )
    BAD_SIGNATURE = (
        "bad_signature",
        "The signature was not made with the certificate's key over this document.",
        "Do not accept it; check that document, signature and certificate belong together.",
    )

    # The certificate.
    CERTIFICATE_MALFORMED = (
        "certificate_malformed",
        "The signer's certificate cannot be read, or has a key that is not accepted.",
        "Pass one whole X.509 certificate, in PEM or DER.",
    )
    CERTIFICATE_REFUSED = (
        "certificate_refused",
        "The signer's certificate is not valid.",
        "Do not accept the signature; the report's `judgement` says what is wrong.",
    )
    CERTIFICATE_UNDETERMINED = (
        "certificate_undetermined",
        "It could not be shown that the signer's certificate is in force.",
        "Do not accept the signature yet; the report's `judgement` says what was missing.",
    )
    NOT_OF_PROFILE = (
        "not_of_profile",
        "The certificate is not of the kind that is accepted for this purpose.",
        "Ask for a signature with a certificate of that kind.",
    )

    # User authentication.
    CHALLENGE_MALFORMED = (
        "challenge_malformed",
        "What was signed is not a challenge.",
        "Send back the challenge as it was issued.",
    )
    CHALLENGE_ELSEWHERE = (
        "challenge_elsewhere",
        "The challenge was issued by another relying party.",
        "Refuse the login: somebody may be passing on what was signed for another site.",
    )
    CHALLENGE_EXPIRED = (
        "challenge_expired",
        "The challenge came back too late.",
        "Begin the login again.",
    )
    CHALLENGE_SPENT = (
        "challenge_spent",
        "The challenge was used before, or never issued here.",
        "Begin the login again; many of these are a replay.",
    )

    # Evidence.
    NOT_KEPT = (
        "not_kept",
        "The evidence lacks something that the verdict rested on.",
        "Supply the pieces that the report's detail names, by their SHA-256.",
    )


_UNDETERMINED = frozenset({SignatureCause.CERTIFICATE_UNDETERMINED, SignatureCause.NOT_KEPT})
