"""What was checked still holds when it is acted on: accounts and keys that change meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from common.contracts.codes import Role
from common.sharing import Path
from gateway.passwords import Passwords
from gateway.session import KeyRevoked
from sqlalchemy import text

from gateway import actions, store
from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import PASSWORD, Running, running_gateway, running_upstream

NEW = "een heel ander wachtwoord"
Step = Callable[[], Awaitable[Any]]


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream) as gateway:
        yield gateway


class Meanwhile(Passwords):
    """Passwords that are right or wrong, after which something happens before anybody acts on it."""

    def __init__(self, *steps: Step, time_cost: int = 1) -> None:
        super().__init__(hasher=PasswordHasher(time_cost=time_cost, memory_cost=64, parallelism=1))
        self._steps = list(steps)

    async def is_right(
        self, password: str, password_hash: str | None, who: Path = (), *, is_known: bool = False
    ) -> bool:
        answer = await super().is_right(password, password_hash, who, is_known=is_known)
        if self._steps:
            await self._steps.pop(0)()
        return answer


async def _sign_in(running: Running, login: str, passwords: Passwords, password: str = PASSWORD) -> str:
    token, _ = await actions.sign_in(
        running.database,
        passwords,
        municipality="veldstad",
        login=login,
        password=password,
        now=running.clock(),
        absolute_seconds=600,
    )
    return token


async def _sessions_of(running: Running, login: str) -> int:
    async with running.database.tenant("veldstad") as connection:
        found = await connection.execute(
            text("SELECT count(*) FROM session JOIN person ON person.id = person_id WHERE login = :login"),
            {"login": login},
        )
    return int(found.scalar_one())


@pytest.mark.parametrize("change", [{"password": NEW}, {"is_active": False}], ids=["password", "closed"])
@pytest.mark.parametrize("time_cost", [1, 2], ids=["usual", "outdated"])
async def test_a_sign_in_that_is_overtaken_by_a_change_gives_no_session(
    running: Running, change: Mapping[str, Any], time_cost: int
) -> None:
    login = await running.person(Role.HANDLER)
    passwords = Meanwhile(lambda: running.put(login, **change), time_cost=time_cost)
    with pytest.raises(actions.WrongSignIn):
        await _sign_in(running, login, passwords)
    assert await _sessions_of(running, login) == 0
    with pytest.raises(actions.WrongSignIn):
        await _sign_in(running, login, running.passwords)  # the hash that was checked is not written back
    if "password" in change:
        assert await _sign_in(running, login, running.passwords, NEW)


async def test_a_session_that_is_being_written_ends_with_the_change(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change comes after the second look and before the session: it has to wait, and then ends it."""
    login = await running.person(Role.HANDLER)
    changes: list[asyncio.Future[Any]] = []
    insert = store.insert_session

    async def insert_late(*arguments: Any) -> None:
        changes.append(asyncio.ensure_future(running.put(login, password=NEW)))
        await asyncio.wait(changes, timeout=0.5)
        await insert(*arguments)

    monkeypatch.setattr(store, "insert_session", insert_late)
    outcome = await asyncio.gather(_sign_in(running, login, running.passwords), return_exceptions=True)
    await asyncio.gather(*changes)
    assert isinstance(outcome[0], str | actions.WrongSignIn)
    assert await _sessions_of(running, login) == 0


async def test_a_sign_in_that_is_overtaken_by_another_of_the_same_password_is_let_in(
    running: Running,
) -> None:
    """The other one made the hash anew; it is of the same password."""
    login = await running.person(Role.HANDLER)
    again = Meanwhile(time_cost=2)
    passwords = Meanwhile(lambda: _sign_in(running, login, again), time_cost=2)
    assert await _sign_in(running, login, passwords)
    assert await _sessions_of(running, login) == 2


async def test_a_role_that_is_taken_away_meanwhile_is_not_in_the_session(running: Running) -> None:
    login = await running.person(Role.HANDLER, Role.PROCESS_MANAGER)
    token = await _sign_in(running, login, Meanwhile(lambda: running.put(login, roles=[Role.HANDLER])))
    session = await running.front.sessions.find(token)
    assert session is not None
    assert session.person.roles == {"handler"}


async def test_the_browser_of_an_old_password_is_not_known_for_the_new_one(running: Running) -> None:
    login, sessions = await running.person(Role.HANDLER), running.front.sessions
    token, session = await sessions.sign_in("veldstad", login, PASSWORD)
    await running.put(login, password=NEW)
    _, known = await sessions.cookies(token, session, {}, "/")
    headers = {b"cookie": known.partition(";")[0].encode()}
    assert await sessions._browsers.lane(headers, "veldstad", login, running.clock()) is None


async def test_what_ended_while_it_was_looked_up_is_not_remembered_as_living(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = running.front.sessions
    token, _ = await sessions.sign_in("veldstad", await running.person(Role.HANDLER), PASSWORD)
    read = store.read_session

    async def read_then_end(*arguments: Any) -> Any:
        found = await read(*arguments)
        monkeypatch.setattr(store, "read_session", read)
        await sessions.sign_out([token])
        return found

    monkeypatch.setattr(store, "read_session", read_then_end)
    await sessions.find(token)
    assert await sessions.find(token) is None


async def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_remembered_as_living(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = running.front.sessions
    key = await actions.put_api_key(
        running.database, municipality="veldstad", name="meteen", roles=[Role.EXPORT], purpose="proef"
    )
    read = store.read_api_key

    async def read_then_revoke(*arguments: Any) -> Any:
        found = await read(*arguments)
        monkeypatch.setattr(store, "read_api_key", read)
        await sessions.revoke_key("veldstad", "meteen")
        return found

    monkeypatch.setattr(store, "read_api_key", read_then_revoke)
    await sessions.find_key(key)
    with pytest.raises(KeyRevoked):
        await sessions.find_key(key)
