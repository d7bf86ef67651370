"""The examples that come with the SDK do what they say, against a responder over HTTP."""

import asyncio
import csv
import importlib.util
import sys
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.serialization import Encoding

from tashika import AsyncClient
from tashika.pki.algorithms import algorithm_for, sign
from tashika.testing import FakeResponder, Fault, KeyPair, Pki

EXAMPLES = Path(__file__).parents[2] / "client_sdk" / "examples"
LONGEST = 150
"""An example is read in one sitting."""

Answer = tuple[int, dict[str, Any]]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < LONGEST


@pytest.fixture
def responder() -> FakeResponder:
    return FakeResponder()


@pytest.fixture
def url(responder: FakeResponder) -> Iterator[str]:
    with responder.serve() as url:
        yield url


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def der(pair: KeyPair) -> bytes:
    return pair.certificate.public_bytes(Encoding.DER)


def text(data: bytes) -> str:
    return b64encode(data).decode()


class Browser:
    """A person with a card, in front of the relying party."""

    def __init__(self, site: TestClient[Any, Any]) -> None:
        self._site = site

    async def challenge(self) -> bytes:
        return b64decode((await self.post("/challenges", {}))[1]["challenge"])

    async def log_in(
        self, card: KeyPair, challenge: bytes, *, signing: bytes | None = None
    ) -> Answer:
        signed = signed_by(card, signing or challenge)
        return await self.post("/sessions", {"challenge": text(challenge), **signed})

    async def hand_in(self, card: KeyPair, form: bytes, *, signing: bytes | None = None) -> Answer:
        return await self.post(
            "/forms", {"document": text(form), **signed_by(card, signing or form)}
        )

    async def post(self, path: str, body: object) -> Answer:
        async with self._site.post(path, json=body) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else {}


def signed_by(card: KeyPair, data: bytes) -> dict[str, str]:
    algorithm = algorithm_for(card.key.public_key())
    return {"certificate": text(der(card)), "signature": text(sign(card.key, algorithm, data))}


@pytest.fixture
async def browser(responder: FakeResponder, url: str) -> AsyncIterator[Browser]:
    """Both families have one CA here; a second one is another's."""
    example, pki = load("relying_party"), responder.pki
    older = pki.namesake()
    async with AsyncClient(url) as client:
        party = example.RelyingParty(
            client=client,
            user_auth=[older.ca.pem, pki.ca.pem],
            signature=[pki.ca.pem],
            account_key=bytes(32),
        )
        async with TestClient(TestServer(await example.application(party))) as site:
            yield Browser(site)


async def test_a_card_in_force_logs_in_to_the_same_account(
    browser: Browser, responder: FakeResponder
) -> None:
    card = responder.pki.end_entity
    code, first = await browser.log_in(card, await browser.challenge())
    assert code == 201
    _, again = await browser.log_in(card, await browser.challenge())
    _, other = await browser.log_in(responder.pki.issue("Other"), await browser.challenge())
    assert first == again != other
    assert f"{card.certificate.serial_number:x}" not in first["account"]


async def test_a_challenge_serves_once_and_is_ours(
    browser: Browser, responder: FakeResponder
) -> None:
    card, challenge = responder.pki.end_entity, await browser.challenge()
    assert (await browser.log_in(card, challenge, signing=b"another"))[0] == 400
    assert (await browser.log_in(card, challenge))[0] == 403
    assert (await browser.log_in(card, bytes(32)))[0] == 403
    assert not responder.asked


async def test_c1_a_signature_by_another_key_is_refused_and_nobody_is_asked(
    browser: Browser, responder: FakeResponder
) -> None:
    form = "申請書".encode()
    assert (await browser.hand_in(responder.pki.end_entity, form))[0] == 201
    asked = len(responder.asked)
    assert (await browser.hand_in(responder.pki.end_entity, form, signing=b"other"))[0] == 400
    assert len(responder.asked) == asked


async def test_a_revoked_card_is_told_why_in_japanese(
    browser: Browser, responder: FakeResponder
) -> None:
    responder.revoke(responder.pki.certificate)
    code, told = await browser.hand_in(responder.pki.end_entity, b"form")
    assert (code, told["cause"]) == (403, "revoked")
    assert told["error"].startswith("発行者が証明書を失効させています。")


async def test_c6_a_responder_that_cannot_tell_is_503_and_an_expired_card_403(
    browser: Browser, responder: FakeResponder
) -> None:
    responder.order(Fault.TRY_LATER)
    code, told = await browser.hand_in(responder.pki.end_entity, b"form")
    assert (code, told["cause"]) == (503, "try_later")
    expired = responder.pki.issue("Expired", ends=-timedelta(days=1))
    assert await browser.hand_in(expired, b"form") == (
        403,
        {
            "cause": "expired",
            "error": "証明書の有効期間が満了しています。 "
            "受け入れず、利用者に新しい証明書を求めてください。",
        },
    )
    code, told = await browser.hand_in(Pki().end_entity, b"form")
    assert (code, told["cause"]) == (403, "not_issued_by_issuer")


@pytest.mark.parametrize("body", [[], {}, {"document": 7}, {"document": "%"}, "form"])
async def test_nonsense_is_400(browser: Browser, body: object) -> None:
    assert (await browser.post("/forms", body))[0] == 400


def test_the_settings_are_read(
    responder: FakeResponder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example, ran = load("relying_party"), []
    issuer, secret, settings = (tmp_path / name for name in ("ca.pem", "secret", "settings.toml"))
    issuer.write_bytes(responder.pki.ca.pem)
    secret.write_text("tsk_0123456789\n")
    settings.write_text(
        f'urls = ["https://ocsp.example.jp/"]\ntoken = "{secret}"\naccount_key = "{secret}"\n'
        f'user_auth = ["{issuer}"]\nsignature = ["{issuer}"]\n'
    )
    monkeypatch.setattr(sys, "argv", ["relying_party.py", str(settings)])
    monkeypatch.setattr(web, "run_app", lambda app, **_: ran.append(asyncio.run(app)))
    example.main()
    (app,) = ran
    assert app[example.PARTY].signature == [responder.pki.ca.pem]


def batch(folder: Path, url: str, pki: Pki, rows: list[tuple[str, ...]]) -> int:
    issuer, source = folder / "issuer.pem", folder / "in.csv"
    issuer.write_bytes(pki.ca.pem)
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([("reference", "certificate"), *rows])
    target = str(folder / "out.csv")
    code: int = load("batch_job").main([str(source), target, "--url", url, "--issuer", str(issuer)])
    return code


def test_a_batch_keeps_its_order_and_no_certificate(
    responder: FakeResponder, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki = responder.pki
    revoked = pki.issue("Revoked")
    responder.revoke(revoked.certificate)
    people = [("a", pki.end_entity), ("b", revoked), ("c", pki.end_entity)]
    assert batch(tmp_path, url, pki, [(name, text(der(pair))) for name, pair in people]) == 0
    assert capsys.readouterr().out == "2 good, 1 revoked\n"
    written = (tmp_path / "out.csv").read_text()
    rows = list(csv.DictReader(written.splitlines()))
    assert [(row["reference"], row["cause"]) for row in rows] == [
        ("a", "good"),
        ("b", "revoked"),
        ("c", "good"),
    ]
    assert all(row["at"] and row["data_of"] for row in rows)
    assert str(revoked.certificate.serial_number) not in written


def test_a_batch_with_what_nobody_could_tell_exits_1(
    responder: FakeResponder, url: str, tmp_path: Path
) -> None:
    responder.order(Fault.STALE)
    odd = [
        ("a", text(der(responder.pki.end_entity))),
        ("b", "%"),
        ("c", text(der(Pki().end_entity))),
    ]
    assert batch(tmp_path, url, responder.pki, odd) == 1
    rows = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert [row["cause"] for row in rows] == [
        "stale",
        "certificate_malformed",
        "not_issued_by_issuer",
    ]


def test_a_row_cut_short_is_an_outcome(responder: FakeResponder, url: str, tmp_path: Path) -> None:
    assert batch(tmp_path, url, responder.pki, [("a",)]) == 1
    assert "certificate_malformed" in (tmp_path / "out.csv").read_text()


def test_a_batch_without_its_columns_exits_2_and_writes_nothing(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.csv"
    source.write_text("name\nx\n")
    issuer = tmp_path / "issuer.pem"
    issuer.write_bytes(b"")
    target = tmp_path / "out.csv"
    with pytest.raises(SystemExit) as left:
        load("batch_job").main([str(source), str(target), "--url", url, "--issuer", str(issuer)])
    assert left.value.code == 2
    assert "has no columns named reference and certificate" in capsys.readouterr().err
    assert not target.exists()
