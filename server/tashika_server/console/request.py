"""What a request shows, taken from aiohttp: secret, certificate, key, mode, query, body."""

import asyncio
import hashlib
import json
import re
from typing import Any, NoReturn
from urllib.parse import urlsplit

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tashika.pki.certificates import load_certificate, public_key
from tashika.pki.errors import PkiError
from tashika_server.book import Mode
from tashika_server.console.problems import BadBody, ForeignPage, NotJson, TooSlow

__all__ = [
    "KEY",
    "MAX_BODY",
    "bearer",
    "body",
    "client_key",
    "demand_no_body",
    "demand_own_page",
    "digest",
    "idempotency_key",
    "mode",
    "query",
]

KEY = "Idempotency-Key"
KEY_FORM = r"[\x21-\x7e]{1,128}"

MAX_BODY = 64 * 1024
"""An order with a certificate is under 8 kB."""
BODY_SECONDS = 10.0
"""How long a body may take to arrive (T36)."""
DRY_RUN = {"false": Mode.KEEP, "true": Mode.REHEARSE}


def demand_own_page(request: web.Request) -> None:
    """Raise ForeignPage if a browser says that a page of another site asks.

    A log-in by client certificate needs nothing that a foreign page would have to know.
    """
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise ForeignPage


def bearer(request: web.Request) -> str | None:
    """Return the secret of the Authorization header."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" and secret.strip() else None


def client_key(request: web.Request) -> bytes | None:
    """Return the key of the client certificate that TLS has verified."""
    connection = request.get_extra_info("ssl_object")
    certificate = connection.getpeercert(binary_form=True) if connection else None
    if certificate is None:
        return None
    try:
        key = public_key(load_certificate(certificate))
    except PkiError:
        return None  # OpenSSL has taken it, but it is nobody's that we know
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def idempotency_key(request: web.Request) -> str | None:
    """Return the key by which a client tells one order from another."""
    key = request.headers.get(KEY)
    if key is not None and not re.fullmatch(KEY_FORM, key):
        raise BadBody(KEY, "is not understood", "send at most 128 visible ASCII characters")
    return key


async def digest(request: web.Request) -> bytes:
    """Tell an order from others: by method, path, query and body."""
    order = [request.method, request.path_qs, (await request.read()).hex()]
    return hashlib.sha256(json.dumps(order).encode()).digest()


def mode(request: web.Request) -> Mode:
    """Read `dry_run`; what is not understood keeps nothing, rather than the contrary."""
    if extra := request.query.keys() - {"dry_run"}:
        raise BadBody(f"?{min(extra)}", "is not known here", "leave it out")
    said = request.query.getall("dry_run", ["false"])
    if len(said) != 1 or said[0] not in DRY_RUN:
        raise BadBody("?dry_run", "is not understood", "write dry_run=true, or leave it out")
    return DRY_RUN[said[0]]


def query(request: web.Request) -> dict[str, Any]:
    """Take the query as an object; what looks like a number is one."""
    return {
        name: int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
        for name, text in request.query.items()
    }


def demand_no_body(request: web.Request) -> None:
    """Raise BadBody if something is sent to what takes nothing: it was meant otherwise."""
    if request.can_read_body:
        raise BadBody("", "is not taken here", "send none")


async def body(request: web.Request) -> Any:
    """Read the body as JSON; NotJson, TooSlow, BadBody."""
    if request.content_type != "application/json":
        raise NotJson
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return json.loads(await request.read(), parse_constant=_no_constant)
    except TimeoutError:
        raise TooSlow from None
    except (ValueError, RecursionError) as wrong:
        raise BadBody("", f"is not JSON ({wrong})", "send an object") from None


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")
