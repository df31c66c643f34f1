"""What messaging does when broker or database refuse, cancel or come back half: wait, and lose nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest
from casework import consumers as casework
from common.coarse import coarse
from common.contracts.casework import NoticeDue, QuestionAsked, ReportErased
from common.contracts.codes import FeedbackKey
from common.contracts.erasure import IntakeErasureConfirmed
from common.contracts.intake import MailboxOpened, ReportCounted
from common.db import Database, is_away
from common.messaging import Delivery
from common.messaging.envelope import Envelope, encode
from common.messaging.handling import Dispatcher, Handlers
from common.messaging.waiting import WaitingRoom
from intake import consumers as intake
from intake.seed import load_seed
from intake.signers import Signers
from making.openapi import no_attachments, own_key
from notifier import consumers as notifier
from reporting import consumers as reporting
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support import ledger
from tests.support.backing import Backing, manage, settle_new_queues
from tests.support.databases import opened, service_database
from tests.support.pair import Pair, pair_on, running
from tests.support.polling import wait_until

TOWN = "zandrecht"
HANDLERS: dict[str, Handlers] = {
    "intake": intake.handlers(load_seed(), no_attachments(), Signers(own_key())),
    "casework": casework.HANDLERS,
    "notifier": notifier.handlers(lambda: None),
    "reporting": reporting.HANDLERS,
}


@pytest.fixture
async def pair(backing: Backing) -> AsyncIterator[Pair]:
    async with pair_on(backing) as made:
        yield made


@asynccontextmanager
async def database_of(backing: Backing, service: str) -> AsyncIterator[Database]:
    async with opened(await service_database(backing, service)) as database:
        yield database


async def _count(database: Database, table: str, where: str = "true") -> int:
    async with database.flowing() as connection:
        found = await connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))  # noqa: S608
        return int(found.scalar_one())


async def _apply(database: Database, service: str, *envelopes: Envelope) -> None:
    async with database.flowing() as connection:
        await Dispatcher(HANDLERS[service]).apply(connection, envelopes)


def _erased() -> ReportErased:
    return ReportErased(
        municipality=TOWN,
        report_id=uuid4(),
        reporter_handle=uuid4(),
        reason="other",
        ground="toets",
        erased_at=datetime.now(UTC),
    )


def _told(event: ReportErased) -> tuple[MailboxOpened, NoticeDue, QuestionAsked]:
    """What the notifier hears of the same reporter."""
    about: dict[str, Any] = {"municipality": TOWN, "reporter_handle": event.reporter_handle}
    now = datetime.now(UTC)
    return (
        MailboxOpened(**about, lookup_id=event.report_id.hex[:22], language="nl", sealed_address="c2VhbGVk"),
        NoticeDue(**about, feedback=FeedbackKey.RECEIVED, version=1, due_at=now),
        QuestionAsked(
            **about,
            question_id=uuid4(),
            sealed_question="c2VhbGVk",
            reply_key_id="general-1",
            reply_key_group="general",
            reply_public_key="c2VhbGVk",
            asked_at=now,
        ),
    )


@pytest.mark.parametrize("service", ["intake", "notifier", "reporting"])
async def test_an_erasure_that_had_to_wait_is_still_done(backing: Backing, service: str) -> None:
    async with database_of(backing, service) as database:
        room = WaitingRoom(database, Dispatcher(HANDLERS[service]), retry_seconds=(0.01,))
        async with database.flowing() as connection:
            await room.put(connection, [encode(_erased())], error="redelivered")
        assert await room.try_one()
        assert await _count(database, "waiting") == 0
        assert await _count(database, "tombstone") >= 1
        assert await _count(database, "outbox", "routing_key LIKE '%erasure-confirmed%'") == 1


async def test_a_confirmation_that_had_to_wait_completes_the_certificate(backing: Backing) -> None:
    confirmed = IntakeErasureConfirmed(municipality=TOWN, report_id=uuid4(), confirmed_at=datetime.now(UTC))
    async with database_of(backing, "casework") as database:
        room = WaitingRoom(database, Dispatcher(HANDLERS["casework"]), retry_seconds=(0.01,))
        async with database.flowing() as connection:
            for statement in (
                """INSERT INTO erasure (municipality, report_id, reason, ground, erased_at)
                   VALUES (:town, :id, 'other', 'toets', now())""",
                "INSERT INTO tombstone VALUES (CAST(:id AS text), :town, now())",
            ):
                await connection.execute(text(statement), {"town": TOWN, "id": str(confirmed.report_id)})
            await room.put(connection, [encode(confirmed)], error="redelivered")
        assert await room.try_one()
        assert await _count(database, "erasure", "confirmed ? 'intake'") == 1


async def test_within_a_batch_an_erasure_wins_whatever_was_spoken_when(backing: Backing) -> None:
    first, second = _erased(), _erased()
    events = (first, *_told(second), second)
    batch = [
        _at(encode(event), datetime.now(UTC) + timedelta(hours=number)) for number, event in enumerate(events)
    ]
    async with database_of(backing, "notifier") as database:
        await _apply(database, "notifier", *batch)
        for table in ("mailbox", "notice", "question", "delivery"):
            assert await _count(database, table) == 0, table


async def test_who_waited_for_an_erasure_to_end_brings_nothing_back(backing: Backing) -> None:
    erased = _erased()
    async with database_of(backing, "notifier") as database:
        async with database.flowing() as connection:
            await Dispatcher(HANDLERS["notifier"]).apply(connection, [encode(erased)])
            others = [
                asyncio.create_task(_apply(database, "notifier", encode(each))) for each in _told(erased)
            ]
            await wait_until(lambda: _has_waiters(database, len(others)), what="three that wait for the lock")
        await asyncio.gather(*others)
        for table in ("mailbox", "notice", "question", "delivery"):
            assert await _count(database, table) == 0, table


async def test_batches_of_two_replicas_that_share_reporters_never_deadlock(backing: Backing) -> None:
    async with database_of(backing, "notifier") as database:
        for _ in range(5):
            batches: tuple[list[Envelope], list[Envelope]] = ([], [])
            for number in range(40):
                mailbox, notice, _ = _told(_erased())
                batches[number % 2].append(encode(mailbox))
                batches[1 - number % 2].append(encode(notice))
            await asyncio.gather(*(_apply(database, "notifier", *batch) for batch in batches))
        assert await _count(database, "delivery") == 200


async def test_a_slow_message_spends_its_tries_though_it_looks_like_an_outage(backing: Backing) -> None:
    async def too_slow(_connection: AsyncConnection, _deliveries: Sequence[Delivery[Any]]) -> None:
        raise TimeoutError

    async with database_of(backing, "reporting") as database:
        room = WaitingRoom(database, Dispatcher({ReportCounted: too_slow}), retry_seconds=(0.01, 0.01))
        async with database.flowing() as connection:
            await room.put(connection, [encode(ledger.fact())], error="redelivered")

        async def is_parked() -> bool:
            await room.try_one()
            return await _count(database, "waiting", "parked_at IS NOT NULL AND attempt = 3") == 1

        await wait_until(is_parked, pause_seconds=0.02)


async def test_a_value_that_no_database_can_hold_is_parked_at_once(backing: Backing) -> None:
    async def broken(connection: AsyncConnection, _deliveries: Sequence[Delivery[Any]]) -> None:
        await connection.execute(text("SELECT CAST('een' AS integer)"))

    async with database_of(backing, "reporting") as database:
        room = WaitingRoom(database, Dispatcher({ReportCounted: broken}), retry_seconds=(60,))
        async with database.flowing() as connection:
            await room.put(connection, [encode(ledger.fact())], error="redelivered")
        assert await room.try_one()
        assert await _count(database, "waiting", "parked_at IS NOT NULL AND attempt = 1") == 1


async def test_what_the_broker_refuses_is_sent_when_it_takes_it_again(pair: Pair, backing: Backing) -> None:
    facts: list[ReportCounted] = []

    async def is_refused() -> bool:
        """Speak one more: how many a full queue still takes is a matter of moments."""
        facts.append(ledger.fact())
        await ledger.speak(pair.speaker, facts[-1])
        return await _count(pair.speaker, "outbox", "sent_at IS NULL AND attempts >= 2") > 0

    async with running(pair.speaking()) as speaking, pair.vhost.administration() as broker:
        await wait_until(lambda: _true(speaking.relay.trouble is None))
        small = {"max-length": 1, "overflow": "reject-publish"}
        await broker.limit("small", f"^{ledger.HEARER}$", small, priority=9)
        await wait_until(lambda: _is_limited(backing, pair), what="the policy at work")
        await wait_until(is_refused, seconds=40, pause_seconds=0.2, what="one refused more than once")
        assert speaking.relay.trouble == "the broker refuses events"
        assert await _count(pair.speaker, "outbox", "parked_at IS NOT NULL") == 0
        async with running(pair.hearing()):
            await wait_until(lambda: _heard(pair, len(facts)), seconds=60, what="every effect")
    assert await pair.heard() == Counter(fact.report_id for fact in facts)


async def test_a_consumer_that_the_broker_cancels_takes_up_its_work_again(
    pair: Pair, backing: Backing
) -> None:
    async with running(pair.speaking()), running(pair.hearing()):
        await ledger.speak(pair.speaker, ledger.fact())
        await wait_until(lambda: _heard(pair, 1))
        vhost = quote(pair.vhost.name, safe="")
        await asyncio.to_thread(manage, backing, "DELETE", f"/queues/{vhost}/{ledger.HEARER}")
        await asyncio.to_thread(settle_new_queues)  # a queue of the same name too soon may find no leader
        async with pair.vhost.administration() as broker:
            await broker.set_up({})
        await ledger.speak(pair.speaker, *(ledger.fact() for _ in range(5)))
        await wait_until(lambda: _heard(pair, 6), seconds=40, what="effects after the queue came back")


async def test_a_database_that_cannot_be_written_costs_no_delivery(pair: Pair, backing: Backing) -> None:
    facts = [ledger.fact() for _ in range(120)]
    async with running(pair.hearing()), pair.vhost.administration() as broker:
        await broker.limit("few", f"^{ledger.HEARER}$", {"delivery-limit": 2}, priority=9)
        await _set_read_only(backing, pair, "on")
        await ledger.speak(pair.speaker, *facts)
        async with running(pair.speaking()):
            await wait_until(lambda: _true_later(_count(pair.speaker, "outbox", "sent_at IS NULL"), 0))
        await asyncio.sleep(4)  # nothing tells that nothing happens: several rounds of the consumer
        await _set_read_only(backing, pair, "off")
        await wait_until(lambda: _heard(pair, 120), seconds=40, what="all 120 effects")
    assert await pair.heard() == Counter(fact.report_id for fact in facts)
    assert await pair.count("true") == 0


async def test_an_outage_of_the_database_leaves_no_channel_behind(pair: Pair, backing: Backing) -> None:
    async with running(pair.speaking()) as speaking:
        await wait_until(lambda: _true(speaking.relay.trouble is None))
        for _ in range(3):
            await _end_sessions(backing, pair.urls[0].flow.rpartition("/")[2])
            await wait_until(lambda: _spoke(pair))
            await wait_until(lambda: _true_later(_count(pair.speaker, "outbox", "sent_at IS NULL"), 0))
        connection = await speaking.broker._connected()
        assert connection.transport is not None
        assert len(connection.transport.connection.channels) <= 2


def _at(envelope: Envelope, moment: datetime) -> Envelope:
    return replace(envelope, spoken_at=coarse(moment))


async def _has_waiters(database: Database, count: int) -> bool:
    waiting = "locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database"
    return await _count(database, "pg_locks", f"{waiting} WHERE datname = current_database())") == count


async def _heard(pair: Pair, count: int) -> bool:
    return len(await pair.heard()) >= count


async def _spoke(pair: Pair) -> bool:
    """Speak a fact, unless the connection that the pool gives was just ended."""
    try:
        await ledger.speak(pair.speaker, ledger.fact())
    except DBAPIError as error:
        if not is_away(error):
            raise
        return False
    return True


async def _true(value: bool) -> bool:
    return value


async def _true_later(found: Any, wanted: int) -> bool:
    return bool(await found == wanted)


async def _is_limited(backing: Backing, pair: Pair) -> bool:
    vhost = quote(pair.vhost.name, safe="")
    queue = await asyncio.to_thread(manage, backing, "GET", f"/queues/{vhost}/{ledger.HEARER}")
    return bool(queue.get("policy") == "small")


async def _set_read_only(backing: Backing, pair: Pair, value: str) -> None:
    name = pair.urls[1].flow.rpartition("/")[2]
    connection = await asyncpg.connect(backing.admin_url)
    try:
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
    finally:
        await connection.close()
    await _end_sessions(backing, name)


async def _end_sessions(backing: Backing, database: str) -> None:
    connection = await asyncpg.connect(backing.admin_url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database
        )
    finally:
        await connection.close()
