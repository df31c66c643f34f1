"""The OpenAPI document of an application as it really answers: 400 for what is invalid, RFC 9457 errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

_ABOUT = (
    "Reached through the gateway only. Name the municipality in the header `Municipality`, or use its own "
    "host name. Staff send the session cookie, and with each change its CSRF token as `X-CSRF-Token`; "
    "programs send an API key as bearer token. Every error is `application/problem+json`."
)
_PROBLEM = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457); `errors` says in Dutch and English how to mend it.",
    "type": "object",
    "required": ["type", "title", "status", "code", "errors"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:vermoeden:problem:malformed"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["malformed"]},
        "detail": {"type": "string"},
        "errors": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/FieldProblem"}},
    },
}
_FIELD_PROBLEM = {
    "title": "FieldProblem",
    "description": "One thing wrong with one field: where, what, and how to mend it.",
    "type": "object",
    "required": ["pointer", "code", "message"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": "A JSON Pointer (RFC 6901), empty for the whole; or `query:…` or `header:…`.",
        },
        "code": {"type": "string"},
        "message": {"type": "string"},
        "messageEn": {"type": "string"},
    },
}
_SCHEMES = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key of the municipality."},
    "session": {"type": "apiKey", "in": "cookie", "name": "__Host-vermoeden_session"},
}
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def operation_id(route: APIRoute) -> str:
    """The name of an operation: that of its function, in camelCase."""
    return to_camel(route.name)


def describe(app: FastAPI) -> None:
    """Let the application's document tell what it does; FastAPI's own promises a 422 that never comes."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
            app.openapi_schema = _corrected(made)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    for path in document.get("paths", {}).values():
        for method, operation in path.items():
            if method in _METHODS:
                _correct(operation["responses"])
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= {"Problem": _PROBLEM, "FieldProblem": _FIELD_PROBLEM}
    components["securitySchemes"] = _SCHEMES
    document["security"] = [{}, {"apiKey": []}, {"session": []}]
    return document


def _correct(responses: dict[str, Any]) -> None:
    if responses.pop("422", None) is not None:
        responses["400"] = _problem("Something in the request is not valid; `errors` tells all of it.")
    responses["default"] = _problem("Any other outcome.")


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}
