"""Intake keeps to its API document whatever comes: no 5xx, known statuses, promised types and models."""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import requests
import schemathesis
from common.contracts.codes import Role
from common.invalid import OTHER
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.backing import Backing
from tests.support.files import photo
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report
from tests.support.reporting import served

DOCUMENT = Path(__file__).parents[2] / "docs" / "api" / "intake.openapi.json"
CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CALLERS = st.sampled_from(
    [
        anonymous(),
        staff(Role.HANDLER, Role.STAFF_ENTRY),
        staff(Role.PROCESS_MANAGER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER),
    ]
)
for media_type in ("image/jpeg", "image/png", "image/webp", "application/pdf"):
    schemathesis.openapi.media_type(media_type, st.binary(max_size=400))
SCHEMA = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")))
_ALL: Any = SCHEMA.get_all_operations()
OPERATIONS = [each.ok() for each in _ALL]
#: Anything that JSON holds, small.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)


@pytest_asyncio.fixture(scope="module")
async def served_desk(
    backing: Backing, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Desk, str]]:
    """An intake behind a real server, for all of these tests."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(intake_desk(backing, tmp_path_factory.mktemp("files")))
        yield desk, await stack.enter_async_context(served(desk.app))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
async def test_every_operation_keeps_to_the_document(served_desk: tuple[Desk, str], operation: Any) -> None:
    _, url = served_desk
    seen: Counter[int] = Counter()

    @EXAMPLES
    @given(case=operation.as_strategy(), who=CALLERS)
    def ask(case: Any, who: Any) -> None:
        headers = bearer("intake", who)
        response = case.call(base_url=url, headers=headers, timeout=30)
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS, headers=headers)
        require_fixes(response)

    await asyncio.to_thread(ask)
    assert seen


async def test_one_field_of_a_report_may_hold_anything(served_desk: tuple[Desk, str]) -> None:
    desk, url = served_desk
    operation = SCHEMA["/api/v1/reports"]["POST"]
    known = desk.app.openapi()["components"]["schemas"]["ReportSubmission"]["properties"]
    seen: Counter[int] = Counter()

    @settings(EXAMPLES, max_examples=150)
    @given(name=st.sampled_from(sorted(known)) | st.text(max_size=10), value=ANYTHING)
    def send(name: str, value: object) -> None:
        headers = {"Idempotency-Key": secrets.token_urlsafe(24), **bearer("intake", anonymous())}
        case = operation.Case(body={}, media_type="application/json")
        response = _sent(f"{url}/api/v1/reports", {**report(), name: value}, headers)
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS, headers=headers)
        require_fixes(response)

    await asyncio.to_thread(send)
    assert {201, 400} <= set(seen), seen


def require_fixes(response: Any) -> None:
    """Each fault of a refused request tells, in Dutch and in English, what to do about it."""
    if response.status_code != 400:
        return
    for each in response.json()["errors"]:
        assert each["message"] != each["messageEn"], each
        assert each["message"] != OTHER, each


def _sent(url: str, body: object, headers: dict[str, str]) -> requests.Response:
    """As a program sends it that lets NaN and half characters through."""
    content = json.dumps(body).encode()
    return requests.post(
        url, data=content, headers={"Content-Type": "application/json", **headers}, timeout=30
    )


async def test_one_byte_of_a_photo_may_be_anything(served_desk: tuple[Desk, str]) -> None:
    _, url = served_desk
    operation = SCHEMA["/api/v1/attachments"]["POST"]
    whole, seen = photo((48, 32)), Counter[int]()

    @settings(EXAMPLES, max_examples=25)
    @given(at=st.integers(0, len(whole) - 1), byte=st.integers(0, 255), cut=st.booleans())
    def send(at: int, byte: int, cut: bool) -> None:
        content = whole[:at] if cut else whole[:at] + bytes([byte]) + whole[at + 1 :]
        headers = {"Signal-Type": "hennepteelt", **bearer("intake", anonymous())}
        case = operation.Case(body=content, media_type="image/jpeg", headers={"Signal-Type": "hennepteelt"})
        response = case.call(base_url=url, headers=headers, timeout=60)
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS, headers=headers)

    await asyncio.to_thread(send)
    assert {201, 400} <= set(seen), seen


async def test_every_success_that_reporters_are_promised_can_be_had(served_desk: tuple[Desk, str]) -> None:
    _, url = served_desk
    reports, files = "/api/v1/reports", "/api/v1/attachments"
    form, content = "/api/v1/signal-types/{code}/form", f"{files}/{{attachment_id}}/content"
    older = "/api/v1/signal-types/{code}/versions/{version}"
    handler = replace(staff(Role.HANDLER), key_groups=frozenset({"general"}))
    got: dict[tuple[str, str], int] = {}

    def ask(method: str, path: str, who: Any = None, headers: Any = None, **given: Any) -> Any:
        if "body" in given:
            given = {"media_type": "application/json", **given}
        case = SCHEMA[path][method].Case(headers=headers, **given)
        sent = bearer("intake", who or anonymous())
        response: Any = case.call(base_url=url, headers=sent, timeout=60)
        case.validate_response(response, checks=CHECKS, headers=sent)
        got[method, path] = response.status_code
        return response

    def ask_all() -> None:
        kind, key = {"Signal-Type": "hennepteelt"}, {"Idempotency-Key": secrets.token_urlsafe(24)}
        file = ask("POST", files, headers=kind, body=photo((48, 32)), media_type="image/jpeg").json()
        named = report(attachments=[{"id": file["id"], "claim": file["claim"]}])
        ask("POST", f"{reports}/_check", body=named)
        ask("POST", reports, headers=key, body=named)
        ask("GET", content, handler, path_parameters={"attachment_id": file["id"]})
        ask("GET", "/api/v1/signal-types")
        ask("GET", form, path_parameters={"code": "hennepteelt"})
        ask("GET", older, path_parameters={"code": "hennepteelt", "version": 1})
        ask("POST", "/api/v1/anonymisations", body={"description": "Bij Jan."})

    await asyncio.to_thread(ask_all)
    assert got == {
        (operation.method.upper(), operation.path): _promised(operation.definition.raw["responses"])
        for operation in OPERATIONS
        # Those of administrators: test_intake_forms.py, test_intake_admission.py.
        if "/form-" not in operation.path and "/invitations" not in operation.path
    }


def _promised(responses: dict[str, Any]) -> int:
    return next(int(code) for code in responses if code.startswith("2"))
