"""What handlers do with a report over HTTP, what stops them, and whose reports they never see."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from common.auth import Identity
from common.contracts.casework import (
    NoticeDue,
    QuestionAsked,
    ReportClosed,
    ReportReopened,
    ReportRouted,
    ReportTaken,
)
from common.contracts.codes import FeedbackKey, KeyGroup, Result, Role, Urgency
from common.provision import DatabaseUrls
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.casework import Desk, casework_desk, handler, manager
from tests.support.databases import service_database
from tests.support.identities import anonymous, bearer, staff


@pytest.fixture
async def urls(backing: Backing) -> DatabaseUrls:
    return await service_database(backing, "casework")


@pytest.fixture
async def desk(urls: DatabaseUrls) -> AsyncIterator[Desk]:
    async with casework_desk(urls) as desk:
        yield desk


async def test_of_many_who_take_one_report_at_once_one_wins_and_the_rest_are_told(desk: Desk) -> None:
    report = desk.report()
    await desk.hear(report)
    rivals = [handler() for _ in range(6)]
    answers = await asyncio.gather(
        *(desk.post(f"/reports/{report.report_id}/takings", who, {"version": 1}) for who in rivals)
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    told = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert told == {"already-taken"}
    winner = rivals[[answer.status_code for answer in answers].index(201)]
    shown = (await desk.get(f"/reports/{report.report_id}", winner)).json()
    assert (shown["takenBy"], shown["version"], shown["status"]) == (str(winner.person), 2, "assessing")
    assert len(await desk.spoken(ReportTaken)) == 1


async def test_taking_twice_is_once(desk: Desk) -> None:
    who = handler()
    report = await desk.taken(who)
    again = await desk.post(f"/reports/{report.report_id}/takings", who, {"version": 1})
    assert (again.status_code, again.json()["version"]) == (201, 2)
    assert len(await desk.spoken(ReportTaken)) == 1


async def test_who_read_an_older_version_is_told_and_changes_nothing(desk: Desk) -> None:
    who = handler()
    report = await desk.taken(who)
    path = f"/reports/{report.report_id}"
    for action, body in (
        ("transitions", {"status": "in-progress"}),
        ("closings", {"result": "recorded"}),
    ):
        answer = await desk.post(f"{path}/{action}", who, {"version": 1, **body})
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "stale-version")
        assert problem["errors"][0]["pointer"] == "/version"
    assert (await desk.get(path, who)).json()["version"] == 2


async def test_only_who_took_it_or_the_process_manager_decides(desk: Desk) -> None:
    owner, colleague, chief = handler(), handler(), manager()
    report = await desk.taken(owner)
    path = f"/reports/{report.report_id}/transitions"
    refused = await desk.post(path, colleague, {"version": 2, "status": "in-progress"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not-yours")
    assert (await desk.post(path, chief, {"version": 2, "status": "in-progress"})).status_code == 201


async def test_a_move_outside_the_table_names_where_it_can_go(desk: Desk) -> None:
    who = handler()
    report = await desk.taken(who)
    answer = await desk.post(
        f"/reports/{report.report_id}/transitions", who, {"version": 2, "status": "waiting-for-partner"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "not-permitted")
    assert "in-progress" in problem["detail"]


@pytest.mark.parametrize("result", [each for each in Result if each is not Result.INCORRECT])
async def test_every_result_closes_and_tells_the_reporter_in_its_own_words(
    desk: Desk, result: Result
) -> None:
    who = handler()
    report = await desk.taken(who)
    body: dict[str, Any] = {"version": 2, "result": result.value}
    if result is Result.DUPLICATE:
        other = desk.report()
        await desk.hear(other)
        body["duplicateOf"] = str(other.report_id)
    answer = await desk.post(f"/reports/{report.report_id}/closings", who, body)
    assert (answer.status_code, answer.json()["status"]) == (201, "closed")
    assert [(each.report_id, each.result) for each in await desk.spoken(ReportClosed)] == [
        (report.report_id, result)
    ]
    told = [e.feedback for e in await desk.spoken(NoticeDue) if e.reporter_handle == report.reporter_handle]
    assert told[:2] == [FeedbackKey.RECEIVED, FeedbackKey.TAKEN]
    assert told[2].value.startswith("closed-")


async def test_a_duplicate_must_name_another_report_that_one_may_see(desk: Desk) -> None:
    who = handler()
    report = await desk.taken(who)
    hidden = desk.report(signal_type="zorgfraude")
    await desk.hear(hidden)
    path, closing = f"/reports/{report.report_id}/closings", {"version": 2, "result": "duplicate"}
    for other, code in (
        (None, "duplicate-of"),
        (report.report_id, "unknown-report"),
        (hidden.report_id, "unknown-report"),
        (uuid4(), "unknown-report"),
    ):
        body = closing | ({"duplicateOf": str(other)} if other else {})
        answer = await desk.post(path, who, body)
        problem = answer.json()
        assert (answer.status_code, problem["errors"][0]["code"]) == (400, code)
        assert problem["errors"][0]["pointer"] == "/duplicateOf"
    assert (await desk.get(f"/reports/{report.report_id}", who)).json()["status"] == "assessing"


async def test_a_closed_report_opens_again_and_is_free_for_whoever_takes_it(desk: Desk) -> None:
    who, next_one = handler(), handler()
    report = await desk.taken(who)
    path = f"/reports/{report.report_id}"
    await desk.post(f"{path}/closings", who, {"version": 2, "result": "recorded"})
    taken = await desk.post(f"{path}/takings", next_one, {"version": 3})
    assert (taken.status_code, taken.json()["code"]) == (409, "already-taken")
    reopened = await desk.post(f"{path}/reopenings", who, {"version": 3})
    assert (reopened.status_code, reopened.json()["status"]) == (201, "reopened")
    assert (await desk.post(f"{path}/takings", next_one, {"version": 4})).status_code == 201
    assert [each.version for each in await desk.spoken(ReportReopened)] == [4]


async def test_reports_of_other_desks_and_restricted_ones_are_not_there(desk: Desk) -> None:
    own, elsewhere = desk.report(), desk.report(signal_type="zorgfraude")
    restricted = desk.report(signal_type="intimidatie-bestuur", is_restricted=True)
    await desk.hear(own, elsewhere, restricted)
    everyone = {str(each.report_id) for each in (own, elsewhere, restricted)}
    trusted = manager(KeyGroup.GENERAL, KeyGroup.RESTRICTED)
    for who, seen in (
        (handler(), {str(own.report_id)}),
        (handler("integriteit"), set()),
        (handler("integriteit", groups=(KeyGroup.RESTRICTED,)), {str(restricted.report_id)}),
        (manager(), everyone - {str(restricted.report_id)}),
        (trusted, everyone),
    ):
        listed = (await desk.get("/reports", who)).json()
        assert {each["id"] for each in listed["reports"]} == seen
        assert listed["counts"]["open"] == len(seen)
        for report_id in everyone - seen:
            for answer in await _every_door(desk, who, report_id):
                assert answer.status_code == 404, answer.url
                assert answer.json()["code"] == "not-found"
    assert len(await desk.spoken(ReportTaken)) == 0


async def test_another_municipalitys_report_is_not_there_for_anyone(desk: Desk) -> None:
    report = desk.report()
    await desk.hear(report)
    stranger = handler("vth", "oov", roles=(Role.HANDLER, Role.PROCESS_MANAGER), municipality="elders")
    assert (await desk.get("/reports", stranger)).json()["reports"] == []
    for answer in await _every_door(desk, stranger, str(report.report_id)):
        assert answer.status_code == 404, answer.url


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.REPORTER, Role.STAFF_ENTRY, Role.CUSTODIAN])
async def test_who_works_on_no_reports_sees_none(desk: Desk, role: Role) -> None:
    report = desk.report()
    await desk.hear(report)
    for answer in await _every_door(desk, staff(role), str(report.report_id)):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed"), answer.url


async def test_nobody_gets_in_past_the_gateway_or_without_signing_in(desk: Desk) -> None:
    for headers in ({}, {"Authorization": "Bearer ha.ha.ha"}, bearer("intake", handler())):
        answer = await desk.client.get("/api/v1/reports", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
    assert (await desk.get("/reports", anonymous())).status_code == 401
    key = Identity("zandrecht", key_name="een sleutel", roles=frozenset({Role.HANDLER}))
    assert (await desk.get("/reports", key)).status_code == 401


async def test_an_opening_is_on_record_before_it_is_handed_out_and_holds_no_identity(desk: Desk) -> None:
    report, who = desk.report(), handler()
    await desk.hear(report)
    path = f"/reports/{report.report_id}"
    refused = await desk.post(f"{path}/openings", who, {"purpose": "nieuwsgierig"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/purpose")
    opening = (await desk.post(f"{path}/openings", who, {"purpose": "assessment"})).json()
    assert [each["compartment"] for each in opening["sealed"]] == ["content"]
    line = (await desk.get(f"{path}/history", who)).json()["history"][-1]
    assert (line["what"], line["by"], line["purpose"], line["openingId"]) == (
        "opened",
        str(who.person),
        "assessment",
        opening["openingId"],
    )
    async with desk.database.tenant("zandrecht") as connection:
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute(text("DELETE FROM history"))


async def test_a_question_must_be_sealed_to_the_right_key_and_asked_of_an_open_report(desk: Desk) -> None:
    who = handler()
    report = await desk.taken(who)
    path, question_id = f"/reports/{report.report_id}", uuid4()
    copy = desk.sealed("question-copy", question_id).model_dump(mode="json", by_alias=True)
    body = {
        "version": 2,
        "questionId": str(question_id),
        "digest": "d" * 43,
        "sealedQuestion": "c2VhbGVk",
        "sealedCopy": copy,
    }
    strange = {**copy, "wraps": [{**copy["wraps"][0], "keyId": "general-99"}]}
    wrong = await desk.post(f"{path}/questions", who, {**body, "sealedCopy": strange})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/sealedCopy/wraps")
    for unbound in ({}, {"digest": ""}, {"digest": "kort"}):
        bare = {name: value for name, value in body.items() if name != "digest"}
        refused = await desk.post(f"{path}/questions", who, {**bare, **unbound})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/digest")
    for _ in range(2):  # the same question twice is asked once
        assert (await desk.post(f"{path}/questions", who, body)).status_code == 201
    assert await desk.count("question") == 1
    assert [each.digest for each in await desk.spoken(QuestionAsked)] == [body["digest"]]
    opening = (await desk.post(f"{path}/openings", who, {"purpose": "reply"})).json()
    copies = [each["digest"] for each in opening["sealed"] if each["compartment"] == "question-copy"]
    assert copies == [body["digest"]]
    await desk.post(f"{path}/closings", who, {"version": 3, "result": "recorded"})
    late = await desk.post(f"{path}/questions", who, {**body, "version": 4, "questionId": str(uuid4())})
    assert (late.status_code, late.json()["code"]) == (409, "not-permitted")


MOMENT, SOME_ID = "2026-01-01T00:00:00+00:00", str(uuid4())
FOREIGN_PLACES: tuple[Any, ...] = (
    5,
    {},
    [],
    [None, MOMENT, SOME_ID],
    ["1", MOMENT, SOME_ID],
    [1, 5, SOME_ID],
    [99999, MOMENT, SOME_ID],
    [-1, MOMENT, SOME_ID],
    [1, "2026-01-01", SOME_ID],
    [1, "0001-01-01T00:00:00+14:00", SOME_ID],
    [1, MOMENT, 7],
    [1, MOMENT, SOME_ID, 1],
)


def written(place: Any) -> str:
    """A place in the list as a cursor is written."""
    return urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=").decode()


async def test_the_work_list_comes_by_urgency_then_due_time_and_in_pages_without_gaps(desk: Desk) -> None:
    urgencies = [Urgency.LOW, Urgency.ACUTE, Urgency.NORMAL, Urgency.HIGH, Urgency.NORMAL]
    await desk.hear(*(desk.report(urgency=each) for each in urgencies))
    who = handler()
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await desk.get(f"/reports?limit=2{cursor}", who)).json()
        seen += page["reports"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [each["urgency"] for each in seen] == ["acuut", "hoog", "normaal", "normaal", "laag"]
    assert len({each["id"] for each in seen}) == 5
    for query, pointer in (
        ("status=weg", "query:status"),
        ("urgency=heel", "query:urgency"),
        ("cursor=x", "query:cursor"),
        ("limit=0", "query:limit"),
        ("department=%00", "query:department"),
        ("signalType=a%00b", "query:signalType"),
        *((f"cursor={cursor}", "query:cursor") for cursor in map(written, FOREIGN_PLACES)),
    ):
        answer = await desk.get(f"/reports?{query}", who)
        assert answer.status_code == 400, query
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer], query


async def test_rules_are_data_that_the_process_manager_changes_and_a_last_one_always_catches(
    desk: Desk,
) -> None:
    chief = manager()
    shown = (await desk.get("/routing-rules", chief)).json()
    assert (shown["version"], shown["catchAllDepartment"]) == (0, "oov")
    rules = [
        {"name": "haven", "department": "wonen", "when": {"neighbourhood": ["Havenkwartier"]}},
        {"name": "rest-hennep", "department": "jeugd", "when": {"signalType": ["hennepteelt"]}},
    ]
    assert (await desk.put("/routing-rules", handler(), {"version": 0, "rules": rules})).status_code == 403
    changed = await desk.put("/routing-rules", chief, {"version": 0, "rules": rules})
    assert (changed.status_code, changed.json()["version"]) == (200, 1)
    stale = await desk.put("/routing-rules", chief, {"version": 0, "rules": []})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale-version")
    await desk.hear(
        desk.report(),
        desk.report(neighbourhood="Dorp"),
        desk.report(neighbourhood=None, signal_type="zorgfraude"),
    )
    routed = {(each.department, each.rule, each.rules_version) for each in await desk.spoken(ReportRouted)}
    assert routed == {("wonen", "haven", 1), ("jeugd", "rest-hennep", 1), ("oov", "catch-all", 1)}


async def test_every_fault_in_the_rules_is_named_and_nothing_changes(desk: Desk) -> None:
    rules = [
        {"name": "een", "department": "bestaat-niet", "when": {}},
        {"name": "een", "department": "oov", "when": {"weer": ["zon"]}},
    ]
    answer = await desk.put("/routing-rules", manager(), {"version": 0, "rules": rules})
    named = {each["pointer"] for each in answer.json()["errors"]}
    assert answer.status_code == 400
    assert named == {"/rules/0/department", "/rules/1/name", "/rules/1/when/weer"}
    assert await desk.count("routing_rules") == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/version"),
        ({"version": 0}, "/version"),
        ({"version": "twee"}, "/version"),
        ({"version": 1, "extra": True}, "/extra"),
    ],
)
async def test_a_body_with_a_fault_names_the_field(desk: Desk, body: Any, pointer: str) -> None:
    report = desk.report()
    await desk.hear(report)
    answer = await desk.post(f"/reports/{report.report_id}/takings", handler(), body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


async def test_bytes_that_are_no_json_and_ids_that_are_none_are_named(desk: Desk) -> None:
    headers = {**bearer("casework", handler()), "Content-Type": "application/json"}
    answer = await desk.client.post(
        f"/api/v1/reports/{uuid4()}/takings", content=b'{"version": 1', headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    wrong = await desk.get("/reports/geen-id", handler())
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["pointer"].endswith("report_id")


async def _every_door(desk: Desk, who: Identity, report_id: str | UUID) -> list[Any]:
    """Try every way to see or change a report."""
    path = f"/reports/{report_id}"
    question = uuid4()
    sealed = desk.sealed("question-copy", question).model_dump(mode="json", by_alias=True)
    asked = {
        "version": 1,
        "questionId": str(question),
        "digest": "d" * 43,
        "sealedQuestion": "c2VhbGVk",
        "sealedCopy": sealed,
    }
    note = {
        "noteId": str(uuid4()),
        "sealed": desk.sealed("note", uuid4()).model_dump(mode="json", by_alias=True),
    }
    return [
        await desk.get(path, who),
        await desk.get(f"{path}/history", who),
        await desk.post(f"{path}/takings", who, {"version": 1}),
        await desk.post(f"{path}/transitions", who, {"version": 1, "status": "in-progress"}),
        await desk.post(f"{path}/closings", who, {"version": 1, "result": "recorded"}),
        await desk.post(f"{path}/closings", who, {"version": 1, "result": "incorrect"}),
        await desk.post(f"{path}/reopenings", who, {"version": 1}),
        await desk.post(f"{path}/openings", who, {"purpose": "assessment"}),
        await desk.post(f"{path}/questions", who, asked),
        await desk.post(f"{path}/notes", who, note),
    ]
