"""A relying party: people log in with their cards, and hand in forms that they signed.

On receipt it verifies that the signature was made with the certificate's key, and asks whether
the certificate is in force (Act arts. 19, 38); it uses the certificate for nothing else, and
keeps neither the certificate nor its serial number.

    python relying_party.py settings.toml

The settings: ``urls`` of responders; paths ``token`` and ``account_key`` (32 random octets); lists
of paths ``user_auth`` and ``signature`` (the CA certificates of each family, all generations).
"""

import hmac
import secrets
import sys
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from tashika import AsyncClient, BearerToken, IssuedCertificate, load_certificate
from tashika.errors import CheckFailed, NotGood, PkiError, StatusUndetermined
from tashika.language import Language, explain
from tashika.path.tier import issuer_among
from tashika.pki.algorithms import algorithm_for, verify
from tashika.pki.certificates import public_key

CHALLENGE_LIVES = timedelta(minutes=5)  # to find the card and to type its PIN
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class RelyingParty:
    """What the handlers share."""

    client: AsyncClient
    user_auth: Sequence[bytes]
    """The key generations of the CA that certifies for user authentication."""
    signature: Sequence[bytes]
    """Those of the one that certifies for signatures: neither's certificates serve the other's."""
    account_key: bytes
    challenges: dict[bytes, datetime] = field(default_factory=dict)


PARTY = web.AppKey("party", RelyingParty)


async def new_challenge(request: web.Request) -> web.Response:
    """Give out what a card is to sign: random, for one login, for a few minutes."""
    waiting, now = request.app[PARTY].challenges, datetime.now(UTC)
    for late in [each for each, ends in waiting.items() if ends < now]:
        del waiting[late]
    challenge = secrets.token_bytes(32)
    waiting[challenge] = now + CHALLENGE_LIVES
    return web.json_response({"challenge": b64encode(challenge).decode()})


async def log_in(request: web.Request) -> web.Response:
    """Say whose account it is to whoever signed a challenge of ours with a card in force."""
    party, (challenge, *signed) = request.app[PARTY], await received(request, "challenge")
    # Taken out before it is looked at: a challenge serves once, also where the signature fails.
    if datetime.now(UTC) > party.challenges.pop(challenge, NEVER):
        raise web.HTTPForbidden(text="ログインをやり直してください。")
    issued = await verified(challenge, signed, party.user_auth, party.client)
    return web.json_response({"account": account_of(issued, party.account_key)}, status=201)


async def hand_in(request: web.Request) -> web.Response:
    """Accept a form that was signed with a card in force."""
    party, (document, *signed) = request.app[PARTY], await received(request, "document")
    await verified(document, signed, party.signature, party.client)
    return web.json_response({"accepted": sha256(document).hexdigest()}, status=201)


async def received(request: web.Request, what: str) -> list[bytes]:
    """Return what was signed, the certificate and the signature; raises HTTPBadRequest."""
    try:
        sent = await request.json()
        return [b64decode(sent[name], validate=True) for name in (what, "certificate", "signature")]
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest(text="送信された内容を読み取れません。") from None


async def verified(
    data: bytes, signed: Sequence[bytes], generations: Sequence[bytes], client: AsyncClient
) -> IssuedCertificate:
    """Verify signature, issuer and status, in this order; raises TashikaError.

    Nobody is asked, and nothing billed, about a certificate whose key did not sign.
    """
    certificate = load_certificate(signed[0])
    key = public_key(certificate)
    verify(key, algorithm_for(key), signed[1], data)
    issued = issuer_among(certificate, generations, at=datetime.now(UTC))
    (await client.check(certificate, issued.issuer)).require_good()
    return issued


def account_of(issued: IssuedCertificate, key: bytes) -> str:
    """Name the holder's account by issuer and serial (each CA counts from 1), under our key."""
    return hmac.digest(key, issued.identity.fingerprint + b"%x" % issued.serial, sha256).hex()


@web.middleware
async def telling(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell people in Japanese why they are turned away, and nothing to the log."""
    try:
        return await handler(request)
    except (NotGood, CheckFailed) as refused:
        cause = refused.report.cause if isinstance(refused, NotGood) else refused.cause
        told = {"cause": cause, "error": " ".join(explain(cause, Language.JAPANESE))}
        status = 503 if isinstance(refused, StatusUndetermined) else 403
        return web.json_response(told, status=status)
    except PkiError:
        return web.json_response({"error": "署名又は証明書が正しくありません。"}, status=400)


async def application(party: RelyingParty) -> web.Application:
    """Put the application together; it closes the client when it ends."""
    app = web.Application(middlewares=[telling])
    app[PARTY] = party
    app.on_cleanup.append(lambda _: party.client.close())
    app.router.add_post("/challenges", new_challenge)
    app.router.add_post("/sessions", log_in)
    app.router.add_post("/forms", hand_in)
    return app


def main() -> None:
    """Serve on port 8000 of this machine; a proxy with TLS belongs in front."""
    settings = tomllib.loads(Path(sys.argv[1]).read_text())
    token = BearerToken(Path(settings["token"]).read_text().strip())
    party = RelyingParty(
        client=AsyncClient(*settings["urls"], credential=token),
        user_auth=[Path(each).read_bytes() for each in settings["user_auth"]],
        signature=[Path(each).read_bytes() for each in settings["signature"]],
        account_key=Path(settings["account_key"]).read_bytes(),
    )
    web.run_app(application(party), host="127.0.0.1", port=8000)


if __name__ == "__main__":
    main()
