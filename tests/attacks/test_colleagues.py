"""A handler against colleagues: another's report is not rewritten, and not erased by one person alone."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from common.auth import Identity
from common.contracts.casework import ReportErased
from common.contracts.codes import KeyGroup, Role
from common.provision import DatabaseUrls

from tests.support.backing import Backing
from tests.support.casework import Desk, casework_desk, handler, manager
from tests.support.databases import service_database

WAS = "Het ruikt naar wiet bij [PERSOON-1]. Bel Roos Hagelkruid."
MISS = [{"kind": "miss", "class": "PERSOON"}]
FALSE_HIT = [{"kind": "false-hit", "class": "PERSOON"}]


@pytest.fixture
async def urls(backing: Backing) -> DatabaseUrls:
    return await service_database(backing, "casework")


@pytest.fixture
async def desk(urls: DatabaseUrls) -> AsyncIterator[Desk]:
    async with casework_desk(urls) as desk:
        yield desk


async def do(desk: Desk, report_id: object, who: Identity, action: str, **body: Any) -> httpx.Response:
    """Act on a report as it is now."""
    version = (await desk.get(f"/reports/{report_id}", manager())).json()["version"]
    return await desk.post(f"/reports/{report_id}/{action}", who, {"version": version, **body})


async def open_it(desk: Desk, report_id: object, who: Identity) -> httpx.Response:
    return await desk.post(f"/reports/{report_id}/openings", who, {"purpose": "assessment"})


async def shown(desk: Desk, report_id: object) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"/reports/{report_id}", manager())).json()
    return found


@pytest.mark.parametrize(
    ("text", "corrections"),
    [
        ("[PERSOON-1]", MISS),
        ("Het ruikt naar wiet bij [PERSOON-1]. Bel [PERSOON-2].", MISS),
        ("Ik zag de wethouder geld aannemen van [PERSOON-1].", FALSE_HIT),
    ],
)
@pytest.mark.parametrize("is_closed", [False, True])
async def test_the_text_of_a_colleagues_report_is_not_theirs_to_change(
    desk: Desk, text: str, corrections: list[dict[str, str]], is_closed: bool
) -> None:
    owner, colleague = handler(), handler()
    report_id = (await desk.taken(owner, anonymised_text=WAS)).report_id
    if is_closed:
        assert (await do(desk, report_id, owner, "closings", result="recorded")).status_code == 201
    assert (await open_it(desk, report_id, colleague)).status_code == 201
    seen = (await desk.get(f"/reports/{report_id}", colleague)).json()
    assert (seen["mayCorrect"], seen["textInClear"]) == (False, True)
    answer = await do(desk, report_id, colleague, "corrections", text=text, corrections=corrections)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-yours")
    assert (await shown(desk, report_id))["anonymisedText"] == WAS


async def test_a_report_that_nobody_took_has_nobody_who_changes_its_text(desk: Desk) -> None:
    report = desk.report(anonymised_text=WAS)
    await desk.hear(report)
    answer = await do(desk, report.report_id, handler(), "corrections", text="[PERSOON-1]", corrections=MISS)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-yours")


@pytest.mark.parametrize("groups", [(), (KeyGroup.RESTRICTED,), (KeyGroup.IDENTITY,)])
async def test_who_holds_no_key_of_a_report_opens_nothing_and_puts_nothing_back(
    desk: Desk, groups: tuple[KeyGroup, ...]
) -> None:
    keyless = handler(groups=groups)
    report_id = (await desk.taken(keyless, anonymised_text=WAS)).report_id
    opening = await open_it(desk, report_id, keyless)
    assert (opening.status_code, opening.json()["code"]) == (409, "no-key")
    history = (await desk.get(f"/reports/{report_id}/history", manager())).json()["history"]
    assert "opened" not in [line["what"] for line in history]
    for text, corrections in (("Verzonnen.", FALSE_HIT), ("Verzonnen.", [*MISS, *FALSE_HIT])):
        answer = await do(desk, report_id, keyless, "corrections", text=text, corrections=corrections)
        assert (answer.status_code, answer.json()["code"]) == (409, "not-opened")
    assert (await shown(desk, report_id))["anonymisedText"] == WAS


async def test_who_lost_the_key_since_puts_nothing_back(desk: Desk) -> None:
    before = handler()
    report_id = (await desk.taken(before, anonymised_text=WAS)).report_id
    assert (await open_it(desk, report_id, before)).status_code == 201
    after = Identity(
        before.municipality,
        person=before.person,
        roles=before.roles,
        departments=before.departments,
        key_groups=frozenset(),
    )
    answer = await do(desk, report_id, after, "corrections", text="Verzonnen.", corrections=FALSE_HIT)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-opened")


async def test_a_colleague_does_not_reopen_what_somebody_else_closed(desk: Desk) -> None:
    owner, colleague = handler(), handler()
    report_id = (await desk.taken(owner)).report_id
    await do(desk, report_id, owner, "closings", result="recorded")
    assert (await desk.get(f"/reports/{report_id}", colleague)).json()["mayReopen"] is False
    answer = await do(desk, report_id, colleague, "reopenings")
    assert (answer.status_code, answer.json()["code"]) == (409, "not-yours")
    assert (await shown(desk, report_id))["status"] == "closed"


async def test_what_was_closed_before_is_erased_by_no_handler_and_not_by_who_reopened_it(desk: Desk) -> None:
    owner, colleague = handler(), handler()
    one, other = manager(), manager()
    report_id = (await desk.taken(owner)).report_id
    await do(desk, report_id, owner, "closings", result="recorded")
    assert (await do(desk, report_id, one, "reopenings")).status_code == 201
    for taker in (colleague, one):
        for who in (taker, one):
            await do(desk, report_id, taker, "takings")
            answer = await do(desk, report_id, who, "closings", result="incorrect")
            assert (answer.status_code, answer.json()["code"]) == (409, "second-person")
        assert (await do(desk, report_id, one, "closings", result="recorded")).status_code == 201
        assert (await do(desk, report_id, one, "reopenings")).status_code == 201
    await do(desk, report_id, colleague, "takings")
    assert await desk.spoken(ReportErased) == []
    erased = await do(desk, report_id, other, "closings", result="incorrect")
    assert (erased.status_code, erased.json()["isErased"]) == (201, True)
    certificate = (await desk.get(f"/reports/{report_id}/erasures", one)).json()
    assert certificate["by"] == str(other.person)


async def test_who_closed_and_reopened_it_does_not_erase_it_alone_either(desk: Desk) -> None:
    owner = handler(roles=(Role.HANDLER, Role.PROCESS_MANAGER))
    report_id = (await desk.taken(owner)).report_id
    await do(desk, report_id, owner, "closings", result="recorded")
    await do(desk, report_id, owner, "reopenings")
    await do(desk, report_id, owner, "takings")
    answer = await do(desk, report_id, owner, "closings", result="incorrect")
    assert (answer.status_code, answer.json()["code"]) == (409, "second-person")


async def test_who_erases_their_own_report_is_named_on_its_certificate(desk: Desk) -> None:
    owner = handler()
    report_id = (await desk.taken(owner)).report_id
    assert (await do(desk, report_id, owner, "closings", result="incorrect")).status_code == 201
    certificate = (await desk.get(f"/reports/{report_id}/erasures", manager())).json()
    assert (certificate["by"], certificate["reason"]) == (str(owner.person), "found-incorrect")
