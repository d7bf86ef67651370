"""What a request shows, taken from aiohttp: secret, certificate, mode, query, body."""

import asyncio
import json
import re
from typing import Any, NoReturn

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tashika_server.book import Mode
from tashika_server.console.problems import BadBody, NotJson, TooSlow

__all__ = ["bearer", "body", "client_key", "mode", "query"]

BODY_SECONDS = 10.0
"""How long a body may take to arrive (T36)."""
DRY_RUN = {"false": Mode.KEEP, "true": Mode.REHEARSE}


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
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


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
