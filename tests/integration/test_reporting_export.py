"""The CSV: which rows, for whom, how hostile values come back, and what ends a copy."""

import asyncio
import csv
import gc
import io
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import aiohttp
import pytest
from common.auth import Identity
from common.contracts.codes import Role
from reporting import store
from reporting.api import EXPORT_PATH
from reporting.copying import Exports
from reporting.filters import ExportRequest, Permitted, read_request
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.polling import wait_until
from tests.support.reporting import (
    HANDLER,
    KEY,
    MANAGER,
    Desk,
    counted,
    life,
    municipality,
    reporting_desk,
)

HOSTILE = (
    '=cmd|"/c calc"!A1',
    "+1",
    "-2;3",
    "@SUM(A1)",
    "\tx",
    "\rx",
    'Zegt "ja"; of\nnee, nooit',
    "＝1+1",
    "x;=cmd|'/c calc'!A1",
)


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    async with reporting_desk(backing) as made:
        yield made


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
            '\'=cmd|"/c calc"!A1',
            "'+1",
            "'-2;3",
            "'@SUM(A1)",
            " x",
            'Zegt "ja"; of nee, nooit',
            "'＝1+1",
            "x;'=cmd|'/c calc'!A1",
        }


async def test_text_stands_between_quotes_and_numbers_and_days_do_not(desk: Desk) -> None:
    await desk.hear(life(UUID(int=1), until=5))
    columns = "reportId,receivedOn,neighbourhood,status,result,daysToTake,dueOn,urgency"
    async with desk.get(f"{EXPORT_PATH}?columns={columns}") as answer:
        head, row = (await answer.text()).splitlines()
    assert head == (
        '"Melding","Ontvangen op","Buurt","Status (code)","Resultaat (code)","Dagen tot oppakken",'
        '"Uiterlijk","Urgentie"'
    )
    assert row == (
        '"00000000-0000-0000-0000-000000000001",2026-03-30,"Centrum","closed","recorded",3,'
        '2026-04-10,"normaal"'
    )
    async with desk.get(f"{EXPORT_PATH}?columns=daysToTake&headers=en") as answer:
        assert (await answer.text()) == '"daysToTake"\r\n3\r\n'


async def test_no_row_tells_more_of_a_time_than_its_day(desk: Desk) -> None:
    """By when a report is due is counted from its quarter of an hour, and would give that back."""
    await desk.hear(life(UUID(int=1)))
    (row,) = await desk.rows()
    assert row["dueOn"]
    assert not [value for value in row.values() if re.search(r"\d:\d\d|\d{4}-\d\d-\d\d.", value)]


async def test_a_neighbourhood_of_the_list_has_its_name_and_any_other_stands_for_itself(desk: Desk) -> None:
    await desk.hear([counted(uuid4(), neighbourhood=value) for value in ("haven", "Bij de kade", None)])

    async def named() -> set[tuple[str, str]]:
        rows = await desk.rows("&columns=neighbourhood,neighbourhoodName")
        return {(row["neighbourhood"], row["neighbourhoodName"]) for row in rows}

    assert await named() == {("haven", "'=Havenkwartier"), ("Bij de kade", "Bij de kade"), ("", "")}
    await desk.hear([municipality(2).model_copy(update={"neighbourhoods": ()})])
    assert await named() == {("haven", "haven"), ("Bij de kade", "Bij de kade"), ("", "")}


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
    """Many rows of half a kilobyte at once, with the counts that belong to them."""
    async with desk.database.flowing() as connection:
        await connection.execute(
            text(
                f"""INSERT INTO report_row (municipality, report_id, received_on, signal_type, is_restricted,
                       urgency, neighbourhood, channel, reporter_kind, status, status_order, department)
                    SELECT 'testdam', gen_random_uuid(), date '2026-01-01' + n / 1000, 'drugs', false,
                       'normaal', rpad('Centrum ', 400, 'x'), 'formulier', 'inwoner', 'new', 1, 'oov'
                    FROM generate_series(1, {count}) AS n"""  # noqa: S608
            )
        )
        await store.rebuild_rollup(connection)


async def test_a_reader_that_leaves_ends_the_copy_and_frees_its_place(desk: Desk) -> None:
    await fill(desk, 20_000)
    for _ in range(10):  # more often than there are places
        answer = await desk.get(EXPORT_PATH)
        assert len(await answer.content.readexactly(1000)) == 1000
        answer.close()
    await wait_until(lambda: quiet(desk))
    assert len(await desk.rows("&columns=reportId")) == 20_000


async def quiet(desk: Desk) -> bool:
    """Whether no export is being read from the database."""
    running = """SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'export' AND state = 'active' AND datname = current_database()"""
    return int(await desk.mine(running)) == 0


async def test_an_error_halfway_breaks_the_connection(desk: Desk) -> None:
    await fill(desk, 20_000)
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


async def test_who_holds_many_places_is_told_to_come_back_and_others_find_one(desk: Desk) -> None:
    await fill(desk, 80_000)  # more than queue and sockets hold, so that the copies go on
    purpose = "?purpose=controle"
    held = [await desk.get(EXPORT_PATH + purpose, KEY) for _ in range(3)]
    async with desk.get(EXPORT_PATH + purpose, KEY) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"]
    others = (MANAGER, replace(KEY, municipality="duinrade"), replace(KEY, municipality="zandrecht"))
    held += [await desk.get(EXPORT_PATH + purpose, other) for other in others]
    assert [each.status for each in held] == [200] * 6
    for each in held:
        each.close()


def everything() -> ExportRequest:
    """Every row, as a process manager asks for it."""
    nothing = Permitted(frozenset(), frozenset())
    return read_request([], nothing, header_purpose=None, needs_purpose=False)


async def test_a_reader_that_stalls_holds_its_place_no_longer_than_an_export_may_take(desk: Desk) -> None:
    await fill(desk, 20_000)
    exports = Exports(desk.web_url, connections=1, seconds=1)
    stalled = await exports.start(MANAGER, everything())
    await anext(stalled)
    await asyncio.sleep(1.5)
    following = await exports.start(MANAGER, everything())
    assert await anext(following)
    with pytest.raises(TimeoutError):
        async for _ in stalled:
            pass
    await exports.close()


async def read_slowly(chunks: AsyncIterator[bytes]) -> None:
    """Two chunks in a second."""
    async for _ in chunks:
        await asyncio.sleep(0.5)


async def test_a_reader_that_is_slow_all_the_time_loses_the_place(desk: Desk) -> None:
    await fill(desk, 80_000)
    exports = Exports(desk.web_url, connections=1, seconds=600, chunk_seconds=0.2)
    slow = await exports.start(MANAGER, everything())
    with pytest.raises(TimeoutError):
        await read_slowly(slow)
    assert await anext(await exports.start(MANAGER, everything()))
    await exports.close()


async def test_a_download_that_is_dropped_before_it_begins_frees_its_place(desk: Desk) -> None:
    await fill(desk, 20_000)
    exports = Exports(desk.web_url, connections=1, seconds=60)
    dropped = await exports.start(MANAGER, everything())
    del dropped
    gc.collect()
    assert await anext(await exports.start(MANAGER, everything()))
    await exports.close()


async def test_a_download_that_is_cancelled_at_its_start_leaves_no_place_taken(desk: Desk) -> None:
    await fill(desk, 20_000)
    exports = Exports(desk.web_url, connections=1, seconds=60)
    for pause in (0, 0, 0.01, 0.05):
        starting = asyncio.create_task(exports.start(MANAGER, everything()))
        await asyncio.sleep(pause)
        starting.cancel()
        with suppress(asyncio.CancelledError):  # it may have begun already; then it is dropped
            await starting
        del starting
    assert await anext(await exports.start(MANAGER, everything()))
    await exports.close()
