"""Why the gate declines: each reason with its row, in the words a verifier may read.

Three families of OCSP status. `unauthorized`: may not ask, and asking again changes nothing
(RFC 6960 2.3). `sigRequired`: may ask, but must sign. `tryLater`: may ask, but not now, because
of a limit or because of us; a verifier in good standing is never told `unauthorized` for a
shortage (T4). Other methods than OCSP get the HTTP status `elsewhere`, 429 for a limit. No
refusal is billable.

Everything here is decided before the index is looked at and without regard to serials.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, NamedTuple

from tashika.pki.response import ResponseStatus
from tashika_server.refusal import Refusal, Reply

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReply(Reply):
    """A row of the gate: what it is over other methods than OCSP, and what it says to people."""

    elsewhere: HTTPStatus
    ja: str
    en: str


class Grounds(NamedTuple):
    """What decided: for the operator, who reads it back from the refusal's id. No serials."""

    verifier: str = ""
    agreement: str = ""
    version: int = 0
    credential: str = ""
    holder: str = ""
    halt: str = ""
    """The suspension's id, where a person ordered it."""
    ground: str = ""
    article: str = ""


def _row(
    metric: str,
    ja: str,
    en: str,
    *,
    ocsp: ResponseStatus = ResponseStatus.UNAUTHORIZED,
    elsewhere: HTTPStatus = HTTPStatus.FORBIDDEN,
) -> AccessReply:
    return AccessReply(
        ocsp=ocsp, http=HTTPStatus.OK, metric=metric, elsewhere=elsewhere, ja=ja, en=en
    )


class AccessRefused(Refusal):
    """The gate does not let this question through."""

    reply: ClassVar[AccessReply] = _row(
        "access_refused", "提供できません。", "The information cannot be provided."
    )

    def __init__(self, grounds: Grounds | None = None, *, retry_after: float = 0.0) -> None:
        super().__init__(grounds)
        self.grounds = grounds or Grounds()
        self.retry_after = retry_after
        """Seconds after which asking again may help; 0 where it is not known."""


# --- Who asks -------------------------------------------------------------------------------


class NoCredential(AccessRefused):
    """Nothing was presented that says who asks."""

    reply = _row(
        "no_credential",
        "認証情報が提示されていません。",
        "No credential was presented.",
        elsewhere=HTTPStatus.UNAUTHORIZED,
    )


class UnknownCredential(AccessRefused):
    """What was presented belongs to no agreement, or was presented in the wrong place."""

    reply = _row(
        "unknown_credential",
        "提示された認証情報は登録されていません。",
        "The credential presented is not registered.",
        elsewhere=HTTPStatus.UNAUTHORIZED,
    )


class CredentialsDisagree(AccessRefused):
    """The credentials presented, or the registrations of one, name different verifiers."""

    reply = _row(
        "credentials_disagree",
        "提示された認証情報から検証者を一つに特定できません。",
        "The credentials presented do not name one and the same verifier.",
    )


class BadRequestSignature(AccessRefused):
    """The signature of the request does not hold (RFC 6960 4.1.1)."""

    reply = _row(
        "bad_request_signature",
        "要求に付された署名が正しくありません。",
        "The signature of the request does not hold.",
    )


class CertificateUnusable(AccessRefused):
    """The client's certificate is unreadable, not for clients, or has a weak key."""

    reply = _row(
        "certificate_unusable",
        "クライアント証明書が読み取れないか、用途又は鍵の強度が要件を満たしていません。",
        "The client certificate is unreadable, not meant for clients, or its key is too weak.",
    )


class CertificateOutOfTime(AccessRefused):
    """The client's certificate is not yet valid or no longer."""

    reply = _row(
        "certificate_out_of_time",
        "クライアント証明書の有効期間外です。",
        "The client certificate is outside its validity period.",
    )


class CredentialNotBegun(AccessRefused):
    """The credential is registered from a later time."""

    reply = _row(
        "credential_not_begun",
        "認証情報の利用開始日前です。",
        "The credential may not be used yet.",
    )


class CredentialEnded(AccessRefused):
    """The credential is past its end."""

    reply = _row(
        "credential_ended", "認証情報の有効期限が切れています。", "The credential has expired."
    )


class CredentialRevoked(AccessRefused):
    """The credential was withdrawn before its end (T25)."""

    reply = _row(
        "credential_revoked", "認証情報は失効しています。", "The credential has been revoked."
    )


# --- Under which agreement ------------------------------------------------------------------


class OtherEnvironment(AccessRefused):
    """The agreement is about another environment than this service's."""

    reply = _row(
        "other_environment",
        "取決めの対象となる環境(本番・試験)が異なります。",
        "The agreement is for another environment (production or test).",
    )


class AgreementNotBegun(AccessRefused):
    """The agreement takes effect later."""

    reply = _row(
        "agreement_not_begun",
        "取決めの効力が生じていません。",
        "The agreement is not in effect yet.",
    )


class AgreementEnded(AccessRefused):
    """The agreement is past its end."""

    reply = _row("agreement_ended", "取決めは終了しています。", "The agreement has ended.")


class NotNotified(AccessRefused):
    """The notification of art. 17(1), 17(5) or 36(1) is missing or withdrawn."""

    reply = _row(
        "not_notified",
        "検証者としての届出が確認できません。",
        "The notification as a verifier is not on record.",
    )


class AccreditationLapsed(AccessRefused):
    """The accreditation of art. 17(2) is not in force."""

    reply = _row(
        "accreditation_lapsed",
        "主務大臣の認定が効力を有していません。",
        "The accreditation by the competent minister is not in force.",
    )


class ProvisionSuspended(AccessRefused):
    """Provision is suspended (art. 18(4), 18(5), 37(3) of the 2013 text)."""

    reply = _row("suspended", "提供は停止されています。", "Provision is suspended.")


# --- What is asked --------------------------------------------------------------------------


class FamilyNotGranted(AccessRefused):
    """The agreement does not cover this family of certificates."""

    reply = _row(
        "family_not_granted",
        "この種類の電子証明書は取決めの範囲外です。",
        "The agreement does not cover this kind of certificate.",
    )


class MethodNotGranted(AccessRefused):
    """The agreement does not cover this method of provision."""

    reply = _row(
        "method_not_granted",
        "この提供方法は取決めの範囲外です。",
        "The agreement does not cover this method of provision.",
    )


class IssuerNotGranted(AccessRefused):
    """The agreement does not cover this issuer."""

    reply = _row(
        "issuer_not_granted",
        "この発行者は取決めの範囲外です。",
        "The agreement does not cover this issuer.",
    )


class PurposeNotGranted(AccessRefused):
    """The agreement does not cover this purpose."""

    reply = _row(
        "purpose_not_granted",
        "この利用目的は取決めの範囲外です。",
        "The agreement does not cover this purpose.",
    )


class SignatureMissing(AccessRefused):
    """The agreement demands signed requests and this one is not."""

    reply = _row(
        "signature_missing",
        "取決めにより、要求には署名が必要です。",
        "The agreement requires requests to be signed.",
        ocsp=ResponseStatus.SIG_REQUIRED,
    )


class SourceNotAllowed(AccessRefused):
    """The question comes from a network that the agreement does not name."""

    reply = _row(
        "source_not_allowed",
        "接続元のネットワークは取決めで認められていません。",
        "The agreement does not allow questions from this network.",
    )


class TooManyForAgreement(AccessRefused):
    """The question names more certificates than the agreement allows in one."""

    reply = _row(
        "too_many_for_agreement",
        "一つの要求で照会できる件数を超えています。",
        "The request asks for more certificates than the agreement allows at once.",
    )


# --- How much, and whether we can tell ------------------------------------------------------


class TooFast(AccessRefused):
    """The agreement's or the credential's rate is used up for the moment."""

    reply = _row(
        "too_fast",
        "取決めの照会速度の上限を超えました。時間をおいて再度照会してください。",
        "The agreed rate is exceeded. Try again later.",
        ocsp=ResponseStatus.TRY_LATER,
        elsewhere=HTTPStatus.TOO_MANY_REQUESTS,
    )


class DayIsFull(AccessRefused):
    """The agreement's statuses of this day of Japan are used up."""

    reply = _row(
        "day_is_full",
        "取決めの一日の照会件数の上限に達しました。翌日(日本時間)に再度照会してください。",
        "The agreed number for today (Japan time) is used up. Try again tomorrow.",
        ocsp=ResponseStatus.TRY_LATER,
        elsewhere=HTTPStatus.TOO_MANY_REQUESTS,
    )


class AnswerUnderway(AccessRefused):
    """The identical signed request is being answered at this moment."""

    reply = _row(
        "answer_underway",
        "同一の署名付き要求を処理中です。",
        "The identical signed request is being answered.",
        ocsp=ResponseStatus.TRY_LATER,
        elsewhere=HTTPStatus.TOO_MANY_REQUESTS,
    )


class AgreementsTooOld(AccessRefused):
    """The newest agreements we have are too old to act on (T4)."""

    reply = _row(
        "agreements_too_old",
        "現在、照会を受け付けることができません。",
        "Questions cannot be accepted at present.",
        ocsp=ResponseStatus.TRY_LATER,
        elsewhere=HTTPStatus.SERVICE_UNAVAILABLE,
    )


class AgreementsMissing(AccessRefused):
    """No agreements have ever been read."""

    reply = _row(
        "agreements_missing",
        "現在、照会を受け付けることができません。",
        "Questions cannot be accepted at present.",
        ocsp=ResponseStatus.TRY_LATER,
        elsewhere=HTTPStatus.SERVICE_UNAVAILABLE,
    )
