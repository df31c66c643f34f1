"""Reporting counts what it hears, in any order, and gives it back as statistics and CSV."""

import asyncio
import csv
import io
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
import uvicorn
from common.auth import Identity, IdentitySigner, IdentityVerifier, generate_identity_key
from common.contracts.base import Event
from common.contracts.casework import (
    ReportClosed,
    ReportErased,
    ReportReopened,
    ReportRouted,
    ReportStatusChanged,
    ReportTaken,
)
from common.contracts.codes import Channel, Result, Role, Status, Urgency
from common.contracts.gateway import Department, MunicipalityConfigured
from common.contracts.intake import FormsConfigured, ReportCounted, SignalTypeState
from common.db import Database
from common.messaging import Delivery
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from local.servers import free_port
from reporting import store
from reporting.api import EXPORT_PATH, create_reporting_app
from reporting.consumers import HANDLERS
from reporting.copying import Exports
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import opened, service_database

HOSTILE = ('=cmd|"/c calc"!A1', "+1", "-2;3", "@SUM(A1)", "\tx", "\rx", 'Zegt "ja"; of\nnee, nooit', "＝1+1")
MANAGER = Identity("testdam", person=uuid4(), roles=frozenset({Role.PROCESS_MANAGER}))
HANDLER = replace(MANAGER, roles=frozenset({Role.HANDLER}))
KEY = Identity("testdam", key_name="bi-koppeling", roles=frozenset({Role.EXPORT}))


@dataclass
class Desk:
    """A served reporting with its own database."""

    database: Database
    exports: Exports
    url: str
    http: aiohttp.ClientSession
    signer: IdentitySigner
    web_url: str

    async def hear(self, events: Iterable[Event], batch: int = 100) -> None:
        """Apply events as the consumer does: inbox, tombstones, handlers, one commit a batch."""
        envelopes = [encode(event) for event in events]
        for start in range(0, len(envelopes), batch):
            async with self.database.flowing() as connection:
                await Dispatcher(HANDLERS).apply(connection, envelopes[start : start + batch])

    def get(self, path: str, caller: Identity | None = MANAGER, **headers: str) -> Any:
        """A request as the gateway passes it on."""
        token = {"Authorization": f"Bearer {self.signer.sign(caller, 'reporting')}"} if caller else {}
        return self.http.get(self.url + path, headers={**token, **headers})

    async def rows(self, query: str = "", caller: Identity = MANAGER) -> list[dict[str, str]]:
        """The exported rows under machine headers."""
        async with self.get(f"{EXPORT_PATH}?headers=en{query}", caller) as answer:
            body = await answer.text()
            assert answer.status == 200, body
        return list(csv.DictReader(io.StringIO(body, newline=""), strict=True))

    async def statistics(self, query: str = "?from=2026-01&to=2026-12", caller: Identity = MANAGER) -> Any:
        """The statistics."""
        async with self.get(f"/api/v1/statistics{query}", caller) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def law_holds(self) -> bool:
        """Whether the counts equal rows + erased."""
        async with self.database.flowing() as connection:
            return await store.differences(connection) == []

    async def one(self, statement: str) -> Any:
        """One value, read across municipalities."""
        async with self.database.flowing() as connection:
            return (await connection.execute(text(statement))).scalar_one()

    async def mine(self, statement: str) -> Any:
        """One value, read as Testdam with the web role."""
        async with self.database.tenant("testdam") as connection:
            return (await connection.execute(text(statement))).scalar_one()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it, at most 10 seconds."""
    for _ in range(500):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen within 10 seconds")


async def ready(server: uvicorn.Server) -> bool:
    return server.started


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    task = asyncio.create_task(server._serve())
    await until(lambda: ready(server))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    urls = await service_database(backing, "reporting")
    private, public = generate_identity_key()
    exports = Exports(urls.web, connections=2, seconds=60)
    async with opened(urls) as database:
        app = create_reporting_app(database, exports, IdentityVerifier("reporting", {"k1": public}))
        async with served(app) as url, aiohttp.ClientSession() as http:
            desk = Desk(database, exports, url, http, IdentitySigner("k1", private), urls.web)
            await desk.hear([forms(), municipality()])
            yield desk
        await exports.close()


def forms(version: int = 1, place: str = "testdam", drugs: str = "Drugs en dealen") -> FormsConfigured:
    types = (("drugs", drugs, False), ("wonen", "=Woonfraude", False), ("integriteit", "Integriteit", True))
    return FormsConfigured(
        municipality=place,
        version=version,
        signal_types=tuple(
            SignalTypeState(code=code, name=name, is_active=True, is_restricted=restricted, department="oov")
            for code, name, restricted in types
        ),
    )


def municipality(version: int = 1, name: str = "Openbare orde") -> MunicipalityConfigured:
    return MunicipalityConfigured(
        municipality="testdam",
        version=version,
        display_name="Testdam",
        text_in_clear=True,
        departments=(Department(code="oov", name=name), Department(code="wonen", name="Wonen")),
        catch_all_department="oov",
        partners=(),
        keys=(),
    )


def counted(report_id: UUID, place: str = "testdam", **changes: Any) -> ReportCounted:
    fields = {
        "signal_type": "drugs",
        "is_restricted": False,
        "urgency": Urgency.NORMAL,
        "neighbourhood": "Centrum",
        "channel": Channel.FORM,
        "reporter_kind": "inwoner",
        "received_on": date(2026, 3, 30),
    }
    return ReportCounted(municipality=place, report_id=report_id, **{**fields, **changes})


def at(day: int, hour: int = 12) -> datetime:
    """A moment some days after 1 April 2026 (UTC)."""
    return datetime(2026, 4, 1, hour, tzinfo=UTC) + timedelta(days=day)


def life(
    report_id: UUID, place: str = "testdam", *, until: int = 9, shift: int = 0, **changes: Any
) -> list[Event]:
    """The first events of a report that is taken, closed, reopened, taken again and closed again."""
    about: dict[str, Any] = {"municipality": place, "report_id": report_id}
    rest = {"rule": "last", "rules_version": 1, "due_at": at(9), "routed_at": at(0)}
    events: list[Event] = [
        counted(report_id, place, **changes),
        ReportRouted(**about, version=1, department="oov", **rest),
        ReportTaken(**about, version=2, department="oov", taken_at=at(1 + shift)),
        ReportStatusChanged(**about, version=2, status=Status.ASSESSING, changed_at=at(1 + shift)),
        ReportClosed(**about, version=3, result=Result.RECORDED, closed_at=at(2 + shift)),
        ReportReopened(**about, version=4, reopened_at=at(40)),
        ReportTaken(**about, version=5, department="wonen", taken_at=at(41)),
        ReportStatusChanged(**about, version=5, status=Status.ASSESSING, changed_at=at(41)),
        ReportClosed(**about, version=6, result=Result.CARE, closed_at=at(42)),
    ]
    return events[:until]


def erased(report_id: UUID, place: str = "testdam") -> ReportErased:
    return ReportErased(
        municipality=place,
        report_id=report_id,
        reporter_handle=uuid4(),
        reason="retention",
        ground="bewaartermijn",
        erased_at=at(60),
    )


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
        "dueAt": "2026-04-10 14:00:00+02",
        "takenOn": "2026-04-02",
        "closedOn": "2026-04-03",
        "result": "recorded",
        "resultName": "Vastgelegd",
        "daysToTake": "3",
        "daysToClose": "4",
    }


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
    return [Delivery(uuid4(), event, datetime.now(UTC)) for event in events]


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


async def test_hostile_values_come_back_as_text_in_one_line_each(desk: Desk) -> None:
    await desk.hear([counted(uuid4(), neighbourhood=value, signal_type="wonen") for value in HOSTILE])
    for separator, mark in (("comma", ","), ("semicolon", ";")):
        query = f"?separator={separator}&bom=true&columns=neighbourhood,signalTypeName,reportId"
        async with desk.get(EXPORT_PATH + query) as answer:
            body = await answer.read()
        assert body.startswith(b"\xef\xbb\xbf")
        assert body.count(b"\n") == body.count(b"\r\n") == len(HOSTILE) + 1
        rows = list(
            csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=mark, strict=True)
        )
        assert rows[0] == ["Buurt", "Signaaltype", "Melding"]
        assert all(len(row) == 3 and row[1] == "'=Woonfraude" for row in rows[1:])
        cells = {row[0] for row in rows[1:]}
        assert cells == {
            *("'" + value.replace("\t", " ").replace("\r", " ") for value in HOSTILE if value[0] != "Z"),
            'Zegt "ja"; of nee, nooit',
        }


async def test_filters_choose_rows(desk: Desk) -> None:
    first, second, third = (UUID(int=number) for number in (1, 2, 3))
    await desk.hear(
        [
            *life(first, until=5, received_on=date(2026, 1, 31)),
            *life(second, until=2, received_on=date(2026, 2, 1)),
            counted(third, received_on=date(2026, 2, 2), signal_type="wonen"),
        ]
    )

    async def ids(query: str) -> list[int]:
        return [UUID(row["reportId"]).int for row in await desk.rows(query)]

    assert await ids("") == [1, 2, 3]
    assert await ids("&from=2026-02-01") == [2, 3]
    assert await ids("&from=2026-02-01&to=2026-02-01") == [2]
    assert await ids("&signalType=wonen") == [3]
    assert await ids("&signalType=wonen&signalType=drugs") == [1, 2, 3]
    assert await ids("&department=oov") == [1, 2]
    assert await ids("&status=new") == [2, 3]
    assert await ids("&status=closed&department=oov") == [1]


async def test_a_bad_filter_is_a_named_400_and_no_audit(desk: Desk) -> None:
    async with desk.get(f"{EXPORT_PATH}?status=weg&from=gisteren&x=1&department=%27--") as answer:
        problem = await answer.json(content_type="application/problem+json")
        assert answer.status == 400
    pointers = {error["pointer"] for error in problem["errors"]}
    assert pointers == {"query:status", "query:from", "query:x", "query:department"}
    assert await desk.mine("SELECT count(*) FROM export_audit") == 0
    for query in ("?from=2026-13", "?from=2026-05&to=2026-04", "?from=1900-01&to=2026-01"):
        async with desk.get(f"/api/v1/statistics{query}") as answer:
            assert answer.status == 400


async def test_only_those_who_may_get_numbers(desk: Desk) -> None:
    nobody = Identity("testdam")
    reporter = replace(MANAGER, roles=frozenset({Role.REPORTER}))
    administrator = replace(MANAGER, roles=frozenset({Role.ADMINISTRATOR}))
    for path, caller, status in (
        (EXPORT_PATH, None, 401),
        (EXPORT_PATH, nobody, 401),
        (EXPORT_PATH, HANDLER, 403),
        (EXPORT_PATH, administrator, 403),
        (EXPORT_PATH, KEY, 400),
        ("/api/v1/statistics", nobody, 401),
        ("/api/v1/statistics", reporter, 403),
        ("/api/v1/statistics", KEY, 403),
        ("/api/v1/statistics", administrator, 200),
    ):
        async with desk.get(path, caller) as answer:
            assert answer.status == status, (path, caller)


async def test_an_export_is_recorded_before_it_begins(desk: Desk) -> None:
    await desk.hear([counted(uuid4())])
    query = f"{EXPORT_PATH}?from=2026-01-01&to=2026-12-31&signalType=drugs"
    async with desk.get(query, KEY, purpose="Jaarverslag 2026") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="meldingen-testdam-vanaf-2026-01-01-tot-en-met-2026-12-31.csv"'
        )
        audit = await desk.mine("SELECT row_to_json(a) FROM (SELECT * FROM export_audit) AS a")
    assert (audit["key_name"], audit["purpose"]) == ("bi-koppeling", "Jaarverslag 2026")
    assert audit["filters"]["signal_types"] == ["drugs"]
    assert audit["filters"]["received_from"] == "2026-01-01"


async def fill(desk: Desk, count: int) -> None:
    """Many rows at once, with the counts that belong to them."""
    async with desk.database.flowing() as connection:
        await connection.execute(
            text(
                f"""INSERT INTO report_row (municipality, report_id, received_on, signal_type, is_restricted,
                       urgency, neighbourhood, channel, reporter_kind, status, status_order, department)
                    SELECT 'testdam', gen_random_uuid(), date '2026-01-01' + n / 1000, 'drugs', false,
                       'normaal', 'Centrum', 'formulier', 'inwoner', 'new', 1, 'oov'
                    FROM generate_series(1, {count}) AS n"""  # noqa: S608
            )
        )
        await store.rebuild_rollup(connection)


async def test_a_reader_that_leaves_ends_the_copy_and_frees_its_place(desk: Desk) -> None:
    await fill(desk, 80_000)
    for _ in range(4):  # more often than there are places
        answer = await desk.get(EXPORT_PATH)
        assert len(await answer.content.readexactly(1000)) == 1000
        answer.close()
    await until(lambda: quiet(desk))
    assert len(await desk.rows("&columns=reportId")) == 80_000


async def quiet(desk: Desk) -> bool:
    """Whether no export is being read from the database."""
    running = """SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'export' AND state = 'active' AND datname = current_database()"""
    return int(await desk.mine(running)) == 0


async def test_an_error_halfway_breaks_the_connection(desk: Desk) -> None:
    await fill(desk, 80_000)
    answer = await desk.get(EXPORT_PATH)
    assert answer.status == 200
    await answer.content.readexactly(1000)
    ended = await desk.mine(
        """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
           WHERE application_name = 'export' AND datname = current_database()"""
    )
    assert ended == 1
    with pytest.raises(aiohttp.ClientPayloadError):
        await answer.read()


async def test_when_every_place_is_taken_the_next_is_told_to_come_back(desk: Desk) -> None:
    await fill(desk, 80_000)
    held = [await desk.get(EXPORT_PATH) for _ in range(2)]
    async with desk.get(EXPORT_PATH) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"]
    for each in held:
        each.close()
