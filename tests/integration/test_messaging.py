"""The delivery guarantee of common.messaging, against a real broker and database."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest
from common.contracts.casework import ReportTaken
from common.contracts.intake import ReportCounted
from common.db import is_away
from common.messaging import forget_subject
from common.messaging.envelope import encode
from common.messaging.waiting_list import WaitingList
from common.settings import ServiceSettings
from local.servers.ports import free_port
from making.examples import example_of
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support import ledger
from tests.support.backing import Backing, OwnBacking, settle_new_queues
from tests.support.broker import send_raw
from tests.support.pair import FAST, Pair, pair_on, running
from tests.support.polling import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def pair(backing: Backing) -> AsyncIterator[Pair]:
    async with pair_on(backing) as made:
        yield made


async def test_every_fact_takes_effect_once(pair: Pair) -> None:
    facts = [ledger.fact() for _ in range(500)]
    await ledger.speak(pair.speaker, *facts)
    async with running(pair.speaking()), running(pair.hearing()):
        await wait_until(lambda: _all_heard(pair, 500), what="500 effects")
    assert await pair.heard() == Counter(fact.report_id for fact in facts)
    async with pair.speaker.flowing() as connection:
        bodies = await connection.execute(
            text("SELECT count(*) FROM outbox WHERE sent_at IS NULL OR body IS NOT NULL")
        )
        assert bodies.scalar_one() == 0, "a confirmed payload is blanked"


async def test_a_fact_spoken_before_any_hearer_exists_is_not_lost(pair: Pair) -> None:
    await ledger.speak(pair.speaker, ledger.fact())
    async with running(pair.speaking()):
        await wait_until(lambda: _outbox_is_empty(pair))
    async with running(pair.hearing()):
        await wait_until(lambda: _all_heard(pair, 1))


async def test_a_repeated_message_has_no_second_effect(pair: Pair) -> None:
    body = encode(ledger.fact()).body
    async with running(pair.hearing()):
        await pair.send(body, times=50)
        await ledger.speak(pair.speaker, ledger.fact())
        async with running(pair.speaking()):
            await wait_until(lambda: _all_heard(pair, 2))
    assert set((await pair.heard()).values()) == {1}


async def test_one_failing_message_does_not_hold_its_batch(pair: Pair) -> None:
    good = [ledger.fact() for _ in range(20)]
    await ledger.speak(
        pair.speaker, *good[:10], ledger.fact(ledger.FAILS), ledger.fact(ledger.FLAKY), *good[10:]
    )
    async with running(pair.speaking()), running(pair.hearing()) as house:
        await wait_until(lambda: _all_heard(pair, 21), what="20 good and one flaky")
        await wait_until(lambda: _is(pair, "parked_at IS NOT NULL", 1), what="the failing one parked")
        parked = (await WaitingList(house.database).listed(parked_only=True))[0]
        assert (parked.attempt, parked.error) == (len(FAST) + 1, "RuntimeError")


async def test_what_can_never_be_handled_is_parked_at_once_and_can_be_discarded(pair: Pair) -> None:
    async with running(pair.hearing()) as house:
        await pair.send(encode(ledger.fact(ledger.NEVER)).body)
        await wait_until(lambda: _is(pair, "parked_at IS NOT NULL AND attempt = 1", 1))
        assert await WaitingList(house.database).discard(municipality="elders") == 0
        assert await WaitingList(house.database).discard(municipality="zandrecht") == 1


async def test_a_replayed_message_gets_all_its_tries_again(pair: Pair) -> None:
    async with running(pair.hearing()) as house:
        await pair.send(encode(ledger.fact(ledger.NEVER)).body)
        await wait_until(lambda: _is(pair, "parked_at IS NOT NULL", 1))
        async with pair.hearer.flowing() as connection:
            await connection.execute(
                text(
                    "UPDATE waiting"
                    " SET body = convert_to(replace(convert_from(body, 'UTF8'), 'never', 'good'), 'UTF8')"
                )
            )
        assert await WaitingList(house.database).replay() == 1
        await wait_until(lambda: _all_heard(pair, 1), what="the mended message")


async def test_bytes_that_are_no_event_go_to_the_dead_letters(pair: Pair) -> None:
    async with running(pair.hearing()):
        await pair.send(b"\xff not json")
        connection = await aio_pika.connect(pair.vhost.admin_url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.get_queue("dead-letter", ensure=False)
            found = await _first(queue)
    assert found.body == b"\xff not json"


async def test_an_erased_subject_stays_erased_whatever_arrives_late(pair: Pair) -> None:
    erased, kept = ledger.fact(), ledger.fact()
    async with pair.hearer.flowing() as connection:
        await forget_subject(connection, "zandrecht", erased.subject)
    await ledger.speak(pair.speaker, erased, kept)
    async with running(pair.speaking()), running(pair.hearing()):
        await wait_until(lambda: _all_heard(pair, 1))
    assert await pair.heard() == Counter([kept.report_id])


async def test_too_many_parked_in_a_row_of_two_speakers_stops_the_consumer(pair: Pair) -> None:
    of_another = [encode(example_of(ReportTaken)).body for _ in range(2)]
    async with running(pair.hearing(parked_in_a_row_limit=5)) as house:
        await send_raw(pair.vhost.url("casework"), ReportTaken.name, *of_another)
        for _ in range(8):
            await pair.send(encode(ledger.fact(ledger.NEVER)).body)
        await wait_until(lambda: _true(house.waiting.trouble is not None), what="readiness turns red")
        assert await pair.count("parked_at IS NOT NULL") <= 10


async def test_nothing_is_lost_or_doubled_while_everything_is_killed(
    own_backing: OwnBacking, tmp_path: Path
) -> None:
    """Relay, consumer, broker and database each die by SIGKILL; one event kills its hearer."""
    async with pair_on(own_backing) as pair:
        await asyncio.to_thread(settle_new_queues)
        good = [ledger.fact() for _ in range(1500)]
        poison = ledger.fact(ledger.KILLS)
        processes = [
            Supervised("speaker", pair.settings[0], tmp_path),
            Supervised("hearer", pair.settings[1], tmp_path),
        ]
        try:
            await _chaos(pair, own_backing, processes, good, poison)
            await wait_until(lambda: _all_heard(pair, 1500), seconds=90, what="all 1500 effects")
            await wait_until(
                lambda: _is(pair, "parked_at IS NOT NULL", 1), seconds=60, what="the poison parked"
            )
        finally:
            for process in processes:
                process.end()
        assert await pair.heard() == Counter(fact.report_id for fact in good)
        assert await pair.count(f"parked_at IS NOT NULL AND subject <> '{poison.subject}'") == 0, (
            "an innocent parked"
        )


async def _chaos(
    pair: Pair,
    backing: OwnBacking,
    processes: "list[Supervised]",
    good: list[ReportCounted],
    poison: ReportCounted,
) -> None:
    dice = random.Random(7)  # noqa: S311 -- repeatable, not secret
    for round_ in range(10):
        batch = good[round_ * 150 : (round_ + 1) * 150]
        await _speak_again(pair, [*batch, *([poison] if round_ == 2 else [])])
        await asyncio.sleep(dice.uniform(0.1, 0.4))
        processes[round_ % 2].kill()
        if round_ in (3, 7):
            await asyncio.to_thread(_restart, backing.rabbit)
        if round_ == 5:
            await asyncio.to_thread(_restart, backing.postgres)
        for process in processes:
            process.keep()


async def _speak_again(pair: Pair, facts: list[ReportCounted]) -> None:
    """As a client does: after an outage nothing was committed, so say all of it once more."""

    async def spoken() -> bool:
        try:
            await ledger.speak(pair.speaker, *facts)
        except DBAPIError as error:
            if not is_away(error):
                raise
            return False
        return True

    await wait_until(spoken, what="an answering database")


def _restart(server: object) -> None:
    server.kill()  # type: ignore[attr-defined]
    server.start()  # type: ignore[attr-defined]


class Supervised:
    """A process of the ledger that a supervisor starts again whenever it dies."""

    def __init__(self, role: str, settings: ServiceSettings, folder: Path) -> None:
        self._role = role
        self._log = (folder / f"{role}.log").open("ab")
        self._environment = {
            **os.environ,
            "VERMOEDEN_DATABASE_WEB_URL": settings.database_web_url.get_secret_value(),
            "VERMOEDEN_DATABASE_FLOW_URL": settings.database_flow_url.get_secret_value(),
            "VERMOEDEN_BROKER_URL": settings.broker_url.get_secret_value(),
            "VERMOEDEN_RETRY_SECONDS": "[0.2, 0.2, 0.2]",
            "VERMOEDEN_WAITING_LEASE_SECONDS": "1",
            "VERMOEDEN_PORT": str(free_port()),
            "VERMOEDEN_OPERATIONS_PORT": str(free_port()),
        }
        self._process = self._start()
        self._supervisor = asyncio.create_task(self._supervise())

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.ledger", self._role],
            cwd=ROOT,
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    async def _supervise(self) -> None:
        while True:
            self.keep()
            await asyncio.sleep(0.2)

    def keep(self) -> None:
        """Start it again when it died."""
        if self._process.poll() is not None:
            self._process = self._start()

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        self._process.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """No more supervision, and an orderly end."""
        self._supervisor.cancel()
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


async def _first(queue: aio_pika.abc.AbstractQueue) -> aio_pika.abc.AbstractIncomingMessage:
    found: list[aio_pika.abc.AbstractIncomingMessage] = []

    async def look() -> bool:
        message = await queue.get(no_ack=True, fail=False)
        if message is not None:
            found.append(message)
        return bool(found)

    await wait_until(look, what="a dead letter")
    return found[0]


async def _all_heard(pair: Pair, count: int) -> bool:
    return len(await pair.heard()) >= count


async def _outbox_is_empty(pair: Pair) -> bool:
    async with pair.speaker.flowing() as connection:
        left = await connection.execute(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))
        return bool(left.scalar_one() == 0)


async def _is(pair: Pair, where: str, count: int) -> bool:
    return await pair.count(where) == count


async def _true(value: bool) -> bool:
    return value
