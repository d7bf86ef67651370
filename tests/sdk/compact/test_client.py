"""A client that asks compact sets and responders, in the order they are given."""

import errno
import os
from pathlib import Path

import pytest

from support.compact import DAY, PKI, PRESS, TRUST, Press, held, opened, revoked
from support.sdk import AT, Bench
from tashika import AsyncClient, Cause, Client, Status
from tashika.asking import LocalSource
from tashika.compact import CompactFile
from tashika.pki.certid import IssuerIdentity
from tashika.pki.compact.head import Otherwise
from tashika.testing import FakeResponder

URL = "http://one.test/"
SERIAL = PKI.certificate.serial_number


class Party(Bench):
    """A relying party whose responder and compact sets speak for the same issuer."""

    def __init__(self) -> None:
        super().__init__()
        self.responder = FakeResponder(pki=PKI, clock=self.clock.now)
        self.pki = PKI

    async def check(self, *sources: LocalSource | str) -> tuple[Cause, str | None, int]:
        """Return cause and source of the report, and how often the responder was asked."""
        asked = len(self.responder.asked)
        client = AsyncClient(*sources, transport=self.responder, clock=self.clock.now)
        report = await client.check(PKI.certificate, PKI.issuer)
        return report.cause, report.source, len(self.responder.asked) - asked


async def test_a_set_alone_answers_without_a_network(tmp_path: Path) -> None:
    here = Party()
    for entries, cause in (
        ([], Cause.GOOD),
        ([revoked(SERIAL)], Cause.REVOKED),
        ([held(SERIAL)], Cause.ON_HOLD),
    ):
        compact = opened(tmp_path / "set", PRESS.print(entries))
        assert await here.check(compact) == (cause, compact.source, 0)
    compact = opened(tmp_path / "set", PRESS.print([], [(1, 2)]))
    assert await here.check(compact) == (Cause.NEVER_ISSUED, compact.source, 0)


async def test_whoever_comes_first_is_asked_first(tmp_path: Path) -> None:
    here, compact = Party(), opened(tmp_path / "set", PRESS.print([revoked(SERIAL)]))
    assert await here.check(compact, URL) == (Cause.REVOKED, compact.source, 0)
    assert await here.check(URL, compact) == (Cause.GOOD, URL, 1)


async def test_what_a_set_cannot_tell_is_asked_of_the_next(tmp_path: Path) -> None:
    here = Party()
    silent = Press(changes={"otherwise": Otherwise.UNKNOWN}).print()
    compact = opened(tmp_path / "set", silent)
    assert await here.check(compact, URL) == (Cause.GOOD, URL, 1)
    assert await here.check(compact) == (Cause.UNKNOWN, compact.source, 0)
    here.clock.advance(2 * DAY)
    assert await here.check(compact, URL) == (Cause.GOOD, URL, 1)
    assert (await here.check(compact))[0] is Cause.STALE


async def test_sets_of_several_issuers_stand_side_by_side(tmp_path: Path) -> None:
    here, other = Party(), PKI.namesake()
    ours = opened(tmp_path / "ours", PRESS.print())
    identity = IssuerIdentity.of(other.issuer).fingerprint
    press = Press(signer=other.ca, changes={"issuer": identity})
    theirs = opened(tmp_path / "theirs", press.print([revoked(SERIAL)]), issuer=other.issuer)
    assert await here.check(theirs, ours) == (Cause.GOOD, ours.source, 0)
    assert (await here.check(theirs))[0] is Cause.OTHER_CERTIFICATE


def test_the_client_for_threads_takes_sets_too(tmp_path: Path) -> None:
    here, compact = Party(), opened(tmp_path / "set", PRESS.print([revoked(SERIAL)]))
    with Client(compact, clock=here.clock.now) as client:
        report = client.check(PKI.certificate, PKI.issuer)
    assert report.status is Status.REVOKED
    assert "set" not in repr(report)


async def test_a_service_takes_up_what_is_written_into_its_file_if_it_is_whole(
    tmp_path: Path,
) -> None:
    here, path = Party(), tmp_path / "set"
    path.write_bytes(PRESS.print())
    file = CompactFile(path, trust=TRUST, at=AT)
    for number, (data, cause) in enumerate(
        ((b"half", Cause.MALFORMED), (PRESS.print([revoked(SERIAL)], number=3), Cause.REVOKED))
    ):
        path.write_bytes(data)
        os.utime(path, (number, number))
        assert (await here.check(file))[0] is cause


async def test_a_set_that_cannot_be_read_for_a_moment_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here, path = Party(), tmp_path / "set"
    path.write_bytes(PRESS.print())
    file = CompactFile(path, trust=TRUST, at=AT)
    (tmp_path / "fresh").write_bytes(PRESS.print([revoked(SERIAL)], number=2))
    (tmp_path / "fresh").replace(path)
    with monkeypatch.context() as without:
        without.setattr("tashika.compact.mapped.mmap", no_memory)
        for _ in range(2):
            assert (await here.check(file))[0] is Cause.GOOD
    assert [each.message for each in caplog.records if "not taken up" in each.message] == [
        *(each.message for each in caplog.records[:1])
    ]
    assert (await here.check(file))[0] is Cause.REVOKED


def no_memory(*_: object, **__: object) -> None:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


async def test_a_service_that_runs_on_takes_up_what_is_put_in_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here, path = Party(), tmp_path / "set"

    def put(data: bytes) -> None:
        (tmp_path / "fresh").write_bytes(data)
        (tmp_path / "fresh").replace(path)

    put(PRESS.print())
    file = CompactFile(path, trust=TRUST, at=AT)
    assert (await here.check(file))[0] is Cause.GOOD
    put(PRESS.print([revoked(SERIAL)], number=3))
    assert (await here.check(file))[0] is Cause.REVOKED
    for worse, why in ((PRESS.print(number=2), "rollback"), (b"broken", "truncated")):
        put(worse)
        assert (await here.check(file))[0] is Cause.REVOKED
        assert why in caplog.records[-1].getMessage()
    path.unlink()
    assert (await here.check(file))[0] is Cause.REVOKED
    put(PRESS.print(number=4))
    assert (await here.check(file))[0] is Cause.GOOD
