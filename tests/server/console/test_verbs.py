"""The registry's verbs over the API: a story, rehearsals, two persons, and bad input."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

import pytest

from support.console import Answered, Console, console
from support.registry import certificate
from tashika_server.agreements import errors
from tashika_server.book import Book, BookOutdated, BookRefuses, BookUnreachable
from tashika_server.console import repeats, request
from tashika_server.console.declining import described
from tashika_server.console.operators import Role, end_operator
from tashika_server.console.problems import Problem
from tashika_server.policy import Guarded

YEAR = {"start": "2026-04-01T00:00:00+00:00", "end": "2027-04-01T09:00:00+09:00"}
PARTY = {"name": "Bank A", "category": "accredited-verifier", "act": "2013"}
SCOPE = {
    "grants": [{"family": "signature", "method": "ocsp", "purposes": ["signature-verification"]}],
    "networks": ["192.0.2.0/24"],
}
DRAFT = {"environment": "production", "period": YEAR, "scope": SCOPE}
TOKEN = {"agreement": "A-000001", "kind": "token", "label": "first"}
BREACH = {"verifier": "V-000001", "ground": "signature-duty", "reason": "a breach"}
V, A = "/v1/verifiers/V-000001", "/v1/agreements/A-000001"


async def bank(api: Console) -> None:
    """A bank with an agreement in force."""
    await api.do("/v1/verifiers", PARTY)
    notified = {"family": "signature", "received_at": "2026-04-01T00:00:00Z"}
    await api.do(f"{V}/notifications", notified)
    await api.do(f"{V}/accreditations", {"reference": "1", "term": YEAR})
    await api.do(f"{V}/agreements", DRAFT)
    for step in ("notify", "agree", "activate"):
        await api.do(f"{A}/steps", {"step": step})


async def post(api: Console, path: str, body: Any = None, **named: Any) -> Answered:
    return await api.call("POST", path, body, bearer=await api.session(Role.REGISTRAR), **named)


async def test_a_bank_from_registration_to_its_end(api: Console):
    await bank(api)
    issued = await api.do("/v1/credentials", TOKEN)
    assert issued["secret"].startswith("tsk_")
    (seen,) = await api.see("/v1/credentials")
    assert "secret" not in json.dumps(seen)
    await api.do("/v1/suspensions", BREACH)
    assert (await api.see(A))["state"] == "suspended"
    await api.do("/v1/suspensions/S-000001/resume", {"reason": "put right"})
    assert (await api.see(A))["state"] == "active"
    end = {"start": "2026-04-01T00:00:00Z", "end": None}
    await api.do(f"{A}/versions", {"period": end, "scope": {**SCOPE, "rate": 50, "daily": None}})
    shown = await api.see(V)
    assert [v["scope"]["rate"] for v in shown["agreements"][0]["versions"]] == [10.0, 50.0]
    patched = await api.call(
        "PATCH", V, {"name": "Bank B"}, bearer=await api.session(Role.REGISTRAR)
    )
    (change,) = patched.body["changes"]
    assert (change["before"]["name"], change["after"]["name"]) == ("Bank A", "Bank B")
    assert change["actor"] == "the registrar"
    await api.do(f"{V}/end")
    assert (await api.see(A))["state"] == "ended"
    trail = await api.see("/v1/audit?subject=A-000001", role=Role.AUDITOR)
    assert trail[-1]["action"] == "agreement.end"
    rest = await api.see(f"/v1/audit?after={trail[-2]['number']}", role=Role.AUDITOR)
    assert "verifier.end" in [each["action"] for each in rest]
    assert "tsk_" not in json.dumps(await api.see("/v1/audit"))


async def test_a_rehearsal_tells_everything_and_keeps_nothing(api: Console):
    await bank(api)
    before, told = await api.see("/v1/audit"), len(api.published)
    for path, body in (
        ("/v1/credentials", TOKEN),
        ("/v1/suspensions", BREACH),
        (f"{V}/end", None),
        (f"{V}/holders", {"kind": "processor", "name": "P", "period": YEAR}),
    ):
        answer = await post(api, f"{path}?dry_run=true", body)
        assert answer.status == HTTPStatus.OK, answer.body
        assert answer.body["dry_run"] is True
        assert answer.body["changes"]
        assert not (answer.body["result"] or {}).get("secret")
    assert await api.see("/v1/audit") == before
    assert len(api.published) == told


async def test_a_change_is_answered_after_the_workers_were_told(api: Console):
    await api.do("/v1/verifiers", PARTY)
    assert len(api.published) == 1
    await api.see("/v1/verifiers")
    assert (await post(api, "/v1/verifiers", PARTY)).status == HTTPStatus.CONFLICT
    assert len(api.published) == 1


async def test_an_order_that_is_sent_again_is_done_once(api: Console):
    """The reply to the first was lost; the token that it showed is not."""
    await bank(api)
    key = {"Idempotency-Key": "1f0d"}
    rehearsed = await post(api, "/v1/credentials?dry_run=true", TOKEN, headers=key)
    assert rehearsed.body["dry_run"]
    first = await post(api, "/v1/credentials", TOKEN, headers=key)
    again = await post(api, "/v1/credentials", TOKEN, headers=key)
    assert first.body["result"]["secret"]
    assert (again.status, again.body) == (first.status, first.body)
    other = await post(api, "/v1/credentials", {**TOKEN, "label": "other"}, headers=key)
    assert other.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert len(await api.see("/v1/credentials")) == 1
    token = await api.enrol("suzuki", Role.REGISTRAR)
    suzuki = (await api.log_in(token)).body["session"]
    theirs = await api.call("POST", "/v1/credentials", TOKEN, bearer=suzuki, headers=key)
    assert theirs.body["result"]["secret"] != first.body["result"]["secret"]
    with api.book.writing(actor="root", at=api.clock.now()) as change:
        end_operator(change, "O-000002")
    ended = await api.call("POST", "/v1/credentials", TOKEN, bearer=suzuki, headers=key)
    assert ended.status == HTTPStatus.UNAUTHORIZED
    api.clock.advance(repeats.KEPT)
    later = await post(api, "/v1/credentials", TOKEN, headers=key)
    assert later.body["result"]["secret"] != first.body["result"]["secret"]


async def test_orders_at_the_same_time_with_one_key_are_one(api: Console):
    bearer, key = await api.session(Role.REGISTRAR), {"Idempotency-Key": "1f0d"}
    answers = await asyncio.gather(
        *(api.call("POST", "/v1/verifiers", PARTY, bearer=bearer, headers=key) for _ in range(5))
    )
    assert [each.status for each in answers] == [HTTPStatus.OK] * 5
    assert len(await api.see("/v1/verifiers")) == 1


async def test_what_failed_may_be_tried_again_with_its_key(api: Console):
    key = {"Idempotency-Key": "1f0d"}
    order = {"reason": "x", "verifier": "V-000001", "ground": "signature-duty"}
    assert (await post(api, "/v1/suspensions", order, headers=key)).status == HTTPStatus.NOT_FOUND
    await bank(api)
    assert (await post(api, "/v1/suspensions", order, headers=key)).status == HTTPStatus.OK


async def test_who_orders_is_told_if_the_workers_do_not_know_yet(book: Book):
    async with console(book, published={"error": "no space left"}) as api:
        answer = await post(api, "/v1/verifiers", PARTY)
        assert (answer.status, answer.body["workers_know"]) == (HTTPStatus.OK, False)


async def test_two_persons_suspend(book: Book):
    async with console(book, two_person=frozenset(Guarded)) as api:
        await bank(api)
        proposed = await post(api, "/v1/suspensions", BREACH)
        assert proposed.status == HTTPStatus.ACCEPTED
        assert proposed.body["result"]["state"] == "open"
        assert (await api.see(A))["state"] == "active"
        same = await post(api, "/v1/proposals/P-000001/approve")
        assert same.status == HTTPStatus.FORBIDDEN
        assert same.body["title"] == "a second person has to decide"
        token = await api.enrol("suzuki", Role.REGISTRAR)
        other = (await api.log_in(token)).body["session"]
        done = await api.call("POST", "/v1/proposals/P-000001/approve", bearer=other)
        assert done.status == HTTPStatus.OK
        assert (await api.see(A))["state"] == "suspended"
        assert (await post(api, "/v1/credentials", TOKEN)).status == HTTPStatus.ACCEPTED
        await api.do("/v1/proposals/P-000002/reject", {"remark": "no"})
        assert [each["state"] for each in await api.see("/v1/proposals")] == [
            "approved",
            "rejected",
        ]


# --- Bad input ------------------------------------------------------------------------------


async def test_a_broken_rule_is_named_with_its_article_and_remedy(api: Console):
    await bank(api)
    answer = await post(api, f"{V}/agreements", DRAFT)
    assert answer.status == HTTPStatus.CONFLICT
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.body["type"] == "urn:tashika:problem:agreements-overlap"
    assert "A-000001" in answer.body["detail"]
    assert answer.body["rule"]
    assert answer.body["remedy"]
    assert answer.body["ja"]["title"] == "取決めの範囲と期間が重なります"


async def test_an_issuer_that_is_not_configured_is_declined_with_the_nearest(api: Console):
    await bank(api)
    grant = {"family": "signature", "method": "file", "issuers": ["signature-g4"]}
    draft = {**DRAFT, "scope": {"grants": [grant]}}
    answer = await post(api, f"{V}/agreements", draft)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.body["remedy"] == "did you mean 'signature-g3'?"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "/name is missing"),
        ({**PARTY, "nmae": "x"}, "/nmae is not known here"),
        ({**PARTY, "name": 7}, "/name is not what is wanted here"),
        ({**PARTY, "name": "x\0"}, "/name is not what"),
        ({**PARTY, "name": "\ud800"}, "/name is not what"),
        ({**PARTY, "name": None}, "/name is not what"),
        ({**PARTY, "category": "bank"}, "/category is not what is wanted here: one of"),
        ({**PARTY, "category": ["court"]}, "/category is not what"),
        ([], "the body is not an object"),
        (7, "the body is not an object"),
    ],
)
async def test_a_body_that_does_not_fit_is_told_where(api: Console, body: Any, says: str):
    answer = await post(api, "/v1/verifiers", body)
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert says in answer.body["detail"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"period": {"start": YEAR["end"], "end": YEAR["start"]}}, "/period the end"),
        ({"period": {"start": "2026-04-01T00:00:00"}}, "/period/start is not what"),
        ({"period": {"start": "0001-01-01T00:00:00+09:00"}}, "/period/start is not what"),
        ({"scope": {**SCOPE, "burst": 2**40}}, "/scope/burst is not what"),
        ({"scope": {**SCOPE, "burst": True}}, "/scope/burst is not what"),
        ({"scope": {**SCOPE, "rate": 1e400}}, "is no number of JSON"),
        ({"scope": {**SCOPE, "signed_required": 1}}, "/scope/signed_required is not"),
        ({"scope": {**SCOPE, "networks": "10.0.0.0/8"}}, "/scope/networks is not an array"),
        ({"scope": {**SCOPE, "networks": ["10.0.0.1/8"]}}, "/scope/networks/0 is not what"),
        ({"scope": {"grants": [{"family": "signature"}]}}, "/scope/grants/0/method is missing"),
    ],
)
async def test_what_lies_deep_in_a_body_is_told_where(api: Console, change: Any, says: str):
    answer = await post(api, f"{V}/agreements", {**DRAFT, **change})
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert says in answer.body["detail"]


@pytest.mark.parametrize(
    ("path", "raw", "headers", "status"),
    [
        ("/v1/verifiers", b"{", {}, 400),
        ("/v1/verifiers", b"[" * 5000, {}, 400),
        ("/v1/verifiers", b"\xff", {}, 400),
        ("/v1/verifiers", b"{}", {"Content-Type": "text/plain"}, 415),
        ("/v1/verifiers", b" " * (request.MAX_BODY + 1), {}, 413),
        ("/v1/verifiers?dry_run=yes", b"{}", {}, 400),
        ("/v1/verifiers?dry_run=true&dry_run=false", b"{}", {}, 400),
        ("/v1/verifiers?dryrun=true", b"{}", {}, 400),
        ("/v1/verifiers/V-000001/end", b'{"dry_run": true}', {}, 400),
        ("/v1/verifiers/V-000001/end", b"{}", {"Idempotency-Key": "x" * 129}, 400),
        ("/v1/verifiers/V-1/end", b"", {}, 404),
        ("/v1/verifiers/V-000009/end", b"", {}, 404),
        ("/v1/verifiers/%00/end", b"", {}, 404),
    ],
)
async def test_what_is_no_order_is_declined(
    api: Console, path: str, raw: bytes, headers: dict[str, str], status: int
):
    before = await api.see("/v1/audit")
    answer = await post(api, path, raw=raw, headers=headers)
    assert answer.status == status
    assert answer.body["status"] == status
    assert await api.see("/v1/audit") == before


async def test_a_query_that_does_not_fit_is_declined(api: Console):
    bearer = await api.session(Role.AUDITOR)
    for query in ("after=x", "after=-1", "nowhere=1", "after=99999999999999999999"):
        answer = await api.call("GET", f"/v1/audit?{query}", bearer=bearer)
        assert answer.status == HTTPStatus.BAD_REQUEST, query
    ignored = await api.call("GET", "/v1/verifiers?name=x", bearer=bearer)
    assert ignored.status == HTTPStatus.BAD_REQUEST


async def test_a_change_of_nothing_is_declined(api: Console):
    await api.do("/v1/verifiers", PARTY)
    answer = await api.call("PATCH", V, {}, bearer=await api.session(Role.REGISTRAR))
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert "changes nothing" in answer.body["detail"]


async def test_t36_a_body_that_does_not_come_is_not_waited_for(api: Console, monkeypatch):
    monkeypatch.setattr(request, "BODY_SECONDS", 0.2)
    bearer = await api.session(Role.REGISTRAR)

    async def trickle():
        yield b"{"
        await asyncio.Event().wait()

    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    url = f"{api.url}/v1/verifiers"
    async with api.client.post(url, data=trickle(), headers=headers) as answer:
        assert answer.status == HTTPStatus.REQUEST_TIMEOUT


async def test_a_weak_certificate_is_declined_with_the_rule(api: Console):
    await bank(api)
    order = {**TOKEN, "kind": "mtls-key", "certificate": certificate(authority=True)}
    answer = await post(api, "/v1/credentials", order)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "keyUsage" in answer.body["detail"] or "CA" in answer.body["detail"]


# --- The book in trouble --------------------------------------------------------------------


async def test_t4_without_a_book_operators_are_told_so_and_nothing_crashes(api: Console, tmp_path):
    session = await api.session(Role.REGISTRAR)
    (tmp_path / "book.sqlite").rename(tmp_path / "away.sqlite")
    answers = [
        await api.call("GET", "/v1/verifiers", bearer=session),
        await api.call("POST", "/v1/verifiers", PARTY, bearer=session),
        await api.log_in(api.tokens[Role.REGISTRAR]),
    ]
    assert [each.status for each in answers] == [HTTPStatus.SERVICE_UNAVAILABLE] * 3
    assert str(tmp_path) not in str([each.body for each in answers])
    (tmp_path / "away.sqlite").rename(tmp_path / "book.sqlite")
    assert await api.see("/v1/verifiers") == []


def all_of(kind: type) -> list[type]:
    return [each for child in kind.__subclasses__() for each in (child, *all_of(child))]


def test_every_error_has_a_row_of_its_own_in_both_languages():
    registry = [kind for kind in all_of(errors.RegistryError) if kind.__module__ == errors.__name__]
    kinds = [*registry, *all_of(Problem)]
    kinds += [BookOutdated, BookRefuses, BookUnreachable]
    types = set()
    for kind in kinds:
        error = kind.__new__(kind)
        status, problem = described(error)
        assert status >= HTTPStatus.BAD_REQUEST
        assert any(ord(char) > 0x3000 for char in problem["ja"]["title"])
        types.add(problem["type"])
    assert len(types) == len(kinds)
