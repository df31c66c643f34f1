"""Files at casework: what a handler sees of them before an opening, and what only an opening hands out."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from common.contracts.casework import ReportErased
from common.contracts.codes import KeyGroup, Role
from common.contracts.intake import ReportReceived, SealedAttachment
from common.sealing import Wrap

from tests.support.backing import Backing
from tests.support.casework import Desk, casework_desk, handler
from tests.support.databases import service_database
from tests.support.identities import staff


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    async with casework_desk(await service_database(backing, "casework")) as desk:
        yield desk


def a_file(group: KeyGroup = KeyGroup.GENERAL) -> SealedAttachment:
    wrap = Wrap(group=group.value, key_id=f"{group.value}-1", wrapped_key="A" * 107)
    return SealedAttachment(id=uuid4(), media_type="image/jpeg", size_bytes=123_456, wraps=(wrap,))


def with_files(desk: Desk, *sealed: SealedAttachment) -> ReportReceived:
    return desk.report(attachments=tuple(each.id for each in sealed), sealed_attachments=sealed)


async def test_wraps_of_files_leave_through_an_opening_only(desk: Desk) -> None:
    sealed = [a_file(), a_file()]
    report, who = with_files(desk, *sealed), handler()
    await desk.hear(report)
    path = f"/reports/{report.report_id}"
    shown = await desk.get(path, who)
    told = {str(each.id): ("image/jpeg", 123_456) for each in sealed}
    assert {
        each["id"]: (each["mediaType"], each["sizeBytes"]) for each in shown.json()["attachments"]
    } == told
    for place in (path, "/reports", f"{path}/history"):
        assert "A" * 107 not in (await desk.get(place, who)).text
    opening = (await desk.post(f"{path}/openings", who, {"purpose": "assessment"})).json()
    assert {each["id"]: each["wraps"][0]["wrappedKey"] for each in opening["attachments"]} == {
        str(each.id): "A" * 107 for each in sealed
    }
    assert [each["compartment"] for each in opening["sealed"]] == ["content"]
    history = (await desk.get(f"{path}/history", who)).json()["history"]
    assert history[-1]["what"] == "opened"


async def test_who_does_not_hold_the_group_gets_no_wrap_of_its_files(desk: Desk) -> None:
    report = with_files(desk, a_file(KeyGroup.RESTRICTED))
    await desk.hear(report)
    opening = await desk.post(f"/reports/{report.report_id}/openings", handler(), {"purpose": "assessment"})
    assert [each["wraps"] for each in opening.json()["attachments"]] == [[]]


async def test_a_report_without_files_has_none(desk: Desk) -> None:
    report = desk.report()
    await desk.hear(report)
    assert (await desk.get(f"/reports/{report.report_id}", handler())).json()["attachments"] == []


async def test_an_erasure_takes_the_wraps_with_it_and_is_told_to_intake(desk: Desk) -> None:
    report = with_files(desk, a_file())
    await desk.hear(report)
    officer = staff(Role.PRIVACY_OFFICER)
    body = {"version": 1, "reason": "data-subject-request", "ground": "objection"}
    answer = await desk.post(f"/reports/{report.report_id}/erasures", officer, body)
    assert answer.status_code == 202, answer.text
    assert (await desk.count("wrap"), await desk.count("sealed")) == (0, 0)
    assert [each.report_id for each in await desk.spoken(ReportErased)] == [report.report_id]
