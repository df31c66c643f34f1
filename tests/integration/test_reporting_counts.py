"""Reporting counts what it hears, in any order and any number of times."""

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from common.coarse import coarse_now
from common.contracts.base import Event
from common.contracts.casework import AnonymisationCorrected, CorrectionCount, ReportTaken
from common.contracts.codes import Correction, PersonalClass
from common.contracts.intake import ReportCounted
from common.messaging import Delivery
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from reporting import store
from reporting.api import EXPORT_PATH
from reporting.consumers import HANDLERS
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import scans
from tests.support.reporting import (
    HANDLER,
    MANAGER,
    Desk,
    counted,
    erased,
    forms,
    life,
    municipality,
    reporting_desk,
)


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    async with reporting_desk(backing) as made:
        yield made


async def test_a_report_shows_in_its_months_and_in_the_csv(desk: Desk) -> None:
    report_id = uuid4()
    await desk.hear(life(report_id, until=5))
    answer = await desk.statistics()
    months = {each["month"]: each for each in answer["months"]}
    assert len(months) == 12
    assert months["2026-03"] == {"month": "2026-03", "received": 1, "taken": 0, "closed": 0}
    assert months["2026-04"] == {"month": "2026-04", "received": 0, "taken": 1, "closed": 1}
    assert answer["signalTypes"] == [
        {
            "code": "drugs",
            "name": "Drugs en dealen",
            "isRestricted": False,
            "received": 1,
            "taken": 1,
            "closed": 1,
            "averageDaysToTake": 3.0,
            "averageDaysToClose": 4.0,
        }
    ]
    assert {"from": answer["from"], "to": answer["to"]} == {"from": "2026-01", "to": "2026-12"}
    (row,) = await desk.rows()
    assert row == {
        "reportId": str(report_id),
        "receivedOn": "2026-03-30",
        "signalType": "drugs",
        "signalTypeName": "Drugs en dealen",
        "urgency": "normaal",
        "neighbourhood": "Centrum",
        "channel": "formulier",
        "reporterKind": "inwoner",
        "department": "oov",
        "departmentName": "Openbare orde",
        "status": "closed",
        "statusName": "Afgesloten",
        "dueOn": "2026-04-10",
        "takenOn": "2026-04-02",
        "closedOn": "2026-04-03",
        "result": "recorded",
        "resultName": "Vastgelegd",
        "daysToTake": "3",
        "daysToClose": "4",
        "neighbourhoodName": "Centrum",
    }


async def test_a_row_is_looked_up_by_its_key_also_while_they_are_few(desk: Desk) -> None:
    for _ in range(8):  # PostgreSQL settles on one plan after five
        await desk.hear(life(uuid4(), until=2))
    assert await scans(desk.database, "pk_report_row") > 0
    assert await scans(desk.database, "ix_report_row_received") == 0


async def test_reopening_takes_a_closing_back_until_it_is_closed_again(desk: Desk) -> None:
    report_id = uuid4()
    events = life(report_id)
    await desk.hear(events[:5])
    assert (await desk.statistics())["totals"]["closed"] == 1
    await desk.hear(events[5:6])
    assert (await desk.statistics())["totals"]["closed"] == 0
    (row,) = await desk.rows()
    assert (row["status"], row["closedOn"], row["result"]) == ("reopened", "", "")
    await desk.hear(events[6:])
    months = {each["month"]: each for each in (await desk.statistics())["months"]}
    assert (months["2026-04"]["closed"], months["2026-05"]["closed"]) == (0, 1)
    assert (months["2026-04"]["taken"], months["2026-05"]["taken"]) == (1, 0)
    assert (await desk.rows())[0]["department"] == "wonen"


async def test_a_month_begins_at_midnight_in_amsterdam(desk: Desk) -> None:
    report_id = uuid4()
    late = datetime(2026, 4, 30, 22, 30, tzinfo=UTC)  # half past midnight on 1 May
    taken = ReportTaken(
        municipality="testdam", report_id=report_id, version=2, department="oov", taken_at=late
    )
    await desk.hear([taken, counted(report_id)])
    assert [each["month"] for each in (await desk.statistics())["months"] if each["taken"]] == ["2026-05"]


@pytest.mark.parametrize("seed", range(3))
async def test_shuffled_and_repeated_events_count_as_the_orderly_ones(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    reports = [uuid4() for _ in range(60)]
    orderly = [
        event
        for number, report_id in enumerate(reports)
        for event in life(
            report_id,
            chance.choice(("testdam", "elders")),
            until=chance.randint(1, 9),
            shift=number % 40,
            signal_type=chance.choice(("drugs", "wonen")),
        )
    ]
    await desk.hear(orderly)
    expected = await snapshot(desk)
    for table in ("report_row", "rollup"):
        async with desk.database.flowing() as connection:
            await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608
    shuffled = orderly + chance.choices(orderly, k=len(orderly) // 2)
    chance.shuffle(shuffled)
    half = len(shuffled) // 2
    await asyncio.gather(desk.hear(shuffled[:half], 17), desk.hear(shuffled[half:], 23))
    assert await snapshot(desk) == expected
    assert await desk.law_holds()
    async with desk.database.flowing() as connection:
        await store.lock_writing(connection)
        await store.rebuild_rollup(connection)
    assert await snapshot(desk) == expected


async def snapshot(desk: Desk) -> tuple[str, str]:
    """Every row, and every count that is not nothing."""
    rows = "SELECT json_agg(r ORDER BY municipality, report_id)::text FROM report_row AS r"
    counts = """SELECT json_agg(r ORDER BY municipality, month, signal_type)::text FROM rollup AS r
                WHERE received + taken + closed > 0"""
    return await desk.one(rows), await desk.one(counts)


async def test_the_check_sees_a_count_that_is_off(desk: Desk) -> None:
    await desk.hear(life(uuid4()))
    async with desk.database.flowing() as connection:
        await connection.execute(text("UPDATE rollup SET taken = taken + 1 WHERE month = '2026-04-01'"))
        assert await store.differences(connection) == [("testdam", "2026-04", "drugs")]
        await store.rebuild_rollup(connection)
        assert await store.differences(connection) == []


async def test_an_erased_report_leaves_counts_and_nothing_else(desk: Desk) -> None:
    gone, kept, early = uuid4(), uuid4(), uuid4()
    await desk.hear([*life(gone, until=5), *life(kept, until=5), *life(early)[1:3]])
    before = await desk.statistics()
    await desk.hear([erased(gone), erased(early), erased(gone)])
    assert await desk.statistics() == before
    assert [row["reportId"] for row in await desk.rows()] == [str(kept)]
    await desk.hear([*life(gone), *life(early), erased(gone)])  # all of it late
    assert await desk.statistics() == before
    assert await desk.one("SELECT count(*) FROM report_row") == 1
    assert await desk.law_holds()
    bodies = await desk.one("SELECT json_agg(convert_from(body, 'UTF8')) FROM outbox")
    confirmed = sorted(json.loads(body)["data"]["reportId"] for body in bodies)
    assert confirmed == sorted([str(gone), str(early)])


async def test_a_writer_that_looked_before_the_erasure_brings_nothing_back(desk: Desk) -> None:
    report_id = uuid4()
    async with desk.database.flowing() as looked:
        await looked.execute(text("SELECT count(*) FROM tombstone"))
        await desk.hear([*life(report_id, until=2), erased(report_id)])
        await HANDLERS[ReportCounted](looked, deliveries([counted(report_id)]))
    assert await desk.one("SELECT count(*) FROM report_row") == 0


def deliveries(events: Sequence[Event]) -> list[Any]:
    return [Delivery(uuid4(), event, coarse_now()) for event in events]


async def test_the_highest_version_of_a_name_wins(desk: Desk) -> None:
    await desk.hear([counted(uuid4())])
    await desk.hear([forms(3, drugs="Drugs"), municipality(3, "OOV")])
    await desk.hear([forms(2, drugs="Oud"), municipality(2, "Oud")])
    assert (await desk.statistics())["signalTypes"][0]["name"] == "Drugs"
    assert await desk.one("SELECT name FROM department WHERE code = 'oov'") == "OOV"


async def test_municipalities_do_not_see_each_other(desk: Desk) -> None:
    mine, theirs = uuid4(), uuid4()
    await desk.hear([forms(place="elders"), counted(mine), counted(theirs, "elders", signal_type="wonen")])
    elders = replace(MANAGER, municipality="elders")
    assert [row["reportId"] for row in await desk.rows()] == [str(mine)]
    assert [row["reportId"] for row in await desk.rows(caller=elders)] == [str(theirs)]
    assert [each["code"] for each in (await desk.statistics())["signalTypes"]] == ["drugs"]
    connection = await asyncpg.connect(desk.web_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.municipality', 'testdam', true)")
            found = io.BytesIO()
            await connection.copy_from_query("SELECT report_id FROM report_row", output=found)
            assert found.getvalue().decode().split() == [str(mine)]
        assert await connection.fetchval("SELECT count(*) FROM report_row") == 0
    finally:
        await connection.close()


async def test_restricted_types_are_for_process_managers_and_never_for_csv(desk: Desk) -> None:
    await desk.hear(
        [
            counted(uuid4()),
            counted(uuid4(), signal_type="integriteit", is_restricted=True),
            counted(uuid4(), signal_type="integriteit"),  # counted before the type became restricted
        ]
    )
    assert (await desk.statistics())["totals"]["received"] == 3
    seen = await desk.statistics(caller=HANDLER)
    assert (seen["totals"]["received"], seen["includesRestricted"]) == (1, False)
    assert sum(each["received"] for each in seen["months"]) == 1
    assert [row["signalType"] for row in await desk.rows()] == ["drugs"]
    async with desk.get(f"{EXPORT_PATH}?signalType=integriteit") as answer:
        assert answer.status == 400
        assert "integriteit" not in await answer.text()


def corrected(at: datetime, *counts: tuple[str, str, int]) -> AnonymisationCorrected:
    return AnonymisationCorrected(
        municipality="testdam",
        correction_id=uuid4(),
        corrections=tuple(
            CorrectionCount(correction=Correction(kind), personal_class=PersonalClass(each), count=count)
            for kind, each, count in counts
        ),
        corrected_at=at,
    )


async def test_corrections_are_counted_per_month_and_class_once(desk: Desk) -> None:
    march_in_amsterdam = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    events = [
        corrected(march_in_amsterdam, ("miss", "PERSOON", 2), ("false-hit", "KENTEKEN", 1)),
        corrected(datetime(2026, 3, 9, tzinfo=UTC), ("miss", "PERSOON", 1), ("false-hit", "PERSOON", 1)),
        corrected(datetime(2026, 4, 1, tzinfo=UTC), ("miss", "IBAN", 1)),
    ]
    messages = [encode(event) for event in events]
    for batch in (messages[:2], messages, messages[::-1]):
        async with desk.database.flowing() as connection:
            await Dispatcher(HANDLERS).apply(connection, batch)
    answer = await desk.statistics("?from=2026-03&to=2026-03", HANDLER)
    assert answer["corrections"] == [
        {"personalClass": "PERSOON", "misses": 3, "falseHits": 1},
        {"personalClass": "KENTEKEN", "misses": 0, "falseHits": 1},
    ]
    assert (await desk.statistics("?from=2026-02&to=2026-02"))["corrections"] == []
    assert await desk.one("SELECT sum(misses) FROM correction_count") == 4
    elsewhere = replace(MANAGER, municipality="elders")
    assert (await desk.statistics(caller=elsewhere))["corrections"] == []
