"""Databases, roles and broker users made from the secrets, on servers of this module's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import aio_pika
import asyncpg
import pytest
from aio_pika.exceptions import AMQPError
from common.flow import SERVICES
from common.provisioning import apply_secrets, make_secrets, renew_passwords

from tests.support.backing import OwnBacking, manage
from tests.support.polling import wait_until


def _secrets_for(backing: OwnBacking, folder: Path) -> Path:
    database, broker, management = (
        urlsplit(url) for url in (backing.admin_url, backing.amqp_url, backing.management_url)
    )
    make_secrets(
        folder,
        postgres=f"{database.hostname}:{database.port}",
        broker=f"{broker.hostname}:{broker.port}",
        management=f"{management.hostname}:{management.port}",
    )
    user, password = quote(backing.rabbit_user, safe=""), quote(backing.rabbit_password, safe="")
    admin = folder / "setup/admin"
    (admin / "vermoeden_admin_database_url").write_text(backing.admin_url)
    (admin / "vermoeden_admin_management_url").write_text(
        f"http://{user}:{password}@{management.hostname}:{management.port}"
    )
    return folder


async def _signs_in(folder: Path, service: str) -> None:
    """Connect as the service would, to its database in both roles and to the broker."""
    for role in ("web", "flow"):
        connection = await asyncpg.connect((folder / service / f"vermoeden_database_{role}_url").read_text())
        assert await connection.fetchval("SELECT current_user") == f"{service}_{role}"
        assert await connection.fetchval("SELECT current_database()") == service
        await connection.close()
    broker = await aio_pika.connect((folder / service / "vermoeden_broker_url").read_text())
    await broker.close()


async def test_every_service_signs_in_with_its_secrets_and_new_ones_replace_the_old(
    own_backing: OwnBacking, tmp_path: Path
) -> None:
    folder = _secrets_for(own_backing, tmp_path)
    await apply_secrets(folder, patience_seconds=20)
    await apply_secrets(folder, patience_seconds=20)  # safe to repeat
    for service in SERVICES:
        await _signs_in(folder, service)

    old = (folder / "intake/vermoeden_database_web_url").read_text()
    renew_passwords(folder, "intake")
    await apply_secrets(folder, patience_seconds=20)
    await _signs_in(folder, "intake")
    await _signs_in(folder, "casework")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(old)


@asynccontextmanager
async def _inside(folder: Path, service: str) -> AsyncIterator[Callable[[], set[bool]]]:
    """Sessions of this service with its database and the broker; whether they were ended, as a set."""
    sessions = [
        await asyncpg.connect((folder / "setup" / service / f"vermoeden_database_{role}_url").read_text())
        for role in ("owner", "web", "flow")
    ]
    broker = await aio_pika.connect((folder / service / "vermoeden_broker_url").read_text())
    is_broker_over = asyncio.Event()
    broker.close_callbacks.add(lambda *_arguments: is_broker_over.set())

    yield lambda: {is_broker_over.is_set(), *(each.is_closed() for each in sessions)}
    await broker.close()
    for each in sessions:
        await each.close()


async def test_a_new_password_ends_what_is_open_under_the_old_one(
    own_backing: OwnBacking, tmp_path: Path
) -> None:
    folder = _secrets_for(own_backing, tmp_path)
    await apply_secrets(folder, patience_seconds=20)
    async with _inside(folder, "intake") as ends, _inside(folder, "casework") as ends_of_others:
        await apply_secrets(folder, patience_seconds=20)  # nothing changed
        assert ends() == {False}
        renew_passwords(folder, "intake")
        await apply_secrets(folder, patience_seconds=20)

        async def are_over() -> bool:
            return ends() == {True}

        await wait_until(are_over, what="the end of all that intake had open")
        assert ends_of_others() == {False}
    await _signs_in(folder, "intake")


async def test_an_address_with_another_services_user_is_refused(
    own_backing: OwnBacking, tmp_path: Path
) -> None:
    folder = _secrets_for(own_backing, tmp_path)
    wrong = (folder / "setup/intake/vermoeden_database_web_url").read_text()
    (folder / "setup/casework/vermoeden_database_web_url").write_text(wrong)
    with pytest.raises(SystemExit, match="casework: the web address must have the user casework_web"):
        await apply_secrets(folder, patience_seconds=5)


async def test_servers_that_stay_away_are_named_after_the_patience(tmp_path: Path) -> None:
    make_secrets(tmp_path, postgres="127.0.0.1:1", broker="127.0.0.1:1", management="127.0.0.1:1")
    with pytest.raises(OSError, match="Connect call failed"):
        await apply_secrets(tmp_path, patience_seconds=0)


async def test_a_partner_who_still_reaches_into_the_services_virtual_host_is_named(
    own_backing: OwnBacking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _secrets_for(own_backing, tmp_path)
    manage(own_backing, "PUT", "/users/partner.veldstad.politie", {"password": "geheim", "tags": ""})
    rights = {"configure": "^$", "write": "^$", "read": "^partner[.]veldstad[.]politie$"}
    manage(own_backing, "PUT", "/permissions/%2F/partner.veldstad.politie", rights)
    await apply_secrets(folder, patience_seconds=20)
    assert "partner.veldstad.politie still reaches into" in capsys.readouterr().out
    manage(own_backing, "DELETE", "/users/partner.veldstad.politie")
    await apply_secrets(folder, patience_seconds=20)
    assert capsys.readouterr().out == ""


async def test_no_role_takes_the_places_of_another_or_looks_beyond_its_database(
    own_backing: OwnBacking, tmp_path: Path
) -> None:
    folder = _secrets_for(own_backing, tmp_path)
    await apply_secrets(folder, patience_seconds=20)
    address = (folder / "reporting/vermoeden_database_web_url").read_text()
    async with AsyncExitStack() as held:
        with pytest.raises(asyncpg.TooManyConnectionsError, match="for role"):
            await _take_every_place(address, held)
        for service in SERVICES:
            if service != "reporting":
                await _signs_in(folder, service)
        await apply_secrets(folder, patience_seconds=20)  # and an operator can still work
    limits = await _answers(own_backing.admin_url, "SELECT sum(rolconnlimit) FROM pg_roles WHERE rolcanlogin")
    most = await _answers(own_backing.admin_url, "SELECT current_setting('max_connections')::int")
    assert 2 * 8 * 2 * len(SERVICES) < limits < most - 20  # two replicas of each, and room for others
    for other in ("postgres", "template1", "casework"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(urlsplit(address)._replace(path=f"/{other}").geturl())
    for look in (
        "SELECT sum(xact_commit) FROM pg_stat_database",
        "SELECT sum(pg_stat_get_db_tuples_inserted(oid)) FROM pg_database",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "CREATE TEMPORARY TABLE mine (x int)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _answers(address, look)


async def _take_every_place(address: str, held: AsyncExitStack) -> None:
    for _ in range(200):
        held.push_async_callback((await asyncpg.connect(address)).close)


async def _answers(address: str, question: str) -> int:
    connection = await asyncpg.connect(address)
    try:
        return int(await connection.fetchval(question))
    finally:
        await connection.close()


async def test_a_service_cannot_pile_up_channels(own_backing: OwnBacking, tmp_path: Path) -> None:
    folder = _secrets_for(own_backing, tmp_path)
    await apply_secrets(folder, patience_seconds=20)
    async with await aio_pika.connect((folder / "reporting/vermoeden_broker_url").read_text()) as connection:
        for _ in range(64):
            await connection.channel()
        with pytest.raises(AMQPError):
            await connection.channel()
