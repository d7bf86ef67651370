"""The drivers: sync and async, their deadlines, and what fetches from where."""

import asyncio
from collections.abc import Generator, Sequence
from datetime import timedelta

import pytest

from support.judging import LIST, ONE, PKI, Bench, Net, crl
from support.sdk import AT
from tashika import Cause, Deadlines
from tashika.errors import SourceFailed
from tashika.path import PathCause, TrustAnchor
from tashika.status import (
    FetchLimits,
    Got,
    Judging,
    NamedBy,
    Want,
    WhenSilent,
    by_fetch,
    by_transport,
    drive,
    drive_async,
    judge,
)
from tashika.testing import Fault
from tashika.transport import Reply

BRISK = Deadlines(
    connect=timedelta(seconds=0.01), read=timedelta(seconds=0.01), total=timedelta(seconds=0.03)
)


class AsyncNet:
    """Fetches from a table as an event loop does; what is not there never answers."""

    def __init__(self, net: Net) -> None:
        self.net = net

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        if url not in self.net.pages:
            self.net.asked.append(url)
            await asyncio.Event().wait()
        return self.net.post(url, body, limit=limit)

    async def get(self, url: str, *, limit: int) -> Reply:
        return await self.post(url, b"", limit=limit)


def judging(bench: Bench) -> Judging:
    return judge(PKI.certificate, trust=[TrustAnchor.of(PKI.issuer)], at=AT, means=bench.means())


@pytest.mark.parametrize("fault", [None, Fault.BAD_SIGNATURE, Fault.TRY_LATER, Fault.DISCONNECT])
async def test_both_drivers_come_to_the_same_end(fault: Fault | None):
    reports = []
    for _ in range(2):
        bench = Bench()
        bench.net.pages |= {ONE: bench.answering(fault), LIST: b"noise"}
        reports.append((bench, judging(bench)))
    (one, first), (two, second) = reports
    now, later = (
        drive(first, by_fetch(one.net)),
        await drive_async(second, by_transport(AsyncNet(two.net))),
    )
    assert (now.cause, now.tried, one.net.asked) == (later.cause, later.tried, two.net.asked)
    assert bool(now) is (fault is None)


async def test_c12_a_hanging_source_costs_its_deadline_and_all_of_them_the_total():
    bench = Bench()
    report = await drive_async(judging(bench), by_transport(AsyncNet(bench.net), deadlines=BRISK))
    assert report.cause is PathCause.STATUS_MISSING
    assert [each.cause for each in report.tried] == [Cause.TIMED_OUT] * 2
    assert [each.source for each in report.tried] == [ONE, LIST]


async def test_c12_a_hanging_source_gives_way_to_the_next():
    bench = Bench()
    bench.net.pages[LIST] = crl()
    deadlines = Deadlines(connect=BRISK.connect, read=BRISK.read)
    assert await drive_async(judging(bench), by_transport(AsyncNet(bench.net), deadlines=deadlines))


@pytest.mark.parametrize("with_public", [False, True])
async def test_c9_urls_of_certificates_go_through_the_guarded_fetcher_alone(with_public: bool):  # noqa: FBT001 - parametrized
    wants = tuple(
        Want(url=f"http://{by.name}.test/", question=question, limit=9, named_by=by)
        for by in NamedBy
        for question in (b"question", None)
    )

    def asking() -> Generator[tuple[Want, ...], Sequence[Got], Sequence[Got]]:
        return (yield wants)

    trusted, public = Net({wants[0].url: b"trusted"}), Net({wants[2].url: b"public"})
    guarded = public if with_public else None
    got = [
        drive(asking(), by_fetch(trusted, public=guarded)),
        await drive_async(
            asking(),
            by_transport(AsyncNet(trusted), public=AsyncNet(public) if with_public else None),
        ),
    ]
    for each in got:
        assert each[:2] == [b"trusted"] * 2
        if with_public:
            assert each[2:] == [b"public"] * 2
        else:
            assert [f.cause for f in each[2:] if isinstance(f, SourceFailed)] == [
                Cause.ADDRESS_REFUSED
            ] * 2
    assert set(trusted.asked) == {wants[0].url}


def test_a_refused_address_is_no_silence():
    bench = Bench(when_silent=WhenSilent.TOLERATE, limits=FetchLimits(fetches=9))
    bench.net.pages |= dict.fromkeys((ONE, LIST), SourceFailed(Cause.ADDRESS_REFUSED))
    assert not drive(judging(bench), by_fetch(bench.net)).tolerated


def test_what_is_shown_of_a_want_names_no_path():
    want = Want(
        url="http://a.test/t/secret", question=None, limit=1, named_by=NamedBy.CONFIGURATION
    )
    assert "secret" not in repr(want)
    assert "a.test" in repr(want)
