"""What a report hides: told before it is sent, kept by nobody, and done as it was told."""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from common.contracts.codes import KeyGroup
from common.contracts.intake import ReportReceived
from common.sealing import open_content
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer
from tests.support.intake import NAME, Desk, intake_desk, report

WORDS = {
    "description": f"Het ruikt bij {NAME}, de kapper. Die kapper belt 06-12345678.",
    "answers": {"aanvoer": f"lampen van {NAME}, zegt men."},
    "address": "Dorpsstraat 12",
    "neighbourhood": "Havenkwartier",
}


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        yield made


async def look(desk: Desk, **changes: Any) -> httpx.Response:
    headers = bearer("intake", anonymous())
    return await desk.client.post("/api/v1/anonymisations", json={**WORDS, **changes}, headers=headers)


async def test_who_looks_sees_what_will_be_hidden_and_nothing_is_kept(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await look(desk, hide=["kapper", "bakker"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told, before = answer.json(), await desk.outbox()
    fields = {each["pointer"]: each for each in told["fields"]}
    assert fields["/description"]["text"] == (
        "Het ruikt bij [PERSOON-1], de [OVERIG-1]. Die [OVERIG-1] belt [TELEFOON-1]."
    )
    assert fields["/answers/aanvoer"]["text"] == "lampen van [PERSOON-1], zegt men."
    assert fields["/neighbourhood"]["spans"] == []
    hidden = fields["/description"]["spans"]
    assert [WORDS["description"][each["start"] : each["end"]] for each in hidden] == [  # type: ignore[index]
        NAME,
        "kapper",
        "kapper",
        "06-12345678",
    ]
    assert (told["notFound"], told["isDoubtful"]) == ([1], False)
    assert (await look(desk, hide=["kapper", "bakker"])).json() == told
    async with desk.database.flowing() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM submission"))).scalar_one() == 0
    assert await desk.outbox() == before
    assert "Zwanenvliet" not in "".join(capsys.readouterr())


async def test_what_a_reporter_marked_is_nowhere_in_clear(desk: Desk) -> None:
    sent = report(
        description="Bij de rode molen ruikt het.",
        answers={"waargenomen": "zelf-waargenomen", "aanvoer": "naar de Rode Molen"},
        neighbourhood="Rode molenwijk",
        hide=["rode molen"],
    )
    key = secrets.token_urlsafe(24)
    answers = [await desk.send(sent, key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert answers[0].json() == answers[1].json()
    assert (await desk.send({**sent, "hide": []}, key=key)).status_code == 409
    received = (await desk.spoken(ReportReceived))[0]
    assert received.anonymised_text == "Bij de [OVERIG-1] ruikt het."
    assert received.neighbourhood is None
    for _, body in await desk.outbox():
        assert b"molen" not in body.lower()
    content = open_content(
        received.sealed_content,
        "general-1",
        desk.town.keys[KeyGroup.GENERAL].private,
        municipality="zandrecht",
        compartment="content",
        subject=str(received.report_id),
    )
    assert json.loads(content)["description"] == sent["description"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"hide": ["x" * 201]}, "/hide/0"),
        ({"hide": ["molen", " . "]}, "/hide/1"),
        ({"hide": ["ab"] * 51}, "/hide"),
        ({"hide": "molen"}, "/hide"),
        ({"hide": ["\ud800"]}, "/hide/0"),
        ({"description": "x" * 10_001}, "/description"),
        ({"answers": {"geur": "x" * 2_001}}, "/answers/geur"),
        ({"answers": {"geur": ["vaak"]}}, "/answers/geur"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_a_wrong_wish_is_named_at_both_doors(desk: Desk, changes: dict[str, Any], pointer: str) -> None:
    raw = json.dumps({**WORDS, **changes})
    headers = {**bearer("intake", anonymous()), "content-type": "application/json"}
    answer = await desk.client.post("/api/v1/anonymisations", content=raw, headers=headers)
    assert answer.status_code == 400, answer.text
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    if "hide" in changes:
        headers["idempotency-key"] = secrets.token_urlsafe(24)
        answer = await desk.client.post(
            "/api/v1/reports", content=json.dumps(report(**changes)), headers=headers
        )
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


async def test_the_look_is_offered_only_through_the_gateway_and_to_known_municipalities(desk: Desk) -> None:
    path = "/api/v1/anonymisations"
    assert (await desk.client.post(path, json=WORDS)).status_code == 401
    stranger = bearer("intake", anonymous("nergens"))
    assert (await desk.client.post(path, json=WORDS, headers=stranger)).status_code == 404
