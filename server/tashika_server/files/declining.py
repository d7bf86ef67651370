"""What a verifier is told who gets no file: a problem document (RFC 9457), in two languages."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus

from aiohttp import web

from tashika.pki.errors import TashikaError
from tashika_server.agreements.refusals import (
    AgreementsMissing,
    AgreementsTooOld,
    NoCredential,
    UnknownCredential,
)
from tashika_server.clock import Clock
from tashika_server.compact import NotMade
from tashika_server.files.errors import FileUnknown
from tashika_server.log import get_log
from tashika_server.metering.meter import NotJournalled
from tashika_server.refusal import Refusal

__all__ = ["declining"]

log = get_log()

Handler = Callable[[web.Request, datetime], Awaitable[web.StreamResponse]]

_STATUS: Mapping[type[Refusal], HTTPStatus] = {
    NoCredential: HTTPStatus.UNAUTHORIZED,
    UnknownCredential: HTTPStatus.UNAUTHORIZED,
    AgreementsMissing: HTTPStatus.SERVICE_UNAVAILABLE,
    AgreementsTooOld: HTTPStatus.SERVICE_UNAVAILABLE,
    NotJournalled: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Of refusals that are not simply forbidden."""


def declining(
    handler: Handler, clock: Clock
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answer by a handler, or with the problem document of whatever it raises."""

    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request, clock.now())
        except Refusal as refused:
            row = refused.reply
            status = _STATUS.get(type(refused), HTTPStatus.FORBIDDEN)
            return _problem(status, row.metric, en=row.en, ja=row.ja)
        except FileUnknown as unknown:
            return _problem(
                HTTPStatus.NOT_FOUND,
                "no-such-file",
                en=str(unknown),
                ja="該当するファイルがありません",
            )
        except NotMade as wrong:
            log.warning("compact_set_not_made", reason=str(wrong))
            return _problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "not-made",
                en="No set that holds can be made now; ask again later.",
                ja="有効な集合を現在作成できません。後ほど改めて照会してください",
            )
        except ValueError as wrong:
            return _problem(
                HTTPStatus.BAD_REQUEST,
                "bad-query",
                en=str(wrong),
                ja="照会の内容が正しくありません",
            )
        except (TashikaError, FileNotFoundError) as wrong:
            log.exception("file_not_provided", path=request.path, reason=str(wrong))
            return _problem(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "not-provided",
                en="Something broke on our side.",
                ja="内部で障害が発生しました",
            )

    return answering


def _problem(status: HTTPStatus, kind: str, *, en: str, ja: str) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return web.json_response(
        {"type": f"urn:tashika:problem:{kind}", "title": en, "status": status, "ja": {"title": ja}},
        status=status,
        headers=headers,
        content_type="application/problem+json",
        dumps=partial(json.dumps, ensure_ascii=False),
    )
