"""A functional administrator watches how often codes were used, to learn which report came with which."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from common.contracts.codes import Role, WhoMayReport
from intake.actions import Municipalities
from intake.admission import Admission

from tests.support.backing import Backing
from tests.support.identities import bearer, staff
from tests.support.intake import Desk, intake_desk, report

PATH = "/api/v1/invitations"
ADMINISTRATOR = staff(Role.ADMINISTRATOR)
_WEEK = timedelta(days=7)
_DUE = "UPDATE uses_shown SET next_at = now() - interval '1 second'"

_OTHERS = """
    INSERT INTO invitation (municipality, id, name, code_hash, max_uses, expires_at, created_by, created_at)
    SELECT municipality, gen_random_uuid(), name, sha256(CAST(CAST(n AS text) AS bytea)), max_uses,
           expires_at, created_by, created_at
    FROM invitation, generate_series(1, 199) AS n
"""


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        await made.hear(
            made.town.state.model_copy(update={"version": 2, "who_may_report": WhoMayReport.INVITED})
        )
        yield made


async def invited(desk: Desk, max_uses: int) -> str:
    """The code of a new invitation."""
    body = {
        "name": "Wijkteam Noord",
        "maxUses": max_uses,
        "expiresAt": (datetime.now(UTC) + _WEEK).isoformat(),
    }
    answer = await desk.client.post(PATH, json=body, headers=bearer("intake", ADMINISTRATOR))
    return str(answer.json()["code"])


async def seen(desk: Desk) -> Any:
    """All that an administrator gets to see, whatever it is called."""
    return (await desk.client.get(PATH, headers=bearer("intake", ADMINISTRATOR))).json()["invitations"]


async def test_no_look_tells_that_a_report_came_with_a_code(desk: Desk) -> None:
    many, once = await invited(desk, 25), await invited(desk, 1)
    before = await seen(desk)
    for code in (many, once, *[many] * 5):
        assert (await desk.send(report(), **{"Invitation-Code": code})).status_code == 201
        assert await seen(desk) == before
    admission = Admission(desk.database, Municipalities())
    assert await admission.uncouple()
    assert await seen(desk) == before
    assert (await desk.send(report(), **{"Invitation-Code": once})).status_code == 403  # counted all the same


async def test_steps_are_told_once_a_week_at_a_drawn_moment(desk: Desk) -> None:
    code = await invited(desk, 25)
    admission, owner = Admission(desk.database, Municipalities()), await asyncpg.connect(desk.owner_url)
    try:
        told, moments = [], set()
        for uses in (4, 1, 3):
            for _ in range(uses):
                await desk.send(report(), **{"Invitation-Code": code})
            await owner.execute(_DUE)
            assert await admission.uncouple()
            moments.add(await owner.fetchval("SELECT next_at FROM uses_shown"))
            assert await admission.uncouple()  # no second time
            (line,) = await seen(desk)
            told.append((line["usesFrom"], line["usesTo"]))
        is_next_week = await owner.fetchval(
            """SELECT bool_and(at >= date_trunc('week', now(), 'UTC') + interval '7 days'
                               AND at < date_trunc('week', now(), 'UTC') + interval '14 days')
               FROM unnest(CAST($1 AS timestamptz[])) AS at""",
            sorted(moments),
        )
    finally:
        await owner.close()
    assert told == [(0, 4), (5, 9), (5, 9)]
    assert is_next_week
    assert len(moments) == 3


async def test_whether_one_more_may_be_made_tells_of_no_use(desk: Desk) -> None:
    code, owner = await invited(desk, 1), await asyncpg.connect(desk.owner_url)
    try:
        await owner.execute(_OTHERS)
    finally:
        await owner.close()
    body = {"name": "Nog een", "maxUses": 1, "expiresAt": (datetime.now(UTC) + _WEEK).isoformat()}
    for _ in range(2):
        answer = await desk.client.post(PATH, json=body, headers=bearer("intake", ADMINISTRATOR))
        assert (answer.status_code, answer.json()["code"]) == (409, "too-many-invitations")
        await desk.send(report(), **{"Invitation-Code": code})


async def test_the_service_itself_does_not_know_when_uses_are_shown_next(desk: Desk) -> None:
    async with desk.database.flowing() as connection:
        with pytest.raises(Exception, match="permission denied"):
            await connection.exec_driver_sql("SELECT next_at FROM uses_shown")
