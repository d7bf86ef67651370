"""The OpenAPI 3.1 document, made of the table of routes and the types of their functions."""

import re
from typing import Any, get_args

from tashika_server.agreements.registry import Proposal
from tashika_server.console.declining import PROBLEM_SCHEMA
from tashika_server.console.request import KEY
from tashika_server.console.routes import ROUTES, STRANGERS, Route
from tashika_server.console.shapes import Schemas
from tashika_server.console.verbs import Access
from tashika_server.console.views import Trace

__all__ = ["document"]

Part = dict[str, Any]

_INTRODUCTION = """Who may ask, for the operators who keep it.

Log in with `POST /v1/sessions`, showing an operator's token or client certificate, and send the
session it returns as `Authorization: Bearer` with everything else. What writes takes
`?dry_run=true`: everything is tried, told and undone. It also takes an `Idempotency-Key`: a
request that is sent again within ten minutes, because no reply came, is done once and answered
alike.
"""
_WRITING: tuple[Part, ...] = (
    {"name": "dry_run", "in": "query", "schema": {"type": "boolean", "default": False}},
    {"name": KEY, "in": "header", "schema": {"type": "string", "maxLength": 128}},
)


def document(version: str) -> Part:
    """Write the document."""
    schemas = Schemas()
    paths: Part = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tashika management API",
            "version": version,
            "description": _INTRODUCTION,
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components | {"Problem": PROBLEM_SCHEMA},
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer"},
                "operator": {"type": "http", "scheme": "bearer"},
                "certificate": {"type": "mutualTLS"},
            },
        },
    }


def _operation(route: Route, schemas: Schemas) -> Part:
    verb = route.verb
    roles = ", ".join(sorted(role for role in route.roles if role))
    operation: Part = {
        "operationId": verb.act.__name__,
        "summary": (verb.act.__doc__ or "").partition("\n")[0],
        "description": f"For: {roles}.",
        "tags": [route.path.split("/")[2]],
        "security": (
            [{"operator": []}, {"certificate": []}]
            if route.roles & STRANGERS
            else [{"session": []}]
        ),
        "parameters": [*_path_parameters(route), *_other_parameters(route)],
        "responses": _responses(route, schemas),
    }
    if verb.takes is not None and verb.access is Access.WRITE:
        content = {"application/json": {"schema": schemas.of(verb.takes)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_parameters(route: Route) -> list[Part]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _other_parameters(route: Route) -> list[Part]:
    verb = route.verb
    if verb.access is Access.WRITE:
        return [*_WRITING]
    if verb.takes is None:
        return []
    described_fields = Schemas()
    described_fields.of(verb.takes)
    properties = described_fields.components[verb.takes.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]


def _responses(route: Route, schemas: Schemas) -> Part:
    result = schemas.of(route.verb.gives)
    if route.verb.access is Access.WRITE:
        result = {
            "type": "object",
            "properties": {
                "dry_run": {"type": "boolean"},
                "workers_know": {
                    "type": "boolean",
                    "description": "False after a rehearsal, or while the office is in trouble.",
                },
                "result": result,
                "changes": {"type": "array", "items": schemas.of(Trace)},
            },
            "required": ["dry_run", "workers_know", "result", "changes"],
        }
    content = {"application/json": {"schema": result}}
    problem = {
        "description": "Declined; see `type`",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    responses = {"200": {"description": "Done", "content": content}, "default": problem}
    if Proposal in get_args(route.verb.gives):
        responses["202"] = {"description": "Proposed; a second person decides", "content": content}
    return responses
