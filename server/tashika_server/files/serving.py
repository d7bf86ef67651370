"""Revocation information files over HTTP, to verifiers whose agreement has the method `file`.

    GET /v1/files/manifest?issuer=NAME&at=TIME       what was known then, or is now, signed
    GET /v1/files/bundle?issuer=NAME&at=TIME         the same with all its files, a tar
    GET /v1/files/crl?issuer=NAME&partition=TEXT     the newest CRL, or with `at` that of then
    GET /v1/files/content/SHA256                     any file of a manifest
    GET /v1/files/compact?issuer=NAME                the newest compact revocation set
    GET /v1/files/compact-delta?issuer=NAME&base=N   what leads from the set of this number
                                                     to the next

Who asks shows a bearer token; the gate decides by agreement, as for OCSP (Act 18(2), 37(2)). A
file is in the journal before its first octet is sent. The office serves this beside the
management API, and journals it; workers have nothing to do with it.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address

from aiohttp import web

from tashika.pki.algorithms import PrivateKey
from tashika_server.agreements.gate import Permit
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.presented import Presented, bearer_token
from tashika_server.agreements.refusals import IssuerNotGranted
from tashika_server.agreements.rules import Question
from tashika_server.agreements.terms import Method
from tashika_server.clock import Clock
from tashika_server.files.archive import Archive
from tashika_server.files.catalog import Catalog
from tashika_server.files.compact_sets import CompactShelf
from tashika_server.files.declining import declining
from tashika_server.files.errors import FileUnknown
from tashika_server.files.facts import COMPACT, Kept
from tashika_server.files.manifest import Manifest, compile_manifest, public_der, sign_text
from tashika_server.files.parts import Begun
from tashika_server.files.sending import send
from tashika_server.files.sending_bundle import send_bundle
from tashika_server.issuer import Issuer
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.meter import Meter
from tashika_server.refusal import Refusal

__all__ = ["Provision"]

MOST_DIGITS = 20
"""Of the number of a set: 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """What files are provided with. For one event loop, in which `keep` runs as a task."""

    archive: Archive
    compact: CompactShelf
    issuers: Mapping[str, Issuer]
    gatehouse: Gatehouse
    group: GroupCommit
    meter: Meter
    key: PrivateKey
    """Signs manifests."""
    clock: Clock
    begun: Begun = field(default_factory=Begun)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Be found under /v1/files/."""
        for path, handler in (
            ("manifest", self._manifest),
            ("bundle", self._bundle),
            ("crl", self._crl),
            ("compact", self._compact),
            ("compact-delta", self._compact_delta),
            ("content/{sha256:[0-9a-f]{64}}", self._content),
        ):
            router.add_get(f"/v1/files/{path}", declining(handler, self.clock))

    async def keep(self) -> None:
        """Keep the journal going, and seal it at the end."""
        try:
            await self.group.keep()
        finally:
            self.group.end()

    # --- What is asked for -----------------------------------------------------------------

    async def _manifest(self, request: web.Request, at: datetime) -> web.StreamResponse:
        manifest = await self._compile(request, self._permits(request, at), at)
        signature = b64encode(sign_text(manifest.text, self.key)).decode()
        return web.Response(
            body=manifest.text,
            content_type="application/json",
            headers={"Tashika-Signature": signature, "Cache-Control": "private, no-store"},
        )

    async def _bundle(self, request: web.Request, at: datetime) -> web.StreamResponse:
        permits = self._permits(request, at)
        manifest = await self._compile(request, permits, at)
        signature = sign_text(manifest.text, self.key)
        return await send_bundle(
            request, self.archive, manifest, signature, permits=permits, meter=self.meter, at=at
        )

    async def _compile(
        self, request: web.Request, permits: Mapping[str, Permit], at: datetime
    ) -> Manifest:
        issuers = [self.issuers[name] for name in permits]
        return await asyncio.to_thread(self._compiled, issuers, _moment(request, at), at)

    def _compiled(
        self, issuers: Sequence[Issuer], as_of: datetime | None, at: datetime
    ) -> Manifest:
        # A nation's issuers have 11,000 partitions: each is looked up, none opens the file anew.
        with self.archive.catalog.kept_open() as catalog:
            return compile_manifest(
                catalog,
                {each.identity.fingerprint: each.name for each in issuers},
                _places(catalog, issuers, as_of),
                as_of=as_of,
                at=at,
                key=public_der(self.key),
            )

    async def _crl(self, request: web.Request, at: datetime) -> web.StreamResponse:
        issuer = self._issuer(request.query.get("issuer", ""))
        permit = self._admit(request, issuer, at)
        partition = request.query.get("partition", "")
        known = await asyncio.to_thread(
            self.archive.catalog.known, issuer.identity.fingerprint, partition, _moment(request, at)
        )
        kept = [each for each in known if each.leaving is None]
        if not kept or kept[0] is not known[0]:
            raise FileUnknown("nothing is kept of this partition as of then; see the manifest")
        return await self._provide(request, kept[0], permit, at)

    async def _compact(self, request: web.Request, at: datetime) -> web.StreamResponse:
        issuer = self._issuer(request.query.get("issuer", ""))
        permit = self._admit(request, issuer, at)
        kept = await self.compact.newest(issuer, at=at)
        if kept is None:
            raise FileUnknown("no compact set of this issuer is kept")
        return await self._provide(request, kept, permit, at)

    async def _compact_delta(self, request: web.Request, at: datetime) -> web.StreamResponse:
        issuer = self._issuer(request.query.get("issuer", ""))
        permit = self._admit(request, issuer, at)
        base = _number(request, "base")
        fingerprint = issuer.identity.fingerprint
        kept = await asyncio.to_thread(self.archive.catalog.compact_delta, fingerprint, base)
        if kept is None:
            raise FileUnknown("no delta leads on from this set; take the newest one whole")
        return await self._provide(request, kept, permit, at)

    async def _content(self, request: web.Request, at: datetime) -> web.StreamResponse:
        digest = bytes.fromhex(request.match_info["sha256"])
        rows = await asyncio.to_thread(self.archive.catalog.by_content, digest)
        served = {each.identity.fingerprint: each for each in self.issuers.values()}
        kept = [row for row in rows if row.leaving is None and row.issuer in served]
        refused: Refusal | None = None
        for row in kept:  # an indirect CRL is of several issuers: one that is granted will do
            try:
                permit = self._admit(request, served[row.issuer], at)
            except Refusal as why:
                refused = refused or why
            else:
                return await self._provide(request, row, permit, at)
        if refused:
            raise refused
        # Who may have no file at all does not learn which there are.
        self._permits(request, at)
        raise FileUnknown("no such file is kept")

    async def _provide(
        self, request: web.Request, file: Kept, permit: Permit, at: datetime
    ) -> web.StreamResponse:
        return await send(
            request, self.archive, file, permit, meter=self.meter, begun=self.begun, at=at
        )

    # --- Who asks --------------------------------------------------------------------------

    def _admit(self, request: web.Request, issuer: Issuer, at: datetime) -> Permit:
        """Let who asks have files of an issuer; raises a Refusal. No limit on statuses counts."""
        gate = self.gatehouse.gate(at)
        bearer = gate.identify(_presented(request))
        question = Question(issuer.family, issuer.name, Method.FILE, None)
        return gate.enter(bearer, gate.judge(bearer, question, at), 0, at)

    def _permits(self, request: web.Request, at: datetime) -> dict[str, Permit]:
        """Admit to the issuer that is asked for, or to all that are granted; else refuse."""
        if wanted := request.query.get("issuer"):
            return {wanted: self._admit(request, self._issuer(wanted), at)}
        permits: dict[str, Permit] = {}
        refused: Refusal | None = None
        for name, issuer in self.issuers.items():
            try:
                permits[name] = self._admit(request, issuer, at)
            except Refusal as why:
                refused = refused or why
        if refused and not permits:
            raise refused
        return permits

    def _issuer(self, name: str) -> Issuer:
        """Find an issuer; one that is not served is granted to nobody."""
        if name not in self.issuers:
            raise IssuerNotGranted
        return self.issuers[name]


def _places(
    catalog: Catalog, issuers: Sequence[Issuer], as_of: datetime | None
) -> list[tuple[bytes, str]]:
    """List the partitions of issuers; of then, those that are served no longer too."""
    served = [
        (each.identity.fingerprint, partition.name)
        for each in issuers
        for partition in each.partitions
    ]
    if as_of is None:
        return served
    granted = {each.identity.fingerprint for each in issuers}
    kept = {
        (issuer, partition)
        for issuer, partition in catalog.places()
        if issuer in granted and partition != COMPACT
    }
    return served + sorted(kept - set(served))


def _presented(request: web.Request) -> Presented:
    token = bearer_token(request.headers.get("Authorization"))
    return Presented(ip_address(request.remote or "::"), token=token)


def _moment(request: web.Request, now: datetime) -> datetime | None:
    """Read `at`, a time with its offset; None where there is none. Raises ValueError."""
    text = request.query.get("at")
    if text is None:
        return None
    with suppress(ValueError):
        at = datetime.fromisoformat(text.replace(" ", "+"))  # what a query makes of a bare +
        if at.tzinfo is not None and at <= now:
            return at.astimezone(UTC)
    raise ValueError("`at` is a time of the past with its offset: 2026-04-01T00:00+09:00")


def _number(request: web.Request, key: str) -> int:
    """Read the number of a set; raises ValueError."""
    text = request.query.get(key, "")
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise ValueError(f"`{key}` is the number of the set that is to be brought up to date")
    return int(text)
