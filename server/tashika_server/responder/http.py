"""HTTP as far as it concerns OCSP (RFC 6960 appendix A, RFC 5019, RFC 9111): pure functions.

Not for sockets, and it knows no HTTP library: text and bytes in, values out.
"""

import hashlib
import json
from binascii import a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum, auto
from functools import lru_cache
from http import HTTPStatus
from math import ceil
from typing import Final
from urllib.parse import unquote

from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika.pki.response import error_response
from tashika_server.agreements.notes import HEADER as REFUSAL_HEADER
from tashika_server.agreements.presented import take_path_token
from tashika_server.agreements.refusals import AccessRefused
from tashika_server.refusal import (
    MalformedQuestion,
    Refusal,
    TooLarge,
    TooManyWait,
    UnknownPath,
    WrongMethod,
)
from tashika_server.responder.given import Answer, Replay

__all__ = [
    "HEALTH_PATH",
    "NOTICES_PATH",
    "OCSP_PATH",
    "Aim",
    "HttpReply",
    "Target",
    "decline",
    "deliver",
    "plain_head",
    "read_target",
    "report_health",
    "show_public",
    "write_head",
]

OCSP_PATH: Final = "/ocsp"
HEALTH_PATH = "/healthz"
NOTICES_PATH = "/notices"
REPLAY_HEADER = "Tashika-Replay"
"""On the answer of an earlier time to a signed question that came again."""
_OCSP_RESPONSE = "application/ocsp-response"
_MAX_ENCODED = (MAX_REQUEST_BYTES * 4 + 2) // 3
_MAX_KEPT: Final = 512
"""Octets of a target that is kept read; one that asks for one certificate has under 250."""
_ALLOWED = "GET, HEAD, POST"


class Aim(Enum):
    """What a request line asks of us."""

    OCSP_IN_PATH = auto()
    OCSP_IN_BODY = auto()
    HEALTH = auto()
    NOTICE_PAGE = auto()
    NOTICE_FEED = auto()
    STATUS_PAGE = auto()


_OPEN = {
    HEALTH_PATH: Aim.HEALTH,
    NOTICES_PATH: Aim.NOTICE_PAGE,
    f"{NOTICES_PATH}.atom": Aim.NOTICE_FEED,
    "/status": Aim.STATUS_PAGE,
}
"""What everybody may ask for, without agreement."""


class Target:
    """A request line understood; never changed, for it may be another's too."""

    __slots__ = ("aim", "path_token", "question")

    def __init__(
        self, aim: Aim, question: bytes | None = None, path_token: bytes | None = None
    ) -> None:
        """`question` is there for OCSP_IN_PATH; the token is hashed, as agreements have it."""
        self.aim, self.question, self.path_token = aim, question, path_token


_BY_POST: Final = Target(Aim.OCSP_IN_BODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What goes back. With status 304 the body is empty."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes


# --- The way in -----------------------------------------------------------------------------


def read_target(method: str, raw: str) -> Target:
    """Understand a request line; `raw` is the request target just as it came over the wire.

    Slashes before the path are not counted, for clients that join addresses carelessly, but
    none is ever merged: `//` occurs in base64 (T1). Every path may begin with `/t/TOKEN`.
    Raises UnknownPath, WrongMethod, MalformedQuestion and TooLarge.
    """
    if method == "POST" and raw == OCSP_PATH:  # as most ask
        return _BY_POST
    if raw.startswith(OCSP_PATH):  # without a token: nothing secret is kept
        return _read_again(method, raw) if len(raw) <= _MAX_KEPT else _read(method, raw)
    path_token, raw = take_path_token(raw)
    target = _read(method, raw)
    return Target(target.aim, target.question, path_token)


def _read(method: str, raw: str) -> Target:
    path = "/" + _without_origin(raw).lstrip("/")
    if path == OCSP_PATH or path.startswith((OCSP_PATH + "/", OCSP_PATH + "?")):
        _allow(method, "GET", "HEAD", "POST")
        if method == "POST":
            return _BY_POST
        return Target(Aim.OCSP_IN_PATH, _decode(path.removeprefix(OCSP_PATH).partition("?")[0]))
    aim = _OPEN.get(path.partition("?")[0])
    if aim is None:
        raise UnknownPath
    _allow(method, "GET", "HEAD")
    return Target(aim)


_read_again: Final = lru_cache(maxsize=4096)(_read)
"""Questions without a nonce come again."""


def _without_origin(raw: str) -> str:
    """Cut off the `http://host` of an absolute-form target (RFC 9112 3.2.2)."""
    if raw.startswith("/"):
        return raw
    scheme, _, rest = raw.partition("://")
    return rest.partition("/")[2] if scheme.lower() in ("http", "https") else raw


def _allow(method: str, *methods: str) -> None:
    if method not in methods:
        raise WrongMethod


def _decode(encoded: str) -> bytes:
    """Decode the question in a path (RFC 6960 A.1), in every form that clients have sent it.

    Leading slashes are no part of it: DER begins with an `M`.
    """
    try:
        question = a2b_base64(encoded.lstrip("/"), strict_mode=True)
    except ValueError:
        question = _decode_mended(encoded)
    if len(question) > MAX_REQUEST_BYTES:
        raise TooLarge
    return question


def _decode_mended(encoded: str) -> bytes:
    """Decode what is not base64 as it should be.

    Percent-escapes once or twice, a `+` that somebody turned into a space, line breaks and
    missing padding (T1, T2).
    """
    text = unquote(unquote(encoded, errors="replace"), errors="replace")
    text = text.lstrip("/").rstrip("=").replace(" ", "+").replace("\r", "").replace("\n", "")
    if len(text) > _MAX_ENCODED:
        raise TooLarge
    try:
        return a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError as nonsense:
        raise MalformedQuestion from nonsense


# --- The way out ----------------------------------------------------------------------------


def deliver(
    given: Answer | Replay,
    *,
    aim: Aim,
    conditions: Mapping[str, str],
    cache_for: timedelta,
    at: datetime,
) -> HttpReply:
    """Wrap an answer, with the headers that say who may keep it for how long.

    Only an answer that everybody may have, to a question in the path, may be kept, and no
    answer to a nonce: it is for one asker. What is given under an agreement is kept by nobody,
    not even the asker's own cache (which `private` would allow): tenants and confirmers may
    share that one, and each provision is to be recorded with whom it was made to.
    `conditions` are the request's headers, looked up by lower-case name.
    """
    headers = {"Content-Type": _OCSP_RESPONSE, "Date": _http_date(at)}
    in_path = aim is Aim.OCSP_IN_PATH and given.question.nonce is None
    if isinstance(given, Replay):
        headers[REPLAY_HEADER] = "?1"
    elif in_path and given.permit is None and cache_for:
        headers |= _caching_headers(given, cache_for, at)
        if _still_good(conditions, headers):
            return HttpReply(status=HTTPStatus.NOT_MODIFIED, headers=headers, body=b"")
    headers.setdefault("Cache-Control", "no-store")
    return HttpReply(status=HTTPStatus.OK, headers=headers, body=given.body)


@lru_cache(maxsize=1024)
def plain_head(at: datetime, length: int) -> bytes:
    """Write the head of a 200 with an answer that nobody may keep, on a connection that stays.

    `at` is in whole seconds, so this is the same for thousands of answers.
    """
    headers = {"Content-Type": _OCSP_RESPONSE, "Date": _http_date(at), "Cache-Control": "no-store"}
    reply = HttpReply(status=HTTPStatus.OK, headers=headers, body=b"")
    return write_head(reply, length=length)


def write_head(
    reply: HttpReply, *, length: int, closing: bool = False, version: str = "1.1"
) -> bytes:
    """Write the head of a reply (RFC 9112 4) with a body of so many octets; 304 has none."""
    lines = [f"HTTP/1.1 {reply.status.value} {reply.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append("Server: tashika")
    if reply.status is not HTTPStatus.NOT_MODIFIED:
        lines.append(f"Content-Length: {length}")
    if closing:
        lines.append("Connection: close")
    elif version == "1.0":
        lines.append("Connection: keep-alive")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1")


def decline(refusal: Refusal, *, note: str, at: datetime) -> HttpReply:
    """Write a refusal by its row, with its id; never to be kept (T9).

    An OCSP error has no place for words; where there is none, they are the body.
    """
    row = refusal.reply
    headers = {"Cache-Control": "no-store", "Date": _http_date(at), REFUSAL_HEADER: note}
    if isinstance(refusal, WrongMethod):
        headers["Allow"] = _ALLOWED
    if isinstance(refusal, AccessRefused) and refusal.retry_after:
        headers["Retry-After"] = str(ceil(refusal.retry_after))
    if isinstance(refusal, TooManyWait):
        headers["Retry-After"] = "1"
    if row.ocsp is None:
        headers |= {"Content-Type": "text/plain; charset=utf-8", "Content-Language": "ja, en"}
        return HttpReply(status=row.http, headers=headers, body=f"{row.ja}\n{row.en}\n".encode())
    headers["Content-Type"] = _OCSP_RESPONSE
    return HttpReply(status=row.http, headers=headers, body=error_response(row.ocsp))


def report_health(generation: int | None, *, at: datetime) -> HttpReply:
    """Tell a load balancer whether this worker can answer; None: it has no index to read."""
    return HttpReply(
        status=HTTPStatus.SERVICE_UNAVAILABLE if generation is None else HTTPStatus.OK,
        headers={
            "Cache-Control": "no-store",
            "Content-Type": "application/json",
            "Date": _http_date(at),
        },
        body=json.dumps({"generation": generation}).encode(),
    )


def show_public(aim: Aim, body: bytes, *, at: datetime) -> HttpReply:
    """Show what the office has written for everybody, for a minute's keeping."""
    kind = "application/atom+xml" if aim is Aim.NOTICE_FEED else "text/html"
    headers = {
        "Cache-Control": "max-age=60, public",
        "Content-Security-Policy": "default-src 'none'",
        "Content-Type": f"{kind}; charset=utf-8",
        "Date": _http_date(at),
        "X-Content-Type-Options": "nosniff",
    }
    return HttpReply(status=HTTPStatus.OK, headers=headers, body=body)


def _caching_headers(answer: Answer, cache_for: timedelta, at: datetime) -> dict[str, str]:
    """Write the headers of RFC 5019 6.2; max-age, the shorter, is what HTTP/1.1 caches obey."""
    max_age = int(min(cache_for, answer.next_update - at).total_seconds())
    return {
        "Cache-Control": f"max-age={max_age}, public, no-transform, must-revalidate",
        "ETag": _entity_tag(answer),
        "Expires": _http_date(answer.next_update),
        "Last-Modified": _http_date(max(each.this_update for each in answer.responses)),
    }


def _entity_tag(answer: Answer) -> str:
    """Name what is said and by whom, not the bytes: these differ with each signing.

    So all workers and nodes agree on the tag, and it is a weak one (RFC 9110 8.8.1).
    """
    said = [
        (each.cert_id.der, each.standing, each.this_update, each.next_update)
        for each in answer.responses
    ]
    digest = hashlib.sha256(repr((answer.signer.key_hash, said)).encode())
    return f'W/"{digest.hexdigest()[:32]}"'


def _still_good(conditions: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Tell whether the asker's copy says the same (RFC 9110 13.1).

    If-Modified-Since must name the very date: a released hold turns thisUpdate back to that
    of an older CRL, so "not later" would keep the hold alive.
    """
    if (tags := conditions.get("if-none-match")) is not None:
        opaque = headers["ETag"].removeprefix("W/")
        return tags.strip() == "*" or opaque in (
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        )
    return conditions.get("if-modified-since") == headers["Last-Modified"]


def _http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)
