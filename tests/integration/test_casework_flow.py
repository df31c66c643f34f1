"""Casework hears: routing, offers, replies and configuration, in any order and any number of times."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from casework.domain import due_at
from common.coarse import coarse_now
from common.contracts.casework import (
    NoticeDue,
    ReportOffered,
    ReportReopened,
    ReportRouted,
    ReportStatusChanged,
    ReportTaken,
    WorkArrived,
)
from common.contracts.codes import FeedbackKey, KeyGroup, Status, Urgency
from common.contracts.erasure import ReportingErasureConfirmed
from common.contracts.intake import ReportReceived
from common.contracts.notifier import FeedbackSent, ReplyGiven
from common.messaging.envelope import encode
from common.messaging.handling import Unprocessable
from common.provision import DatabaseUrls
from prometheus_client import REGISTRY
from reporting.projections import folded
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.casework import Desk, casework_desk, forms, handler, manager
from tests.support.databases import scans, service_database
from tests.support.municipality import make_town


@pytest.fixture
async def urls(backing: Backing) -> DatabaseUrls:
    return await service_database(backing, "casework")


@pytest.fixture
async def desk(urls: DatabaseUrls) -> AsyncIterator[Desk]:
    async with casework_desk(urls) as desk:
        yield desk


async def test_a_report_without_a_voucher_is_kept_and_is_an_alarm(desk: Desk) -> None:
    def alarms() -> float:
        return REGISTRY.get_sample_value("vermoeden_keys_refused_total", {"where": "received"}) or 0.0

    before = alarms()
    await desk.hear(desk.report())
    assert alarms() == before
    await desk.hear(desk.report(report_id=uuid4(), voucher=None))
    assert alarms() == before + 1
    assert len(await desk.spoken(ReportRouted)) == 2


async def test_a_report_gets_its_desk_and_everyone_hears(desk: Desk) -> None:
    report = desk.report()
    await desk.hear(report)
    routed = (await desk.spoken(ReportRouted))[0]
    assert (routed.report_id, routed.department, routed.rule) == (
        report.report_id,
        "vth",
        "type-hennepteelt",
    )
    assert routed.due_at == datetime(2026, 12, 1, 9, 15, tzinfo=UTC)
    notice = (await desk.spoken(NoticeDue))[0]
    assert (notice.reporter_handle, notice.feedback) == (report.reporter_handle, FeedbackKey.RECEIVED)
    arrived = (await desk.spoken(WorkArrived))[0]
    assert (arrived.department, arrived.urgency, arrived.count) == ("vth", Urgency.NORMAL, 1)


async def test_lines_of_history_are_numbered_within_their_report_and_found_by_key(desk: Desk) -> None:
    made = await scans(desk.database, "history")
    reports = [await desk.taken(handler()) for _ in range(8)]  # PostgreSQL settles on one plan after five
    for each in reports:
        await desk.hear(_sent(each), _sent(each, template="taken"))
    async with desk.database.flowing() as connection:
        rows = await connection.execute(text("SELECT report_id, id, what FROM history ORDER BY 1, 2"))
        lines = [(row.id, row.what) for row in rows]
    whats = ("received", "routed", "taken", "feedback-sent", "feedback-sent")
    assert lines == list(enumerate(whats, 1)) * 8
    assert await scans(desk.database, "history") == made + 1  # what was just read here


def _sent(report: ReportReceived, template: str = "received") -> FeedbackSent:
    return FeedbackSent(
        municipality=report.municipality,
        reporter_handle=report.reporter_handle,
        template=template,
        channel="mail",
        attempt=1,
        sent_at=coarse_now(),
    )


async def test_the_due_time_counts_from_here_and_the_earlier_time_is_kept(desk: Desk) -> None:
    earlier = datetime(2026, 11, 2, 8, 15, tzinfo=UTC)
    report = desk.report(received_elsewhere_at=earlier)
    await desk.hear(report)
    assert (await desk.spoken(ReportRouted))[0].due_at == datetime(2026, 12, 1, 9, 15, tzinfo=UTC)
    async with desk.database.flowing() as connection:
        rows = await connection.execute(
            text("SELECT received_elsewhere_at FROM report WHERE id = :id"), {"id": report.report_id}
        )
    assert rows.scalar_one() == earlier


async def test_a_type_without_a_desk_here_goes_to_the_one_that_catches_all(desk: Desk) -> None:
    await desk.hear(desk.report(signal_type="zorgfraude"), desk.report(signal_type="nooit-van-gehoord"))
    routed = await desk.spoken(ReportRouted)
    assert [(each.department, each.rule) for each in routed] == [("oov", "catch-all")] * 2


async def test_work_of_one_batch_is_told_once_per_desk_and_urgency(desk: Desk) -> None:
    await desk.hear(*(desk.report() for _ in range(5)), desk.report(urgency=Urgency.ACUTE))
    arrived = await desk.spoken(WorkArrived)
    assert {(each.urgency, each.count) for each in arrived} == {(Urgency.NORMAL, 5), (Urgency.ACUTE, 1)}


async def test_a_repeated_delivery_has_no_second_effect(desk: Desk) -> None:
    envelope = encode(desk.report())
    for batch in ([envelope, envelope], [envelope]):
        async with desk.database.flowing() as connection:
            await desk.dispatcher.apply(connection, batch)
    assert await desk.count("report") == 1
    assert len(await desk.spoken(ReportRouted)) == 1


@pytest.mark.parametrize("forms_first", [True, False])
async def test_a_report_before_its_configuration_waits_and_is_routed_once(
    urls: DatabaseUrls, *, forms_first: bool
) -> None:
    async with casework_desk(urls, configured=False) as desk:
        await desk.hear(desk.report())
        assert await desk.spoken(ReportRouted) == []
        assert len(await desk.spoken(NoticeDue)) == 1
        states = [forms(), desk.town.state] if forms_first else [desk.town.state, forms()]
        for state in states:
            await desk.hear(state)
        await desk.hear(forms(version=2))
        routed = await desk.spoken(ReportRouted)
        assert [each.department for each in routed] == ["vth"]
        assert len(await desk.spoken(ReportOffered)) == 1


async def test_a_report_that_was_taken_before_it_had_a_desk_is_counted_at_the_desk_it_gets(
    urls: DatabaseUrls,
) -> None:
    async with casework_desk(urls, configured=False) as desk:
        who = manager()
        report = await desk.taken(who)
        await desk.hear(forms(), desk.town.state)
        taken, routed = (await desk.spoken(ReportTaken))[0], (await desk.spoken(ReportRouted))[0]
        assert (taken.department, routed.department) == ("unrouted", "vth")
        assert routed.version > taken.version
        shown = (await desk.get(f"/reports/{report.report_id}", who)).json()
        assert (shown["department"], shown["version"]) == ("vth", routed.version)
    for events in ([taken, routed], [routed, taken]):
        assert folded(events)[0].department == (routed.version, "vth")


async def test_the_highest_version_of_a_configuration_wins(desk: Desk) -> None:
    newer = make_town(version=3).state.model_copy(update={"catch_all_department": "wonen"})
    older = make_town(version=2).state.model_copy(update={"catch_all_department": "jeugd"})
    await desk.hear(newer, older)
    await desk.hear(older.model_copy(update={"display_name": "Oud"}))
    await desk.hear(desk.report(signal_type="zorgfraude"))
    assert (await desk.spoken(ReportRouted))[0].department == "wonen"


async def test_a_partner_is_offered_what_both_rule_and_subscription_name(desk: Desk) -> None:
    report = desk.report()
    await desk.hear(
        report,
        desk.report(signal_type="zorgfraude"),
        desk.report(is_traceable=True),
        desk.report(signal_type="intimidatie-bestuur", is_restricted=True),
    )
    offers = await desk.spoken(ReportOffered)
    assert len(offers) == 1
    assert (offers[0].partner, offers[0].ground) == ("politie", "art. 16 WGS")
    assert offers[0].offer_id not in {report.report_id, report.reporter_handle}
    assert offers[0].routing_key == "casework.report-offered.v1.zandrecht.politie"


async def test_a_reply_puts_the_report_back_to_work(desk: Desk) -> None:
    who = handler()
    report, question = await _asked(desk, who)
    reply = _reply(desk, report, question)
    await desk.hear(reply)
    await desk.hear(reply.model_copy())  # the same reply in another envelope
    shown = (await desk.get(f"/reports/{report.report_id}", who)).json()
    assert (shown["status"], shown["hasNewReply"], shown["version"]) == ("in-progress", True, 4)
    assert [len(each["replies"]) for each in shown["questions"]] == [1]
    told = [each.feedback for each in await desk.spoken(NoticeDue)]
    assert told[-2:] == [FeedbackKey.QUESTION, FeedbackKey.REPLY_RECEIVED]
    assert (await desk.spoken(ReportStatusChanged))[-1].status is Status.IN_PROGRESS


async def test_an_answer_to_a_closed_report_brings_it_back_to_who_had_it(desk: Desk) -> None:
    who, colleague, chief = handler(), handler(), manager()
    report, question = await _asked(desk, who)
    path = f"/reports/{report.report_id}"
    other = desk.report()
    await desk.hear(other)
    closing = {"version": 3, "result": "duplicate", "duplicateOf": str(other.report_id)}
    assert (await desk.post(f"{path}/closings", who, closing)).status_code == 201
    reply = _reply(desk, report, question)
    await desk.hear(reply)
    await desk.hear(reply.model_copy())  # the same reply in another envelope
    shown = (await desk.get(path, who)).json()
    assert (shown["status"], shown["hasNewReply"], shown["isMine"]) == ("in-progress", True, True)
    assert (shown["result"], shown["closedAt"], shown["duplicateOf"]) == (None, None, None)
    assert datetime.fromisoformat(shown["dueAt"]) == due_at(reply.given_at, "normaal")
    for each in (who, colleague, chief):
        listed = (await desk.get("/reports?limit=100", each)).json()
        assert str(report.report_id) in {line["id"] for line in listed["reports"]}
    mine = (await desk.get("/reports?mine=true", who)).json()
    assert [line["id"] for line in mine["reports"]] == [str(report.report_id)]
    assert (mine["counts"]["mine"], (await desk.get("/reports?status=closed", who)).json()["reports"]) == (
        1,
        [],
    )
    lines = (await desk.get(f"{path}/history", who)).json()["history"]
    assert [(line["what"], line["by"], line["version"]) for line in lines[-2:]] == [
        ("reply-given", None, 5),
        ("reopened", None, 5),
    ]
    assert [(each.report_id, each.version) for each in await desk.spoken(ReportReopened)] == [
        (report.report_id, 5)
    ]
    (change,) = folded([*await desk.spoken(ReportReopened), *await desk.spoken(ReportStatusChanged)])
    assert (change.status and change.status[1], change.reopened_version) == (Status.IN_PROGRESS, 5)
    assert change.due == (5, due_at(reply.given_at, "normaal"))
    again = await desk.post(f"{path}/closings", who, {"version": 5, "result": "recorded"})
    assert (again.status_code, again.json()["status"]) == (201, "closed")


async def test_an_answer_leaves_the_due_time_of_an_open_report_alone(desk: Desk) -> None:
    who = handler()
    report, question = await _asked(desk, who)
    before = (await desk.get(f"/reports/{report.report_id}", who)).json()["dueAt"]
    await desk.hear(_reply(desk, report, question))
    shown = (await desk.get(f"/reports/{report.report_id}", who)).json()
    assert shown["dueAt"] == before
    assert await desk.spoken(ReportReopened) == []


async def test_an_answer_to_a_closed_report_whose_handler_left_is_there_for_the_process_manager(
    desk: Desk,
) -> None:
    gone, chief, successor = handler(), manager(), handler()
    report, question = await _asked(desk, gone)
    path = f"/reports/{report.report_id}"
    await desk.post(f"{path}/closings", gone, {"version": 3, "result": "recorded"})
    await desk.hear(_reply(desk, report, question))
    refused = await desk.post(f"{path}/takings", successor, {"version": 5})
    assert (refused.status_code, refused.json()["code"]) == (409, "already-taken")
    assert (await desk.get(path, chief)).json()["mayTake"] is True
    assert (await desk.post(f"{path}/takings", chief, {"version": 4})).status_code == 409
    taken = await desk.post(f"{path}/takings", chief, {"version": 5})
    assert (taken.status_code, taken.json()["isMine"], taken.json()["status"]) == (201, True, "in-progress")
    assert (await desk.get(path, chief)).json()["mayTake"] is False
    assert (await desk.post(f"{path}/openings", chief, {"purpose": "reply"})).status_code == 201
    assert (await desk.get(path, chief)).json()["hasNewReply"] is False


async def test_two_replies_to_one_question_are_both_kept(desk: Desk) -> None:
    who = handler()
    report, question = await _asked(desk, who)
    await desk.hear(_reply(desk, report, question), _reply(desk, report, question))
    shown = (await desk.get(f"/reports/{report.report_id}", who)).json()
    assert [len(each["replies"]) for each in shown["questions"]] == [2]
    opening = await desk.post(f"/reports/{report.report_id}/openings", who, {"purpose": "reply"})
    replies = [each for each in opening.json()["sealed"] if each["compartment"] == "reply"]
    assert {each["subject"] for each in replies} == {str(question)}
    assert len({each["replyId"] for each in replies}) == 2
    assert not (await desk.get(f"/reports/{report.report_id}", who)).json()["hasNewReply"]


async def test_a_reply_to_nothing_is_for_a_person_to_look_at(desk: Desk) -> None:
    report = desk.report()
    await desk.hear(report)
    with pytest.raises(Unprocessable):
        await desk.hear(_reply(desk, report, uuid4()))


async def test_what_reached_the_reporter_is_in_the_history(desk: Desk) -> None:
    report = desk.report()
    await desk.hear(report)
    sent = FeedbackSent(
        municipality="zandrecht",
        reporter_handle=report.reporter_handle,
        template="received",
        channel="mail",
        attempt=2,
        sent_at=datetime.now(UTC),
    )
    await desk.hear(sent, sent.model_copy(update={"reporter_handle": uuid4()}))
    history = (await desk.get(f"/reports/{report.report_id}/history", handler())).json()["history"]
    assert [line["what"] for line in history] == ["received", "routed", "feedback-sent"]
    assert history[-1]["attempt"] == 2


async def test_what_arrives_late_about_an_erased_report_has_no_effect(desk: Desk) -> None:
    who, chief = handler(), manager()
    report, question = await _asked(desk, who)
    closed = await desk.post(
        f"/reports/{report.report_id}/closings", who, {"version": 3, "result": "incorrect"}
    )
    assert closed.json() == {"id": str(report.report_id), "isErased": True}
    await desk.hear(_reply(desk, report, question))
    await desk.hear(report)
    for table in ("report", "sealed", "wrap", "question", "reply", "offer", "history"):
        assert await desk.count(table) == 0, table
    confirmed = ReportingErasureConfirmed(
        municipality="zandrecht", report_id=report.report_id, confirmed_at=datetime.now(UTC)
    )
    await desk.hear(confirmed)
    certificate = (await desk.get(f"/reports/{report.report_id}/erasures", chief)).json()
    assert certificate["confirmed"]["reporting"]
    assert certificate["confirmed"]["notifier"] is None


async def test_wraps_lie_apart_from_ciphertext(desk: Desk) -> None:
    await desk.hear(desk.report())
    async with desk.database.flowing() as connection:
        rows = await connection.execute(text("SELECT content::text FROM sealed"))
        assert all("wrap" not in content for content in rows.scalars())
    assert await desk.count("wrap") == 2


async def _asked(desk: Desk, who: Any) -> tuple[ReportReceived, UUID]:
    report, question = await desk.taken(who), uuid4()
    answer = await desk.post(
        f"/reports/{report.report_id}/questions",
        who,
        {
            "version": 2,
            "questionId": str(question),
            "digest": "d" * 43,
            "sealedQuestion": "c2VhbGVk",
            "sealedCopy": desk.sealed("question-copy", question).model_dump(mode="json", by_alias=True),
        },
    )
    assert answer.status_code == 201, answer.text
    return report, question


def _reply(desk: Desk, report: ReportReceived, question: UUID) -> ReplyGiven:
    assert KeyGroup.GENERAL in desk.town.keys
    return ReplyGiven(
        municipality="zandrecht",
        reporter_handle=report.reporter_handle,
        question_id=question,
        reply_id=uuid4(),
        sealed_reply=desk.sealed("reply", question, b"Elke avond."),
        given_at=datetime.now(UTC),
    )
