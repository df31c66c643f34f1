"""What readers wait for at full size: a CSV and statistics of 1,000,000 reports, a work list of 100,000."""

import asyncio
import re
import time
from collections.abc import Mapping
from uuid import UUID

import aiohttp
import asyncpg
from common.auth import Identity, IdentitySigner
from common.contracts.codes import Role
from reporting.copying import export_query
from reporting.filters import ExportRequest

from tests.bench import limits
from tests.bench.cost import cpu_seconds
from tests.bench.figures import Figure, percentile
from tests.bench.whole import Town

CSV_PATH = "/api/v1/exports/reports.csv"

_FILL_REPORTING = """
    INSERT INTO report_row (municipality, report_id, received_on, signal_type, is_restricted, urgency,
        neighbourhood, channel, reporter_kind, department, department_version, due_at, routed_version, status,
        status_order, taken_at, closed_at, result, closed_version)
    SELECT $1, gen_random_uuid(), d, (ARRAY['hennepteelt','drugslab','drugshandel','witwassen'])[1 + n % 4],
        false, (ARRAY['acuut','hoog','normaal','laag'])[1 + n % 4], 'wijk-' || n % 40, 'formulier', 'inwoner',
        'vth', 1, d + interval '5 days', 1, (ARRAY['new','in-progress','closed'])[1 + n % 3], 1,
        CASE WHEN n % 3 > 0 THEN d + interval '1 day' END, CASE WHEN n % 3 = 2 THEN d + interval '9 days' END,
        CASE WHEN n % 3 = 2 THEN 'supervision' END, CASE WHEN n % 3 = 2 THEN 3 ELSE -1 END
    FROM generate_series(1, $2::int) AS n, LATERAL (SELECT date '2025-12-01' + n % 360 AS d) AS days
"""
_FILL_ROLLUP = """
    INSERT INTO rollup
    SELECT r.municipality, m.month, r.signal_type, r.is_restricted, sum(m.received), sum(m.taken),
        sum(m.closed), sum(m.taken_days), sum(m.closed_days)
    FROM report_row AS r, report_measures(r.received_on, r.taken_on, r.closed_on) AS m
    WHERE r.municipality = $1 GROUP BY 1, 2, 3, 4
"""


class Reader:
    """A process manager of the bench's own municipality, who asks services at their ports."""

    def __init__(self, signer: IdentitySigner, municipality: str, department: str) -> None:
        self._signer = signer
        self._identity = Identity(
            municipality,
            person=UUID(int=1),
            roles=frozenset({Role.PROCESS_MANAGER, Role.HANDLER}),
            departments=frozenset({department}),
        )

    def headers(self, service: str) -> Mapping[str, str]:
        """What the gateway would send along."""
        return {"Authorization": f"Bearer {self._signer.sign(self._identity, service)}"}


async def fill_reporting(town: Town, municipality: str, rows: int) -> None:
    """Invented rows with their rollup; nothing when the municipality has them already."""
    connection = await asyncpg.connect(town.system.database_url("reporting", "admin"))
    try:
        found = await connection.fetchval(
            "SELECT count(*) FROM report_row WHERE municipality = $1", municipality
        )
        if found:
            return
        await connection.execute(_FILL_REPORTING, municipality, rows)
        await connection.execute(_FILL_ROLLUP, municipality)
        await connection.execute("ANALYZE report_row")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def csv(town: Town, reader: Reader, municipality: str, rows: int, api_key: str) -> list[Figure]:
    """Rows of CSV a second at reporting's port and through the gateway, beside `psql \\copy`."""
    system = town.system
    query, arguments = export_query(municipality, ExportRequest())
    literal = _with_literals(query, arguments)
    url = system.database_url("reporting", "admin")
    await asyncio.to_thread(limits.psql_copy, system.postgres.program("psql"), url, literal)
    raw = rows / await asyncio.to_thread(limits.psql_copy, system.postgres.program("psql"), url, literal)
    pids = [*town.pids()]
    figures = []
    for name, address, headers in (
        ("at reporting's port", system.process("reporting").url, reader.headers("reporting")),
        (
            "through the gateway",
            town.gateway,
            {"Authorization": f"Bearer {api_key}", "Purpose": "bench", "Municipality": municipality},
        ),
    ):
        cpu, started = cpu_seconds(pids), time.perf_counter()
        received = await _download(f"{address}{CSV_PATH}", headers)
        elapsed = time.perf_counter() - started
        if received != rows + 1:
            raise RuntimeError(f"the CSV {name} has {received} lines, wanted {rows + 1}")
        figures.append(
            Figure(
                f"CSV rows {name}",
                rows / elapsed,
                "rows/s",
                raw,
                "CSV: psql \\copy of the same query on the same rows",
                raw if name.startswith("at") else None,
                cpu_micros=(cpu_seconds(pids) - cpu) / rows * 1e6,
            )
        )
    return figures


async def answers(name: str, url: str, headers: Mapping[str, str], raw_seconds: float, note: str) -> Figure:
    """The median milliseconds of a GET, one after another."""
    taken = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(60):
            started = time.perf_counter()
            async with session.get(url) as answer:
                await answer.read()
                answer.raise_for_status()
            taken.append(time.perf_counter() - started)
    return Figure(
        name, percentile(taken, 0.5) * 1e3, "ms", raw_seconds * 1e3, note, 20, smaller_is_better=True
    )


async def statistics(town: Town, reader: Reader, municipality: str, rows: int) -> Figure:
    """Statistics of a year, median."""
    raw = await limits.raw_page(
        town.system.database_url("reporting", "admin"),
        "SELECT * FROM rollup WHERE municipality = $1",
        (municipality,),
    )
    return await answers(
        f"statistics at {rows:,} reports, p50",
        f"{town.system.process('reporting').url}/api/v1/statistics",
        reader.headers("reporting"),
        raw,
        "statistics: SELECT of the same rollup rows straight from PostgreSQL",
    )


async def _download(url: str, headers: Mapping[str, str]) -> int:
    lines = 0
    async with (
        aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=300)) as session,
        session.get(url) as answer,
    ):
        answer.raise_for_status()
        async for chunk in answer.content.iter_any():
            lines += chunk.count(b"\n")
    return lines


def _with_literals(query: str, arguments: list[object]) -> str:
    """The same query for psql, which takes no arguments in `\\copy`: the bench's own values only."""
    one_line = re.sub(r"\s+", " ", query).strip()
    for number, value in enumerate(arguments, start=1):
        one_line = one_line.replace(f"${number}", f"'{value}'")
    return one_line
