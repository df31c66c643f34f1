"""A virtual host as provisioning makes it: the topology, and each service's own user with its own rights."""

import asyncio
import fcntl
import hashlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, FieldValue
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import AMQPError
from common.flow import SERVICES
from common.messaging.administration import BrokerAdministration
from common.messaging.envelope import CONTENT_TYPE
from common.messaging.topology import EXCHANGE
from pamqp.commands import Basic

from tests.support.attempts import Attempts
from tests.support.backing import Backing, fresh_vhost


@dataclass(frozen=True)
class ServedVhost:
    """A virtual host with everything that the services need."""

    backing: Backing
    admin_url: str

    @property
    def name(self) -> str:
        """Its name on the broker."""
        return self.admin_url.rpartition("/")[2]

    def url(self, user: str, password: str = "") -> str:
        """Where a user finds it; a service's password is known."""
        place = urlsplit(self.admin_url)
        word = password or password_of(self.backing, user)
        return f"amqp://{quote(user)}:{word}@{place.hostname}:{place.port}{place.path}"

    def administration(self) -> BrokerAdministration:
        """Its administrator; a context manager."""
        backing = self.backing
        return BrokerAdministration(
            backing.management_url, backing.rabbit_user, backing.rabbit_password, vhost=self.name
        )


def password_of(backing: Backing, service: str) -> str:
    """A service's password: the same in all virtual hosts, for users are the whole broker's."""
    return hashlib.sha256(f"{backing.rabbit_password} {service}".encode()).hexdigest()


async def served_vhost(backing: Backing, prefix: str = "test") -> ServedVhost:
    """Make one."""
    made = ServedVhost(backing, fresh_vhost(backing, prefix))
    async with _turn(backing), made.administration() as administration:
        await administration.set_up({service: password_of(backing, service) for service in SERVICES})
    return made


@asynccontextmanager
async def _turn(backing: Backing) -> AsyncIterator[None]:
    """Alone among all workers: of two who make one user of the broker together, one is refused."""
    place = Path(tempfile.gettempdir()) / f"vermoeden-users-{urlsplit(backing.management_url).port}"
    with place.open("a") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield


async def send_raw(url: str, key: str, *bodies: bytes) -> None:
    """Put these bytes on the exchange as the user of this address does, confirmed."""
    async with await aio_pika.connect(url) as connection:
        exchange = await (await connection.channel()).get_exchange(EXCHANGE, ensure=False)
        for body in bodies:
            await exchange.publish(as_relayed(body, urlsplit(url).username), routing_key=key)


class _Relayed(aio_pika.Message):
    """Without the priority of 0 that the client writes on all it sends."""

    @property
    def properties(self) -> Basic.Properties:
        """As they go on the wire."""
        made = super().properties
        made.priority, made.headers = None, made.headers or None
        return made


def as_relayed(
    body: bytes, user: str | None, headers: dict[str, FieldValue] | None = None
) -> aio_pika.Message:
    """These bytes with the properties that a service's relay gives its events, and with these headers."""
    return _Relayed(
        body,
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=str(uuid4()),
        user_id=user,
        headers=headers,
    )


#: What somebody does on a channel; the broker may refuse it.
Try = Callable[[AbstractChannel], Awaitable[object]]


async def try_on_broker(
    tries: Iterable[tuple[str, Try]], another: Callable[[], Awaitable[AbstractChannel]], attempts: Attempts
) -> None:
    """Try each, by its name; `another` gives a fresh channel where the broker closed one."""
    channel = await another()
    for what, act in tries:
        try:
            await act(channel)
        except AMQPError:
            attempts.record(what, succeeded=False)
            if channel.is_closed:
                channel = await another()
        else:
            attempts.record(what, succeeded=True)


async def knock(url: str) -> None:
    """Go in and out again; raises what the client makes of a refusal, and leaves nothing half open behind."""
    connection = Connection(make_url(url))
    try:
        await connection.connect(timeout=10)
    finally:
        await connection.close()
