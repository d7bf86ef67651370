"""A relying party: people log in with their cards, and hand in forms that they signed.

On receipt it verifies that the signature was made with the certificate's key and that the
certificate is in force (Act arts. 19, 38), and keeps evidence of a form. It stores neither
certificate nor birthday; evidence holds the responder's answer, with the serial number. Run it with
settings in TOML: ``name``, ``urls`` of responders, and paths ``token``, ``account_key``,
``evidence`` (a directory), ``generations``.
"""

import secrets
import sys
import tomllib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from tashika import AsyncClient, BearerToken, jpki, signature
from tashika.errors import NotValid, ProfileRefused, SignatureUndetermined
from tashika.jpki import CheckPurpose
from tashika.language import Language, explain

FORMS = {"change-of-address": 0, "credit-card": 18}
"""The forms that are accepted, and the age that each demands."""


@dataclass(frozen=True, kw_only=True)
class Bank:
    """What the handlers share."""

    party: signature.RelyingParty
    client: AsyncClient
    profile: jpki.JpkiProfile
    challenges: signature.ChallengesInMemory
    evidence: Path

    def terms(self, kind: CheckPurpose, reference: str) -> signature.Terms:
        """Say what a login or a form is verified for."""
        return jpki.terms(self.profile, jpki.Purpose(kind=kind, reference=reference))


BANK = web.AppKey("bank", Bank)


async def new_challenge(request: web.Request) -> web.Response:
    """Give out what a card is to sign: for one login, for a few minutes."""
    bank, now = request.app[BANK], datetime.now(UTC)
    challenge = signature.Challenge.mint(bank.party, at=now, random=secrets.token_bytes)
    bank.challenges.put(challenge)
    return web.json_response({"challenge": b64encode(challenge.message).decode()})


async def log_in(request: web.Request) -> web.Response:
    """Say whose account it is to whoever signed a challenge of ours with a card in force."""
    bank = request.app[BANK]
    challenge, certificate, signed = await received(request, "challenge")
    report = await bank.client.verify_authentication(
        signature.Login(challenge=challenge, signature=signed, certificate=certificate),
        bank.party,
        bank.terms(CheckPurpose.USER_AUTHENTICATION, secrets.token_hex(8)),
        challenges=bank.challenges,
    )
    report.require_valid()
    recognised = cast("jpki.Recognised", report.recognised)
    return web.json_response({"account": recognised.account.text}, status=201)


async def hand_in(request: web.Request) -> web.Response:
    """Accept a form that was signed with a card in force, and keep evidence of that."""
    bank, now, reference = request.app[BANK], datetime.now(UTC), secrets.token_hex(8)
    if (age := FORMS.get(request.match_info["form"])) is None:
        raise web.HTTPNotFound
    document, certificate, signed = await received(request, "document")
    report = await bank.client.verify_signature(
        signature.Submitted(document=document, signature=signed, certificate=certificate),
        bank.terms(CheckPurpose.SIGNATURE_VERIFICATION, reference),
    )
    report.require_valid()
    # Nothing but yes or no is read of the birthday, and only where the form needs it.
    if age and not jpki.age_at_least(certificate, age, at=now):
        raise web.HTTPForbidden(text=f"この申込みは{age}歳以上の方に限ります。")
    (bank.evidence / f"{reference}.json").write_bytes(signature.keep_evidence(report))
    return web.json_response({"reference": reference}, status=201)


async def received(request: web.Request, what: str) -> list[bytes]:
    """Return what was signed, the certificate and the signature; raises HTTPBadRequest."""
    try:
        sent = await request.json()
        return [b64decode(sent[name], validate=True) for name in (what, "certificate", "signature")]
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest(text="送信された内容を読み取れません。") from None


@web.middleware
async def telling(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell people in Japanese why they are turned away, and nothing to the log."""
    try:
        return await handler(request)
    except (NotValid, ProfileRefused) as refused:
        cause = refused.report.because if isinstance(refused, NotValid) else refused.cause
        told = {"cause": cause, "error": " ".join(explain(cause, Language.JAPANESE))}
        unsure = isinstance(refused, SignatureUndetermined)
        return web.json_response(told, status=503 if unsure else 403)


async def application(bank: Bank) -> web.Application:
    """Put the application together; it closes the client when it ends."""
    app = web.Application(middlewares=[telling])
    app[BANK] = bank
    app.on_cleanup.append(lambda _: bank.client.close())
    app.router.add_post("/challenges", new_challenge)
    app.router.add_post("/sessions", log_in)
    app.router.add_post("/forms/{form}", hand_in)
    return app


def main() -> None:
    """Serve on port 8000 of this machine; a proxy with TLS belongs in front."""
    settings = tomllib.loads(Path(sys.argv[1]).read_text())
    token = BearerToken(Path(settings["token"]).read_text().strip())
    account_key = Path(settings["account_key"]).read_bytes()
    accounts = jpki.AccountSecrets(secrets={"1": account_key}, current="1")
    generations = [Path(each).read_bytes() for each in settings["generations"]]
    bank = Bank(
        party=signature.RelyingParty(name=settings["name"]),
        client=AsyncClient(*settings["urls"], credential=token),
        profile=jpki.JpkiProfile(generations=generations, secrets=accounts),
        challenges=signature.ChallengesInMemory(clock=lambda: datetime.now(UTC)),
        evidence=Path(settings["evidence"]),
    )
    web.run_app(application(bank), host="127.0.0.1", port=8000)


if __name__ == "__main__":
    main()
