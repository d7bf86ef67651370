"""Random bytes into every public function that takes bytes: only the documented errors (C11).

What is public is found, not listed: what the packages of PUBLIC name in `__all__`, with its
methods, and the readers of `tashika.pki`. One that is new fails the first test until a line of
ENTRIES says how it is fed. Deeper: TASHIKA_FUZZ=1000 pytest tests/fuzz (the default is 10).
"""

import asyncio
import dataclasses
import importlib
import inspect
import os
import pkgutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tashika.pki
from support.mutations import mutants
from support.sdk import AT, STRICT, Bench
from tashika import AsyncClient, Client, RequestSigner, SqliteCache
from tashika.errors import TashikaError
from tashika.jpki import CheckPurpose, JpkiProfile, Purpose
from tashika.path import NotChecked, TrustAnchor, check_path
from tashika.pki import der
from tashika.pki.profile import Family
from tashika.signature import (
    ByLists,
    Form,
    Login,
    RelyingParty,
    Scheme,
    Stapled,
    Submitted,
    Terms,
)
from tashika.status import Means
from tashika.status import Stapled as ToJudge
from tashika.testing import FakeResponder, Jpki

PUBLIC = ("compact", "jpki", "path", "signature", "status", "testing")
READERS = ("check_", "decode_", "load_", "parse_", "read_")
PARTY = RelyingParty(name="bank.example")
PURPOSE = Purpose(kind=CheckPurpose.SIGNATURE_VERIFICATION, reference="7")
deep = settings(
    max_examples=int(os.environ.get("TASHIKA_FUZZ", "10")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


class Table:
    """What the functions want beside the bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bench = Bench()
        self.pki, self.question = bench.pki, bench.question()
        self.responder = bench.responder
        self.jpki = Jpki(at=AT, generations=1)
        self.profile = JpkiProfile(generations=self.jpki.generations, hierarchy=self.jpki.hierarchy)
        self.signer = RequestSigner(self.pki.end_entity.key, self.pki.certificate)
        self.store = SqliteCache(folder / "cache", key=bytes(32))
        self.client = Client(self.url, transport=self.responder, clock=lambda: AT)
        self.anchors = (TrustAnchor.of(self.pki.issuer),)
        self.terms = Terms(judge=ByLists(anchors=self.anchors), purpose="a test")
        self.key = self.pki.end_entity.key.public_key()

    url = "http://responder.test/"

    def close(self) -> None:
        self.client.close()
        self.store.close()

    def awaited(self, call: Callable[..., Any], *args: object) -> object:
        async def run() -> object:
            transport = FakeResponder(self.pki, clock=lambda: AT)
            async with AsyncClient(self.url, transport=transport, clock=lambda: AT) as client:
                found = call(client, *args)
                return await found if inspect.isawaitable(found) else found

        return asyncio.run(run())


Feed = Callable[[Callable[..., Any], bytes, Table], object]
ENTRIES: dict[str, Feed] = {
    # tashika
    "AsyncClient.check": lambda call, data, at: at.awaited(call, data, at.pki.issuer),
    "AsyncClient.check_many": lambda call, data, at: at.awaited(call, [data], data),
    "AsyncClient.recall": lambda call, data, at: at.awaited(call, data, data),
    "Client.check": lambda call, data, at: call(at.client, data, at.pki.issuer),
    "Client.check_many": lambda call, data, at: call(at.client, [data], data),
    "ReceiptBook": lambda call, data, at: call(at.folder / "receipts", key=data),
    "RequestSigner.sign": lambda call, data, at: call(at.signer, data),
    "SqliteCache": lambda call, data, at: call(at.folder / "other", key=data).close(),
    "SqliteCache.load": lambda call, data, at: call(at.store, data),
    "SqliteCache.store": lambda call, data, at: call(at.store, data, data, until=AT + timedelta(1)),
    "load_certificate": lambda call, data, _: call(data),
    "verify_answer": lambda call, data, at: call(data, at.question, STRICT, at=AT),
    "verify_issued": lambda call, data, _: call(data, data, at=AT),
    # tashika.jpki
    "AccountSecrets": lambda call, data, _: call(secrets={"1": data}, current="1"),
    "JpkiProfile": lambda call, data, _: call(generations=[data]),
    "JpkiProfile.examine": lambda call, data, at: call(at.profile, data, purpose=PURPOSE, at=AT),
    "age_at_least": lambda call, data, _: call(data, 18, at=AT),
    "basic_four": lambda call, data, _: call(data),
    # tashika.path
    "TrustAnchor.of": lambda call, data, _: call(data),
    "check_path": lambda call, data, at: call(
        data, candidates=[data], anchors=at.anchors, source=NotChecked("fuzz"), at=AT
    ),
    "read_certificate": lambda call, data, _: call(data),
    "read_list": lambda call, data, _: call(data),
    "PathReport": lambda call, data, at: dataclasses.replace(
        check_path(b"", anchors=at.anchors, source=NotChecked("fuzz"), at=AT), culprit=data
    ),
    # tashika.signature
    "Challenge": lambda call, data, _: call(message=data).require_for(PARTY, at=AT),
    "Digest": lambda call, data, _: call("sha256", data),
    "Digest.of": lambda call, data, _: call([data]),
    "Scheme.verify": lambda call, data, at: call(Scheme.ECDSA_SHA256, at.key, data, data),
    "Submitted": lambda call, data, at: [
        call(signature=data, document=given, certificate=given, form=form).read()
        for form in (Form.RAW, Form.CMS)
        for given in (data, None)
    ],
    "authenticating": lambda call, data, at: exhaust(
        call(
            Login(challenge=data, signature=data, certificate=data),
            PARTY,
            at.terms,
            received_at=AT,
        )
    ),
    "read_evidence": lambda call, data, _: call(data),
    "recheck": lambda call, data, at: call(data, data, at.terms, supplied=[data]),
    "verifying": lambda call, data, at: [
        exhaust(
            call(
                Submitted(
                    signature=data,
                    document=beside,
                    certificate=data,
                    form=form,
                    candidates=(data,),
                    stapled=Stapled(answers=(data,), lists=(data,)),
                ),
                at.terms,
                received_at=AT,
            )
        )
        for form, beside in ((Form.RAW, data), (Form.CMS, None), (Form.PDF, None), (Form.XML, None))
    ],
    # tashika.status
    "judge": lambda call, data, at: exhaust(
        call(
            at.pki.certificate,
            candidates=[data],
            trust=at.anchors,
            stapled=ToJudge(answers=(data,), lists=(data,)),
            at=AT,
            means=Means(nonces=bytes),
        )
    ),
    # tashika.testing
    "FakeResponder.answer": lambda call, data, at: call(at.responder, data),
    "FakeResponder.give_receipts": lambda call, data, at: call(
        FakeResponder(at.pki, clock=lambda: AT), data
    ),
    "FakeResponder.post": lambda call, data, at: asyncio.run(
        call(at.responder, at.url, data, limit=9)
    ),
    "Jpki.issue": lambda call, data, at: call(at.jpki, Family.SIGNATURE, items={"1.2.3": data}),
    # readers of tashika.pki
    "check_proof": lambda call, data, _: call(data, 0, 2, [data], data),
    "decode_block": lambda call, data, _: call(data, 0, 8),
    "parse_crl": lambda call, data, _: [*call(data).entries()],
    "parse_head": lambda call, data, _: call(data),
    "parse_request": lambda call, data, _: call(data),
    "parse_response": lambda call, data, _: call(data),
    "read_algorithm": lambda call, data, _: call(data),
    "read_leaf": lambda call, data, _: call(data),
    "read_preamble": lambda call, data, _: call(data),
    "read_rows": lambda call, data, _: [*call([data], len(data))],
    "read_signature": lambda call, data, _: call(data),
}


def exhaust(flow: Any) -> object:
    """Run a flow for which nothing can be fetched."""
    try:
        next(flow)
    except StopIteration as end:
        return end.value
    flow.close()
    return None


def public() -> Iterator[Callable[..., Any]]:
    for name in ("tashika", *(f"tashika.{each}" for each in PUBLIC)):
        module = importlib.import_module(name)
        for each in module.__all__:
            yield from calls_of(getattr(module, each))
    for found in pkgutil.walk_packages(tashika.pki.__path__, "tashika.pki."):
        for name, each in inspect.getmembers(importlib.import_module(found.name)):
            if name.startswith(READERS) and each.__module__ == found.name:
                yield each


def calls_of(each: Any) -> Iterator[Callable[..., Any]]:
    """Yield a function, or a class and its methods."""
    if not inspect.isclass(each):
        if inspect.isfunction(inspect.unwrap(each)):
            yield each
    elif not getattr(each, "_is_protocol", False):
        # Values that only hold bytes look at none.
        if "__init__" in vars(each) and (
            not dataclasses.is_dataclass(each) or hasattr(each, "__post_init__")
        ):
            yield each
        for name in vars(each):
            if not name.startswith("_") and callable(getattr(each, name)):
                yield getattr(each, name)


def takes_bytes(call: Callable[..., Any]) -> bool:
    parameters = inspect.signature(call).parameters
    told = [str(each.annotation) for each in parameters.values()]
    # What has a seal is made by a check only.
    return "seal" not in parameters and any(
        "bytes" in each and "Callable" not in each and "Generator" not in each for each in told
    )


CALLS = {each.__qualname__: each for each in public()}


def test_every_public_function_that_takes_bytes_is_fed() -> None:
    wanted = {name for name, call in CALLS.items() if takes_bytes(call)}
    assert wanted - ENTRIES.keys() == set(), "say in ENTRIES how these are fed"
    assert ENTRIES.keys() - CALLS.keys() == set(), "these are not public any more"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    table = Table(tmp_path_factory.mktemp("fuzz"))
    yield table
    table.close()


noises = st.binary(max_size=80)


@pytest.mark.parametrize("name", sorted(ENTRIES))
@deep
@given(noise=noises | noises.map(der.sequence), seed=st.integers(0, 2**32))
def test_c11_random_bytes_end_as_documented(table: Table, name: str, noise: bytes, seed: int):
    own = table.pki.issuer.public_bytes(Encoding.DER)
    for data in (noise, *mutants(own, seed, 2)):
        try:
            ENTRIES[name](CALLS[name], data, table)
        except TashikaError:
            continue
        except BaseException as escaped:
            escaped.add_note(f"input: {data.hex()}")
            raise
