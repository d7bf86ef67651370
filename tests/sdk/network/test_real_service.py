"""The production side at the real responder: under an agreement, by every credential, metered."""

import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from support import verifiers
from support.access import SECRET, ClosedCounter, closed, terms
from support.asking import AT, ec_key, live
from support.metered import open_books
from support.party import Heard
from support.verifiers import DAY, credential, issue_der, name, new_key
from tashika import (
    Addresses,
    AsyncClient,
    BearerToken,
    ByPath,
    CachePolicy,
    Configured,
    Credential,
    Deadlines,
    HedgePolicy,
    KeepCertificate,
    Means,
    OneTier,
    Policy,
    RequestSigner,
    Submitted,
    Terms,
    TrustAnchor,
    keep_evidence,
    recheck,
)
from tashika.observing import Happening
from tashika_server.agreements.terms import CredentialKind
from tashika_server.metering.usage import Delivery, Occasion

FIRST, NUMBER = 1100, 20
PATIENT = Deadlines(
    connect=timedelta(seconds=20), read=timedelta(seconds=20), total=timedelta(seconds=60)
)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[ClosedCounter]:
    with closed(tmp_path, at=AT) as opened:
        yield opened


@pytest.fixture
def citizens(counter: ClosedCounter) -> list[x509.Certificate]:
    key = ec_key("citizen")
    return [
        counter.counter.authority.issue(key, at=AT, serial=serial, subject="Citizen")
        for serial in range(FIRST, FIRST + NUMBER)
    ]


def client(port: int, shown: Credential, *more: str, **policy: object) -> tuple[AsyncClient, Heard]:
    heard = Heard()
    url = f"http://127.0.0.1:{port}/ocsp"
    settings = Policy(**{"deadlines": PATIENT, **policy})
    return (
        AsyncClient(
            url, *more, credential=shown, policy=settings, clock=lambda: AT, observer=heard
        ),
        heard,
    )


async def test_a_batch_by_token_is_metered_for_each_certificate_once(
    counter: ClosedCounter, citizens: list[x509.Certificate], tmp_path: Path
) -> None:
    issuer = counter.counter.authority.certificate
    with open_books(tmp_path, counter.counter.issuer) as books:
        with live(counter.desk, group=books.group, meter=books.meter) as port:
            asking, _ = client(port, BearerToken(SECRET), cache=CachePolicy())
            async with asking:
                for _ in range(2):  # the second time from memory
                    assert all(await asking.check_many(citizens, issuer))
        usages = [*books.read()]
    assert Counter((each.occasion, each.delivery) for each in usages) == {
        (Occasion.FRESH, Delivery.HANDED_OVER): NUMBER
    }
    assert len({each.pseudonym for each in usages}) == NUMBER


async def test_an_agreement_that_allows_fewer_at_once_is_found_out(
    counter: ClosedCounter, citizens: list[x509.Certificate]
) -> None:
    counter.agree(terms(max_cert_ids=4))
    with counter.live() as port:
        asking, heard = client(port, BearerToken(SECRET))
        async with asking:
            reports = await asking.check_many(citizens, counter.counter.authority.certificate)
    assert all(reports)
    answered = [each for each in heard.events if each.what is Happening.ANSWERED]
    assert [each.certificates for each in answered] == [4] * 5


async def test_a_batch_is_signed_where_the_agreement_demands_it(
    counter: ClosedCounter, citizens: list[x509.Certificate]
) -> None:
    key, life = new_key(), {"begin": AT - DAY, "end": AT + DAY}
    bank = x509.load_der_x509_certificate(issue_der(key, key, name("CN=bank,C=JP"), **life))
    signing = credential(
        id="C-000009",
        kind=CredentialKind.SIGNED_REQUEST,
        digest=verifiers.digest_of(key),
    )
    counter.agree(terms(signed_required=True, credentials=(signing,)))
    with counter.live() as port:
        asking, _ = client(port, RequestSigner(key, bank))
        async with asking:
            assert all(await asking.check_many(citizens, counter.counter.authority.certificate))


@pytest.mark.parametrize("judge", ["one tier", "by path"])
async def test_a_signature_and_its_evidence_at_the_real_responder(
    judge: str, counter: ClosedCounter, citizens: list[x509.Certificate]
) -> None:
    authority, citizen = counter.counter.authority.certificate, citizens[0]
    signed = ec_key("citizen").sign(b"a form", ECDSA(SHA256()))
    submitted = Submitted(document=b"a form", signature=signed, certificate=citizen)
    with counter.live() as port:
        url = f"http://127.0.0.1:{port}/ocsp"
        means = Means(
            addresses=Configured(otherwise=Addresses(responders=(url,))),
            nonces=secrets.token_bytes,
        )
        by_path = ByPath(anchors=(TrustAnchor.of(authority),), means=means)
        by = by_path if judge == "by path" else OneTier((authority,))
        asking, _ = client(port, BearerToken(SECRET))
        async with asking:
            report = await asking.verify_signature(submitted, Terms(judge=by, purpose="a form"))
    assert report, report.because
    data = keep_evidence(report, certificate=KeepCertificate.WHOLE)
    for again in (by_path, OneTier((authority,))):
        assert recheck(data, b"a form", Terms(judge=again, purpose="a form"))


async def test_a_hedge_costs_up_to_one_more_answer_a_source(
    counter: ClosedCounter, citizens: list[x509.Certificate], tmp_path: Path
) -> None:
    """The first one's disk hangs. When it goes on, it may not know yet that its caller is gone."""
    issuer = counter.counter.authority.certificate
    second = tmp_path / "second"
    second.mkdir()
    with (
        open_books(tmp_path, counter.counter.issuer) as hanging,
        open_books(second, counter.counter.issuer) as books,
        live(counter.desk, group=hanging.group, meter=hanging.meter) as first,
        live(counter.desk, group=books.group, meter=books.meter) as other,
    ):
        released = threading.Event()
        hanging.disk.before_sync = released.wait
        asking, heard = client(
            first,
            BearerToken(SECRET),
            f"http://127.0.0.1:{other}/ocsp",
            hedge=HedgePolicy(after=timedelta(milliseconds=50)),
        )
        async with asking:
            report = await asking.check(citizens[0], issuer)
        released.set()
    assert report
    assert report.source == f"http://127.0.0.1:{other}/ocsp"
    assert heard.whats(Happening.HEDGED) == [Happening.HEDGED]
    assert books.deliveries() == {Delivery.HANDED_OVER: 1}
    assert sum(hanging.deliveries().values()) == 1
