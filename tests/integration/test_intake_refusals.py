"""Each refusal of a report names the field and how to mend it, in Dutch and in English, and loses nothing."""

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from common.auth import Identity
from common.contracts.codes import Role
from intake.files.refusals import CODES, FileRefused, FileTooLarge

from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report

STAFF = staff(Role.STAFF_ENTRY)
PROFESSIONAL = staff(Role.REPORTER)
FILE = {"id": "0b7cf2c4-7a3e-4d1c-9d7e-2f0c3a9f1d11", "claim": "a" * 32}


@pytest_asyncio.fixture(scope="module")
async def desk(backing: Backing, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path_factory.mktemp("files")) as made:
        yield made


def answers(**changes: object) -> dict[str, Any]:
    return {"answers": {"waargenomen": "zelf-waargenomen", **changes}}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"signalType": "bestaat-niet"}, "/signalType", "unknown-signal-type"),
        ({"signalType": None}, "/signalType", "string-type"),
        ({"signalType": "a" * 201}, "/signalType", "string-too-long"),
        ({"description": " \n "}, "/description", "missing"),
        ({"description": "a" * 10_001}, "/description", "string-too-long"),
        ({"description": 7}, "/description", "string-type"),
        ({"description": "half \ud800"}, "/description", "unreadable-character"),
        ({"description": "\U0001f600" * 10_000}, "/description", "too-long"),
        ({"reporterKind": "koning"}, "/reporterKind", "unknown-reporter-kind"),
        ({"channel": "duif"}, "/channel", "enum"),
        ({"language": "fr"}, "/language", "string-pattern-mismatch"),
        ({"neighbourhood": "a" * 201}, "/neighbourhood", "string-too-long"),
        ({"address": ["Kade 1"]}, "/address", "string-type"),
        ({"locationType": "maan"}, "/locationType", "unknown-location-type"),
        ({"location": {"latitude": 48.9, "longitude": 2.3}}, "/location", "outside-the-netherlands"),
        ({"location": {"latitude": "52", "longitude": 5.1}}, "/location/latitude", "float-type"),
        ({"location": {"latitude": 52.1}}, "/location/longitude", "missing"),
        ({"observedOn": "gisteren"}, "/observedOn", "not-a-date"),
        ({"observedOn": "2190-01-01"}, "/observedOn", "not-in-the-past"),
        ({"contact": {"mail": "geen adres"}}, "/contact/mail", "string-pattern-mismatch"),
        ({"contact": {"mail": "a,b@voorbeeld.example"}}, "/contact/mail", "no-mail-address"),
        ({"contact": {"naam": "Jan"}}, "/contact/naam", "extra-forbidden"),
        ({"contact": 3}, "/contact", "model-attributes-type"),
        ({"mode": "anoniem", "contact": {"name": "J. Zwaan"}}, "/contact/name", "not-anonymous"),
        ({"mode": "op-naam", "contact": {}}, "/contact/name", "missing"),
        ({"mode": "half"}, "/mode", "enum"),
        ({"hide": ["-"]}, "/hide/0", "too-little"),
        ({"hide": ["ab"] * 51}, "/hide", "too-long"),
        ({"attachments": [{**FILE, "claim": "kort"}]}, "/attachments/0/claim", "string-pattern-mismatch"),
        ({"attachments": [{**FILE, "id": "x"}]}, "/attachments/0/id", "uuid-parsing"),
        ({"attachments": [FILE] * 11}, "/attachments", "too-many-files"),
        ({"attachments": [FILE, FILE]}, "/attachments/1", "repeated"),
        ({"attachments": [FILE]}, "/attachments/0", "unknown-file"),
        ({"meer": 1}, "/meer", "extra-forbidden"),
        ({"answers": []}, "/answers", "dict-type"),
        ({"answers": {}}, "/answers/waargenomen", "missing"),
        (answers(waargenomen="misschien"), "/answers/waargenomen", "not-an-option"),
        (answers(verzonnen="x"), "/answers/verzonnen", "unknown-question"),
        (answers(aanvoer=7), "/answers/aanvoer", "not-text"),
        (answers(aanvoer="a" * 2_001), "/answers/aanvoer", "too-long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_field_of_a_report_is_refused_with_the_fix(
    desk: Desk, changes: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await _sent(desk, {**report(), **changes})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert (pointer, code) in _told(answer)


@pytest.mark.parametrize(
    ("who", "changes", "pointer", "code"),
    [
        (STAFF, {"receivedElsewhereAt": "2026-11-20T10:00:00Z"}, "/receivedElsewhereAt", "not-entered"),
        (
            STAFF,
            {"channel": "balie", "receivedElsewhereAt": "2190-01-01T10:00:00Z"},
            "/receivedElsewhereAt",
            "in-the-future",
        ),
        (
            STAFF,
            {"channel": "balie", "receivedElsewhereAt": "1999-01-01T10:00:00Z"},
            "/receivedElsewhereAt",
            "too-long-ago",
        ),
        (
            STAFF,
            {"channel": "balie", "receivedElsewhereAt": "2026-11-20T10:00:00"},
            "/receivedElsewhereAt",
            "timezone-aware",
        ),
        (
            STAFF,
            {"channel": "balie", "receivedElsewhereAt": "0001-01-01T00:00:00+14:00"},
            "/receivedElsewhereAt",
            "no-such-moment",
        ),
        (PROFESSIONAL, {"signalType": "intimidatie-bestuur"}, "/contact/name", "name-needed"),
        (PROFESSIONAL, {"signalType": "intimidatie-bestuur", "mode": "anoniem"}, "/mode", "name-needed"),
    ],
)
async def test_what_staff_and_professionals_say_is_refused_with_the_fix(
    desk: Desk, who: Identity, changes: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await _sent(desk, {**report(contact={}), **changes}, who)
    assert answer.status_code == 400
    assert (pointer, code) in _told(answer)


async def _require_told(desk: Desk, raw: bytes) -> None:
    """This body is refused with a reason."""
    headers = {
        "Idempotency-Key": secrets.token_urlsafe(24),
        "Content-Type": "application/json",
        **bearer("intake", anonymous()),
    }
    answer = await desk.client.post("/api/v1/reports", content=raw, headers=headers)
    assert answer.status_code == 400
    assert _told(answer)


@pytest.mark.parametrize("depth", [150, 450, 900, 100_000])
async def test_an_answer_that_is_nested_deeply_is_refused_with_the_fix(desk: Desk, depth: int) -> None:
    body = json.dumps(report(answers={"aanvoer": "diep"})).encode()
    nested = body.replace(b'"diep"', b"[" * depth + b"]" * depth)
    await _require_told(desk, nested)


async def test_an_invitation_ends_at_a_moment_that_exists(desk: Desk) -> None:
    body = {"name": "Dorpsraad", "maxUses": 1, "expiresAt": "0001-01-01T00:00:00+14:00"}
    headers = bearer("intake", staff(Role.ADMINISTRATOR))
    answer = await desk.client.post("/api/v1/invitations", json=body, headers=headers)
    assert answer.status_code == 400
    assert ("/expiresAt", "no-such-moment") in _told(answer)


async def test_every_fault_of_a_report_is_told_at_once(desk: Desk) -> None:
    wrong = report(signalType=3, language="fr", meer=1, hide=["?"], contact={"mail": "x", "naam": "y"})
    told = _told(await _sent(desk, wrong))
    assert {pointer for pointer, _ in told} == {
        "/signalType",
        "/language",
        "/meer",
        "/hide/0",
        "/contact/mail",
        "/contact/naam",
    }


@pytest.mark.parametrize("key", [None, "", "kort", "a" * 200, "spatie in het midden van deze sleutel"])
async def test_a_key_that_is_none_is_refused_with_the_fix(desk: Desk, key: str | None) -> None:
    headers = {**bearer("intake", anonymous()), **({} if key is None else {"Idempotency-Key": key})}
    answer = await desk.client.post("/api/v1/reports", json=report(), headers=headers)
    assert answer.status_code == 400
    assert ("header:Idempotency-Key", "wrong-key") in _told(answer)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff"])
async def test_a_body_that_is_no_object_is_refused_with_the_fix(desk: Desk, raw: bytes) -> None:
    await _require_told(desk, raw)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_refused_file_is_told_why_and_what_to_do(code: str) -> None:
    (field,) = FileRefused(code).errors
    assert (field.pointer, field.code) == ("/file", code)
    assert field.message != field.message_en != ""


def test_a_file_that_is_too_large_is_told_the_limit() -> None:
    (field,) = FileTooLarge(20 * 1024 * 1024).errors
    assert field.code == "too-large"
    assert "20 MB" in field.message
    assert "20 MB" in field.message_en


async def test_a_form_is_edited_by_who_says_what_was_seen(desk: Desk) -> None:
    part = "/api/v1/form-parts/hennepteelt"

    async def ask(method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        signed = {**bearer("intake", staff(Role.ADMINISTRATOR)), **headers}
        return await desk.client.request(method, path, json=body, headers=signed)

    async def refused(method: str, path: str, **headers: str) -> tuple[int, str]:
        answer = await ask(method, path, **headers)
        return answer.status_code, answer.json()["code"]

    assert await refused("GET", "/api/v1/form-parts/bestaat-niet") == (404, "unknown-form")
    assert await refused("GET", f"{part}/draft") == (404, "no-draft")
    shown = (await ask("GET", part)).json()
    draft = {"basedOn": shown["version"], "document": shown["document"]}
    assert (await ask("PUT", f"{part}/draft", draft)).status_code == 200
    assert await refused("DELETE", f"{part}/draft") == (428, "revision-needed")
    answer = await ask("DELETE", f"{part}/draft", **{"If-Match": "drie"})
    assert answer.status_code == 400
    assert ("header:If-Match", "not-a-revision") in _told(answer)


async def _sent(desk: Desk, body: object, who: Identity | None = None) -> httpx.Response:
    raw = json.dumps(body).encode()  # as a client that lets half a character through
    headers = {
        "Idempotency-Key": secrets.token_urlsafe(24),
        "Content-Type": "application/json",
        **bearer("intake", who or anonymous()),
    }
    return await desk.client.post("/api/v1/reports", content=raw, headers=headers)


def _told(answer: httpx.Response) -> set[tuple[str, str]]:
    """Where and what is wrong; each with two sentences that differ and repeat nothing that was sent."""
    errors = answer.json()["errors"]
    for each in errors:
        assert each["message"], each
        assert each["messageEn"], each
        assert each["message"] != each["messageEn"], each
        assert "{" not in each["message"] + each["messageEn"] or "pattern" in each["code"], each
    return {(each["pointer"], each["code"]) for each in errors}
