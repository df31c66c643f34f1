"""Invented reports at full size, put straight into the databases of casework and reporting."""

import asyncpg

from tests.bench.town import Town
from tests.support.polling import wait_until

_ROWS = """
    INSERT INTO report_row (municipality, report_id, received_on, signal_type, is_restricted, urgency,
        neighbourhood, channel, reporter_kind, department, department_version, due_at, routed_version, status,
        status_order, taken_at, closed_at, result, closed_version)
    SELECT $1, gen_random_uuid(), d, (ARRAY['hennepteelt','drugslab','drugshandel','witwassen'])[1 + n % 4],
        false, (ARRAY['acuut','hoog','normaal','laag'])[1 + n % 4], 'wijk-' || n % 40, 'formulier', 'inwoner',
        'vth', 1, d + interval '5 days', 1, (ARRAY['new','in-progress','closed'])[1 + n % 3], 1,
        CASE WHEN n % 3 > 0 THEN d + interval '1 day' END, CASE WHEN n % 3 = 2 THEN d + interval '9 days' END,
        CASE WHEN n % 3 = 2 THEN 'supervision' END, CASE WHEN n % 3 = 2 THEN 3 ELSE -1 END
    FROM generate_series(1, $2::int) AS n,
        LATERAL (SELECT current_date - 10 - n % 360 AS d) AS days
"""
_ROLLUP = """
    INSERT INTO rollup
    SELECT r.municipality, m.month, r.signal_type, r.is_restricted, sum(m.received), sum(m.taken),
        sum(m.closed), sum(m.taken_days), sum(m.closed_days)
    FROM report_row AS r, report_measures(r.received_on, r.taken_on, r.closed_on) AS m
    WHERE r.municipality = $1 GROUP BY 1, 2, 3, 4
"""
# Half of them open, spread over every desk, urgency and due time.
_REPORTS = """
    INSERT INTO report (municipality, id, version, signal_type, forms_version, choice_answers, urgency,
        urgency_rank, neighbourhood, received_at, channel, reporter_kind, is_traceable, is_restricted,
        has_identity, anonymised_text, needs_review, reporter_public_key, reporter_handle, department, rule,
        rules_version, due_at, status, taken_by, taken_at, closed_at, result)
    SELECT $1, gen_random_uuid(), 1, (ARRAY['hennepteelt','drugslab','drugshandel','witwassen'])[1 + n % 4],
        1, '{}', (ARRAY['acuut','hoog','normaal','laag'])[1 + u], u, 'wijk-' || n % 40, at, 'formulier',
        'inwoner', false, false, false, repeat('In de loods brandt elke nacht licht. ', 10), false,
        repeat('a', 43), gen_random_uuid(), ($3::text[])[1 + n % cardinality($3::text[])], 'type', 0,
        at + interval '5 days', s, CASE WHEN s <> 'new' THEN gen_random_uuid() END,
        CASE WHEN s <> 'new' THEN at END, CASE WHEN s = 'closed' THEN at END,
        CASE WHEN s = 'closed' THEN 'recorded' END
    FROM generate_series(1, $2::int) AS n, LATERAL (
        SELECT n / 12 % 4 AS u, coarse(now() - n * 7919 % 86400 * interval '5 minutes') AS at,
            (ARRAY['new','in-progress','closed','closed'])[1 + n / 48 % 4] AS s) AS each
"""


_DESKS = """
    SELECT array_agg(desk ->> 'code' ORDER BY desk ->> 'code')
    FROM municipality_state, jsonb_array_elements(state -> 'departments') AS desk WHERE municipality = $1
"""
_CONFIGURED = """
    SELECT count(*) FROM municipality_state JOIN forms_state USING (municipality) WHERE municipality = $1
"""


async def fill_reporting(town: Town, rows: int) -> None:
    """Rows with their rollup in reporting; nothing when the municipality has them already."""
    pool = town.databases["reporting"]
    if await _is_filled(town, pool, "report_row"):
        return
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_ROWS, town.municipality, rows)
        await connection.execute(_ROLLUP, town.municipality)
    await pool.execute("VACUUM ANALYZE report_row")
    await pool.execute("CHECKPOINT")


async def fill_casework(town: Town, rows: int) -> tuple[str, ...]:
    """Reports in casework, nothing when they are there already; returns the desks that have them."""
    pool = town.databases["casework"]
    is_filled = await _is_filled(town, pool, "report")
    departments: list[str] = await pool.fetchval(_DESKS, town.municipality)
    if not is_filled:
        await pool.execute(_REPORTS, town.municipality, rows, departments)
        await pool.execute("VACUUM ANALYZE report")
        await pool.execute("CHECKPOINT")
    return tuple(departments)


async def _is_filled(town: Town, pool: asyncpg.Pool, table: str) -> bool:
    """Whether the municipality has rows; waits until its names are there, which come as events."""

    async def is_configured() -> bool:
        return bool(await pool.fetchval(_CONFIGURED, town.municipality))

    await wait_until(is_configured, seconds=60, what=f"the configuration of {town.municipality}")
    statement = f"SELECT EXISTS (SELECT FROM {table} WHERE municipality = $1)"  # noqa: S608 -- two literals
    return bool(await pool.fetchval(statement, town.municipality))
