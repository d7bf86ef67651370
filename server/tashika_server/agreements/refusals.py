"""Why the gate declines: each reason with its row, in the words a verifier may read.

The manner of a row says what it is on the wire (`manners`); its label in the metrics is written
out; no refusal is billable. Everything here is decided before the index is looked at and without
regard to serials.
"""

from tashika_server.agreements.manners import (
    DENIED,
    LIMITED,
    STRANGER,
    UNABLE,
    UNSIGNED,
    AccessRefused,
    AccessReply,
    Grounds,
)

__all__ = [
    "AccessRefused",
    "AccessReply",
    "AccreditationLapsed",
    "AgreementEnded",
    "AgreementNotBegun",
    "AgreementsMissing",
    "AgreementsTooOld",
    "AnswerUnderway",
    "BadRequestSignature",
    "CertificateOutOfTime",
    "CertificateUnusable",
    "CredentialEnded",
    "CredentialNotBegun",
    "CredentialRevoked",
    "CredentialsDisagree",
    "DayIsFull",
    "FamilyNotGranted",
    "Grounds",
    "IssuerNotGranted",
    "MethodNotGranted",
    "NoCredential",
    "NotNotified",
    "OtherEnvironment",
    "ProvisionSuspended",
    "PurposeNotGranted",
    "SignatureMissing",
    "SourceNotAllowed",
    "TooFast",
    "TooManyForAgreement",
    "UnknownCredential",
]

# --- Who asks -------------------------------------------------------------------------------


class NoCredential(AccessRefused):
    """Nothing was presented that says who asks."""

    reply = STRANGER.row(
        "no_credential", "認証情報が提示されていません。", "No credential was presented."
    )


class UnknownCredential(AccessRefused):
    """What was presented belongs to no agreement, or was presented in the wrong place."""

    reply = STRANGER.row(
        "unknown_credential",
        "提示された認証情報は登録されていません。",
        "The credential presented is not registered.",
    )


class CredentialsDisagree(AccessRefused):
    """The credentials presented, or the registrations of one, name different verifiers."""

    reply = DENIED.row(
        "credentials_disagree",
        "提示された認証情報から検証者を一つに特定できません。",
        "The credentials presented do not name one and the same verifier.",
    )


class BadRequestSignature(AccessRefused):
    """The signature of the request does not hold (RFC 6960 4.1.1)."""

    reply = DENIED.row(
        "bad_request_signature",
        "要求に付された署名が正しくありません。",
        "The signature of the request does not hold.",
    )


class CertificateUnusable(AccessRefused):
    """The client's certificate is unreadable, not for clients, or has a weak key."""

    reply = DENIED.row(
        "certificate_unusable",
        "クライアント証明書が読み取れないか、用途又は鍵の強度が要件を満たしていません。",
        "The client certificate is unreadable, not meant for clients, or its key is too weak.",
    )


class CertificateOutOfTime(AccessRefused):
    """The client's certificate is not yet valid or no longer."""

    reply = DENIED.row(
        "certificate_out_of_time",
        "クライアント証明書の有効期間外です。",
        "The client certificate is outside its validity period.",
    )


class CredentialNotBegun(AccessRefused):
    """The credential is registered from a later time."""

    reply = DENIED.row(
        "credential_not_begun",
        "認証情報の利用開始日前です。",
        "The credential may not be used yet.",
    )


class CredentialEnded(AccessRefused):
    """The credential is past its end."""

    reply = DENIED.row(
        "credential_ended", "認証情報の有効期限が切れています。", "The credential has expired."
    )


class CredentialRevoked(AccessRefused):
    """The credential was withdrawn before its end (T25)."""

    reply = DENIED.row(
        "credential_revoked", "認証情報は失効しています。", "The credential has been revoked."
    )


# --- Under which agreement ------------------------------------------------------------------


class OtherEnvironment(AccessRefused):
    """The agreement is about another environment than this service's."""

    reply = DENIED.row(
        "other_environment",
        "取決めの対象となる環境(本番・試験)が異なります。",
        "The agreement is for another environment (production or test).",
    )


class AgreementNotBegun(AccessRefused):
    """The agreement takes effect later."""

    reply = DENIED.row(
        "agreement_not_begun",
        "取決めの効力が生じていません。",
        "The agreement is not in effect yet.",
    )


class AgreementEnded(AccessRefused):
    """The agreement is past its end."""

    reply = DENIED.row("agreement_ended", "取決めは終了しています。", "The agreement has ended.")


class NotNotified(AccessRefused):
    """The notification of art. 17(1), 17(5) or 36(1) is missing or withdrawn."""

    reply = DENIED.row(
        "not_notified",
        "検証者としての届出が確認できません。",
        "The notification as a verifier is not on record.",
    )


class AccreditationLapsed(AccessRefused):
    """The accreditation of art. 17(2) is not in force."""

    reply = DENIED.row(
        "accreditation_lapsed",
        "主務大臣の認定が効力を有していません。",
        "The accreditation by the competent minister is not in force.",
    )


class ProvisionSuspended(AccessRefused):
    """Provision is suspended (art. 18(4), 18(5), 37(3) of the 2013 text)."""

    reply = DENIED.row("suspended", "提供は停止されています。", "Provision is suspended.")


# --- What is asked --------------------------------------------------------------------------


class FamilyNotGranted(AccessRefused):
    """The agreement does not cover this family of certificates."""

    reply = DENIED.row(
        "family_not_granted",
        "この種類の電子証明書は取決めの範囲外です。",
        "The agreement does not cover this kind of certificate.",
    )


class MethodNotGranted(AccessRefused):
    """The agreement does not cover this method of provision."""

    reply = DENIED.row(
        "method_not_granted",
        "この提供方法は取決めの範囲外です。",
        "The agreement does not cover this method of provision.",
    )


class IssuerNotGranted(AccessRefused):
    """The agreement does not cover this issuer."""

    reply = DENIED.row(
        "issuer_not_granted",
        "この発行者は取決めの範囲外です。",
        "The agreement does not cover this issuer.",
    )


class PurposeNotGranted(AccessRefused):
    """The agreement does not cover this purpose."""

    reply = DENIED.row(
        "purpose_not_granted",
        "この利用目的は取決めの範囲外です。",
        "The agreement does not cover this purpose.",
    )


class SignatureMissing(AccessRefused):
    """The agreement demands signed requests and this one is not."""

    reply = UNSIGNED.row(
        "signature_missing",
        "取決めにより、要求には署名が必要です。",
        "The agreement requires requests to be signed.",
    )


class SourceNotAllowed(AccessRefused):
    """The question comes from a network that the agreement does not name."""

    reply = DENIED.row(
        "source_not_allowed",
        "接続元のネットワークは取決めで認められていません。",
        "The agreement does not allow questions from this network.",
    )


class TooManyForAgreement(AccessRefused):
    """The question names more certificates than the agreement allows in one."""

    reply = DENIED.row(
        "too_many_for_agreement",
        "一つの要求で照会できる件数を超えています。",
        "The request asks for more certificates than the agreement allows at once.",
    )


# --- How much, and whether we can tell ------------------------------------------------------


class TooFast(AccessRefused):
    """The agreement's or the credential's rate is used up for the moment."""

    reply = LIMITED.row(
        "too_fast",
        "取決めの照会速度の上限を超えました。時間をおいて再度照会してください。",
        "The agreed rate is exceeded. Try again later.",
    )


class DayIsFull(AccessRefused):
    """The agreement's statuses of this day of Japan are used up."""

    reply = LIMITED.row(
        "day_is_full",
        "取決めの一日の照会件数の上限に達しました。翌日(日本時間)に再度照会してください。",
        "The agreed number for today (Japan time) is used up. Try again tomorrow.",
    )


class AnswerUnderway(AccessRefused):
    """The identical signed request is being answered at this moment."""

    reply = LIMITED.row(
        "answer_underway",
        "同一の署名付き要求を処理中です。",
        "The identical signed request is being answered.",
    )


class AgreementsTooOld(AccessRefused):
    """The newest agreements we have are too old to act on (T4)."""

    reply = UNABLE.row(
        "agreements_too_old",
        "現在、照会を受け付けることができません。",
        "Questions cannot be accepted at present.",
    )


class AgreementsMissing(AccessRefused):
    """No agreements have ever been read."""

    reply = UNABLE.row(
        "agreements_missing",
        "現在、照会を受け付けることができません。",
        "Questions cannot be accepted at present.",
    )
