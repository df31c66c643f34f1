"""The notifier: notices reach mailbox and mail once, in any order; replies pass sealed; erased is erased."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest
from common.coarse import QUARTER, coarse_now
from common.contracts.base import Event
from common.contracts.casework import WorkArrived
from common.contracts.codes import FeedbackKey, KeyGroup, Role, Urgency
from common.contracts.erasure import NotifierErasureConfirmed
from common.contracts.gateway import Department
from common.contracts.notifier import DeliveryFailed, FeedbackSent, ReplyGiven
from common.messaging import WaitingRoom
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from common.messaging.waiting_list import WaitingList
from common.questions import question_of
from common.receipt import mailbox_of
from common.sealing import (
    Context,
    Recipient,
    open_content,
    open_text,
    seal_content,
)
from common.sealing import decode as from_base64url
from common.vouching import reply_statement
from notifier.consumers import handlers
from notifier.delivery.post import Post
from notifier.delivery.texts import notice_text
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import scans
from tests.support.identities import anonymous, bearer, staff
from tests.support.notifier import ADDRESS, Desk, Reporter, notifier_desk
from tests.support.polling import wait_until


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    async with notifier_desk(backing) as made:
        yield made


@pytest.mark.parametrize("mailbox_first", [True, False])
async def test_a_notice_is_mailed_once_whatever_came_first(desk: Desk, *, mailbox_first: bool) -> None:
    reporter = Reporter()
    events: list[Event] = [reporter.mailbox, reporter.notice()]
    for event in events if mailbox_first else reversed(events):
        await desk.hear(event)
    await desk.hear(reporter.notice(), reporter.mailbox)
    assert await desk.post.deliver_due() == 1
    assert await desk.post.deliver_due() == 0
    assert desk.mail.recipients == [ADDRESS]
    sent = (await desk.spoken(FeedbackSent))[0]
    assert (sent.reporter_handle, sent.template, sent.attempt) == (reporter.handle, "received", 1)


async def test_notice_and_mailbox_at_once_still_meet(desk: Desk) -> None:
    reporters = [Reporter() for _ in range(20)]
    await asyncio.gather(
        *(desk.hear(each.mailbox) for each in reporters), *(desk.hear(each.notice()) for each in reporters)
    )
    assert len(await desk.deliveries()) == 20


async def test_mailboxes_and_notices_are_looked_up_by_key_also_while_they_are_few(desk: Desk) -> None:
    made = [await scans(desk.database, table) for table in ("mailbox", "notice")]  # making an index reads all
    for _ in range(8):  # PostgreSQL settles on one plan after five
        reporter = Reporter()
        await desk.hear(reporter.notice(), reporter.mailbox)
    assert len(await desk.deliveries()) == 8
    assert [await scans(desk.database, table) for table in ("mailbox", "notice")] == made


async def test_who_left_no_address_gets_no_mail_but_has_a_mailbox(desk: Desk) -> None:
    reporter = Reporter(address=None)
    await desk.hear(reporter.mailbox, reporter.notice(), reporter.notice(FeedbackKey.TAKEN, 2))
    assert await desk.post.deliver_due() == 0
    found = (await desk.ask("_search", {"lookupId": reporter.lookup})).json()
    assert [notice["feedback"] for notice in found["notices"]] == ["received", "taken"]
    assert all(notice["text"] and notice["textEn"] for notice in found["notices"])


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_every_notice_comes_by_the_same_mail(desk: Desk, language: str) -> None:
    for number, feedback in enumerate(FeedbackKey, 10):
        reporter = Reporter(language=language, address=f"melder{number}@voorbeeld.example")
        await desk.hear(reporter.mailbox, reporter.notice(feedback))
    assert await desk.post.deliver_due() == len(FeedbackKey)
    assert len({len(each.as_bytes()) for each in desk.mail.messages}) == 1
    said = [(str(each["Subject"]), *_bodies(each)) for each in desk.mail.messages]
    assert len(set(said)) == 1
    for feedback in FeedbackKey:
        assert not any(notice_text(language, feedback) in each for each in said[0])


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_the_mail_says_where_the_mailbox_is_in_text_and_html(desk: Desk, language: str) -> None:
    reporter = Reporter(language=language)
    await desk.hear(reporter.mailbox, reporter.notice())
    await desk.post.deliver_due()
    message = desk.mail.messages[0]
    plain, html = _bodies(message)
    for content in (plain, html):
        assert "https://meld.example/zandrecht/postvak" in content
        assert reporter.receipt not in content
        assert ADDRESS not in content
        assert "{" not in content
    assert f'lang="{language}"' in html
    assert "Zandrecht" in str(message["Subject"])
    assert "melding" not in str(message["Subject"])


def _bodies(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


async def test_a_department_hears_of_its_work_in_one_mail(desk: Desk) -> None:
    arrived = WorkArrived(
        municipality="zandrecht",
        department="vth",
        urgency=Urgency.HIGH,
        count=2,
        arrived_at=datetime.now(UTC),
    )
    await desk.hear(arrived, arrived.model_copy(update={"count": 3}))
    await desk.hear(arrived.model_copy(), arrived.model_copy(update={"department": "jeugd"}))
    await desk.post.deliver_due()
    assert desk.mail.recipients == ["vth@zandrecht.example"]
    assert "7 nieuwe meldingen" in str(desk.mail.messages[0].get_body(("plain",)))
    await desk.hear(arrived)
    await desk.post.deliver_due()
    assert len(desk.mail.recipients) == 2


async def test_a_notice_is_in_the_mailbox_at_once_and_its_mail_leaves_in_a_round(desk: Desk) -> None:
    desk.dispatcher = Dispatcher(handlers(lambda: 421))
    first, second = Reporter(), Reporter()
    notice = first.notice()
    await desk.hear(first.mailbox, notice)
    desk.dispatcher = Dispatcher(handlers(lambda: 7))  # drawn again, and of no more use in this quarter
    await desk.hear(second.mailbox, second.notice().model_copy(update={"due_at": notice.due_at}))
    leaves_at = notice.due_at + QUARTER + timedelta(seconds=421)
    assert {row["due_at"] for row in await desk.deliveries()} == {leaves_at}
    assert {row["created_at"] for row in await desk.deliveries()} == {notice.due_at}
    found = (await desk.ask("_search", {"lookupId": first.lookup})).json()["notices"]
    assert [each["at"] for each in found] == [notice.due_at.strftime("%Y-%m-%dT%H:%M:%SZ")]
    assert await desk.post.deliver_due() == 0
    await desk.all_due()
    assert await desk.post.deliver_due() == 2


async def test_what_is_heard_late_leaves_at_once(desk: Desk) -> None:
    desk.dispatcher = Dispatcher(handlers(lambda: 899))
    reporter = Reporter()
    late = reporter.notice().model_copy(update={"due_at": coarse_now() - timedelta(hours=3)})
    await desk.hear(reporter.mailbox, late)
    assert await desk.post.deliver_due() == 1


async def test_work_is_mailed_for_each_quarter_and_acute_work_soon_after_it(desk: Desk) -> None:
    desk.dispatcher = Dispatcher(handlers(lambda: 421))
    now = coarse_now()
    about = {"municipality": "zandrecht", "department": "vth", "count": 1}
    for urgency in (Urgency.HIGH, Urgency.ACUTE):
        for at in (now - QUARTER, now, now):
            await desk.hear(WorkArrived(**about, urgency=urgency, arrived_at=at))
    told = {
        (row["urgency"], row["count"], row["due_at"] - row["created_at"]) for row in await desk.deliveries()
    }
    assert told == {
        (urgency, count, QUARTER + timedelta(seconds=seconds))
        for urgency, seconds in (("hoog", 421), ("acuut", 60))
        for count in (1, 2)
    }


async def test_each_try_of_a_mail_has_its_message_id_and_nobody_knows_it_afterwards(desk: Desk) -> None:
    reporter = Reporter()
    await desk.hear(reporter.mailbox, reporter.notice())
    desk.mail.answers = ["451 later"]
    queued = (await desk.deliveries())[0]
    await desk.post.deliver_due()
    assert (await desk.deliveries())[0]["message_id"] == queued["message_id"]
    await desk.all_due()
    await desk.post.deliver_due()
    assert [str(message["Message-ID"]) for message in desk.mail.messages] == [
        f"<{queued['message_id']}@vermoeden.example>"
    ]
    assert queued["message_id"] != queued["id"]
    assert (await desk.deliveries())[0]["message_id"] is None


async def test_work_of_a_municipality_that_was_not_heard_of_yet_waits_its_turn(desk: Desk) -> None:
    arrived = WorkArrived(
        municipality="duinrade",
        department="vth",
        urgency=Urgency.HIGH,
        count=1,
        arrived_at=datetime.now(UTC),
    )
    room = WaitingRoom(desk.database, desk.dispatcher, retry_seconds=(0.01,) * 50)
    envelope = encode(arrived)
    async with desk.database.flowing() as connection:
        await room.put(connection, [envelope], error="redelivered")
    assert await room.try_one()
    assert [each.attempt for each in await WaitingList(desk.database).listed()] == [1]
    told = Department(code="vth", name="VTH", mail="vth@duinrade.example")
    await desk.hear(desk.town.state.model_copy(update={"municipality": "duinrade", "departments": (told,)}))

    async def is_mailed() -> bool:
        await room.try_one()
        await desk.post.deliver_due()
        return desk.mail.recipients == ["vth@duinrade.example"]

    await wait_until(is_mailed)


async def test_a_refusal_for_good_ends_it_and_says_so_without_the_address(desk: Desk) -> None:
    reporter = Reporter()
    desk.mail.answers = [f"550 <{ADDRESS}> does not exist"]
    await desk.hear(reporter.mailbox, reporter.notice())
    await desk.post.deliver_due()
    row = (await desk.deliveries())[0]
    assert (row["state"], row["error"], row["attempts"]) == ("failed", "smtp-550", 1)
    failed = (await desk.spoken(DeliveryFailed))[0]
    assert ADDRESS not in failed.model_dump_json()


async def test_not_now_is_tried_again_until_the_attempts_are_spent(desk: Desk) -> None:
    reporter = Reporter()
    desk.mail.answers = ["451 later"] * 3
    await desk.hear(reporter.mailbox, reporter.notice())
    for attempt in (1, 2, 3):
        assert await desk.post.deliver_due() == 1
        assert await desk.post.deliver_due() == 0  # not before its time
        row = (await desk.deliveries())[0]
        assert (row["attempts"], row["error"]) == (attempt, "smtp-451")
        if row["state"] == "queued":
            await desk.all_due()
    assert (await desk.deliveries())[0]["state"] == "failed"
    assert [each.attempt for each in await desk.spoken(DeliveryFailed)] == [3]


async def test_a_failed_mail_can_be_started_again_by_who_watches(desk: Desk) -> None:
    reporter, who = Reporter(), staff(Role.ADMINISTRATOR)
    desk.mail.answers = ["550 no"]
    await desk.hear(reporter.mailbox, reporter.notice())
    await desk.post.deliver_due()
    headers = bearer("notifier", who)
    listed = (await desk.client.get("/api/v1/deliveries?state=failed", headers=headers)).json()["deliveries"]
    assert ADDRESS not in str(listed)
    assert str(reporter.handle) not in str(listed)
    path = f"/api/v1/deliveries/{listed[0]['id']}/restarts"
    assert (await desk.client.post(path, headers=headers)).status_code == 201
    await desk.post.deliver_due()
    assert desk.mail.recipients == [ADDRESS]
    assert (await desk.client.post(path, headers=headers)).status_code == 404
    refused = await desk.client.get("/api/v1/deliveries", headers=bearer("notifier", staff(Role.HANDLER)))
    assert refused.status_code == 403


async def test_a_strange_address_fails_alone_and_stops_no_other_mail(desk: Desk) -> None:
    strange = [Reporter(address=each) for each in ("a@[b.c", "a:;@c.d", "(@b.c", "a@b.c\r\nBcc: x@y.z")]
    for reporter in (*strange, Reporter()):
        await desk.hear(reporter.mailbox, reporter.notice())
    assert await desk.post.deliver_due() == 5
    assert desk.mail.recipients == [ADDRESS]
    failed = [row for row in await desk.deliveries() if row["state"] == "failed"]
    assert len(failed) == len(strange)
    assert all("@" not in row["error"] for row in failed)
    assert await desk.post.deliver_due() == 0


async def test_a_mail_that_ends_the_process_each_time_is_given_up(desk: Desk) -> None:
    reporter = Reporter()
    await desk.hear(reporter.mailbox, reporter.notice())
    async with desk.database.flowing() as connection:
        await connection.execute(text("UPDATE delivery SET attempts = 3"))  # all of them died with it
    assert await desk.post.deliver_due() == 1
    row = (await desk.deliveries())[0]
    assert (row["state"], row["error"]) == ("failed", "ended-the-process")
    assert desk.mail.recipients == []


async def test_a_slow_server_makes_no_replica_send_what_another_holds(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"delivery_lease_seconds": 1.0, "smtp_seconds": 5})
    reporters = [Reporter(address=f"melder{number}@voorbeeld.example") for number in range(8)]
    for reporter in reporters:
        await desk.hear(reporter.mailbox, reporter.notice())
    desk.mail.delay = 0.4
    stopping = asyncio.Event()
    posts = [asyncio.create_task(Post(desk.database, settings).run(stopping)) for _ in range(2)]

    async def is_all_brought() -> bool:
        return len(desk.mail.recipients) >= len(reporters)

    await wait_until(is_all_brought, what="a mail to everybody")
    await asyncio.sleep(1.5)  # longer than the lease: whoever would bring one again has begun by now
    stopping.set()
    await asyncio.gather(*posts)
    assert sorted(desk.mail.recipients) == sorted(str(each.address) for each in reporters)


async def test_a_server_that_is_away_costs_no_attempt(desk: Desk) -> None:
    reporter = Reporter()
    await desk.hear(reporter.mailbox, reporter.notice())
    away = desk.settings.model_copy(update={"smtp_port": 1})
    for _ in range(4):
        await Post(desk.database, away).deliver_due()
        await desk.all_due()
    assert (await desk.deliveries())[0]["attempts"] == 0
    await desk.post.deliver_due()
    assert desk.mail.recipients == [ADDRESS]


async def test_a_slow_server_is_given_up_and_tried_later(desk: Desk) -> None:
    reporter = Reporter()
    desk.mail.delay = 3
    await desk.hear(reporter.mailbox, reporter.notice())
    await desk.post.deliver_due()
    row = (await desk.deliveries())[0]
    assert (row["state"], row["attempts"]) == ("queued", 1)


async def test_two_replicas_send_each_mail_once(desk: Desk) -> None:
    reporters = [Reporter(address=f"melder{number}@voorbeeld.example") for number in range(30)]
    await desk.hear(*(each.mailbox for each in reporters))
    await desk.hear(*(each.notice() for each in reporters))

    async def work(post: Post) -> None:
        while await post.deliver_due():
            continue

    await asyncio.gather(work(desk.post), work(desk.post))
    identities = [message["Message-ID"] for message in desk.mail.messages]
    assert (len(identities), len(set(identities))) == (30, 30)


async def test_an_address_gets_one_mail_a_round_however_many_reports_name_it(desk: Desk) -> None:
    reporters = [
        Reporter(address=each) for each in (ADDRESS, ADDRESS.upper(), "ander@voorbeeld.example") * 10
    ]
    await desk.hear(*(each.mailbox for each in reporters))
    await desk.hear(*(each.notice() for each in reporters))
    assert await desk.post.deliver_due() == 30
    assert len(desk.mail.recipients) == 2
    assert {row["state"] for row in await desk.deliveries()} == {"sent"}
    assert len(await desk.spoken(FeedbackSent)) == 30
    late = Reporter()
    await desk.hear(late.mailbox, late.notice())
    await desk.post.deliver_due()
    assert len(desk.mail.recipients) == 3


async def test_who_could_not_be_told_is_tried_again_for_each_report(desk: Desk) -> None:
    reporters = [Reporter(), Reporter()]
    desk.mail.answers = ["451 later"] * 2
    await desk.hear(*(each.mailbox for each in reporters), *(each.notice() for each in reporters))
    await desk.post.deliver_due()
    assert [row["state"] for row in await desk.deliveries()] == ["queued", "queued"]
    await desk.all_due()
    await desk.post.deliver_due()
    assert desk.mail.recipients == [ADDRESS]


async def test_a_question_is_opened_and_answered_with_the_receipt_alone(desk: Desk) -> None:
    reporter = Reporter(address=None)
    question = reporter.question(desk.town)
    await desk.hear(reporter.mailbox, question, reporter.notice(FeedbackKey.QUESTION, 3))
    mailbox = mailbox_of(reporter.receipt)
    found = (await desk.ask("_search", {"lookupId": mailbox.lookup_id})).json()["questions"][0]
    context = Context("zandrecht", "question", found["questionId"], "reporter")
    said = open_text(from_base64url(found["sealedQuestion"]), mailbox.private_key, context)
    assert question_of(said, found["digest"]) == "Hoe laat?"
    reply = _reply(desk, reporter, found["questionId"])
    for _ in range(2):
        assert (await desk.ask("_reply", reply)).status_code == 201
    given = await desk.spoken(ReplyGiven)
    assert len(given) == 1
    opened_reply = open_content(
        given[0].sealed_reply,
        "general-1",
        desk.town.keys[KeyGroup.GENERAL].private,
        municipality="zandrecht",
        compartment="reply",
        subject=found["questionId"],
    )
    assert opened_reply == b"Na elf uur."
    again = (await desk.ask("_search", {"lookupId": mailbox.lookup_id})).json()
    assert again["questions"][0]["repliedAt"]


async def test_wrong_receipts_and_replies_are_named(desk: Desk) -> None:
    reporter, other = Reporter(), Reporter()
    question = reporter.question(desk.town)
    await desk.hear(reporter.mailbox, other.mailbox, question)
    unknown = await desk.ask("_search", {"lookupId": Reporter().lookup})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-receipt")
    elsewhere = await desk.ask("_search", {"lookupId": reporter.lookup}, who=anonymous("elders"))
    assert elsewhere.status_code == 404
    foreign = await desk.ask("_reply", _reply(desk, other, str(question.question_id)))
    assert foreign.json()["errors"][0]["code"] == "unknown-question"
    wrong = _reply(desk, reporter, str(question.question_id))
    wrong["sealedReply"]["wraps"][0]["keyId"] = "general-9"
    assert (await desk.ask("_reply", wrong)).json()["errors"][0]["pointer"] == "/sealedReply/wraps"
    knows_the_id_only = _reply(desk, reporter, str(question.question_id))
    knows_the_id_only["signature"] = _reply(desk, other, str(question.question_id))["signature"]
    assert (await desk.ask("_reply", knows_the_id_only)).json()["errors"][0]["code"] == "not-signed"
    for bad in ({}, {"lookupId": "x"}, {"lookupId": 7}, {"lookupId": reporter.lookup, "receipt": "x"}):
        assert (await desk.ask("_search", bad)).status_code == 400
    huge = _reply(desk, reporter, str(question.question_id))
    huge["sealedReply"]["ciphertext"] = "A" * 30_000
    assert (await desk.ask("_reply", huge)).status_code == 400
    assert await desk.spoken(ReplyGiven) == []


async def test_a_question_takes_ten_replies_and_no_flood(desk: Desk) -> None:
    reporter = Reporter()
    question = reporter.question(desk.town)
    await desk.hear(reporter.mailbox, question)
    answers = [await desk.ask("_reply", _reply(desk, reporter, str(question.question_id))) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [409]


async def test_of_replies_at_one_moment_a_question_takes_no_more_than_ten(desk: Desk) -> None:
    reporter = Reporter()
    question = reporter.question(desk.town)
    await desk.hear(reporter.mailbox, question)
    replies = [_reply(desk, reporter, str(question.question_id)) for _ in range(24)]
    answers = await asyncio.gather(*(desk.ask("_reply", each) for each in replies))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 14
    assert len(await desk.spoken(ReplyGiven)) == 10
    taken = [each for each, answer in zip(replies, answers, strict=True) if answer.status_code == 201]
    again = await asyncio.gather(*(desk.ask("_reply", each) for each in taken))  # each is known: no new reply
    assert [answer.status_code for answer in again] == [201] * 10
    assert len(await desk.spoken(ReplyGiven)) == 10


async def test_an_erased_reporter_is_gone_and_nothing_late_comes_back(desk: Desk) -> None:
    reporter = Reporter()
    await desk.hear(reporter.mailbox, reporter.notice(), reporter.question(desk.town))
    await desk.hear(reporter.erased())
    await desk.hear(reporter.mailbox)
    await desk.hear(reporter.notice(FeedbackKey.TAKEN, 2), reporter.question(desk.town))
    async with desk.database.flowing() as connection:
        for table in ("mailbox", "notice", "question", "reply", "delivery"):
            rows = await connection.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            assert rows.scalar_one() == 0, table
    assert await desk.post.deliver_due() == 0
    assert len(await desk.spoken(NotifierErasureConfirmed)) == 1


def _reply(desk: Desk, reporter: Reporter, question_id: str) -> dict[str, Any]:
    recipient = Recipient("general", "general-1", desk.town.keys[KeyGroup.GENERAL].public)
    sealed = seal_content(
        b"Na elf uur.", [recipient], municipality="zandrecht", compartment="reply", subject=question_id
    )
    reply_id = str(uuid4())
    return {
        "lookupId": reporter.lookup,
        "questionId": question_id,
        "replyId": reply_id,
        "sealedReply": sealed.model_dump(mode="json", by_alias=True),
        "signature": mailbox_of(reporter.receipt).signing.sign(
            reply_statement("zandrecht", question_id, reply_id, sealed)
        ),
    }
