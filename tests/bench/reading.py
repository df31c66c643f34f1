"""What readers wait for at full size: a CSV and statistics of 1,000,000 reports, a work list of 100,000."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import aiohttp
from common.auth import Identity, IdentitySigner
from common.contracts.codes import Role
from reporting.copying import export_query
from reporting.filters import Permitted, read_request

from tests.bench import limits
from tests.bench.cost import cpu_seconds
from tests.bench.figures import Figure, percentile
from tests.bench.filling import fill_casework, fill_reporting
from tests.bench.town import Town

_CSV_PATH = "/api/v1/exports/reports.csv?purpose=bench"
_EVERYTHING = read_request((), Permitted(frozenset(), frozenset()), header_purpose=None, needs_purpose=False)
_ASKED = 60
_PAGE = """
    SELECT id, version, signal_type, urgency, urgency_rank, neighbourhood, department, status, received_at,
        due_at, is_restricted, taken_by, has_new_reply
    FROM report WHERE municipality = $1 AND status <> 'closed' {desk}
    ORDER BY urgency_rank, due_at, id LIMIT 51
"""


class Reader:
    """Who asks services at their ports, as the gateway would let them."""

    def __init__(self, signer: IdentitySigner, municipality: str) -> None:
        self._signer = signer
        self._municipality = municipality

    def headers(
        self, service: str, *, role: Role = Role.PROCESS_MANAGER, departments: Sequence[str] = ()
    ) -> Mapping[str, str]:
        """What the gateway would send along for a person with this role."""
        identity = Identity(
            self._municipality,
            person=UUID(int=1),
            roles=frozenset({role}),
            departments=frozenset(departments),
        )
        return {"Authorization": f"Bearer {self._signer.sign(identity, service)}"}


async def csv(town: Town, reader: Reader, api_key: str, rows: int) -> list[Figure]:
    """Rows of CSV a second at reporting's port and through the gateway, beside `psql \\copy`.

    Each is the best of two, taken in turns: one of each warms the cache.
    """
    await fill_reporting(town, rows)
    query = _with_literals(*export_query(town.municipality, _EVERYTHING))
    at_port = (f"{town.system.process('reporting').url}{_CSV_PATH}", reader.headers("reporting"))
    at_door = (
        f"{town.gateway}{_CSV_PATH}",
        {"Authorization": f"Bearer {api_key}", "Municipality": town.municipality},
    )
    taken: dict[str, list[float]] = {"psql": [], "port": [], "door": []}
    cpu: dict[str, list[float]] = {"port": [], "door": []}
    psql = town.system.postgres.program("psql")
    for _ in range(2):
        taken["psql"].append(
            await asyncio.to_thread(limits.psql_copy, psql, town.admin_url("reporting"), query)
        )
        for name, (url, headers) in (("port", at_port), ("door", at_door)):
            before, started = cpu_seconds(town.pids()), time.perf_counter()
            received = await _download(url, headers)
            taken[name].append(time.perf_counter() - started)
            cpu[name].append(cpu_seconds(town.pids()) - before)
            if received != rows + 1:
                raise RuntimeError(f"the CSV has {received} lines, wanted {rows + 1}")
    raw = rows / min(taken["psql"])
    return [
        Figure(
            f"CSV of {rows:,} rows {where}",
            rows / min(taken[name]),
            "rows/s",
            raw,
            "CSV: psql \\copy of the same query with the same settings on the same rows",
            aim=raw if name == "port" else None,
            cpu_micros=min(cpu[name]) / rows * 1e6,
        )
        for name, where in (("port", "at reporting's port"), ("door", "through the gateway"))
    ]


async def statistics(town: Town, reader: Reader, rows: int) -> list[Figure]:
    """Statistics of a year, median."""
    await fill_reporting(town, rows)
    raw = await limits.raw_page(
        town.admin_url("reporting"), "SELECT * FROM rollup WHERE municipality = $1", (town.municipality,)
    )
    url = f"{town.system.process('reporting').url}/api/v1/statistics"
    note = "statistics: SELECT of the same rollup rows, PostgreSQL alone"
    name = f"statistics at {rows:,} reports, p50"
    return [await _answers(town, name, url, reader.headers("reporting"), raw, note)]


async def work_list(town: Town, reader: Reader, rows: int) -> list[Figure]:
    """The first page of a desk's work list and of a process manager's, with its counts, median."""
    departments = await fill_casework(town, rows)
    url = f"{town.system.process('casework').url}/api/v1/reports"
    desk = departments[0]
    figures = []
    for whose, role, own, condition in (
        ("a handler's", Role.HANDLER, (desk,), "AND department = $2"),
        ("the manager's", Role.PROCESS_MANAGER, (), ""),
    ):
        raw = await limits.raw_page(
            town.admin_url("casework"), _PAGE.format(desk=condition), (town.municipality, *own)
        )
        headers = reader.headers("casework", role=role, departments=own)
        note = "work list: SELECT of the same page of rows, PostgreSQL alone"
        name = f"{whose} work list at {rows:,} reports, p50"
        figures.append(await _answers(town, name, url, headers, raw, note))
    return figures


async def _answers(
    town: Town, name: str, url: str, headers: Mapping[str, str], raw_seconds: float, note: str
) -> Figure:
    """The median milliseconds of a GET, one after another."""
    taken = []
    async with aiohttp.ClientSession(headers=headers) as session:
        cpu = cpu_seconds(town.pids())
        for _ in range(_ASKED):
            started = time.perf_counter()
            async with session.get(url) as answer:
                await answer.read()
                answer.raise_for_status()
            taken.append(time.perf_counter() - started)
        cpu = cpu_seconds(town.pids()) - cpu
    return Figure(
        name,
        percentile(taken, 0.5) * 1e3,
        "ms",
        raw_seconds * 1e3,
        note,
        20,
        smaller_is_better=True,
        cpu_micros=cpu / _ASKED * 1e6,
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


def _with_literals(query: str, arguments: Sequence[object]) -> str:
    """The same query for psql, which takes no arguments in `\\copy`: the bench's own values only."""
    one_line = re.sub(r"\s+", " ", query).strip()
    for number, value in enumerate(arguments, start=1):
        one_line = one_line.replace(f"${number}", f"'{value}'")
    return one_line
