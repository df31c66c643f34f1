"""Hearing a batch costs the same however much was heard before, also in a database that was just made."""

from common.messaging import handling

from tests.support.backing import Backing
from tests.support.databases import opened, service_database


async def test_an_empty_inbox_is_planned_for_as_a_large_one(backing: Backing) -> None:
    """The plan is kept while the inbox grows, so it may read nothing but the rows of the ids given."""
    statement = str(handling._HEAR)
    for number, name in enumerate(("ids", "speakers", "subjects"), start=1):
        statement = statement.replace(f":{name} ", f"${number} ")
    async with opened(await service_database(backing, "casework")) as database, database.flowing() as flow:
        await flow.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        await flow.exec_driver_sql(f"PREPARE hear (uuid[], text[], text[]) AS {statement}")
        rows = await flow.exec_driver_sql("EXPLAIN EXECUTE hear ('{}', '{}', '{}')")
        plan = [line.strip() for line in rows.scalars()]
    reading = [place for place, line in enumerate(plan) if " on inbox older" in line]
    assert reading, plan
    for place in reading:
        assert plan[place + 1].startswith("Index Cond: ((event_id = "), plan
