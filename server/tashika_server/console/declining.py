"""Whatever was raised, as its problem document (RFC 9457), by one table.

People read the titles in English and Japanese; programs read `type` and `status`.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tashika.pki.errors import TashikaError
from tashika_server.agreements import errors as registry
from tashika_server.book import BookOutdated, BookRefuses, BookUnreachable
from tashika_server.console.problems import (
    BadBody,
    Failed,
    ForeignPage,
    KeyReused,
    NotAllowed,
    NotJson,
    NotLoggedIn,
    PageUnknown,
    TooBig,
    TooManyFailures,
    TooSlow,
    WrongMethod,
)
from tashika_server.console.request import MAX_BODY
from tashika_server.log import get_log

__all__ = ["HEADERS", "PROBLEM_SCHEMA", "declining", "described", "readable"]

log = get_log()

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every reply."""

readable = partial(json.dumps, ensure_ascii=False)
"""JSON in which people can read Japanese."""


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
    ForeignPage: _row(
        HTTPStatus.FORBIDDEN,
        "another site's page",
        "別のサイトのページからは使えません",
        "プログラムから直接呼び出してください",
    ),
    KeyReused: _row(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "the key was used",
        "Idempotency-Key は別の要求に使われています",
        "新しい要求には新しいキーを付けてください",
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


@web.middleware
async def declining(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever was raised into its problem document."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as wrong:
        return _declined(WrongMethod(", ".join(sorted(wrong.allowed_methods))))
    except web.HTTPRequestEntityTooLarge:
        return _declined(TooBig(MAX_BODY))
    except web.HTTPException:
        return _declined(PageUnknown())
    except TashikaError as wrong:
        if described(wrong)[0] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("management_failed", path=request.path, reason=str(wrong))
        return _declined(wrong)
    except Exception:
        log.exception("management_failed", path=request.path)
        return _declined(Failed())


def _declined(error: TashikaError) -> web.Response:
    status, problem = described(error)
    headers = dict(HEADERS)
    if isinstance(error, NotLoggedIn):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, WrongMethod):
        headers["Allow"] = error.allowed
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = str(error.seconds)
    return web.json_response(
        problem,
        status=status,
        headers=headers,
        content_type="application/problem+json",
        dumps=readable,
    )
