"""Makes a service's database and its three roles on a PostgreSQL server, with an administrator's rights."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import asyncpg

from common.db import driver_address
from common.tls import Tls


@dataclass(frozen=True)
class RolePasswords:
    """The passwords of one service's roles."""

    owner: str
    web: str
    flow: str


@dataclass(frozen=True)
class DatabaseUrls:
    """Where each role of a service finds its database."""

    owner: str
    web: str
    flow: str


_OWNERS_PLACES = 3  # for migrations
_OTHERS_PLACES = 25  # for administrators, backups and monitoring, and PostgreSQL's own reserve
_ONE_POOL = 8  # as many connections as one process opens for a role by default

# What PUBLIC may do in every database by default, and no role of ours needs: see how much happens in the
# others, and keep large objects, which no row-level security covers.
_SHUT = """
    DO $$ DECLARE each record; BEGIN
        FOR each IN SELECT oid::regprocedure AS name FROM pg_proc
                    WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f'
                      AND proname ~ '^(pg_stat_get_db_|lo_|loread$|lowrite$)'
        LOOP EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each.name); END LOOP;
        REVOKE SELECT ON pg_stat_database, pg_stat_database_conflicts FROM PUBLIC;
    END $$
"""


async def provide_database(
    admin_url: str,
    service: str,
    passwords: RolePasswords,
    *,
    database: str | None = None,
    tls: Tls | None = None,
    sharers: int | None = None,
) -> DatabaseUrls:
    """Make database and roles if they are missing, set the passwords, and shut everyone else out.

    Safe to repeat, also after it broke off. Another password than before ends the role's sessions. The owner
    runs migrations; web and flow get their grants from them. `sharers`: of how many services with equal
    shares of the server's connections this is one; without it there is no limit.
    """
    name = database or service
    address, context = driver_address(admin_url, tls or Tls())
    connection = await asyncpg.connect(address, ssl=context)
    try:
        await connection.execute("SELECT pg_advisory_lock(7306119841)")
        for role, password in vars(passwords).items():
            is_known = await _signs_in(_url(admin_url, f"{service}_{role}", password), tls or Tls())
            await _role(connection, f"{service}_{role}", password, is_known=is_known)
        for role, places in (await _places(connection, sharers)).items():
            await connection.execute(f'ALTER ROLE "{service}_{role}" CONNECTION LIMIT {places}')
        await connection.execute(f'GRANT "{service}_owner" TO CURRENT_USER')
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}" OWNER "{service}_owner"')
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{service}_web", "{service}_flow"')
        if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER"):
            await _shut(admin_url, name, tls or Tls())
    finally:
        await connection.close()
    return DatabaseUrls(
        **{
            role: _url(admin_url, f"{service}_{role}", password, name)
            for role, password in vars(passwords).items()
        }
    )


async def _places(connection: "asyncpg.Connection[asyncpg.Record]", sharers: int | None) -> dict[str, int]:
    """How many connections each role may have, so that no role takes the places of another."""
    if sharers is None:
        return dict.fromkeys(("owner", "web", "flow"), -1)
    most = int(await connection.fetchval("SHOW max_connections"))
    of_pools = max(_ONE_POOL, ((most - _OTHERS_PLACES) // sharers - _OWNERS_PLACES) // 2)
    return {"owner": _OWNERS_PLACES, "web": of_pools, "flow": of_pools}


async def _shut(admin_url: str, name: str, tls: Tls) -> None:
    """Take from PUBLIC what nobody needs here, and the door of what is nobody's; needs a superuser."""
    parts = urlsplit(admin_url)
    address, context = driver_address(parts._replace(path=f"/{name}").geturl(), tls)
    connection = await asyncpg.connect(address, ssl=context)
    try:
        await connection.execute(_SHUT)
        for other in ("postgres", "template1"):
            await connection.execute(f"REVOKE ALL ON DATABASE {other} FROM PUBLIC")
    finally:
        await connection.close()


async def _role(
    connection: "asyncpg.Connection[asyncpg.Record]", role: str, password: str, *, is_known: bool
) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    if exists and not is_known:
        await _put_out(connection, role)
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    verb = "ALTER" if exists else "CREATE"
    await connection.execute(f'{verb} ROLE "{role}" LOGIN NOSUPERUSER NOCREATEDB PASSWORD {literal}')


async def _put_out(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> None:
    """End the role's sessions: PostgreSQL asks for a password at signing in only.

    Until it has the new one it may not sign in, so that nobody slips in between, and who breaks off here
    finds it changed the next time.
    """
    await connection.execute(f'ALTER ROLE "{role}" NOLOGIN')
    await connection.execute(f'GRANT "{role}" TO CURRENT_USER')  # who is no superuser may end its own only
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role
    )


async def _signs_in(url: str, tls: Tls) -> bool:
    """Whether this role has this password already; it need not be admitted to the address's database."""
    address, context = driver_address(url, tls)
    try:
        connection = await asyncpg.connect(address, ssl=context)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    except (asyncpg.InsufficientPrivilegeError, asyncpg.TooManyConnectionsError) as error:
        if isinstance(error, asyncpg.TooManyConnectionsError) and "for role" not in str(error):
            raise
        return True  # both are found only after the password
    await connection.close()
    return True


def _url(admin_url: str, user: str, password: str, database: str | None = None) -> str:
    parts = urlsplit(admin_url)
    place = f"{user}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(netloc=place, path=f"/{database}" if database else parts.path).geturl()
