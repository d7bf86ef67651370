"""Many certificates in few questions, each as strictly as alone."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509

from support.party import ONE, TWO, Party, serials
from tashika import BatchLimits, CachePolicy, Cause, Client, Deadlines, Policy, Reply, Status
from tashika.errors import WrongUse
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.request import build_request, parse_request
from tashika.testing import FakeResponder, Fault
from tashika.testing.encode import refuse


class Counting:
    """A transport that notes what is asked about, and may answer as an odd responder does."""

    def __init__(
        self, here: Party, odd: Callable[[FakeResponder, str, bytes], bytes | None] | None = None
    ) -> None:
        self.asked: list[tuple[str, list[int]]] = []
        self.under_way = self.most = 0
        self.busy = asyncio.Event()
        self._here, self._odd = here, odd

    @property
    def sizes(self) -> list[int]:
        return [len(each) for _, each in self.asked]

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        self.asked.append((url, serials(body)))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == BatchLimits().at_once:
            self.busy.set()
        await asyncio.sleep(0)
        self.under_way -= 1
        odd = self._odd(self._here.responder, url, body) if self._odd else None
        return Reply(odd) if odd else await self._here.responder.post(url, body, limit=limit)


def counting(
    *urls: str,
    odd: Callable[[FakeResponder, str, bytes], bytes | None] | None = None,
    policy: Policy | None = None,
) -> tuple[Party, Counting]:
    here = Party(*urls, policy=policy)
    lines = Counting(here, odd)
    here.client = here.another(transport=lines)
    return here, lines


async def test_a_batch_takes_a_sixteenth_of_the_questions_and_keeps_its_order() -> None:
    here, lines = counting()
    certificates = here.issue(100)
    for each in certificates[::3]:
        here.responder.revoke(each)
    reports = await here.client.check_many(certificates, here.pki.issuer)
    assert [bool(each) for each in reports] == [bool(each % 3) for each in range(100)]
    assert sorted(lines.sizes) == [4, *[16] * 6]
    assert sorted(each for _, one in lines.asked for each in one) == [*range(1000, 1100)]


def test_the_face_for_threads_does_the_same() -> None:
    here = Party()
    certificates = here.issue(20)
    here.responder.revoke(certificates[7])
    told: list[tuple[int, int]] = []
    with Client(ONE, transport=here.responder, clock=here.clock.now) as client:
        reports = client.check_many(
            certificates, here.pki.issuer, progress=lambda done, of: told.append((done, of))
        )
    assert [index for index, each in enumerate(reports) if not each] == [7]
    assert told == [(each, 20) for each in range(1, 21)]


async def test_every_certificate_fails_for_itself() -> None:
    here, lines = counting()
    good, revoked, lost, *_ = here.issue(3)
    stranger = here.pki.namesake().issue("Stranger").certificate
    old = here.pki.issue("Old", ends=-timedelta(days=1)).certificate
    here.responder.revoke(revoked)
    here.responder.forget(lost)
    given = [good, b"rubbish", revoked, stranger, old, lost, good]
    causes = [each.cause for each in await here.client.check_many(given, here.pki.issuer)]
    assert causes == [
        Cause.GOOD,
        Cause.CERTIFICATE_MALFORMED,
        Cause.REVOKED,
        Cause.NOT_ISSUED_BY_ISSUER,
        Cause.EXPIRED,
        Cause.UNKNOWN,
        Cause.GOOD,
    ]
    assert lines.sizes == [3]


async def test_what_one_source_does_not_know_the_next_is_asked() -> None:
    def odd(responder: FakeResponder, url: str, body: bytes) -> bytes | None:
        if url == TWO:
            responder.release(known)
        return responder.answer(body)

    here, lines = counting(ONE, TWO, odd=odd)
    certificates = here.issue(5)
    known = certificates[2]
    here.responder.forget(known)
    reports = await here.client.check_many(certificates, here.pki.issuer)
    assert [each.source for each in reports] == [ONE, ONE, TWO, ONE, ONE]
    assert lines.asked[1] == (TWO, [1002])


@pytest.mark.parametrize("fault", [*Fault])
async def test_c1_t23_a_fault_is_never_good_in_a_batch(fault: Fault) -> None:
    """A contradiction about the first says nothing of its neighbours."""
    quick = timedelta(seconds=0.05)
    deadlines = Deadlines(connect=quick, read=quick, total=quick * 3)
    here, _ = counting(policy=Policy(deadlines=deadlines))
    here.responder.order(fault)
    first, *others = await here.client.check_many(here.issue(5)[::2], here.pki.issuer)
    assert first.status is Status.UNDETERMINED
    if fault is not Fault.CONTRADICTION:
        assert not any(others)


# --- responders that take fewer -------------------------------------------------------------


def at_most(number: int, refusal: str) -> Callable[[FakeResponder, str, bytes], bytes | None]:
    def odd(_: FakeResponder, __: str, body: bytes) -> bytes | None:
        return refuse(refusal) if len(serials(body)) > number else None

    return odd


@pytest.mark.parametrize("refusal", ["malformed_request", "unauthorized"])
@pytest.mark.parametrize("number", [8, 1])
async def test_a_responder_that_takes_fewer_is_asked_fewer_and_remembered(
    refusal: str, number: int
) -> None:
    policy = Policy(batch=BatchLimits(at_once=1))
    here, lines = counting(odd=at_most(number, refusal), policy=policy)
    certificates = here.issue(32)
    assert all(await here.client.check_many(certificates, here.pki.issuer))
    refused = [each for each in lines.sizes if each > number]
    assert refused == [16, 8, 4, 2][: len(refused)]
    assert lines.sizes[len(refused) :] == [number] * (32 // number)


async def test_a_responder_that_answers_the_first_alone_is_asked_one_by_one() -> None:
    def odd(responder: FakeResponder, _: str, body: bytes) -> bytes | None:
        first = next(each for each in certificates if each.serial_number == serials(body)[0])
        return responder.answer(_about(here, first, body))

    here, lines = counting(odd=odd, policy=Policy(batch=BatchLimits(at_once=1)))
    certificates = here.issue(20)
    here.responder.revoke(certificates[3])
    reports = await here.client.check_many(certificates, here.pki.issuer)
    assert [index for index, each in enumerate(reports) if not each] == [3]
    assert lines.sizes == [16, *[1] * 19]


def _about(here: Party, certificate: x509.Certificate, question: bytes) -> bytes:
    """Make the question about one certificate that has another question's nonce."""
    identity = IssuerIdentity.of(here.pki.issuer)
    asked = CertId.build(identity, certificate.serial_number)
    return build_request([asked], nonce=parse_request(question).nonce)


async def test_a_refusal_that_is_not_for_the_number_is_not_asked_about_one_by_one() -> None:
    here, lines = counting(policy=Policy(batch=BatchLimits(at_once=1)))
    here.responder.order(Fault.UNAUTHORIZED)
    reports = await here.client.check_many(here.issue(16), here.pki.issuer)
    assert {each.cause for each in reports} == {Cause.UNAUTHORIZED}
    assert lines.sizes == [16, 8, 4, 2, 1, 1]
    here.responder.order(None)
    assert all(await here.client.check_many(here.issue(16), here.pki.issuer))
    assert lines.sizes[6:] == [16]


@pytest.mark.parametrize(
    ("place", "sizes"), [(0, [16, 8, 4, 2, 1, 1, 14]), (3, [16, 8, 4, 2, 2, 1, 1, 12])]
)
async def test_one_certificate_that_is_refused_leaves_the_others_alone(
    place: int, sizes: list[int]
) -> None:
    """Responders that sign ahead refuse a question with a serial they lack (RFC 5019 2.2.3)."""

    def odd(_: FakeResponder, __: str, body: bytes) -> bytes | None:
        return refuse("unauthorized") if 1000 + place in serials(body) else None

    here, lines = counting(odd=odd, policy=Policy(batch=BatchLimits(at_once=1)))
    reports = await here.client.check_many(here.issue(64), here.pki.issuer)
    assert [index for index, each in enumerate(reports) if not each] == [place]
    assert lines.sizes == [*sizes, 16, 16, 16]


async def test_a_source_that_fails_is_not_asked_for_each() -> None:
    here, lines = counting(ONE, TWO)
    here.responder.order(Fault.DISCONNECT, url=ONE)
    reports = await here.client.check_many(here.issue(48), here.pki.issuer)
    assert {each.source for each in reports} == {TWO}
    assert lines.sizes == [16] * 6


async def test_what_is_given_twice_is_asked_about_once() -> None:
    here, lines = counting()
    certificates = here.issue(40)
    here.responder.revoke(certificates[3])
    told: list[int] = []
    given = (each for each in [*certificates, *certificates])
    reports = await here.client.check_many(
        given, here.pki.issuer, progress=lambda done, _: told.append(done)
    )
    assert sum(lines.sizes) == 40
    assert [index for index, each in enumerate(reports) if not each] == [3, 43]
    assert told == [*range(1, 81)]


# --- bounds ---------------------------------------------------------------------------------


async def test_only_so_many_questions_are_under_way() -> None:
    limits = BatchLimits(per_question=2, at_once=3)
    here, lines = counting(policy=Policy(batch=limits))
    assert all(await here.client.check_many(here.issue(40), here.pki.issuer))
    assert lines.sizes == [2] * 20
    assert lines.most == 3


async def test_what_is_remembered_is_not_asked_again() -> None:
    here, lines = counting(policy=Policy(cache=CachePolicy()))
    certificates = here.issue(70)
    await here.client.check_many(certificates[:20], here.pki.issuer)
    asked = len(lines.asked)
    reports = await here.client.check_many(certificates, here.pki.issuer)
    assert [each.remembered for each in reports] == [index < 20 for index in range(70)]
    assert sum(lines.sizes[asked:]) == 50
    here.responder.order(Fault.TRY_LATER)
    assert all(await here.client.check_many(certificates, here.pki.issuer))


async def test_a_progress_that_raises_ends_the_batch() -> None:
    class Enough(Exception):
        pass

    def progress(done: int, _of: int) -> None:
        if done == 20:
            raise Enough

    here, lines = counting(policy=Policy(batch=BatchLimits(at_once=2)))
    with pytest.raises(Enough):
        await here.client.check_many(here.issue(100), here.pki.issuer, progress=progress)
    assert sum(lines.sizes) < 80


async def test_a_cancelled_batch_leaves_nothing_under_way() -> None:
    here, lines = counting()
    here.responder.order(Fault.SLOW)
    batch = asyncio.create_task(here.client.check_many(here.issue(64), here.pki.issuer))
    await lines.busy.wait()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nothing_given_is_nothing_asked() -> None:
    here, lines = counting()
    assert await here.client.check_many([], here.pki.issuer) == []
    assert not lines.asked


@pytest.mark.parametrize(
    ("field", "wrong"), [("per_question", 0), ("per_question", 17), ("at_once", 0)]
)
def test_limits_of_no_use_are_refused(field: str, wrong: int) -> None:
    with pytest.raises(WrongUse, match=field):
        BatchLimits(**{field: wrong})


async def test_what_is_no_certificate_at_all_is_wrong_use() -> None:
    here, _ = counting()
    with pytest.raises(WrongUse, match="PEM or DER"):
        await here.client.check_many(["text"], here.pki.issuer)  # type: ignore[list-item]
