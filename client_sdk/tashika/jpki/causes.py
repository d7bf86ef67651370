"""Why a certificate is not what the JPKI profile wants: one row a cause, in words for people.

The same rows in Japanese: :mod:`tashika.jpki.japanese`.
"""

from tashika.causes import Explained


class JpkiCause(Explained):
    """The reason behind a refusal. Every one is a refusal: there is no good cause here."""

    MALFORMED = (
        "malformed",
        "The certificate cannot be read.",
        "Pass one whole X.509 certificate, in PEM or DER.",
    )

    # What it is.
    NOT_JPKI = (
        "not_jpki",
        "The issuer's name is not that of a JPKI CA.",
        "Ask for a certificate of the My Number card; check other PKIs with tashika.path.",
    )
    OTHER_HIERARCHY = (
        "other_hierarchy",
        "The certificate is of another hierarchy than the one this profile accepts.",
        "Refuse it: a test card proves nothing. In a test system set JpkiProfile.hierarchy.",
    )
    POLICY_SHAPE = (
        "policy_shape",
        "The certificate does not have exactly one certificate policy, marked critical.",
        "Do not accept it: JPKI certificates have one.",
    )
    POLICY_UNKNOWN = (
        "policy_unknown",
        "The certificate policy is none of those this profile knows.",
        "If J-LIS's specification has it, add it to JpkiProfile.policies.",
    )
    POLICY_CONTRADICTS_ISSUER = (
        "policy_contradicts_issuer",
        "The certificate policy is one of another family or hierarchy than the issuer.",
        "Do not accept it; look whether the right CA's certificate is trusted.",
    )

    # What it may be used for.
    KEY_USAGE = (
        "key_usage",
        "The key usage is not exactly that of the certificate's family, marked critical.",
        "Do not accept it.",
    )
    EXTENDED_KEY_USAGE = (
        "extended_key_usage",
        "The extended key usage is not that of the certificate's family.",
        "Do not accept it.",
    )
    KEY = (
        "key",
        "The holder's key is of a kind that is not accepted.",
        "Do not accept it: RSA of 2048 bits or ECDSA is wanted.",
    )
    ITEMS_MISPLACED = (
        "items_misplaced",
        "Basic items are where they may not be, or are not where they must be.",
        "Do not accept it: signature certificates have them, the others must not (Act art. 26).",
    )
    WRONG_FAMILY = (
        "wrong_family",
        "The certificate's family does not serve this purpose.",
        "Ask the holder for the card's other certificate.",
    )

    # The basic four items.
    ITEM_ABSENT = (
        "item_absent",
        "The certificate lacks a basic item.",
        "Only signature certificates have the basic four items; ask for that one.",
    )
    ITEM_MALFORMED = (
        "item_malformed",
        "A basic item is repeated, or is not one UTF8String.",
        "Do not rely on the items of this certificate.",
    )
    BIRTH_UNDETERMINED = (
        "birth_undetermined",
        "The day of birth is unknown in part or whole, or contradicts itself.",
        "Confirm the age by other means; do not guess it.",
    )
