"""API keys: an administrator makes, sees and revokes them; every refusal tells its holder what to do."""

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway import actions
from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Running, running_gateway, running_upstream

PATH = "/api/v1/api-keys"


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    """One gateway for this module; a key may ask 60 times a minute, and six times at once."""
    urls = await service_database(backing, "gateway")
    settings: dict[str, Any] = {"rate_key_per_minute": 60, "rate_patience_seconds": 0}
    async with running_upstream() as upstream, running_gateway(urls, upstream, **settings) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def administrator(running: Running) -> dict[str, str]:
    return await running.signed_in(Role.ADMINISTRATOR)


async def _call(
    running: Running, method: str, path: str, headers: dict[str, str], body: object = None
) -> tuple[int, dict[str, str], Any]:
    async with running.client.request(method, path, headers=headers, json=body) as answer:
        content = await answer.read()
        return answer.status, dict(answer.headers), json.loads(content) if content else None


def _wanted(name: str, /, **more: object) -> dict[str, object]:
    last_day = str(date.today() + timedelta(days=30))  # noqa: DTZ011 -- far from any midnight
    return {"name": name, "purpose": "proef", "roles": ["reporter"], "expiresOn": last_day, **more}


async def _made(
    running: Running, administrator: dict[str, str], name: str, /, **more: object
) -> dict[str, str]:
    status, headers, told = await _call(running, "POST", PATH, administrator, _wanted(name, **more))
    assert (status, headers["Cache-Control"]) == (201, "no-store"), told
    return {"Authorization": f"Bearer {told['key']}"}


async def _listed(running: Running, administrator: dict[str, str], name: str) -> dict[str, Any]:
    status, _, told = await _call(running, "GET", PATH, administrator)
    assert status == 200
    return next(each for each in told["apiKeys"] if each["name"] == name)


async def _person(running: Running, headers: dict[str, str]) -> str:
    return str((await _call(running, "GET", "/api/v1/sessions/current", headers))[2]["person"])


async def _ask(running: Running, key: dict[str, str], **more: str) -> tuple[int, str]:
    status, _, told = await _call(running, "GET", "/api/v1/signal-types", {**key, **more})
    return status, told.get("code", "")


async def test_a_key_is_shown_once_kept_as_a_hash_and_tells_its_last_day(
    running: Running, administrator: dict[str, str]
) -> None:
    bounds = {"signalTypes": ["drugslab"], "reporterKind": "woningcorporatie", "perMinute": 90}
    key = await _made(running, administrator, "corporatie", **bounds)
    before = await _listed(running, administrator, "corporatie")
    assert {name: before[name] for name in bounds} == bounds
    assert (before["isAlive"], before["lastUsedOn"], before["roles"]) == (True, None, ["reporter"])
    secret = key["Authorization"].removeprefix("Bearer ")
    async with running.database.flowing() as connection:
        rows = (await connection.execute(text("SELECT api_key::text FROM api_key"))).scalars().all()
    assert not any(secret in row for row in rows)
    assert (await _ask(running, key))[0] == 200
    after = await _listed(running, administrator, "corporatie")
    assert after["lastUsedOn"] == str(running.clock().date())
    assert secret not in json.dumps(after)


async def test_what_narrows_a_key_travels_with_the_identity(
    running: Running, administrator: dict[str, str]
) -> None:
    key = await _made(running, administrator, "smal", signalTypes=["drugslab"], reporterKind="boa")
    visitor = await running.front.visitor_of(
        {"headers": [(b"authorization", key["Authorization"].encode())], "method": "GET"}
    )
    assert visitor.identity.signal_types == frozenset({"drugslab"})
    assert visitor.identity.reporter_kind == "boa"


async def test_a_revoked_key_is_refused_at_once_and_says_so(
    running: Running, administrator: dict[str, str]
) -> None:
    key = await _made(running, administrator, "kort")
    assert (await _ask(running, key))[0] == 200
    for _ in range(2):  # revoking twice is revoking once
        assert (await _call(running, "DELETE", f"{PATH}/kort", administrator))[0] == 204
    assert await _ask(running, key) == (401, "api-key-revoked")
    assert (await _listed(running, administrator, "kort"))["isAlive"] is False
    running.clock.move(seconds=6)  # what was looked up a moment ago is forgotten
    assert await _ask(running, key) == (401, "api-key-revoked")


async def test_the_list_keeps_every_key_with_who_made_and_who_revoked_it(
    running: Running, administrator: dict[str, str]
) -> None:
    colleague = await running.signed_in(Role.ADMINISTRATOR)
    maker, revoker = [await _person(running, each) for each in (administrator, colleague)]
    await _made(running, administrator, "jaarverslag", roles=["export"])
    made = await _listed(running, administrator, "jaarverslag")
    assert (made["madeBy"], made["revokedBy"], made["isAlive"]) == (maker, None, True)
    for headers in (colleague, administrator):  # the second changes nothing
        assert (await _call(running, "DELETE", f"{PATH}/jaarverslag", headers))[0] == 204
    status, _, told = await _call(running, "POST", PATH, administrator, _wanted("jaarverslag"))
    assert (status, told["code"]) == (409, "key-name-taken")
    revoked = await _listed(running, administrator, "jaarverslag")
    assert (revoked["madeBy"], revoked["revokedBy"], revoked["isAlive"]) == (maker, revoker, False)
    assert revoked["createdAt"] == made["createdAt"]
    by_command = await actions.put_api_key(
        running.database, municipality="veldstad", name="opdracht", roles=[Role.EXPORT], purpose="proef"
    )
    assert (await _listed(running, administrator, "opdracht"))["madeBy"] is None
    with pytest.raises(actions.KeyNameTaken):
        await actions.put_api_key(
            running.database, municipality="veldstad", name="opdracht", roles=[Role.EXPORT], purpose="proef"
        )
    assert await running.front.sessions.find_key(by_command)


async def test_the_same_key_again_changes_nothing_and_revives_nothing(
    running: Running, administrator: dict[str, str]
) -> None:
    key = actions.new_api_key()
    for purpose in ("eerst", "daarna"):
        made = await actions.put_api_key(
            running.database,
            municipality="veldstad",
            name="vast",
            roles=[Role.EXPORT],
            purpose=purpose,
            key=key,
        )
        assert made == key
        assert (await _listed(running, administrator, "vast"))["purpose"] == "eerst"
        await _call(running, "DELETE", f"{PATH}/vast", administrator)
    assert (await _listed(running, administrator, "vast"))["isAlive"] is False


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM api_key",
        "UPDATE api_key SET name = name || '2'",
        "UPDATE api_key SET key_hash = ''",
        "UPDATE api_key SET made_by = NULL",
        "UPDATE api_key SET purpose = ''",
        "UPDATE api_key SET roles = '{export}'",
    ],
)
async def test_no_key_is_taken_off_the_record(running: Running, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with running.database.tenant("veldstad") as connection:
            await connection.execute(text(statement))


async def test_a_privacy_officer_sees_who_made_keys_and_makes_none(
    running: Running, administrator: dict[str, str]
) -> None:
    await _made(running, administrator, "gezien")
    officer = await running.signed_in(Role.PRIVACY_OFFICER)
    assert (await _listed(running, officer, "gezien"))["madeBy"] == await _person(running, administrator)
    assert (await _call(running, "POST", PATH, officer, _wanted("eigen")))[0] == 403
    assert (await _call(running, "DELETE", f"{PATH}/gezien", officer))[0] == 403


async def test_every_key_that_opens_nothing_is_told_apart(
    running: Running, administrator: dict[str, str]
) -> None:
    expired = await actions.put_api_key(
        running.database,
        municipality="veldstad",
        name="oud",
        roles=[Role.REPORTER],
        purpose="proef",
        expires_at=running.clock() - timedelta(seconds=1),
    )
    good = await _made(running, administrator, "goed")
    assert await _ask(running, {"Authorization": f"Bearer {expired}"}) == (401, "api-key-expired")
    assert await _ask(running, {"Authorization": "Bearer vk_" + "x" * 43}) == (401, "api-key-unknown")
    assert await _ask(running, {"Authorization": "Basic eDp5"}) == (401, "api-key-unknown")
    assert await _ask(running, good, Municipality="duinrade") == (403, "other-municipality")
    assert (await _call(running, "GET", "/api/v1/statistics", good))[0] == 403  # not among its roles


async def test_a_name_is_not_taken_over(running: Running, administrator: dict[str, str]) -> None:
    key = await _made(running, administrator, "bezet")
    status, _, told = await _call(running, "POST", PATH, administrator, _wanted("bezet"))
    assert (status, told["code"]) == (409, "key-name-taken")
    assert (await _ask(running, key))[0] == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "Met Hoofdletters"}, "/name"),
        ({"roles": []}, "/roles"),
        ({"roles": ["handler"]}, "/roles"),
        ({"expiresOn": "2020-01-01"}, "/expiresOn"),
        ({"expiresOn": "2999-01-01"}, "/expiresOn"),
        ({"expiresOn": None}, "/expiresOn"),
        ({"signalTypes": []}, "/signalTypes"),
        ({"perMinute": 0}, "/perMinute"),
        ({"meer": 1}, "/meer"),
    ],
)
async def test_what_is_wrong_with_a_wanted_key_is_named(
    running: Running, administrator: dict[str, str], change: dict[str, object], pointer: str
) -> None:
    status, _, told = await _call(running, "POST", PATH, administrator, _wanted("fout", **change))
    assert status == 400
    assert pointer in {each["pointer"] for each in told["errors"]}


async def test_only_an_administrator_of_the_municipality_makes_keys(
    running: Running, administrator: dict[str, str]
) -> None:
    handler = await running.signed_in(Role.HANDLER, Role.PROCESS_MANAGER)
    key = await _made(running, administrator, "sleutel")
    no_token = {"Cookie": administrator["Cookie"]}
    for headers, expected in (({}, 401), (handler, 403), (key, 403)):
        for method, path in (("POST", PATH), ("GET", PATH), ("DELETE", f"{PATH}/sleutel")):
            body = _wanted("ander") if method == "POST" else None
            assert (await _call(running, method, path, headers, body))[0] == expected, (method, headers)
    assert (await _call(running, "POST", PATH, no_token, _wanted("ander")))[0] == 403
    assert (await _call(running, "DELETE", f"{PATH}/sleutel", no_token))[0] == 403
    for name in ("nergens", "x%00y", "x" * 300):
        assert (await _call(running, "DELETE", f"{PATH}/{name}", administrator))[0] == 404
    assert (await _ask(running, key))[0] == 200


async def test_a_key_has_a_pace_of_its_own(running: Running, administrator: dict[str, str]) -> None:
    slow = await _made(running, administrator, "traag", perMinute=10)
    usual = await _made(running, administrator, "gewoon")
    assert [(await _ask(running, slow))[0] for _ in range(2)] == [200, 200]
    status, headers, told = await _call(running, "GET", "/api/v1/signal-types", slow)
    assert (status, told["code"]) == (429, "too-many-requests")
    assert 1 <= int(headers["Retry-After"]) <= 6
    assert (await _ask(running, usual))[0] == 200  # nobody waits for another's key


@pytest.mark.parametrize("role", ["reporter", "staff-entry", "export"])
async def test_the_pages_take_no_key_and_say_where_it_works(
    running: Running, administrator: dict[str, str], role: str
) -> None:
    key = await _made(running, administrator, f"bladzijde-{role}", roles=[role])
    asked = len(running.upstream.seen)
    for method, path in (
        ("GET", "melden"),
        ("POST", "melden"),
        ("POST", "invoeren"),
        ("POST", "postvak"),
        ("GET", "cijfers"),
    ):
        form = {"type": "hennepteelt", "step": "send", "pasted": "tekst"}
        headers = {**key, "Accept": "application/json"}
        async with running.client.request(method, f"/veldstad/{path}", data=form, headers=headers) as answer:
            told = await answer.json()
        assert (answer.status, told["code"]) == (403, "key-at-page"), path
        assert "/api/v1" in told["detail"]
    assert len(running.upstream.seen) == asked


async def test_a_key_keeps_its_pace_at_what_the_gateway_answers_itself(
    running: Running, administrator: dict[str, str]
) -> None:
    slow = await _made(running, administrator, "langzaam", perMinute=10)
    statuses = [(await _call(running, "GET", "/api/v1/challenges", slow))[0] for _ in range(2)]
    statuses += [(await _call(running, "GET", PATH, slow))[0]]
    assert statuses[-1] == 429, statuses
    assert (await _ask(running, slow))[0] == 429


async def test_no_key_stands_in_a_log_or_an_error(
    running: Running,
    administrator: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    capsys.readouterr()
    key = await _made(running, administrator, "stil")
    wrong = {"Authorization": "Bearer vk_" + "kanarie" * 7}
    told = [await _call(running, "GET", "/api/v1/signal-types", wrong)]
    await _call(running, "DELETE", f"{PATH}/stil", administrator)
    told.append(await _call(running, "GET", "/api/v1/signal-types", key))
    output = capsys.readouterr()
    everything = output.out + output.err + caplog.text + str(told)
    assert "kanarie" not in everything
    assert key["Authorization"].removeprefix("Bearer ") not in everything
