"""Every route by every role, and the document that describes them, at the socket."""

import re
from http import HTTPStatus
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.console import Console
from tashika_server.agreements import registry
from tashika_server.console.operators import Role
from tashika_server.console.routes import ROUTES, Route
from tashika_server.console.verbs import Access, Verb

CALLERS: tuple[Role | None, ...] = (None, *Role)


def sample(path: str) -> str:
    return re.sub(r"{(\w)\w*}", lambda m: f"{m[1].upper()}-000999", path)


async def test_every_route_lets_in_whom_the_table_names_and_nobody_else(api: Console):
    wrong = []
    for route in ROUTES:
        for role in CALLERS:
            bearer = None if role is None else await api.session(role)
            answer = await api.call(route.method, sample(route.path), {}, bearer=bearer)
            told = HTTPStatus.UNAUTHORIZED if role is None else HTTPStatus.FORBIDDEN
            kept_out = answer.status == told and "for" in answer.body.get("rule", "")
            if kept_out == (role in route.roles) and route.path != "/v1/sessions":
                wrong.append((route.method, route.path, role, answer.status))
            if (route.method, route.path) == ("DELETE", "/v1/sessions/current") and role:
                del api.sessions[role]
                api.sessions[role] = (await api.log_in(api.tokens[role])).body["session"]
    assert wrong == []


def test_only_the_registrar_writes():
    writing = [route for route in ROUTES if route.verb.access is Access.WRITE]
    assert len(writing) > 15
    assert {role for route in writing for role in route.roles} == {Role.REGISTRAR}
    audited = {route.path for route in ROUTES if Role.AUDITOR in route.roles}
    assert {route.path for route in ROUTES if route.method == "GET"} <= audited


def test_a_route_for_nobody_cannot_be_defined():
    with pytest.raises(TypeError, match="is for nobody"):
        Route(method="GET", path="/x", roles=frozenset(), verb=ROUTES[0].verb)


def test_what_a_verb_takes_is_read_off_its_signature():
    (route,) = (r for r in ROUTES if r.path.endswith("/holders") and r.method == "POST")
    assert route.verb.access is Access.WRITE
    assert set(route.verb.takes.__dataclass_fields__) == {"kind", "name", "period"}
    assert Verb.of(registry.submit, "/x").house == {"two_person"}


async def test_the_document_is_valid_and_has_every_route(api: Console):
    answer = await api.call("GET", "/v1/openapi.json")
    OpenAPIV31SpecValidator(answer.body).validate()
    described = {
        (method.upper(), path) for path, item in answer.body["paths"].items() for method in item
    }
    assert described == {(route.method, route.path) for route in ROUTES}
    operations = [op for item in answer.body["paths"].values() for op in item.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    assert all(op["summary"] for op in operations)


def conforms(document: Any, method: str, path: str, status: str, body: Any) -> None:
    response = document["paths"][path][method.lower()]["responses"][status]
    (content,) = response["content"].values()
    schema = {**content["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(body)


async def test_what_is_answered_is_what_the_document_says(api: Console):
    document = (await api.call("GET", "/v1/openapi.json")).body
    bearer = await api.session(Role.REGISTRAR)
    party = {"name": "Bank A", "category": "accredited-verifier", "act": "2024"}
    for method, path, body, status in (
        ("POST", "/v1/verifiers", party, "200"),
        ("GET", "/v1/verifiers", None, "200"),
        ("GET", "/v1/verifiers/{verifier_id}", None, "200"),
        ("GET", "/v1/agreements", None, "200"),
        ("GET", "/v1/audit", None, "200"),
        ("GET", "/v1/operators", None, "200"),
        ("GET", "/v1/notices", None, "200"),
        ("GET", "/v1/agreements/{agreement_id}", None, "default"),
        ("POST", "/v1/verifiers", {}, "default"),
    ):
        real = path.replace("{verifier_id}", "V-000001").replace("{agreement_id}", "A-000001")
        answer = await api.call(method, real, body, bearer=bearer)
        conforms(document, method, path, status, answer.body)
        assert (answer.status == HTTPStatus.OK) == (status == "200")


async def test_nothing_is_stored_and_no_other_site_is_let_in(api: Console):
    token = await api.enrol("sato", Role.AUDITOR)
    for method, path, status in (
        ("GET", "/v1/openapi.json", HTTPStatus.FORBIDDEN),
        ("POST", "/v1/sessions", HTTPStatus.FORBIDDEN),
        ("GET", "/nowhere", HTTPStatus.NOT_FOUND),
        ("OPTIONS", "/v1/verifiers", HTTPStatus.METHOD_NOT_ALLOWED),
        ("HEAD", "/v1/verifiers", HTTPStatus.METHOD_NOT_ALLOWED),
    ):
        for origin in ("https://evil.example", "null"):
            answer = await api.call(method, path, bearer=token, headers={"Origin": origin})
            assert answer.status == status
            assert answer.headers["Cache-Control"] == "no-store"
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
            assert "Set-Cookie" not in answer.headers
    own = await api.call("POST", "/v1/sessions", bearer=token, headers={"Origin": api.url})
    assert own.status == HTTPStatus.OK
