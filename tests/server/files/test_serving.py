"""Files over HTTP: who may have which, what is sent, and what is in the journal of it."""

import io
import sqlite3
import tarfile
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import aiohttp
import pytest

from support import verifiers
from support.archive import came, openings
from support.counter import BANK, FILE, Counter
from support.crls import AT, DAY, HOUR, NAKA, NISHI, Ca
from tashika.pki.profile import Family
from tashika_server.agreements.terms import Grant, Method
from tashika_server.files.facts import Facts
from tashika_server.files.manifest import public_der, read_manifest
from tashika_server.files.packing import zstd
from tashika_server.metering.usage import Delivery, Occasion

OCSP = Grant(family=Family.USER_AUTH, method=Method.OCSP)
CRL = "/v1/files/crl"


def of(partition: str = NAKA, **more: str) -> dict[str, str]:
    return {"issuer": "user-auth-g3", "partition": partition, **more}


async def test_the_newest_crl_of_a_partition_is_given_and_recorded(counter: Counter, client: Any):
    counter.cellar.keep(1)
    body = counter.cellar.keep(2)
    reply = await client.get(CRL, params=of(), headers=BANK)
    assert (reply.status, await reply.read()) == (200, body)
    assert reply.headers["ETag"] == f'"{sha256(body).hexdigest()}"'
    assert counter.records == [(Occasion.FRESH, Delivery.HANDED_OVER, sha256(body).digest()[:16])]


async def test_the_crl_of_a_past_moment_is_the_one_of_then(counter: Counter, client: Any):
    first = counter.cellar.keep(1)
    counter.cellar.keep(2)
    at = came(1).isoformat()
    assert await (await client.get(CRL, params=of(at=at), headers=BANK)).read() == first
    before = (came(1) - HOUR).isoformat()
    assert (await client.get(CRL, params=of(at=before), headers=BANK)).status == 404


async def test_the_newest_crl_is_the_newest_though_the_clock_was_put_back(
    counter: Counter, client: Any, monkeypatch: pytest.MonkeyPatch
):
    """It ran a day ahead when number 30 came, and is right again when 31 does."""
    counter.cellar.keep(30)
    right = counter.clock.at = came(5)
    monkeypatch.setattr("support.archive.came", lambda _: right)
    for number in (30, 31):
        if number > 30:
            counter.cellar.keep(number)
        reply = await client.get(CRL, params=of(), headers=BANK)
        assert (reply.status, reply.headers["Tashika-Number"]) == (200, str(number))
        said = await (await client.get("/v1/files/manifest", headers=BANK)).json()
        assert [each["number"] for each in said["files"]] == [number]


async def test_a_time_may_be_written_as_it_is(counter: Counter, client: Any):
    """A bare + of an offset comes as a space."""
    first = counter.cellar.keep(1)
    counter.cellar.keep(2)
    at = came(1).isoformat().replace("+00:00", " 00:00")
    assert await (await client.get(CRL, params=of(at=at), headers=BANK)).read() == first


async def test_a_partition_that_is_served_no_more_is_in_what_was_known_then(
    counter: Counter, client: Any
):
    for name in (NAKA, NISHI):
        counter.cellar.keep(1, partition=name)
    (issuer,) = counter.provision.issuers.values()
    left = replace(issuer, partitions=issuer.partitions[:1])
    counter.provision.issuers[issuer.name] = left  # type: ignore[index]
    said = {}
    for when, params in (("then", {"at": came(1).isoformat()}), ("now", {})):
        reply = await client.get("/v1/files/manifest", params=params, headers=BANK)
        said[when] = [each["partition"] for each in (await reply.json())["files"]]
    assert said == {"then": [NAKA, NISHI], "now": [NAKA]}


async def test_a_file_of_two_issuers_is_had_by_who_may_have_either(counter: Counter, client: Any):
    """An indirect CRL: the row that came first is of an issuer that is not granted."""
    body = counter.cellar.keep(1)
    (ours,) = counter.provision.issuers.values()
    strange = Ca.found("g2").issuer({NAKA: "file:///x"}, name="other", family=Family.SIGNATURE)
    counter.provision.issuers["other"] = strange  # type: ignore[index]
    kept = counter.cellar.archive.find(sha256(body).digest())
    with sqlite3.connect(counter.cellar.archive.catalog._file) as rows:
        rows.execute("UPDATE place SET issuer = ?", (strange.identity.fingerprint,))
    counter.cellar.archive.keep(
        Facts(**{name: getattr(kept, name) for name in Facts.__slots__}),
        counter.cellar.directory / "spooled",
        at=came(1),
    )
    assert [each.issuer for each in counter.cellar.archive.catalog.by_content(kept.sha256)] == [
        strange.identity.fingerprint,
        ours.identity.fingerprint,
    ]
    reply = await client.get(f"/v1/files/content/{kept.sha256.hex()}", headers=BANK)
    assert (reply.status, await reply.read()) == (200, body)


async def test_a_manifest_is_signed_and_all_of_its_files_can_be_had(counter: Counter, client: Any):
    bodies = [counter.cellar.keep(1, partition=name) for name in (NAKA, NISHI)]
    reply = await client.get("/v1/files/manifest", headers=BANK)
    text, signature = await reply.read(), b64decode(reply.headers["Tashika-Signature"])
    said = read_manifest(text, signature, trusted=public_der(counter.key))
    for each, body in zip(said["files"], sorted(bodies, key=bodies.index), strict=True):
        got = await client.get(f"/v1/files/content/{each['sha256']}", headers=BANK)
        assert sha256(await got.read()).hexdigest() == each["sha256"]
        assert len(body) == each["size"]
    assert len(counter.records) == 2  # a manifest is no file


async def test_a_bundle_has_the_manifest_and_each_file_is_recorded_once(
    counter: Counter, client: Any
):
    bodies = {counter.cellar.keep(3, partition=name) for name in (NAKA, NISHI)}
    reply = await client.get("/v1/files/bundle", headers=BANK)
    assert reply.status == 200
    with tarfile.open(fileobj=io.BytesIO(await reply.read())) as tar:
        found = {each.name: each_file(tar, each) for each in tar}
    text, signature = found.pop("manifest.json"), found.pop("manifest.sig")
    said = read_manifest(text, signature, trusted=public_der(counter.key))
    assert {f"{each['sha256']}.crl" for each in said["files"]} == found.keys()
    assert set(found.values()) == bodies
    assert [each[:2] for each in counter.records] == [(Occasion.FRESH, Delivery.HANDED_OVER)] * 2


def each_file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


@pytest.mark.parametrize("params", [{}, {"at": came(4).isoformat()}])
async def test_a_bundle_of_all_issuers_opens_the_catalogue_once(
    counter: Counter, client: Any, params: dict[str, str]
):
    """A nation's has 11,000 partitions."""
    for name in (NAKA, NISHI):
        counter.cellar.keep(3, partition=name)
    with openings() as opened:
        reply = await client.get("/v1/files/bundle", params=params, headers=BANK)
        await reply.read()
    assert (reply.status, len(opened)) == (200, 1)


async def test_a_bundle_with_a_damaged_file_is_broken_off(counter: Counter, client: Any):
    for name in (NAKA, NISHI):
        counter.cellar.keep(1, partition=name)
    archive = counter.cellar.archive
    fingerprint = counter.cellar.source(NISHI).fingerprint
    (last,) = archive.catalog.of(fingerprint, NISHI)
    archive.packed(last).write_bytes(zstd.compress(b"another"))
    reply = await client.get("/v1/files/bundle", headers=BANK)
    with pytest.raises(aiohttp.ClientError):
        await reply.read()
    assert sorted(each[1] for each in counter.records) == [
        Delivery.HANDED_OVER,
        Delivery.ABANDONED,
    ]


async def test_who_has_it_already_is_told_so_and_nothing_is_recorded(counter: Counter, client: Any):
    counter.cellar.keep(1)
    etag = (await client.head(CRL, params=of(), headers=BANK)).headers["ETag"]
    reply = await client.get(CRL, params=of(), headers=BANK | {"If-None-Match": etag})
    assert (reply.status, await reply.read()) == (304, b"")
    counter.cellar.keep(2)
    reply = await client.get(CRL, params=of(), headers=BANK | {"If-None-Match": etag})
    assert reply.status == 200
    await reply.read()
    assert len(counter.records) == 1


async def test_zstd_is_sent_to_who_asks_for_it(counter: Counter, client: Any):
    body = counter.cellar.keep(1)
    reply = await client.get(CRL, params=of(), headers=BANK | {"Accept-Encoding": "gzip, zstd"})
    assert (reply.headers["Content-Encoding"], reply.headers["Vary"]) == ("zstd", "Accept-Encoding")
    assert zstd.decompress(await reply.read()) == body
    for declined in ("gzip", "zstd;q=0", "zstd; q=0.000", "zstandard"):
        plain = await client.get(CRL, params=of(), headers=BANK | {"Accept-Encoding": declined})
        assert await plain.read() == body


@pytest.mark.parametrize(
    ("wanted", "cut"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999", slice(5, None)),
    ],
)
async def test_a_part_is_sent_and_is_a_provision_whatever_it_leaves_out(
    counter: Counter, client: Any, wanted: str, cut: slice
):
    """All but the first octet, which every CRL has, would else cost nothing."""
    body = counter.cellar.keep(1)
    headers = BANK | {"Range": wanted, "Accept-Encoding": "zstd"}
    reply = await client.get(CRL, params=of(), headers=headers)
    assert (reply.status, await reply.read()) == (206, body[cut])
    first = range(len(body))[cut][0]
    last = range(len(body))[cut][-1]
    assert reply.headers["Content-Range"] == f"bytes {first}-{last}/{len(body)}"
    assert [each[0] for each in counter.records] == [Occasion.FRESH]


async def test_what_goes_on_with_a_part_is_no_new_provision(counter: Counter, client: Any):
    body, other = counter.cellar.keep(1), counter.cellar.keep(1, partition=NISHI)
    got = b""
    for wanted in ("bytes=0-9", "bytes=10-99", "bytes=100-"):
        reply = await client.get(CRL, params=of(), headers=BANK | {"Range": wanted})
        got += await reply.read()
    assert got == body
    reply = await client.get(CRL, params=of(NISHI), headers=BANK | {"Range": "bytes=10-"})
    assert await reply.read() == other[10:]
    counter.clock.advance(2 * DAY)
    await (await client.get(CRL, params=of(), headers=BANK | {"Range": "bytes=1-"})).read()
    fresh, retry = Occasion.FRESH, Occasion.RETRY
    assert [each[0] for each in counter.records] == [fresh, retry, retry, fresh, fresh]


async def test_what_goes_on_with_a_file_that_was_broken_off_is_the_provision(
    counter: Counter, client: Any
):
    body = counter.cellar.keep(1)
    file = counter.cellar.archive.find(sha256(body).digest())
    packed = counter.cellar.archive.packed(file)
    whole = packed.read_bytes()
    packed.write_bytes(zstd.compress(b"another"))
    assert (await client.get(CRL, params=of(), headers=BANK)).status == 500
    packed.write_bytes(whole)
    reply = await client.get(CRL, params=of(), headers=BANK | {"Range": "bytes=5-"})
    assert await reply.read() == body[5:]
    assert [each[:2] for each in counter.records] == [
        (Occasion.FRESH, Delivery.ABANDONED),
        (Occasion.FRESH, Delivery.HANDED_OVER),
    ]


async def test_a_part_of_another_file_is_the_whole_of_this_one(counter: Counter, client: Any):
    body = counter.cellar.keep(1)
    for headers in ({"Range": "bytes=5-", "If-Range": '"old"'}, {"Range": "bytes=1-2,5-6"}):
        reply = await client.get(CRL, params=of(), headers=BANK | headers)
        assert (reply.status, await reply.read()) == (200, body)
    beyond = await client.get(CRL, params=of(), headers=BANK | {"Range": f"bytes={len(body)}-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(body)}")
    none = await client.get(CRL, params=of(), headers=BANK | {"Range": "bytes=-0"})
    assert none.status == 416


# --- Who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "changes", "refused"),
    [
        ({}, {}, "401 no_credential"),
        ({"Authorization": "Bearer another"}, {}, "401 unknown_credential"),
        (BANK, {"grants": (OCSP,)}, "403 method_not_granted"),
        (
            BANK,
            {"grants": (Grant(family=Family.SIGNATURE, method=Method.FILE),)},
            "403 family_not_granted",
        ),
        (BANK, {"valid_to": AT}, "403 agreement_ended"),
        (
            BANK,
            {"halts": (verifiers.suspension(family=Family.USER_AUTH),)},
            "403 suspended",
        ),
    ],
)
async def test_without_an_agreement_for_files_nothing_is_given_or_recorded(
    counter: Counter, client: Any, headers: Any, changes: Any, refused: str
):
    body = counter.cellar.keep(1)
    counter.agree(verifiers.terms(**({"grants": (FILE,)} | changes)))
    content = f"/v1/files/content/{sha256(body).hexdigest()}"
    for path in (
        CRL,
        "/v1/files/manifest",
        "/v1/files/bundle",
        content,
        f"/v1/files/content/{'0' * 64}",
    ):
        reply = await client.get(path, params=of(), headers=headers)
        problem = await reply.json(content_type="application/problem+json")
        assert (reply.status, problem["type"]) == (
            int(refused[:3]),
            f"urn:tashika:problem:{refused[4:]}",
        )
        assert problem["ja"]["title"]
    assert counter.records == []


async def test_what_is_asked_for_wrongly_or_does_not_exist_is_said(counter: Counter, client: Any):
    counter.cellar.keep(1)
    for params, status in (
        (of(at="2026-04-01T00:00"), 400),
        (of(at="yesterday"), 400),
        (of(at="2999-01-01T00:00Z"), 400),
        (of("no such partition"), 404),
        ({"issuer": "nobody"}, 403),
    ):
        assert (await client.get(CRL, params=params, headers=BANK)).status == status
    unknown = await client.get(f"/v1/files/content/{'0' * 64}", headers=BANK)
    assert unknown.status == 404


async def test_a_damaged_file_is_not_given(counter: Counter, client: Any):
    body = counter.cellar.keep(1)
    archive = counter.cellar.archive
    archive.packed(archive.find(sha256(body).digest())).write_bytes(zstd.compress(b"another"))
    reply = await client.get(CRL, params=of(), headers=BANK)
    assert reply.status == 500
    assert [each[1] for each in counter.records] == [Delivery.ABANDONED]


async def test_while_nothing_can_be_journalled_no_file_is_given(counter: Counter, client: Any):
    counter.cellar.keep(1)
    counter.group.end()
    reply = await client.get(CRL, params=of(), headers=BANK)
    assert reply.status == 503
