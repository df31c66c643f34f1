"""Each foreign key is checked through the key that it points at, also while a table is new and unmeasured.

PostgreSQL keeps the plan of such a check for as long as a connection lives. Made on an empty table, all
indexes look alike to it; with one that opens with the municipality each check reads every row of that.
"""

import asyncpg
import pytest
from common.flow import SERVICES

from tests.support.backing import Backing
from tests.support.databases import service_database

_REFERENCES = """
    SELECT c.conname, c.confrelid::regclass::text AS referenced, i.relname AS key,
           array_agg(quote_ident(a.attname) ORDER BY k.place) AS columns,
           array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.place) AS kinds
    FROM pg_constraint c
    JOIN pg_class i ON i.oid = c.conindid
    CROSS JOIN LATERAL unnest(c.confkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum
    WHERE c.contype = 'f' GROUP BY c.oid, i.relname ORDER BY c.conname
"""


@pytest.mark.parametrize("service", SERVICES)
async def test_a_reference_is_checked_by_the_key_that_it_points_at(backing: Backing, service: str) -> None:
    urls = await service_database(backing, service)
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        for reference in await connection.fetch(_REFERENCES):
            plan = await _plan(connection, reference)
            assert f"using {reference['key']} " in plan, f"{reference['conname']}:\n{plan}"
    finally:
        await connection.close()


async def _plan(connection: asyncpg.Connection, reference: asyncpg.Record) -> str:
    """How PostgreSQL looks for the row that another points at."""
    name, table = reference["conname"], reference["referenced"]
    where = " AND ".join(f"{column} = ${place}" for place, column in enumerate(reference["columns"], 1))
    await connection.execute(
        f"PREPARE {name} ({', '.join(reference['kinds'])}) AS"  # noqa: S608 -- names of our own
        f" SELECT 1 FROM ONLY {table} x WHERE {where} FOR KEY SHARE OF x"
    )
    nothing = ", ".join("NULL" for _ in reference["columns"])
    lines = await connection.fetch(f"EXPLAIN EXECUTE {name} ({nothing})")
    return "\n".join(line[0] for line in lines)
