"""The database as a service sees it: tenant transactions under row-level security, and flow transactions."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from common.addresses import is_encrypted, refuse_plain
from common.settings import ServiceSettings
from common.tls import Tls

#: A process that vanishes without a word frees what it held within a minute or two.
_SERVER_SETTINGS = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_SET_TENANT = text("SELECT set_config('app.municipality', :municipality, true)")

_COUNT_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 73))")

_WAKES = "wakes"  # in what SQLAlchemy keeps with a connection

#: Connection, operator intervention, insufficient resources, and a database that cannot be written now.
_AWAY_SQLSTATES = ("08", "57P", "53", "25006")
_DATA_SQLSTATES = ("22",)  # data exception: a value that no column can hold
_STATEMENT_SQLSTATES = ("42",)  # a table, column or right that is not there; never for the sake of a value
_SHUT_SQLSTATE = "55000"  # at connecting: the database takes no connections for now


def driver_address(url: str, tls: Tls) -> tuple[str, ssl.SSLContext | Literal[False]]:
    """The same address for asyncpg, without `sslmode`, and what to give the driver as `ssl` in its place.

    So neither the address nor a variable of libpq decides how much is verified: `verify-full`, or in clear on
    this machine. Raises `PlainAddress` for anything else.
    """
    refuse_plain("a database's address", url)
    bare = re.sub(r"[?&]sslmode=[^&]*", "", url)
    if "?" not in bare:
        bare = bare.replace("&", "?", 1)
    return bare, tls.client() if is_encrypted(url) else False


def make_engine(url: str, tls: Tls, **options: Any) -> AsyncEngine:  # noqa: ANN401 -- SQLAlchemy's own
    """An engine on asyncpg for a `postgresql://` address; `options` are those of `create_async_engine`."""
    bare, context = driver_address(url, tls)
    arguments = {**options.pop("connect_args", {}), "ssl": context}
    address = bare.replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(address, connect_args=arguments, **options)


@dataclass(frozen=True)
class Database:
    """Two engines of one database, one for each role."""

    web: AsyncEngine
    flow: AsyncEngine
    #: Set when a transaction of this process committed something that `wake_after_commit` was told of.
    spoken: asyncio.Event = field(default_factory=asyncio.Event, compare=False)

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> "Database":
        """Engines with bounded pools; nothing connects before first use."""
        return cls(
            web=_engine(settings.database_web_url.get_secret_value(), settings),
            flow=_engine(settings.database_flow_url.get_secret_value(), settings),
        )

    @asynccontextmanager
    async def tenant(self, municipality: str) -> AsyncIterator[AsyncConnection]:
        """One transaction that sees and writes this municipality's rows only; commits at the end."""
        async with self.web.begin() as connection:
            await connection.execute(_SET_TENANT, {"municipality": municipality})
            yield connection
            wakes = connection.info.pop(_WAKES, ())
        self._wake(wakes)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction across municipalities, for relay, consumers and timers; commits at the end."""
        async with self.flow.begin() as connection:
            yield connection
            wakes = connection.info.pop(_WAKES, ())
        self._wake(wakes)

    async def at_once(self, statement: str, *arguments: object) -> "list[asyncpg.Record]":
        """One statement as a flow transaction of its own, in one round trip; its places are `$1`, `$2`, …

        Durable when this returns. Straight to the driver, for where three more round trips and SQLAlchemy's
        part in them count. Raises asyncpg's own errors; `is_away` knows them.
        """
        async with self.flow.connect() as connection:
            driver = await _living_driver(connection)
            try:
                return await driver.fetch(statement, *arguments)
            except asyncpg.InternalClientError:
                await connection.invalidate()
                raise
            finally:
                if driver.is_closed():
                    await connection.invalidate()

    def _wake(self, events: Iterable[asyncio.Event | None]) -> None:
        for event in events:
            (event or self.spoken).set()

    async def answers(self) -> bool:
        """Whether it takes a connection and can be written at this moment."""
        try:
            async with self.flow.begin() as connection:
                read_only = await connection.execute(text("SELECT current_setting('transaction_read_only')"))
                return bool(read_only.scalar_one() == "off")
        except Exception as error:
            if is_away(error):
                return False
            raise

    async def close(self) -> None:
        """Return every connection."""
        await self.web.dispose()
        await self.flow.dispose()


async def count_alone(connection: AsyncConnection, what: str) -> None:
    """Be the only one that counts `what` and adds to it, until this transaction ends.

    What others added is committed by then, and seen by the statements that follow. Take one such turn in a
    transaction, before it reads what it counts.
    """
    await connection.execute(_COUNT_ALONE, {"what": what})


async def _living_driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection below; in place of one that broke in the pool, which costs nothing to see."""
    while True:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, asyncpg.Connection)  # noqa: S101 -- the engine's address names this driver
        if not driver.is_closed():
            return driver
        await connection.invalidate()


def wake_after_commit(connection: AsyncConnection, event: asyncio.Event | None = None) -> None:
    """Let this event, or `Database.spoken`, be set once the caller's transaction has committed.

    Maybe once too often: what a transaction asked for that failed is set with the next on its connection.
    """
    connection.info.setdefault(_WAKES, set()).add(event)


async def outlast(action: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do this again while the database is away, for at most so many seconds; it must be safe to repeat."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        try:
            await action()
        except Exception as error:
            if not is_away(error) or loop.time() > until:
                raise
            await asyncio.sleep(0.5)
        else:
            return


#: What is raised while the database is away; not all of these mean it: ask `is_away`.
AWAY_KINDS: tuple[type[Exception], ...] = (
    OSError,  # with it ConnectionError and TimeoutError
    PoolTimeout,
    DBAPIError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def is_away(error: BaseException) -> bool:
    """Whether the database is unreachable or shutting down, which is never the statement's fault."""
    if isinstance(error, (PoolTimeout, ConnectionError, TimeoutError, OSError)):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError):
            return True
        if error.statement is None and _state_of(error.orig) == _SHUT_SQLSTATE:
            return True
        return _is_away_state(error.orig) or (isinstance(error, OperationalError) and error.orig is None)
    # A connection that the server ends is not closed yet when it says so; using it then is an internal error.
    is_ending = isinstance(error, asyncpg.InternalClientError)
    return is_ending or isinstance(error, asyncpg.InterfaceError) or _is_away_state(error)


def is_data_error(error: BaseException) -> bool:
    """Whether the database refuses a value itself, whenever it is tried."""
    return isinstance(error, DBAPIError) and _state_of(error.orig).startswith(_DATA_SQLSTATES)


def is_statement_error(error: BaseException) -> bool:
    """Whether the database refuses the statement itself, with whatever values it is tried."""
    return isinstance(error, DBAPIError) and _state_of(error.orig).startswith(_STATEMENT_SQLSTATES)


def _is_away_state(error: BaseException | None) -> bool:
    return _state_of(error).startswith(_AWAY_SQLSTATES)


def _state_of(error: BaseException | None) -> str:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state if isinstance(state, str) else ""


def _engine(url: str, settings: ServiceSettings) -> AsyncEngine:
    return make_engine(
        url,
        settings.tls,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        hide_parameters=True,  # bound values are personal data; keep them out of error texts
        pool_timeout=5,
        pool_use_lifo=True,
        connect_args={"timeout": 5, "command_timeout": 30, "server_settings": _SERVER_SETTINGS},
    )
