"""The meter: what of an answer is noted, what a retry is, and when nothing may be answered."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.clock import FakeClock
from support.journal import AT, BEGINNING, FrailDisk, How, Worker
from tashika.pki.certid import CertId
from tashika.pki.profile import Family
from tashika.pki.pseudonym import derive_key, pseudonym
from tashika.pki.receipt import Receipt, StandingCode
from tashika.pki.response import ResponseStatus
from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown
from tashika_server.agreements.gate import Permit
from tashika_server.agreements.terms import Environment, Method, Purpose
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.meter import Meter, Noted, NotJournalled, standing_code
from tashika_server.metering.reading import read_page
from tashika_server.metering.repeats import Repeats
from tashika_server.metering.roster import stream_directory
from tashika_server.metering.usage import Context, Delivery, Occasion, Usage, microseconds
from tashika_server.signing import NEVER_ISSUED

MASTER, FINGERPRINT, NONCE = bytes(range(32)), bytes(range(32, 64)), bytes(32)
NAMES = 8
PERMIT = Permit(
    verifier="V-000007",
    agreement="A-000003",
    version=2,
    credential="C-000009",
    holder=None,
    environment=Environment.TEST,
    family=Family.SIGNATURE,
    issuer="signature-g3",
    method=Method.OCSP,
    purpose=Purpose.SIGNATURE_VERIFICATION,
)


def cert_id(serial: int) -> CertId:
    return CertId("sha256", bytes(32), bytes(32), serial, b"")


class Till:
    """A meter with its journal, and what stands in the journal by now."""

    def __init__(self, root: Path) -> None:
        self.worker = Worker(root / "journal", FrailDisk())
        self.group = GroupCommit(self.worker.begin, clock=FakeClock(AT))
        self.repeats = Repeats.open(root, entries=1024)
        self.meter = Meter(
            group=self.group,
            master=MASTER,
            fingerprints={"signature-g3": FINGERPRINT},
            repeats=self.repeats,
            most_names=NAMES,
        )

    def note(
        self,
        *serials: int,
        permit: Permit = PERMIT,
        nonce: bytes | None = NONCE,
        at: datetime = AT,
        occasion: Occasion = Occasion.FRESH,
    ) -> Noted:
        return self.meter.note(
            permit,
            list(map(cert_id, serials)),
            [Good()] * len(serials),
            nonce=nonce,
            generation=12,
            at=at,
            occasion=occasion,
        )

    def give(self, *serials: int, nonce: bytes | None = NONCE, at: datetime = AT) -> None:
        self.meter.settle(self.note(*serials, nonce=nonce, at=at), Delivery.HANDED_OVER)

    def usages(self) -> tuple[Usage, ...]:
        self.worker.own.end()
        self.worker.crash()
        directory = stream_directory(self.worker.root, self.worker.own.stream)
        return read_page(directory, BEGINNING).usages


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    till = Till(tmp_path)
    assert await till.group.begin()
    yield till
    till.repeats.close()


async def test_an_answer_is_noted_with_all_that_a_bill_may_ask_and_no_serial(till: Till) -> None:
    noted = till.note(123456789, at=AT + timedelta(microseconds=7))
    await till.meter.commit(noted)
    till.meter.settle(noted, Delivery.HANDED_OVER)
    assert till.usages() == (
        Usage(
            sequence=0,
            context=Context(
                verifier="V-000007",
                holder="",
                agreement="A-000003",
                version=2,
                family="signature",
                issuer="signature-g3",
                fingerprint=FINGERPRINT,
                method="ocsp",
                purpose="signature-verification",
            ),
            standing=StandingCode.GOOD,
            occasion=Occasion.FRESH,
            delivery=Delivery.HANDED_OVER,
            generation=12,
            pseudonym=pseudonym(derive_key(MASTER, "V-000007"), FINGERPRINT, 123456789),
            at=microseconds(AT) + 7,
        ),
    )


async def test_an_answer_about_several_certificates_is_as_many_records(till: Till) -> None:
    till.give(1)
    noted = till.note(2, 3, 4)
    assert (noted.first, noted.certificates) == (1, 3)
    assert noted.receipt == Receipt(till.worker.own.stream, 1)
    assert [each.sequence for each in till.usages()] == [0, 1, 2, 3]


async def test_holders_and_agreements_are_contexts_of_their_own(till: Till) -> None:
    permits = [
        PERMIT,
        replace(PERMIT, holder="H-000001"),
        replace(PERMIT, verifier="V-000008", agreement="A-000004"),
        replace(PERMIT),
    ]
    for each in permits * 2:
        till.note(1, permit=each)
    found = till.usages()
    assert len({each.context for each in found}) == 3
    assert len({each.pseudonym for each in found}) == 2
    assert found[1].context.holder == "H-000001"


async def test_an_answer_bears_the_time_of_the_journal_in_whole_seconds(till: Till) -> None:
    late = AT + timedelta(seconds=1, milliseconds=900)
    assert till.note(1, at=late).produced_at == AT + timedelta(seconds=1)
    behind = till.note(2, at=AT + timedelta(milliseconds=100))
    assert behind.produced_at == AT + timedelta(seconds=1)
    assert [each.at for each in till.usages()] == [microseconds(late)] * 2


@pytest.mark.parametrize(
    ("standing", "code"),
    [
        (Good(), StandingCode.GOOD),
        (Revoked(AT, Reason.KEY_COMPROMISE), StandingCode.REVOKED),
        (Revoked(AT), StandingCode.REVOKED),
        (Revoked(AT, Reason.CERTIFICATE_HOLD), StandingCode.HELD),
        (Revoked(datetime(1970, 1, 1, tzinfo=UTC)), StandingCode.REVOKED),
        (NEVER_ISSUED, StandingCode.NEVER_ISSUED),
        (Unknown(), StandingCode.UNKNOWN),
    ],
)
def test_every_standing_has_its_code(standing: Standing, code: StandingCode) -> None:
    assert standing_code(standing) is code


# --- Retries ----------------------------------------------------------------------------------


async def test_the_same_nonce_about_the_same_certificate_again_is_a_retry(till: Till) -> None:
    till.give(1)
    till.give(1)
    till.give(1, at=AT + timedelta(seconds=61))
    till.give(1, nonce=bytes([1]) * 32)
    till.give(1, nonce=None)
    till.give(1, nonce=None)
    till.give(2, 1)
    fresh, retry = Occasion.FRESH, Occasion.RETRY
    assert [each.occasion for each in till.usages()] == [
        *(fresh, retry, fresh, fresh, fresh, fresh),
        *(fresh, retry),
    ]


async def test_a_nonce_used_for_ever_is_not_a_retry_for_ever(till: Till) -> None:
    for second in range(0, 180, 20):
        till.give(1, at=AT + timedelta(seconds=second))
    occasions = [each.occasion for each in till.usages()]
    assert [number for number, each in enumerate(occasions) if each is Occasion.FRESH] == [0, 4, 8]


async def test_t39_what_was_not_delivered_makes_no_retry_of_the_second_attempt(till: Till) -> None:
    abandoned = till.note(1)
    till.meter.settle(abandoned, Delivery.ABANDONED)
    lost = till.note(1)
    till.worker.disk.break_at(1, How.FAILS_UNDONE)
    with pytest.raises(NotJournalled):
        await till.meter.commit(lost)
    assert await till.group.begin()
    till.give(1)
    (only,) = till.usages()
    assert (only.occasion, only.delivery) == (Occasion.FRESH, Delivery.HANDED_OVER)


async def test_cached_and_replayed_answers_stay_what_they_are(till: Till) -> None:
    till.give(1)
    for occasion in (Occasion.CACHED, Occasion.REPLAY):
        noted = till.note(1, occasion=occasion)
        assert noted.fresh == ()
        till.meter.settle(noted, Delivery.HANDED_OVER)
    assert [each.occasion.name for each in till.usages()] == ["FRESH", "CACHED", "REPLAY"]


async def test_what_is_given_again_has_the_pseudonym_of_its_verifier_each_time(till: Till) -> None:
    other = replace(PERMIT, verifier="V-000008")
    for permit in (PERMIT, other, PERMIT, other):
        till.note(1, 2, permit=permit, nonce=None, occasion=Occasion.CACHED)
    keys = [derive_key(MASTER, each.verifier) for each in (PERMIT, other)]
    expected = [pseudonym(key, FINGERPRINT, serial) for key in keys for serial in (1, 2)]
    assert [each.pseudonym for each in till.usages()] == 2 * expected


async def test_few_pseudonyms_are_remembered(till: Till) -> None:
    for serial in range(NAMES + 1):
        till.note(serial, nonce=None, occasion=Occasion.CACHED)
        assert 0 < len(till.meter._names) <= NAMES
    assert len({each.pseudonym for each in till.usages()}) == NAMES + 1


# --- No journal, no answer --------------------------------------------------------------------


async def test_t32_without_a_journal_everything_is_try_later(till: Till) -> None:
    waiting = till.note(1)
    till.worker.disk.break_at(1, How.FULL_HALFWAY)
    with pytest.raises(NotJournalled) as refused:
        await till.meter.commit(waiting)
    assert refused.value.reply.ocsp is ResponseStatus.TRY_LATER
    assert refused.value.reply.metric == "not_journalled"
    with pytest.raises(NotJournalled):
        till.note(2)
    till.meter.settle(waiting, Delivery.ABANDONED)  # of no consequence, and no trouble


async def test_a_permit_known_from_an_earlier_stream_is_declared_in_the_next(till: Till) -> None:
    till.give(1)
    till.worker.disk.break_at(1, How.FAILS_UNDONE)
    with pytest.raises(NotJournalled):
        await till.meter.commit(till.note(2))
    assert await till.group.begin()
    await till.meter.commit(till.note(3))
    assert [each.context.verifier for each in till.usages()] == ["V-000007"]


async def test_a_callback_hears_of_the_commit_as_a_task_does(till: Till) -> None:
    told = asyncio.get_running_loop().create_future()
    till.meter.on_commit(till.note(1), told.set_result)
    assert await told is None
    till.worker.disk.break_at(2, How.FAILS_DONE)
    failed = asyncio.get_running_loop().create_future()
    till.meter.on_commit(till.note(1), failed.set_result)
    assert await failed is not None
