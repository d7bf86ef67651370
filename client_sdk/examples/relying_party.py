r"""A relying party: people log in with their cards, and hand in forms that they signed.

On receipt it verifies that the signature was made with the certificate's key, and asks whether
the certificate is in force (Act arts. 19, 38); it uses the certificate for nothing else, and
keeps neither the certificate nor its serial number.

    python relying_party.py --url https://ocsp.example.jp/ --token-file ocsp.token \
        --account-key account.key --user-auth auth-g2.pem auth-g3.pem \
        --signature sign-g2.pem sign-g3.pem
"""

import argparse
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from tashika import AsyncClient, BearerToken, IssuedCertificate, TashikaError, load_certificate
from tashika.errors import CheckFailed, NotGood, StatusUndetermined
from tashika.language import Language, explain
from tashika.path.tier import issuer_among
from tashika.pki.algorithms import algorithm_for, verify
from tashika.pki.certificates import public_key

CHALLENGE_LIVES = timedelta(minutes=5)
"""Time to find the card and to type its PIN."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class RelyingParty:
    """What the handlers share."""

    client: AsyncClient
    user_auth: Sequence[bytes]
    """The key generations of the CA that certifies for user authentication."""
    signature: Sequence[bytes]
    """Those of the one that certifies for signatures: neither's certificates serve the other's."""
    account_key: bytes
    challenges: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)


PARTY = web.AppKey("party", RelyingParty)


async def new_challenge(request: web.Request) -> web.Response:
    """Give out what a card is to sign: random, for one login, for a few minutes."""
    waiting, now = request.app[PARTY].challenges, datetime.now(UTC)
    for late in [each for each, (_, ends) in waiting.items() if ends < now]:
        del waiting[late]
    name, challenge = secrets.token_urlsafe(16), secrets.token_bytes(32)
    waiting[name] = challenge, now + CHALLENGE_LIVES
    return web.json_response({"id": name, "challenge": b64encode(challenge).decode()})


async def log_in(request: web.Request) -> web.Response:
    """Say whose account it is to whoever signed the challenge with a card in force."""
    party, sent = request.app[PARTY], await request.json()
    # Taken out before it is looked at: a challenge serves once, also where the signature fails.
    challenge, ends = party.challenges.pop(sent["id"], (b"", datetime.min.replace(tzinfo=UTC)))
    if datetime.now(UTC) > ends:
        raise web.HTTPForbidden(text="ask for a new challenge")
    issued = await verified(challenge, sent, party.user_auth, party.client)
    return web.json_response({"account": account_of(issued, party.account_key)}, status=201)


async def hand_in(request: web.Request) -> web.Response:
    """Accept a form that was signed with a card in force."""
    party, sent = request.app[PARTY], await request.json()
    document = b64decode(sent["document"], validate=True)
    await verified(document, sent, party.signature, party.client)
    return web.json_response({"accepted": sha256(document).hexdigest()}, status=201)


async def verified(
    signed: bytes, sent: dict[str, str], generations: Sequence[bytes], client: AsyncClient
) -> IssuedCertificate:
    """Verify signature, issuer and status, in this order; raises TashikaError.

    Nobody is asked, and nothing billed, about a certificate whose key did not sign.
    """
    certificate = load_certificate(b64decode(sent["certificate"], validate=True))
    key = public_key(certificate)
    verify(key, algorithm_for(key), b64decode(sent["signature"], validate=True), signed)
    issued = issuer_among(certificate, generations, at=datetime.now(UTC))
    (await client.check(certificate, issued.issuer)).require_good()
    return issued


def account_of(issued: IssuedCertificate, key: bytes) -> str:
    """Return an opaque name for the holder's account, of no use to anybody without our key.

    Of issuer and serial together: each CA counts from 1.
    """
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
    except (TashikaError, ValueError, KeyError, TypeError):
        return web.json_response({"error": "署名又は証明書を確認できません。"}, status=400)


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
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", action="append", required=True)
    for name in ("--user-auth", "--signature"):
        parser.add_argument(name, type=Path, nargs="+", required=True)
    for name in ("--account-key", "--token-file"):
        parser.add_argument(name, type=Path, required=True)
    args = parser.parse_args()
    party = RelyingParty(
        client=AsyncClient(*args.url, credential=BearerToken(args.token_file.read_text().strip())),
        user_auth=[each.read_bytes() for each in args.user_auth],
        signature=[each.read_bytes() for each in args.signature],
        account_key=args.account_key.read_bytes(),
    )
    web.run_app(application(party), host="127.0.0.1", port=8000)


if __name__ == "__main__":
    main()
