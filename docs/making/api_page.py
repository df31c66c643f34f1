"""docs/api.md: what can be asked at the front door, by whom, and what must be sent."""

from collections.abc import Iterator
from typing import Any

from gateway.domain.routes import RouteTable

from making.fields import fields_of, held_in, resolved, rows_of, table
from making.openapi import Document, documents

_METHODS = ("get", "post", "put", "patch", "delete")
_TOP = """\
# The API

*Made by `make generate` from the applications; do not edit.* The OpenAPI documents are in [api/](api/); a
running installation serves them at `/api/v1/openapi/<service>.json`.

Everything goes through the gateway, under `/api/v1`; whatever is not on this page is refused there.

- **Municipality.** Send its code in the header `Municipality`, or use a host name of its own. Else the
  installation's default counts.
- **Who you are.** Anonymous; or a session (`POST /api/v1/sessions` sets a cookie, and each change must send
  its `csrfToken` as `X-CSRF-Token`); or an API key (`Authorization: Bearer …`). Where roles are named, the
  door admits these only, and the service may ask more: a handler works on reports of the own departments.
- **JSON** in camelCase, in UTF-8. An unknown field is an error. Times are UTC (RFC 3339).
- **Errors** are `application/problem+json` (RFC 9457) with a stable `code`. What is not valid is 400, all at
  once, in `errors`: a `pointer`, a `code`, and a message in Dutch (`message`) and English (`messageEn`).
  Every other problem says in the same way what to do; its `pointer` is empty.
  401 sign in, 403 not yours to do, 404 not there (a trailing slash is not there either), 405 with `Allow`,
  409 the state does not permit it, 413 too large, 429 slow down, 503 with `Retry-After` come back.
- **Changes to a report** name the `version` you read; 409 when somebody was first.
- **Repeating is safe.** `POST /api/v1/reports` needs an `Idempotency-Key` that you make: base64url of at
  least 16 random bytes. The same key and body give the same answer; the same key with another body is 409.
  Keep the key secret: the receipt is derived from it. Ids of questions, notes and replies are made by the
  client, for the same reason.
- **Sealed** fields are made and opened in the browser; see [sealing.md](sealing.md).
"""


def api_text() -> str:
    """The page."""
    lines = [_TOP]
    for service, document in documents().items():
        lines += [f"## {service}", ""]
        for path, method, operation in operations_of(document):
            lines += _section(service, path, method, operation, document)
        lines += _objects(document)
    return "\n".join(lines).rstrip() + "\n"


def operations_of(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method in capitals, and operation of everything in a document."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield path, method.upper(), methods[method]


def admitted(path: str, method: str) -> str | None:
    """Whom the gateway admits here, in words; None when it offers no such thing."""
    sample = "/".join("x" if part.startswith("{") else part for part in path.split("/"))
    route = RouteTable().methods_of(sample).get(method)
    if route is None:
        return None
    return "anyone" if route.roles is None else ", ".join(sorted(route.roles))


def _section(
    service: str, path: str, method: str, operation: dict[str, Any], document: Document
) -> list[str]:
    lines = [f"### {method} {path}", "", operation.get("description") or f"{operation['summary']}."]
    if service != "gateway":
        lines += ["", f"Admitted: {admitted(path, method)}."]
    if rows := [_parameter(each, document) for each in operation.get("parameters", ())]:
        lines += ["", *table(("parameter", "in", "holds", "needed"), rows)]
    content = operation.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        lines += ["", f"Body (`{kind}`):", "", *_body(body["schema"], document)]
    answers = [
        _answer(code, told, document) for code, told in operation["responses"].items() if code.isdigit()
    ]
    return [*lines, "", f"Answers: {', '.join(answers)}, or a problem.", ""]


def _answer(code: str, told: dict[str, Any], document: Document) -> str:
    """The status, and what comes with it."""
    for kind, content in told.get("content", {}).items():
        if kind == "application/json" and content["schema"]:
            return f"{code} with {held_in(content['schema'], document)}"
        if kind != "application/problem+json":
            return f"{code} with {kind}"
    return code


def _objects(document: Document) -> list[str]:
    """What answers are made of, each object once."""
    answered = [
        content["schema"]
        for _, _, operation in operations_of(document)
        for code, told in operation["responses"].items()
        if code.isdigit()
        for kind, content in told.get("content", {}).items()
        if kind == "application/json"
    ]
    names = _named_in({"anyOf": answered}, document)
    lines = ["### What the answers hold", ""] if names else []
    for name in names:
        part = document["components"]["schemas"][name]
        told = " ".join(part.get("description", "").split())
        members = (
            f"`{each.name}`{'' if each.is_required else ' (may be absent)'}: {each.holds}"
            f"{' or null' if each.may_be_null else ''}"
            for each in fields_of(part, document)
        )
        lines.append(f"- **{name}.** {told} {'; '.join(members)}.")
    return [*lines, ""]


def _parameter(parameter: dict[str, Any], document: Document) -> tuple[str, ...]:
    holds = held_in(parameter["schema"], document)
    if "default" in parameter["schema"]:
        holds += f", `{_plain(parameter['schema']['default'])}` by default"
    told = f"{parameter['description']} ({holds})" if parameter.get("description") else holds
    return (f"`{parameter['name']}`", parameter["in"], told, "yes" if parameter["required"] else "")


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(schema: dict[str, Any], document: Document) -> list[str]:
    rows = rows_of(schema, document)
    lines = table(("field", "holds", "needed"), rows)
    for name in _named_in(schema, document):
        part = document["components"]["schemas"][name]
        members = ", ".join(
            f"`{each.name}`{'' if each.is_required else ' (optional)'}" for each in fields_of(part, document)
        )
        lines += ["", f"{name}: {members}."]
    return lines


def _named_in(schema: Any, document: Document) -> list[str]:  # noqa: ANN401 -- JSON
    """The names of the objects within a body, each once, in reading order."""
    found: list[str] = []

    def look(part: Any) -> None:  # noqa: ANN401 -- JSON
        if isinstance(part, dict):
            if "$ref" in part:
                name = part["$ref"].rpartition("/")[2]
                held = document["components"]["schemas"][name]
                if name not in found and "properties" in held:
                    found.append(name)
                    look(held)
            for each in part.values():
                look(each)
        elif isinstance(part, list):
            for each in part:
                look(each)

    look(resolved(schema, document))
    return found
