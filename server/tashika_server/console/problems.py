"""Everything the API declines for, and the one table of what each is on the wire (RFC 9457).

Inner code raises; only `application` turns it into a reply, by its row. People read the titles
in English and Japanese; programs read `type` and `status`.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tashika.pki.errors import TashikaError
from tashika_server.agreements import errors as registry
from tashika_server.book import BookOutdated, BookRefuses, BookUnreachable

__all__ = [
    "PROBLEM_SCHEMA",
    "BadBody",
    "Failed",
    "NotAllowed",
    "NotJson",
    "NotLoggedIn",
    "PageUnknown",
    "Problem",
    "TooBig",
    "TooManyFailures",
    "TooSlow",
    "WrongMethod",
    "described",
]


class Problem(TashikaError):
    """A reason to decline that has nothing to do with the registry's rules."""

    def __init__(self, what: str, *, rule: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.rule, self.remedy = what, rule, remedy


class NotLoggedIn(Problem):
    """Nobody, or nobody any more, is logged in."""

    def __init__(self) -> None:
        super().__init__(
            "there is no open session for this request",
            rule="every route but the log-in is for operators who are logged in",
            remedy="POST /v1/sessions with your token or certificate",
        )


class TooManyFailures(Problem):
    """The address has failed too often."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(
            "too many log-ins from this address have failed",
            rule="ten failures a minute",
            remedy=f"wait {seconds} s",
        )


class NotAllowed(Problem):
    """The operator's role does not include this."""

    def __init__(self, roles: str) -> None:
        super().__init__(
            "this is not for your role", rule=f"it is for: {roles}", remedy="ask one of them"
        )


class PageUnknown(Problem):
    """Nothing is at this path."""

    def __init__(self) -> None:
        super().__init__(
            "nothing is at this path", rule="/v1/openapi.json lists all", remedy="read it there"
        )


class WrongMethod(Problem):
    """The path is there, but not by this method."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed
        super().__init__(
            "this path has no such method", rule=f"it has: {allowed}", remedy="use one of them"
        )


class NotJson(Problem):
    """The body does not call itself JSON."""

    def __init__(self) -> None:
        super().__init__(
            "the body does not call itself JSON",
            rule="Content-Type: application/json",
            remedy="send that header",
        )


class TooBig(Problem):
    """The body is larger than any order need be."""

    def __init__(self, most: int) -> None:
        super().__init__("the body is too large", rule=f"{most} bytes", remedy="send less")


class TooSlow(Problem):
    """The body did not arrive in time."""

    def __init__(self) -> None:
        super().__init__("the body did not arrive", rule="ten seconds", remedy="send it again")


class BadBody(Problem):
    """Something sent is not what the route takes."""

    def __init__(self, where: str, what: str, remedy: str, *, rule: str = "") -> None:
        super().__init__(
            f"{where or 'the body'} {what}",
            rule=rule or "/v1/openapi.json describes what is taken",
            remedy=remedy,
        )


class Failed(Problem):
    """Something of ours broke."""

    def __init__(self) -> None:
        super().__init__(
            "something of ours broke",
            rule="nothing of a change that fails is kept",
            remedy="look whether it was done, then tell who runs the service",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one class of errors is on the wire; the remedy in Japanese is the class's."""

    status: HTTPStatus
    en: str
    ja: str
    remedy_ja: str


def _row(status: HTTPStatus, en: str, ja: str, remedy_ja: str) -> Row:
    return Row(status=status, en=en, ja=ja, remedy_ja=remedy_ja)


_LOOK = "rule を確かめ、直してから送り直してください"
_ROWS: dict[type[TashikaError], Row] = {
    NotLoggedIn: _row(
        HTTPStatus.UNAUTHORIZED,
        "not logged in",
        "ログインしていません",
        "POST /v1/sessions でログインしてください",
    ),
    TooManyFailures: _row(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too many failures",
        "ログインの失敗が多すぎます",
        "しばらく待ってください",
    ),
    NotAllowed: _row(
        HTTPStatus.FORBIDDEN,
        "not for your role",
        "この役割では行えません",
        "権限のある担当者に依頼してください",
    ),
    PageUnknown: _row(
        HTTPStatus.NOT_FOUND,
        "nothing there",
        "該当するものがありません",
        "/v1/openapi.json を確かめてください",
    ),
    WrongMethod: _row(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "no such method",
        "このメソッドは使えません",
        "/v1/openapi.json を確かめてください",
    ),
    NotJson: _row(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "not JSON",
        "JSON ではありません",
        "Content-Type: application/json で送ってください",
    ),
    TooBig: _row(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large", "大きすぎます", "小さくしてください"
    ),
    TooSlow: _row(
        HTTPStatus.REQUEST_TIMEOUT, "too slow", "時間内に届きませんでした", "送り直してください"
    ),
    BadBody: _row(
        HTTPStatus.BAD_REQUEST, "not what is taken here", "内容が正しくありません", _LOOK
    ),
    Failed: _row(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "something of ours broke",
        "内部で障害が起きました",
        "行われたかどうかを確かめ、運用担当者に連絡してください",
    ),
    BookUnreachable: _row(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the book cannot be reached",
        "台帳に接続できません",
        "しばらくして、行われたかどうかを確かめてからやり直してください",
    ),
    BookOutdated: _row(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the book is of another version",
        "台帳の版が合いません",
        "運用担当者に連絡してください",
    ),
    BookRefuses: _row(HTTPStatus.CONFLICT, "the book refuses it", "台帳の制約に反します", _LOOK),
    registry.NoSuchRecord: _row(
        HTTPStatus.NOT_FOUND, "no such record", "該当する記録がありません", "一覧で確かめてください"
    ),
    registry.UnknownArticle: _row(
        HTTPStatus.UNPROCESSABLE_ENTITY, "no such article", "該当する条項がありません", _LOOK
    ),
    registry.BadPeriod: _row(
        HTTPStatus.UNPROCESSABLE_ENTITY, "a time is out of place", "期間が正しくありません", _LOOK
    ),
    registry.BadScope: _row(
        HTTPStatus.UNPROCESSABLE_ENTITY, "it makes no sense", "内容が成り立ちません", _LOOK
    ),
    registry.BadCertificate: _row(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "the certificate is not fit",
        "証明書が使えません",
        "条件に合う証明書を登録してください",
    ),
    registry.NotEntitled: _row(
        HTTPStatus.FORBIDDEN,
        "the Act does not give it",
        "法令上認められていません",
        "区分と提供範囲を確かめてください",
    ),
    registry.Overlap: _row(
        HTTPStatus.CONFLICT, "agreements overlap", "取決めの範囲と期間が重なります", _LOOK
    ),
    registry.Duplicate: _row(
        HTTPStatus.CONFLICT, "it is there already", "既に登録されています", _LOOK
    ),
    registry.WrongState: _row(
        HTTPStatus.CONFLICT,
        "not in this state",
        "この状態では行えません",
        "現在の状態を確かめてください",
    ),
    registry.SamePerson: _row(
        HTTPStatus.FORBIDDEN,
        "a second person has to decide",
        "提案者とは別の担当者の承認が必要です",
        "別の担当者に承認を依頼してください",
    ),
}


def described(error: TashikaError) -> tuple[HTTPStatus, dict[str, Any]]:
    """Write an error as its status and its problem document."""
    row = next((_ROWS[kind] for kind in type(error).__mro__ if kind in _ROWS), _ROWS[Failed])
    return row.status, {
        "type": "urn:tashika:problem:" + row.en.replace(" ", "-").lower(),
        "title": row.en,
        "status": row.status,
        "detail": getattr(error, "what", row.en),
        "rule": getattr(error, "rule", row.en),
        "remedy": getattr(error, "remedy", "tell who runs the service"),
        "ja": {"title": row.ja, "remedy": row.remedy_ja},
    }


_TEXT = {"type": "string"}
_TEXTS = {"title": _TEXT, "remedy": _TEXT}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A reason to decline (RFC 9457).",
    "properties": {
        "type": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "rule": _TEXT,
        **_TEXTS,
        "ja": {"type": "object", "properties": _TEXTS, "required": [*_TEXTS]},
    },
    "required": ["type", "status", "detail", "rule", "ja", *_TEXTS],
}
