"""Who may report, as each municipality says: open, by invitation, or signed in; at every door."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from common.auth import Identity
from common.contracts.codes import Role
from common.contracts.intake import ReportReceived
from intake.actions import Municipalities
from intake.admission import Admission, Uncoupling
from intake.domain.admission import hash_of_code, new_code
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.files import photo
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report
from tests.support.polling import wait_until

PATH = "/api/v1/invitations"
ADMINISTRATOR = staff(Role.ADMINISTRATOR)
_VERSIONS = "SELECT t_xmin FROM heap_page_items(get_raw_page('invitation', 0)) WHERE t_data IS NOT NULL"
REFUSALS = {"invitation": "invitation-needed", "sign-in": "sign-in-needed"}
REPORTING_KEY = Identity("zandrecht", key_name="corporatie", roles=frozenset({Role.REPORTER}))


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        yield made


async def let(desk: Desk, policy: str) -> None:
    """Let Zandrecht take reports by this policy."""
    state = desk.town.state.model_dump() | {"version": 2, "who_may_report": policy}
    await desk.hear(type(desk.town.state).model_validate(state))


async def invited(desk: Desk, max_uses: int = 5, days: float = 7) -> Any:
    """A new invitation, with its code."""
    expires_at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    body = {"name": "Wijkteam Noord", "maxUses": max_uses, "expiresAt": expires_at}
    answer = await desk.client.post(PATH, json=body, headers=bearer("intake", ADMINISTRATOR))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def uses(desk: Desk) -> list[int]:
    """What is counted; `tests/attacks/test_invitations.py` says what of it is told."""
    async with desk.database.flowing() as connection:
        return list((await connection.execute(text("SELECT uses FROM invitation"))).scalars())


async def needed(desk: Desk, identity: Identity, **headers: str) -> Any:
    """What the form says that this caller must bring."""
    sent = {**bearer("intake", identity), **headers}
    answer = await desk.client.get("/api/v1/signal-types", headers=sent)
    return answer.json()["needed"] if answer.status_code == 200 else answer.status_code


@pytest.mark.parametrize(
    ("policy", "identity", "need"),
    [
        ("open", anonymous(), None),
        ("signed-in", anonymous(), "sign-in"),
        ("signed-in", staff(Role.REPORTER), None),
        ("signed-in", REPORTING_KEY, None),
        ("signed-in", Identity("zandrecht", key_name="csv", roles=frozenset({Role.EXPORT})), "sign-in"),
        ("invited", anonymous(), "invitation"),
        ("invited", staff(Role.HANDLER), None),
        ("invited", REPORTING_KEY, None),
    ],
)
async def test_the_form_says_what_is_needed_and_every_door_holds_to_it(
    desk: Desk, policy: str, identity: Identity, need: str | None
) -> None:
    await let(desk, policy)
    assert await needed(desk, identity) == need
    headers = bearer("intake", identity)
    sent = await desk.send(report(), **headers)
    file = await desk.send_file(photo(), **headers)
    words = {"description": "Bij Jan."}
    preview = await desk.client.post("/api/v1/anonymisations", json=words, headers=headers)
    for answer in (sent, file, preview):
        if need is None:
            assert answer.status_code in {200, 201}, answer.text
        else:
            assert answer.status_code == 403
            if identity.key_name is None:
                assert answer.json()["code"] == REFUSALS[need]
                assert answer.json()["errors"][0]["messageEn"]
    assert len(await desk.spoken(ReportReceived)) == (need is None)


async def test_with_a_code_a_stranger_reports_and_each_report_counts_once(desk: Desk) -> None:
    await let(desk, "invited")
    code = (await invited(desk))["code"]
    typed = code.lower().replace("-", " ")
    assert await needed(desk, anonymous(), **{"Invitation-Code": typed}) is None
    assert (await desk.send_file(photo(), **{"Invitation-Code": code})).status_code == 201
    assert await uses(desk) == [0]
    key = secrets.token_urlsafe(24)
    for _ in range(3):  # a repeat is the same report
        assert (await desk.send(report(), key=key, **{"Invitation-Code": typed})).status_code == 201
    assert await uses(desk) == [1]
    faulty = await desk.send(report(description=" "), **{"Invitation-Code": code})
    assert faulty.status_code == 400
    assert (
        await desk.send(report(description="Anders."), key=key, **{"Invitation-Code": code})
    ).status_code == 409
    assert await uses(desk) == [1]


async def test_a_code_works_as_often_as_it_was_made_for_however_many_come_at_once(desk: Desk) -> None:
    await let(desk, "invited")
    code = (await invited(desk, max_uses=3))["code"]
    answers = await asyncio.gather(*(desk.send(report(), **{"Invitation-Code": code}) for _ in range(9)))
    assert sorted(each.status_code for each in answers) == [201] * 3 + [403] * 6
    assert await uses(desk) == [3]
    assert await needed(desk, anonymous(), **{"Invitation-Code": code}) == 403


async def test_a_code_that_is_wrong_old_revoked_or_anothers_is_refused_alike(desk: Desk) -> None:
    await let(desk, "invited")
    revoked, old = await invited(desk), await invited(desk)
    path = f"{PATH}/{revoked['id']}"
    for _ in range(2):
        assert (await desk.client.delete(path, headers=bearer("intake", ADMINISTRATOR))).status_code == 204
    async with desk.database.tenant("zandrecht") as connection:
        await connection.execute(
            text("UPDATE invitation SET expires_at = now() - interval '1 minute' WHERE id = :id"),
            {"id": old["id"]},
        )
    other = hash_of_code("polderdam", old["code"])
    assert other != hash_of_code("zandrecht", old["code"])
    told = set()
    for code in (new_code(secrets.token_bytes), "onzin", "U" * 16, "x" * 900, revoked["code"], old["code"]):
        sent = {"Invitation-Code": code}
        answer = await desk.send(report(), **sent)
        told.add((answer.status_code, answer.text))
        assert await needed(desk, anonymous(), **sent) == 403
        assert (await desk.send_file(photo(), **sent)).status_code == 403
    assert len(told) == 1
    assert "invitation-refused" in told.pop()[1]


async def test_a_code_is_told_once_and_only_its_hash_is_kept(desk: Desk) -> None:
    code = (await invited(desk))["code"]
    listed = await desk.client.get(PATH, headers=bearer("intake", ADMINISTRATOR))
    async with desk.database.flowing() as connection:
        kept = str((await connection.execute(text("SELECT * FROM invitation"))).all())
    for part in code.split("-"):
        assert part not in listed.text
        assert part not in kept


async def test_a_use_is_linked_to_no_report(desk: Desk) -> None:
    await let(desk, "invited")
    made = await invited(desk)
    await desk.send(report(), **{"Invitation-Code": made["code"]})
    async with desk.database.flowing() as connection:
        kept = str((await connection.execute(text("SELECT * FROM submission"))).all())
    assert made["id"] not in kept
    assert all(made["id"].encode() not in body for _, body in await desk.outbox())


async def test_rows_and_their_file_tell_no_more_which_report_came_with_a_code(
    desk: Desk, backing: Backing
) -> None:
    await let(desk, "invited")
    made = [await invited(desk) for _ in range(3)]
    for each in (*made, made[0]):
        assert (await desk.send(report(), **{"Invitation-Code": each["code"]})).status_code == 201
    async with desk.database.flowing() as connection:
        name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
    owner = await asyncpg.connect(f"{backing.admin_url.rpartition('/')[0]}/{name}")
    try:
        await owner.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
        assert len(await owner.fetch(_VERSIONS)) > len(made)
        admission = Admission(desk.database, Municipalities())
        async with owner.transaction():  # a dump that takes long
            await owner.execute("LOCK TABLE invitation IN ACCESS SHARE MODE")
            assert not await admission.uncouple()
        assert await admission.uncouple()
        versions = await owner.fetch(_VERSIONS)
        assert len(versions) == len(made)
        assert len({row["t_xmin"] for row in versions}) == 1
        assert [row["id"] for row in await owner.fetch("SELECT id FROM invitation ORDER BY ctid")] == sorted(
            UUID(each["id"]) for each in made
        )
    finally:
        await owner.close()
    assert sorted(await uses(desk)) == [1, 1, 2]
    for expected in [201] * 3 + [403]:
        answer = await desk.send(report(), **{"Invitation-Code": made[0]["code"]})
        assert answer.status_code == expected


async def test_invitations_are_uncoupled_again_and_again(desk: Desk) -> None:
    await let(desk, "invited")
    made = await invited(desk)
    await desk.send(report(), **{"Invitation-Code": made["code"]})
    stopping = asyncio.Event()
    working = asyncio.create_task(
        Uncoupling(Admission(desk.database, Municipalities()), seconds=0.1).run(stopping)
    )

    files: set[int] = set()

    async def are_new() -> bool:
        async with desk.database.flowing() as connection:
            row = await connection.execute(text("SELECT pg_relation_filenode('invitation')"))
            files.add(row.scalar_one())
        return len(files) > 2

    await wait_until(are_new, what="two other files")
    stopping.set()
    await working
    assert await uses(desk) == [1]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"maxUses": 0}, "/maxUses"),
        ({"maxUses": 10_001}, "/maxUses"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt"),
        ({"expiresAt": "2999-01-01T00:00:00Z"}, "/expiresAt"),
        ({"expiresAt": "2027-01-01T00:00:00"}, "/expiresAt"),
        ({"code": "0000"}, "/code"),
    ],
)
async def test_an_invitation_that_cannot_be_is_refused(
    desk: Desk, changes: dict[str, Any], pointer: str
) -> None:
    body = {
        "name": "Wijkteam",
        "maxUses": 3,
        "expiresAt": (datetime.now(UTC) + timedelta(days=3)).isoformat(),
        **changes,
    }
    answer = await desk.client.post(PATH, json=body, headers=bearer("intake", ADMINISTRATOR))
    assert answer.status_code == 400
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    if pointer == "/expiresAt" and changes["expiresAt"].endswith("Z"):
        assert answer.json()["errors"][0]["code"] == "not-a-term"


async def test_of_many_codes_one_more_is_refused_until_one_is_revoked(desk: Desk) -> None:
    made = await invited(desk)
    async with desk.database.tenant("zandrecht") as connection:
        await connection.execute(
            text(
                """
                INSERT INTO invitation (municipality, id, name, code_hash, max_uses, expires_at, created_by,
                                        created_at)
                SELECT municipality, gen_random_uuid(), name, sha256(CAST(CAST(n AS text) AS bytea)),
                       max_uses,
                       expires_at, created_by, created_at
                FROM invitation, generate_series(1, 199) AS n
                """
            )
        )
    body = {"name": "Nog een", "maxUses": 1, "expiresAt": made["expiresAt"]}
    refused = await desk.client.post(PATH, json=body, headers=bearer("intake", ADMINISTRATOR))
    assert (refused.status_code, refused.json()["code"]) == (409, "too-many-invitations")
    await desk.client.delete(f"{PATH}/{made['id']}", headers=bearer("intake", ADMINISTRATOR))
    looks = (desk.client.get(PATH, headers=bearer("intake", ADMINISTRATOR)) for _ in range(8))
    await asyncio.gather(*looks)  # and each has a connection
    rivals = (desk.client.post(PATH, json=body, headers=bearer("intake", ADMINISTRATOR)) for _ in range(8))
    at_once = sorted(answer.status_code for answer in await asyncio.gather(*rivals))
    assert at_once == [201, *[409] * 7]


@pytest.mark.parametrize(("identity", "status"), [(anonymous(), 401), (staff(Role.PROCESS_MANAGER), 403)])
async def test_only_an_administrator_invites(desk: Desk, identity: Identity, status: int) -> None:
    made = await invited(desk)
    headers = bearer("intake", identity)
    body = {"name": "Ik", "maxUses": 3, "expiresAt": made["expiresAt"]}
    assert (await desk.client.post(PATH, json=body, headers=headers)).status_code == status
    assert (await desk.client.get(PATH, headers=headers)).status_code == status
    assert (await desk.client.delete(f"{PATH}/{made['id']}", headers=headers)).status_code == status
    other = bearer("intake", staff(Role.ADMINISTRATOR, municipality="polderdam"))
    assert (await desk.client.delete(f"{PATH}/{made['id']}", headers=other)).status_code == 404
    assert (
        await desk.client.delete(f"{PATH}/{uuid4()}", headers=bearer("intake", ADMINISTRATOR))
    ).status_code == 404
