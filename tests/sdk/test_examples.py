"""The examples that come with the SDK do what they say, against a responder over HTTP."""

import asyncio
import csv
import importlib.util
import sys
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.serialization import Encoding

from tashika import AsyncClient
from tashika.jpki import AccountSecrets, Family, JpkiProfile
from tashika.pki.algorithms import algorithm_for, sign
from tashika.pki.profile import BasicItem
from tashika.signature import ChallengesInMemory, RelyingParty
from tashika.testing import FakeResponder, Fault, Jpki, KeyPair, Pki

EXAMPLES = Path(__file__).parents[2] / "client_sdk" / "examples"
LONGEST = 150
"""An example is read in one sitting."""

Answer = tuple[int, dict[str, Any]]
SIGN, AUTH = Family.SIGNATURE, Family.USER_AUTH


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

    async def hand_in(
        self,
        card: KeyPair,
        form: bytes,
        *,
        signing: bytes | None = None,
        kind: str = "change-of-address",
    ) -> Answer:
        signed = {"document": text(form), **signed_by(card, signing or form)}
        return await self.post(f"/forms/{kind}", signed)

    async def post(self, path: str, body: object) -> Answer:
        async with self._site.post(path, json=body) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else {}


def signed_by(card: KeyPair, data: bytes) -> dict[str, str]:
    algorithm = algorithm_for(card.key.public_key())
    return {"certificate": text(der(card)), "signature": text(sign(card.key, algorithm, data))}


class World:
    """JPKI's two CAs, a responder of each, and the cards of one person."""

    def __init__(self) -> None:
        self.jpki = Jpki(generations=2)
        self.responders = {family: self._responder(family) for family in (SIGN, AUTH)}
        self.signature, self.user_auth = self.jpki.issue(SIGN), self.jpki.issue(AUTH)

    def _responder(self, family: Family) -> FakeResponder:
        pki = Pki(at=self.jpki.at)
        pki.ca = self.jpki.authority(family)
        return FakeResponder(pki)

    @property
    def asked(self) -> int:
        return sum(len(each.asked) for each in self.responders.values())


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def browser(world: World, tmp_path: Path) -> AsyncIterator[Browser]:
    example = load("relying_party")
    with ExitStack() as served:
        urls = [served.enter_context(each.serve()) for each in world.responders.values()]
        bank = example.Bank(
            party=RelyingParty(name="bank.example"),
            client=AsyncClient(*urls),
            profile=JpkiProfile(
                generations=world.jpki.generations,
                hierarchy=world.jpki.hierarchy,
                secrets=AccountSecrets(secrets={"1": bytes(32)}, current="1"),
            ),
            challenges=ChallengesInMemory(clock=lambda: datetime.now(UTC)),
            evidence=tmp_path,
        )
        async with TestClient(TestServer(await example.application(bank))) as site:
            yield Browser(site)


async def test_a_card_in_force_logs_in_to_the_same_account(browser: Browser, world: World) -> None:
    code, first = await browser.log_in(world.user_auth, await browser.challenge())
    assert code == 201
    _, again = await browser.log_in(world.user_auth, await browser.challenge())
    _, other = await browser.log_in(world.jpki.issue(AUTH), await browser.challenge())
    assert first == again != other
    assert f"{world.user_auth.certificate.serial_number:x}" not in first["account"]


async def test_a_challenge_serves_once_and_is_ours(browser: Browser, world: World) -> None:
    challenge = await browser.challenge()
    assert (await browser.log_in(world.user_auth, challenge, signing=b"another"))[0] == 403
    assert (await browser.log_in(world.user_auth, challenge))[1]["cause"] == "challenge_spent"
    assert (await browser.log_in(world.user_auth, bytes(92)))[0] == 403
    assert not world.asked


async def test_a_signature_certificate_is_no_login(browser: Browser, world: World) -> None:
    assert (await browser.log_in(world.signature, await browser.challenge()))[0] == 403
    assert (await browser.hand_in(world.user_auth, b"form"))[0] == 403
    assert not world.asked


def kept(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_c1_a_signature_by_another_key_is_refused_and_nobody_is_asked(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    form = "申請書".encode()
    code, told = await browser.hand_in(world.signature, form)
    assert code == 201
    assert kept(tmp_path) == [tmp_path / f"{told['reference']}.json"]
    asked = world.asked
    code, told = await browser.hand_in(world.signature, form, signing=b"other")
    assert (code, told["cause"]) == (403, "bad_signature")
    assert world.asked == asked


async def test_a_revoked_card_is_told_why_in_japanese(browser: Browser, world: World) -> None:
    world.responders[SIGN].revoke(world.signature.certificate)
    code, told = await browser.hand_in(world.signature, b"form")
    assert (code, told["cause"]) == (403, "revoked")
    assert told["error"].startswith("発行者が証明書を失効させています。")


async def test_c6_a_responder_that_cannot_tell_is_503_and_an_expired_card_403(
    browser: Browser, world: World
) -> None:
    world.responders[SIGN].order(Fault.TRY_LATER)
    assert (await browser.hand_in(world.signature, b"form"))[0] == 503
    expired = world.jpki.issue(SIGN, ends=-timedelta(days=1))
    assert (await browser.hand_in(expired, b"form"))[0] == 403
    assert (await browser.hand_in(Jpki(generations=1).issue(SIGN), b"form"))[0] == 403


async def test_a_form_that_demands_an_age_refuses_whoever_is_younger(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    born = {"of age": "319801231", "a child": "420200401", "unknown": "099999999"}
    cards = {who: world.jpki.issue(SIGN, items={BasicItem.BIRTH: day}) for who, day in born.items()}
    answers = {
        who: (await browser.hand_in(card, b"form", kind="credit-card"))
        for who, card in cards.items()
    }
    assert {who: code for who, (code, _) in answers.items()} == {
        "of age": 201,
        "a child": 403,
        "unknown": 403,
    }
    assert answers["unknown"][1]["cause"] == "birth_undetermined"
    assert len(kept(tmp_path)) == 1
    assert (await browser.hand_in(cards["a child"], b"form"))[0] == 201


@pytest.mark.parametrize("body", [[], {}, {"document": 7}, {"document": "%"}, "form"])
async def test_nonsense_is_400(browser: Browser, body: object) -> None:
    assert (await browser.post("/forms/credit-card", body))[0] == 400
    assert (await browser.post("/forms/unheard-of", body))[0] == 404


def test_the_settings_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example, ran = load("relying_party"), []
    issuer, secret, settings = (tmp_path / name for name in ("ca.pem", "secret", "settings.toml"))
    issuer.write_bytes(Jpki(generations=1).authority(SIGN).pem)
    secret.write_text("tsk_" + "0" * 32)
    settings.write_text(
        f'name = "bank.example"\nurls = ["https://ocsp.example.jp/"]\ntoken = "{secret}"\n'
        f'account_key = "{secret}"\nevidence = "{tmp_path}"\ngenerations = ["{issuer}"]\n'
    )
    monkeypatch.setattr(sys, "argv", ["relying_party.py", str(settings)])
    monkeypatch.setattr(web, "run_app", lambda app, **_: ran.append(asyncio.run(app)))
    example.main()
    (app,) = ran
    assert app[example.BANK].evidence == tmp_path


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
    assert len(responder.asked) == 1
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
