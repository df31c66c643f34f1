"""Where a report is about, and how its reporter stands behind it: what is taken, refused and sealed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from common.auth import Identity
from common.contracts.codes import KeyGroup, Role
from common.contracts.gateway import Neighbourhood
from common.contracts.intake import ReportCounted, ReportReceived
from common.sealing import SealedContent, open_content
from jsonschema import Draft202012Validator

from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import NAME, Desk, intake_desk, report

NEIGHBOURHOODS = [{"code": "molenwijk", "name": "Molenwijk"}, {"code": "haven", "name": "De Haven"}]
_LISTED = tuple(Neighbourhood.model_validate(each) for each in NEIGHBOURHOODS)
BY_NAME = {"name": NAME, "phone": "06-12345678"}


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        yield made


async def with_neighbourhoods(desk: Desk) -> None:
    """Let Zandrecht have a list."""
    await desk.hear(desk.town.state.model_copy(update={"version": 2, "neighbourhoods": _LISTED}))


def opened(desk: Desk, sealed: SealedContent, group: KeyGroup, compartment: str, subject: object) -> Any:
    """What a browser with this key would read."""
    private = desk.town.keys[group].private
    content = open_content(
        sealed,
        f"{group.value}-1",
        private,
        municipality="zandrecht",
        compartment=compartment,
        subject=str(subject),
    )
    return json.loads(content)


async def test_with_a_list_the_code_travels_in_clear_and_no_anonymiser_doubts_it(desk: Desk) -> None:
    await with_neighbourhoods(desk)
    answer = await desk.send(report(neighbourhood="molenwijk"))
    assert answer.status_code == 201, answer.text
    received = (await desk.spoken(ReportReceived))[0]
    assert received.neighbourhood == "molenwijk"
    assert (await desk.spoken(ReportCounted))[0].neighbourhood == "molenwijk"


@pytest.mark.parametrize("given", ["MOLENWIJK", "achterbuurt", f"achter {NAME}"])
async def test_with_a_list_anything_else_is_refused_with_the_list(desk: Desk, given: str) -> None:
    await with_neighbourhoods(desk)
    answer = await desk.send(report(neighbourhood=given))
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/neighbourhood", "unknown-neighbourhood")
    for each in (error["message"], error["messageEn"]):
        assert "molenwijk (Molenwijk), haven (De Haven)" in each
    assert given not in error["message"]


async def test_the_form_tells_what_a_municipality_asks(desk: Desk) -> None:
    async def told() -> Any:
        answer = await desk.client.get("/api/v1/signal-types", headers=bearer("intake", anonymous()))
        return answer.json()

    before = await told()
    assert (before["neighbourhoods"], before["formLayout"], before["whoMayReport"]) == (
        [],
        "all-on-one",
        "open",
    )
    assert before["modes"] == ["anoniem", "vertrouwelijk", "op-naam"]
    await with_neighbourhoods(desk)
    assert (await told())["neighbourhoods"] == NEIGHBOURHOODS


async def test_a_pin_and_a_kind_of_place_travel_sealed_only(desk: Desk) -> None:
    answer = await desk.send(
        report(location={"latitude": 52.377956, "longitude": 4.89707}, locationType="jachthaven-of-boot")
    )
    assert answer.status_code == 201, answer.text
    received = (await desk.spoken(ReportReceived))[0]
    content = opened(desk, received.sealed_content, KeyGroup.GENERAL, "content", received.report_id)
    assert content["location"] == {"latitude": 52.377956, "longitude": 4.89707}
    assert content["locationType"] == "jachthaven-of-boot"
    for _, body in await desk.outbox():
        assert b"52.37" not in body
        assert b"jachthaven" not in body


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"location": {"latitude": 48.85, "longitude": 2.35}}, "/location"),
        ({"location": {"latitude": 52.1}}, "/location/longitude"),
        ({"location": {"latitude": "52.1", "longitude": 5.0}}, "/location/latitude"),
        ({"location": {"latitude": True, "longitude": 5.0}}, "/location/latitude"),
        ({"location": {"latitude": 52.1, "longitude": 5.0, "accuracy": 3}}, "/location/accuracy"),
        ({"location": [52.1, 5.0]}, "/location"),
        ({"locationType": "kasteel"}, "/locationType"),
        ({"mode": "geheim"}, "/mode"),
    ],
)
async def test_a_place_that_cannot_be_is_refused(desk: Desk, changes: dict[str, Any], pointer: str) -> None:
    answer = await desk.send(report(**changes))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_by_name_is_for_every_handler_and_in_confidence_for_a_custodian(desk: Desk) -> None:
    for mode in ("op-naam", "vertrouwelijk", None):
        answer = await desk.send(report(contact=BY_NAME, mode=mode))
        assert answer.status_code == 201, answer.text
    named, confidential, without = await desk.spoken(ReportReceived)
    content = opened(desk, named.sealed_content, KeyGroup.GENERAL, "content", named.report_id)
    assert (content["mode"], content["reporter"]) == ("op-naam", BY_NAME)
    assert named.sealed_identity is None
    for each, mode in ((confidential, "vertrouwelijk"), (without, None)):
        content = opened(desk, each.sealed_content, KeyGroup.GENERAL, "content", each.report_id)
        assert content.get("mode") == mode
        assert "reporter" not in content
        assert opened(desk, each.sealed_identity, KeyGroup.IDENTITY, "identity", each.report_id) == BY_NAME


async def test_a_name_stands_in_no_outbox_in_any_mode(desk: Desk) -> None:
    for mode in ("op-naam", "vertrouwelijk"):
        await desk.send(
            report(description="Rook.", answers={"waargenomen": "vermoeden"}, contact=BY_NAME, mode=mode)
        )
    assert len(await desk.spoken(ReportReceived)) == 2
    assert all(b"Zwanenvliet" not in body and b"12345678" not in body for _, body in await desk.outbox())


@pytest.mark.parametrize(
    ("mode", "contact", "faults"),
    [
        ("anoniem", {}, []),
        ("anoniem", {"mail": "melder@voorbeeld.example"}, []),
        ("anoniem", BY_NAME, [("/contact/name", "not-anonymous"), ("/contact/phone", "not-anonymous")]),
        ("anoniem", {"phone": "06-12345678"}, [("/contact/phone", "not-anonymous")]),
        ("vertrouwelijk", {}, [("/contact/name", "missing")]),
        ("vertrouwelijk", {"phone": "06-12345678"}, []),
        ("op-naam", {"phone": "06-12345678"}, [("/contact/name", "missing")]),
        ("op-naam", {"name": NAME}, []),
    ],
)
async def test_each_mode_asks_what_it_promises(
    desk: Desk, mode: str, contact: dict[str, str], faults: list[tuple[str, str]]
) -> None:
    answer = await desk.send(report(mode=mode, contact=contact))
    assert answer.status_code == (400 if faults else 201), answer.text
    told = answer.json().get("errors", [])
    assert [(error["pointer"], error["code"]) for error in told] == faults
    assert all(error["messageEn"] for error in told)


async def test_a_form_is_served_as_json_schema_with_hints(desk: Desk) -> None:
    await with_neighbourhoods(desk)
    headers = bearer("intake", anonymous())
    answer = await desk.client.get("/api/v1/signal-types/hennepteelt/form", headers=headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    schema = Draft202012Validator(told["schema"])
    for body, status in (
        (report(neighbourhood="haven"), 201),
        (report(), 400),  # its neighbourhood is not in the list
        (report(neighbourhood=None, answers={}), 400),
        (report(neighbourhood=None, observedOn="2999-01-01"), 400),
    ):
        assert (await desk.send(body)).status_code == status
        assert schema.is_valid(body) == (status == 201)
    ui = told["ui"]
    assert set(ui["order"]) == set(ui["fields"])
    assert (
        ui["order"].index("/description") < ui["order"].index("/answers/geur") < ui["order"].index("/address")
    )
    assert ui["fields"]["/answers/geur"]["widget"] == "radio"
    assert ui["fields"]["/neighbourhood"]["options"] == [
        {"value": "molenwijk", "label": "Molenwijk"},
        {"value": "haven", "label": "De Haven"},
    ]
    assert ui["emergency"]["rules"][0]["when"] == {"stroom": "ja"}
    assert ui["traceable"]["pointer"] == "/answers/herleidbaar"
    assert {"code": "spoed", "name": "Er is nu gevaar", "redirect": "Bel 112."} in ui["redirects"]


async def test_a_form_is_shown_only_to_whom_it_is_for(desk: Desk) -> None:
    async def status(code: str, identity: Identity) -> int:
        path = f"/api/v1/signal-types/{code}/form"
        return (await desk.client.get(path, headers=bearer("intake", identity))).status_code

    assert await status("intimidatie-bestuur", anonymous()) == 404
    assert await status("intimidatie-bestuur", staff(Role.REPORTER)) == 200
    assert await status("bestaat-niet", anonymous()) == 404
    assert await status("OEPS!", anonymous()) == 400
