"""A person mends the anonymised text: it overwrites, and only classes and counts travel on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from common.auth import Identity
from common.contracts.casework import AnonymisationCorrected
from common.contracts.codes import Correction, KeyGroup, PersonalClass, Role
from common.provision import DatabaseUrls
from prometheus_client import REGISTRY
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.casework import Desk, casework_desk, handler, manager
from tests.support.databases import service_database
from tests.support.municipality import make_town

WAS = "Het ruikt naar wiet bij [PERSOON-1]. Bel Roos Hagelkruid."
NOW = "Het ruikt naar wiet bij [PERSOON-1]. Bel [PERSOON-2]."
MISS = [{"kind": "miss", "class": "PERSOON"}]
FALSE_HIT = [{"kind": "false-hit", "class": "PERSOON"}]


@pytest.fixture
async def urls(backing: Backing) -> DatabaseUrls:
    return await service_database(backing, "casework")


@pytest.fixture
async def desk(urls: DatabaseUrls) -> AsyncIterator[Desk]:
    async with casework_desk(urls) as desk:
        yield desk


async def correct(desk: Desk, who: Identity, report_id: object, **changes: Any) -> httpx.Response:
    body = {"version": 2, "text": NOW, "corrections": MISS, **changes}
    return await desk.post(f"/reports/{report_id}/corrections", who, body)


async def reported(desk: Desk, who: Identity, **changes: Any) -> str:
    """A report that this person took."""
    return str((await desk.taken(who, **{"anonymised_text": WAS, **changes})).report_id)


async def open_it(desk: Desk, who: Identity, report_id: object) -> None:
    answer = await desk.post(f"/reports/{report_id}/openings", who, {"purpose": "assessment"})
    assert answer.status_code == 201, answer.text


async def test_the_corrected_text_overwrites_and_only_counts_travel_on(desk: Desk) -> None:
    who = handler()
    report_id = await reported(desk, who)
    corrections = [*MISS, *MISS, {"kind": "false-hit", "class": "KENTEKEN"}]
    await open_it(desk, who, report_id)
    answer = await correct(desk, who, report_id, corrections=corrections)
    assert (answer.status_code, answer.json()["version"]) == (201, 3)
    shown = (await desk.get(f"/reports/{report_id}", who)).json()
    assert (shown["anonymisedText"], shown["needsReview"], shown["mayCorrect"]) == (NOW, False, True)
    (event,) = await desk.spoken(AnonymisationCorrected)
    told = {(each.correction, each.personal_class): each.count for each in event.corrections}
    assert told == {
        (Correction.MISS, PersonalClass.PERSON): 2,
        (Correction.FALSE_HIT, PersonalClass.PLATE): 1,
    }
    line = (await desk.get(f"/reports/{report_id}/history", who)).json()["history"][-1]
    assert (line["what"], line["by"], line["version"]) == ("anonymisation-corrected", str(who.person), 3)
    assert len(line["corrections"]) == 2
    async with desk.database.flowing() as connection:
        left = await connection.execute(text("SELECT convert_from(body, 'UTF8') AS body FROM outbox"))
        bodies = [row.body for row in left if "anonymisation-corrected" in row.body]
    assert len(bodies) == 1
    assert not any(word in bodies[0] for word in ("Roos", "wiet", report_id))
    assert "Roos" not in str(line)


async def test_a_doubted_report_gets_its_text_after_a_person_looked(desk: Desk) -> None:
    who = handler()
    report_id = await reported(desk, who, anonymised_text=None, needs_review=True)
    before = (await desk.get(f"/reports/{report_id}", who)).json()
    assert (before["anonymisedText"], before["needsReview"]) == (None, True)
    await open_it(desk, who, report_id)
    assert (await correct(desk, who, report_id, corrections=[])).status_code == 201
    after = (await desk.get(f"/reports/{report_id}", who)).json()
    assert (after["anonymisedText"], after["needsReview"]) == (NOW, False)
    assert await desk.spoken(AnonymisationCorrected) == []  # nothing was wrong with it


async def test_of_two_who_correct_at_once_one_wins_and_the_other_is_told(desk: Desk) -> None:
    owner = handler()
    report_id = await reported(desk, owner)
    everyone = (owner, manager(), manager(), manager())
    answers = await asyncio.gather(*(correct(desk, who, report_id) for who in everyone))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["code"], refused["errors"][0]["pointer"]) == ("stale-version", "/version")
    assert len(await desk.spoken(AnonymisationCorrected)) == 1


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"text": ""}, "/text", "string-pattern-mismatch"),
        ({"text": " \n "}, "/text", "string-pattern-mismatch"),
        ({"text": "a" * 20_001}, "/text", "string-too-long"),
        ({"text": "Bel [NAAM-1]."}, "/text", "unknown-placeholder"),
        ({"text": "Bel [PERSOON]."}, "/text", "unknown-placeholder"),
        ({"text": "Bel [PERSOON-0]."}, "/text", "unknown-placeholder"),
        ({"text": "Bel [PERSOON-12345]."}, "/text", "unknown-placeholder"),
        ({"text": "Het ruikt bij Ferdinand."}, "/text", "not-the-same-text"),
        ({"text": "Bel [PERSOON-2]. Het ruikt naar wiet"}, "/text", "not-the-same-text"),
        ({"corrections": []}, "/corrections", "nothing-corrected"),
        ({"corrections": [{"kind": "miss", "class": "NAAM"}]}, "/corrections/0/class", "enum"),
        ({"corrections": [{"kind": "weg", "class": "IP"}]}, "/corrections/0/kind", "enum"),
        ({"corrections": [{**MISS[0], "value": "Roos"}]}, "/corrections/0/value", "extra-forbidden"),
        ({"corrections": MISS * 501}, "/corrections", "too-long"),
        ({"version": 0}, "/version", "greater-than-equal"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_changes(
    desk: Desk, changes: dict[str, Any], pointer: str, code: str
) -> None:
    who = handler()
    report_id = await reported(desk, who)
    answer = await correct(desk, who, report_id, **changes)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "malformed")
    assert (pointer, code) in {(each["pointer"], each["code"]) for each in problem["errors"]}
    assert "Roos" not in answer.text
    shown = (await desk.get(f"/reports/{report_id}", who)).json()
    assert (shown["anonymisedText"], shown["version"]) == (WAS, 2)


async def test_what_is_put_back_is_named_as_a_false_hit(desk: Desk) -> None:
    who = handler()
    report_id = await reported(desk, who)
    back = "Het ruikt naar wiet bij de Roos. Bel Roos Hagelkruid."
    assert (await correct(desk, who, report_id, text=back)).status_code == 400
    await open_it(desk, who, report_id)
    assert (await correct(desk, who, report_id, text=back, corrections=FALSE_HIT)).status_code == 201


@pytest.mark.parametrize(
    ("was", "corrections"), [(WAS, FALSE_HIT), (WAS, [*MISS, *FALSE_HIT]), (None, []), (None, MISS)]
)
async def test_who_did_not_open_a_report_brings_nothing_of_it_into_the_open(
    desk: Desk, was: str | None, corrections: list[dict[str, str]]
) -> None:
    who = handler()
    report_id = await reported(desk, who, anonymised_text=was, needs_review=was is None)
    await open_it(desk, handler(), report_id)  # a colleague
    refused = await correct(desk, who, report_id, corrections=corrections)
    assert (refused.status_code, refused.json()["code"]) == (409, "not-opened")
    await open_it(desk, who, report_id)
    assert (await correct(desk, who, report_id, corrections=corrections)).status_code == 201


async def test_line_ends_and_what_a_reporter_put_in_brackets_are_no_hindrance(desk: Desk) -> None:
    who = handler()
    report_id = await reported(desk, who, anonymised_text="Eerst [sic].\r\nDan [PERSOON-1] Roos")
    text = "Eerst [sic].\nDan [PERSOON-1] [PERSOON-2]"
    assert (await correct(desk, who, report_id, text=text)).status_code == 201


async def test_where_texts_are_sealed_only_nothing_is_brought_into_the_open(desk: Desk) -> None:
    who = handler()
    report_id = await reported(desk, who, anonymised_text=None)
    await desk.hear(make_town(version=2, text_in_clear=False).state)
    answer = await correct(desk, who, report_id, corrections=[])
    assert (answer.status_code, answer.json()["code"]) == (409, "text-not-in-clear")
    shown = (await desk.get(f"/reports/{report_id}", who)).json()
    assert (shown["anonymisedText"], shown["textInClear"], shown["mayCorrect"]) == (None, False, False)


async def test_a_text_that_the_municipality_forbids_is_not_kept(desk: Desk) -> None:
    who, label = handler(), {"where": "received"}
    refused = REGISTRY.get_sample_value("vermoeden_keys_refused_total", label) or 0.0
    state = make_town(version=2, text_in_clear=False).state
    for version, told in enumerate((state, state.model_copy(update={"text_in_clear": True})), 2):
        await desk.hear(
            told.model_copy(update={"version": version})
        )  # the second goes against what was signed
        report_id = await reported(desk, who)
        shown = (await desk.get(f"/reports/{report_id}", who)).json()
        assert (shown["anonymisedText"], shown["textInClear"]) == (None, False)
    assert REGISTRY.get_sample_value("vermoeden_keys_refused_total", label) == refused + 2
    await desk.hear(make_town(version=4).state)
    report_id = await reported(desk, who)
    assert (await desk.get(f"/reports/{report_id}", who)).json()["anonymisedText"]


async def test_only_who_may_see_a_report_corrects_it(desk: Desk) -> None:
    report_id = await reported(desk, handler())
    keeper = handler("integriteit", groups=(KeyGroup.RESTRICTED,))
    restricted = await reported(desk, keeper, is_restricted=True, signal_type="intimidatie-bestuur")
    assert (await correct(desk, handler("wonen"), report_id)).status_code == 404
    assert (await correct(desk, handler("integriteit"), restricted)).status_code == 404
    assert (await correct(desk, handler(municipality="elders"), report_id)).status_code == 404
    assert (await correct(desk, handler(roles=(Role.ADMINISTRATOR,)), report_id)).status_code == 403
    assert (await correct(desk, handler(), uuid4())).status_code == 404
    assert (await correct(desk, manager(), report_id)).status_code == 201


async def test_an_erasure_wins_over_a_correction(desk: Desk) -> None:
    owner = handler()
    report_id = await reported(desk, owner)
    officer = handler(roles=(Role.PRIVACY_OFFICER,))
    erasure = {"version": 2, "reason": "data-subject-request", "ground": "objection"}
    erased, _ = await asyncio.gather(
        desk.post(f"/reports/{report_id}/erasures", officer, erasure), correct(desk, owner, report_id)
    )
    if erased.status_code == 409:  # the correction was first; erasing goes by the version that it made
        again = {**erasure, "version": 3}
        erased = await desk.post(f"/reports/{report_id}/erasures", officer, again)
    assert erased.status_code == 202
    assert (await correct(desk, owner, report_id, version=3)).status_code == 404
    assert await desk.count("report") == 0
    assert await desk.count("history") == 0
