"""Every reason the service declines for, and the one table of what each is on the wire.

Inner code raises the named Refusal; only the rim turns it into bytes, by its row. A caller sees
the row and no more, in Japanese and English; what only an operator should read goes into the
log event.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Self

from tashika.pki.response import ResponseStatus

__all__ = [
    "BadHttp",
    "InternalFault",
    "MalformedQuestion",
    "NoSigner",
    "NotLoaded",
    "Refusal",
    "Reply",
    "SeveralIssuers",
    "StatusStale",
    "TooLarge",
    "TooManyCertificates",
    "TooManyWait",
    "TooSlow",
    "UnknownCritical",
    "UnknownPath",
    "UnmetExpectation",
    "WaitedTooLong",
    "WrongMethod",
    "metric_labels",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One row: what a refusal is on the wire, in the metrics and in the accounts.

    `ocsp` is None where the caller never got as far as OCSP. An OCSP error travels with HTTP
    200, because clients read the body of nothing else (RFC 6960 appendix A.2); so a 200
    without an OCSP status, an empty 200, cannot be written down (T6).
    """

    ocsp: ResponseStatus | None
    http: HTTPStatus
    metric: str
    ja: str
    en: str
    billable: bool = False

    def __post_init__(self) -> None:
        if (self.ocsp is None) == (self.http is HTTPStatus.OK):
            raise TypeError(f"{self.metric}: HTTP 200 and an OCSP status come together")


class Refusal(Exception):
    """A named reason to decline; a subclass without its row cannot be defined."""

    reply: ClassVar[Reply]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        row = cls.__dict__.get("reply")
        if not isinstance(row, Reply):
            raise TypeError(f"{cls.__name__} has no row: give it reply = Reply(...)")
        if row.metric in _labels:
            raise TypeError(f"{cls.__name__} needs a metric label of its own, not {row.metric}")
        _labels.add(row.metric)

    def by_itself(self) -> Self:
        """Forget how it came about, to be kept: the frames it was raised through know its keeper.

        What so refers to itself is left to the search for garbage, which holds everybody up.
        """
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


_labels: set[str] = set()


def metric_labels() -> tuple[str, ...]:
    """List the metric label of every refusal there is, sorted."""
    return tuple(sorted(_labels))


def _row(metric: str, ocsp: ResponseStatus, *, ja: str, en: str) -> Reply:
    return Reply(ocsp=ocsp, http=HTTPStatus.OK, metric=metric, ja=ja, en=en)


def _http_row(metric: str, http: HTTPStatus, *, ja: str, en: str) -> Reply:
    return Reply(ocsp=None, http=http, metric=metric, ja=ja, en=en)


# --- The question ---------------------------------------------------------------------------


class MalformedQuestion(Refusal):
    """The question is not a DER OCSPRequest, or breaks a limit of the format."""

    reply = _row(
        "malformed",
        ResponseStatus.MALFORMED_REQUEST,
        ja="要求がOCSP要求の形式(RFC 6960)に従っていません。",
        en="The request is not a well-formed OCSP request (RFC 6960).",
    )


class TooManyCertificates(Refusal):
    """The question names more certificates than one question may."""

    reply = _row(
        "too_many_certificates",
        ResponseStatus.MALFORMED_REQUEST,
        ja="一つの要求で照会できる件数を超えています。",
        en="The request asks for more certificates than one request may.",
    )


class UnknownCritical(Refusal):
    """The question has a critical extension, or a version, that we do not understand.

    RFC 6960 4.4 has such an extension rejected and names no status for it.
    """

    reply = _row(
        "unknown_critical",
        ResponseStatus.MALFORMED_REQUEST,
        ja="要求のバージョン又は重要(critical)な拡張に対応していません。",
        en="The request has a version or a critical extension that is not supported.",
    )


class SeveralIssuers(Refusal):
    """The question mixes our issuers; a delegated signer speaks for its own CA only."""

    reply = _row(
        "several_issuers",
        ResponseStatus.UNAUTHORIZED,
        ja="一つの要求に複数の発行者の電子証明書があります。発行者ごとに照会してください。",
        en="The request mixes certificates of several issuers. Ask about each issuer separately.",
    )


# --- What we know ---------------------------------------------------------------------------


class NotLoaded(Refusal):
    """Some revocation data of the issuer has never arrived; missing is not empty (T15)."""

    reply = _row(
        "not_loaded",
        ResponseStatus.TRY_LATER,
        ja="失効情報の準備ができていません。時間をおいて再度照会してください。",
        en="The revocation information is not there yet. Try again later.",
    )


class StatusStale(Refusal):
    """The newest revocation data is past its nextUpdate (T3)."""

    reply = _row(
        "status_stale",
        ResponseStatus.TRY_LATER,
        ja="失効情報の更新が遅れています。時間をおいて再度照会してください。",
        en="The revocation information is overdue. Try again later.",
    )


class NoSigner(Refusal):
    """The issuer has no responder certificate that is in force (T17)."""

    reply = _row(
        "no_signer",
        ResponseStatus.TRY_LATER,
        ja="現在、応答に署名することができません。時間をおいて再度照会してください。",
        en="Answers cannot be signed at present. Try again later.",
    )


class InternalFault(Refusal):
    """Something of ours broke; no answer is better than a wrong one (T6, T33)."""

    reply = _row(
        "internal_fault",
        ResponseStatus.INTERNAL_ERROR,
        ja="内部で障害が発生しました。",
        en="Something broke on our side.",
    )


class WaitedTooLong(Refusal):
    """The question waited so long that its asker hardly waits still; others wait behind it."""

    reply = _row(
        "waited_too_long",
        ResponseStatus.TRY_LATER,
        ja="照会が集中しています。時間をおいて再度照会してください。",
        en="Too many questions are waiting. Ask again in a moment.",
    )


# --- The connection -------------------------------------------------------------------------


class BadHttp(Refusal):
    """The bytes are not HTTP, or the body broke off or off its framing."""

    reply = _http_row(
        "bad_http",
        HTTPStatus.BAD_REQUEST,
        ja="要求をHTTPとして解釈できません。",
        en="The request is not HTTP, or not whole.",
    )


class UnknownPath(Refusal):
    """Nothing is served at this path."""

    reply = _http_row(
        "unknown_path",
        HTTPStatus.NOT_FOUND,
        ja="このパスでは何も提供していません。",
        en="Nothing is served at this path.",
    )


class WrongMethod(Refusal):
    """The path is served, but not by this method."""

    reply = _http_row(
        "wrong_method",
        HTTPStatus.METHOD_NOT_ALLOWED,
        ja="このパスでは、このHTTPメソッドを使用できません。",
        en="The path is not served by this HTTP method.",
    )


class TooManyWait(Refusal):
    """More wait for an answer than can be served in time; nothing of this one was looked at."""

    reply = _http_row(
        "too_many_wait",
        HTTPStatus.SERVICE_UNAVAILABLE,
        ja="照会が集中しています。時間をおいて再度照会してください。",
        en="Too many questions are waiting. Ask again in a moment.",
    )


class TooSlow(Refusal):
    """The body did not arrive within its deadline (T36)."""

    reply = _http_row(
        "too_slow",
        HTTPStatus.REQUEST_TIMEOUT,
        ja="要求が制限時間内に届きませんでした。",
        en="The request did not arrive in time.",
    )


class TooLarge(Refusal):
    """The question is larger than any question need be (T22)."""

    reply = _http_row(
        "too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ja="要求が大きすぎます。",
        en="The request is too large.",
    )


class UnmetExpectation(Refusal):
    """The caller expects something other than 100-continue (T5)."""

    reply = _http_row(
        "unmet_expectation",
        HTTPStatus.EXPECTATION_FAILED,
        ja="Expectヘッダーの内容に対応していません。",
        en="What the Expect header asks for is not supported.",
    )
