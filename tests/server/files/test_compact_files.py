"""Compact sets from the index to a verifier without a network: made, kept, fetched, in use."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from support import verifiers
from support.counter import BANK, FILE, Counter
from support.crls import AT, DAY, NAKA, NISHI
from support.dying import run
from tashika import AsyncClient, BearerToken
from tashika.cli import main as tashika
from tashika.compact import (
    CompactFile,
    CompactRefused,
    CompactSet,
    Fault,
    Listing,
    Trust,
    fetching,
)
from tashika.compact.fetching import Provider, update
from tashika.pki.standing import Reason, Revoked, Standing
from tashika_server.agreements.compromise_file import Compromised, write_compromises
from tashika_server.assembly.archiving import archive_of
from tashika_server.certificate_file import read_private_key
from tashika_server.compact import SetSigner
from tashika_server.config import load_config
from tashika_server.files.archive import Archive
from tashika_server.files.compact_sets import CompactPress
from tashika_server.files.facts import COMPACT, Kind
from tashika_server.files.verifying import verify
from tashika_server.index import Changes, Entry, IndexReader, Mark
from tashika_server.metering.usage import Delivery, Occasion

HELD, OLD, GOOD = 5, 7, 9
SET, DELTA = "/v1/files/compact", "/v1/files/compact-delta"
OF = {"issuer": "user-auth-g3"}


class Works:
    """The operator's index and counter, and a verifier far from both."""

    def __init__(self, counter: Counter) -> None:
        self.counter, self.archive = counter, counter.cellar.archive
        (self.issuer,) = counter.cellar.config.issuers
        self.fingerprint = self.issuer.identity.fingerprint
        self.theirs = counter.cellar.directory / "theirs.tset"
        self.trust = Trust(issuer=self.issuer.certificate, signers=(counter.key.public_key(),))
        self.number, self.url = 0, ""
        counter.writer.expect(self.fingerprint, [NAKA, NISHI])
        self.take_in(Entry(HELD, self.now - DAY, Reason.CERTIFICATE_HOLD))
        self.take_in(Entry(OLD, self.now - 3 * DAY), partition=NISHI)

    @property
    def now(self) -> datetime:
        return self.counter.clock.now()

    def take_in(self, *added: Entry, partition: str = NAKA) -> None:
        self.number += 1
        mark = Mark(
            number=self.number,
            this_update=self.now - timedelta(minutes=1),
            next_update=self.now + 2 * DAY,
            sha256=bytes(32),
            entries=len(added),
            etag=None,
            last_modified=None,
        )
        self.counter.writer.publish(self.fingerprint, partition, Changes(added=added), mark)

    def publish(self) -> None:
        self.counter.provision.compact.press.publish(self.issuer, None, at=self.now)

    def declare(self, *since: datetime) -> None:
        found = [Compromised(id="K-000001", fingerprint=self.fingerprint, since=s) for s in since]
        write_compromises(self.counter.compromises, found)

    async def update(self) -> int:
        """Bring the verifier up to date and return the number that is reached."""
        token = BearerToken("bank-token")
        provider = Provider(url=self.url, issuer="user-auth-g3", token=token)
        with await update(self.theirs, provider, trust=self.trust, at=self.now) as found:
            return found.head.number

    def say(self, *serials: int) -> list[Listing]:
        with CompactSet.open(self.theirs, trust=self.trust, at=self.now) as found:
            return [found.find(serial) for serial in serials]

    @property
    def kept(self) -> list[tuple[Kind, int]]:
        rows = self.archive.catalog.of(self.fingerprint, COMPACT)
        return [(each.kind, each.number) for each in rows]

    @property
    def provided(self) -> int:
        records = self.counter.records
        assert {each[:2] for each in records} <= {(Occasion.FRESH, Delivery.HANDED_OVER)}
        return len(records)


@pytest.fixture
async def works(counter: Counter) -> AsyncIterator[Works]:
    assert await counter.group.begin()
    application = web.Application()
    counter.provision.add_routes(application.router)
    async with TestServer(application) as server:
        works = Works(counter)
        works.url = str(server.make_url("/"))
        yield works


async def test_a_revocation_reaches_a_verifier_by_set_and_delta(works: Works):
    works.publish()
    assert await works.update() == 1
    assert works.say(HELD, OLD, 8) == [Listing.HELD, Listing.REVOKED, Listing.UNKNOWN]
    works.take_in(Entry(8, works.now))
    works.publish()
    assert await works.update() == 2
    assert works.say(8) == [Listing.REVOKED]
    newest = works.archive.catalog.newest_set(works.fingerprint)
    assert newest is not None
    assert works.theirs.read_bytes() == b"".join(works.archive.content(newest))
    assert await works.update() == 2
    assert works.provided == 2  # the set and the delta; that nothing is new is no provision


async def test_who_is_far_behind_or_elsewhere_takes_the_set_whole(
    works: Works, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetching, "_MOST_DELTAS", 2)
    for reached, fetched in ((1, 1), (3, 2), (6, 1)):
        while not works.kept or works.kept[-1][1] < reached:
            works.publish()
        before = works.counter.given
        assert await works.update() == reached
        assert works.counter.given - before == fetched
    works.theirs.write_bytes(b"something else")
    assert await works.update() == 6


async def test_a_set_that_is_damaged_in_place_is_fetched_anew(works: Works):
    works.publish()
    await works.update()
    works.publish()
    left = works.theirs.with_name(f".{works.theirs.name}.killed.fetched")
    left.mkdir()
    for _ in range(2):  # one that is behind, and one of the newest number
        damaged = bytearray(works.theirs.read_bytes())
        damaged[-1] ^= 1
        works.theirs.write_bytes(damaged)
        assert await works.update() == 2
        assert works.say(OLD) == [Listing.REVOKED]
    assert not left.exists()  # what a killed process left goes


async def test_the_command_fetches_and_says_why_it_may_not(
    works: Works, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    works.counter.clock.advance(datetime.now(UTC) - works.now)
    while_it_runs = {"valid_from": works.now - DAY, "valid_to": works.now + DAY}
    works.counter.agree(verifiers.terms(grants=(FILE,), **while_it_runs))
    works.counter.clock.advance(timedelta(minutes=-2))
    for partition in (NAKA, NISHI):
        works.take_in(partition=partition)
    works.publish()
    signer, token, place = tmp_path / "signer", tmp_path / "token", tmp_path / "commanded.tset"
    spki = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    signer.write_bytes(works.counter.key.public_key().public_bytes(*spki))
    whom = ["--issuer", str(tmp_path / "ca.pem"), "--signer", str(signer)]
    where = ["--url", works.url, "--name", "user-auth-g3", "--token-file", str(token)]
    fetch = ["compact", "update", str(place), *whom, *where]
    for secret, status in (("bank-token", 0), ("another", 1)):
        token.write_text(secret)
        assert await asyncio.to_thread(tashika, fetch) == status
    said = capsys.readouterr()
    assert "number       1, user-auth\n" in said.out
    assert said.err.startswith("tashika: declined: HTTP 401. ")


async def test_only_an_agreement_for_files_opens_them(works: Works):
    works.publish()
    works.counter.agree(verifiers.terms())
    with pytest.raises(CompactRefused) as refused:
        await works.update()
    assert refused.value.fault is Fault.DECLINED
    works.counter.agree(verifiers.terms(grants=(FILE,)))
    works.url = "http://127.0.0.1:1/"
    with pytest.raises(CompactRefused) as refused:
        await works.update()
    assert refused.value.fault is Fault.UNREACHABLE
    assert works.provided == 0


async def test_sets_and_deltas_are_files_as_any(client: Any, counter: Counter):
    works = Works(counter)
    none = await client.get(SET, params=OF, headers=BANK)
    assert none.status == 404
    works.publish()
    works.publish()
    whole = await client.get(SET, params=OF, headers=BANK)
    body, etag = await whole.read(), whole.headers["ETag"]
    assert (whole.headers["Tashika-Number"], whole.content_type) == (
        "2",
        "application/octet-stream",
    )
    again = await client.get(SET, params=OF, headers=BANK | {"If-None-Match": etag})
    assert again.status == 304
    part = await client.get(SET, params=OF, headers=BANK | {"Range": "bytes=10-"})
    assert (part.status, await part.read()) == (206, body[10:])
    delta = await client.get(DELTA, params=OF | {"base": "1"}, headers=BANK)
    assert (delta.status, delta.headers["Tashika-Number"]) == (200, "2")
    await delta.read()
    for base, status in (("2", 404), ("x", 400)):
        reply = await client.get(DELTA, params=OF | {"base": base}, headers=BANK)
        assert reply.status == status
        assert "int()" not in await reply.text()
    for path in (SET, DELTA):
        assert (await client.get(path, params=OF)).status == 401
    assert [each[0] for each in counter.records] == [
        Occasion.FRESH,
        Occasion.RETRY,
        Occasion.FRESH,
    ]
    assert list(verify(works.archive)) == []


async def test_a_set_that_has_run_out_is_neither_given_nor_charged(client: Any, counter: Counter):
    """No timer made another: it is made for the first that asks, once there are CRLs for it."""
    works = Works(counter)
    works.publish()
    counter.clock.advance(3 * DAY)
    counter.agree(verifiers.terms(grants=(FILE,)))
    late = await client.get(SET, params=OF, headers=BANK)
    assert (late.status, (await late.json())["type"]) == (503, "urn:tashika:problem:not-made")
    for name in (NAKA, NISHI):
        works.take_in(partition=name)
    fresh = await client.get(SET, params=OF, headers=BANK)
    assert (fresh.status, fresh.headers["Tashika-Number"]) == (200, "2")
    await fresh.read()
    assert works.provided == 1


# --- A compromised key -----------------------------------------------------------------------


async def standing(in_use: CompactFile, works: Works, serial: int) -> Standing | None:
    """Ask a client that has a set in use about a certificate."""
    ca = works.counter.cellar.ca
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a person")])
    builder = x509.CertificateBuilder(
        ca.certificate.subject, name, ca.key.public_key(), serial, AT - DAY, AT + 900 * DAY
    )
    async with AsyncClient(in_use, clock=lambda: works.now) as client:
        report = await client.check(builder.sign(ca.key, SHA256()), ca.certificate)
    return report.standing


async def test_a_compromise_revokes_everything_in_a_set_in_use(works: Works):
    works.publish()
    await works.update()
    in_use = CompactFile(works.theirs, trust=works.trust, at=works.now)
    since = works.now - 2 * DAY
    works.declare(since)
    assert await works.update() == 2  # nobody has published: it is made for the first that asks
    assert await standing(in_use, works, GOOD) == Revoked(since, Reason.CA_COMPROMISE)
    # A hold is final, as of the declared time, which is earlier; an earlier revocation stays.
    assert await standing(in_use, works, HELD) == Revoked(since, Reason.CA_COMPROMISE)
    assert await standing(in_use, works, OLD) == Revoked(works.now - 3 * DAY)
    assert await works.update() == 2
    works.counter.clock.advance(timedelta(hours=13))
    assert await works.update() == 3  # renewed before it runs out
    works.declare()
    assert await works.update() == 4
    assert works.say(HELD, GOOD) == [Listing.HELD, Listing.UNKNOWN]


async def test_under_a_compromised_key_neither_stale_nor_missing_lists_hold_a_set_back(
    works: Works,
):
    works.publish()
    works.counter.clock.advance(3 * DAY)
    works.counter.agree(verifiers.terms(grants=(FILE,)))
    works.declare(works.now - DAY)
    assert await works.update() == 2
    assert works.say(GOOD) == [Listing.COMPROMISED]


async def test_while_nobody_can_tell_of_compromises_no_set_is_given(works: Works):
    works.publish()
    works.counter.compromises.unlink()
    with pytest.raises(CompactRefused, match="HTTP 500"):
        await works.update()
    assert works.provided == 0


# --- The end of the process ------------------------------------------------------------------


def publish_until(directory: Path, nth: int) -> None:
    """Publish, and die by SIGKILL where the nth of set and delta would be kept."""
    config, calls, real = load_config(directory / "tashika.toml"), itertools.count(1), Archive.keep

    def keep(archive: Archive, *args: Any, **named: Any) -> None:
        if next(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        real(archive, *args, **named)

    with patch.object(Archive, "keep", keep):
        CompactPress(
            archive=archive_of(config),
            index=IndexReader.open(config.settings.index.path),
            signer=SetSigner(read_private_key(directory / "ledger.key")),
        ).publish(config.issuers[0], None, at=AT + DAY + timedelta(minutes=2))


@pytest.mark.parametrize(("nth", "reached"), [(1, 1), (2, 2)])
def test_a_kill_while_publishing_leaves_a_set_to_go_on_from(
    counter: Counter, nth: int, reached: int
):
    """Before the set is kept, and between the set and its delta."""
    works = Works(counter)
    works.publish()
    assert run(publish_until, counter.cellar.directory, nth) == -signal.SIGKILL
    assert works.kept == [(Kind.COMPACT_SET, number) for number in range(1, reached + 1)]
    works.publish()
    assert works.kept[-2:] == [
        (Kind.COMPACT_SET, reached + 1),
        (Kind.COMPACT_DELTA, reached + 1),
    ]
    assert list(verify(works.archive)) == []
    assert list((counter.cellar.directory / "archive" / "making").iterdir()) == []
