"""The wiring that every service repeats: database, broker, relay, consumer and waiting room."""

from dataclasses import dataclass

from common.db import Database
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.handling import Dispatcher, Handlers
from common.messaging.relay import Relay
from common.messaging.waiting import WaitingRoom
from common.runtime import Part
from common.settings import ServiceSettings


@dataclass(frozen=True)
class House:
    """What a service stands on, made once in its `main.py`."""

    database: Database
    broker: Broker
    relay: Relay
    waiting: WaitingRoom
    consumer: Consumer | None

    @property
    def parts(self) -> tuple[Part, ...]:
        """What runs for as long as the process does."""
        common: tuple[Part, ...] = (self.relay, self.waiting)
        return (*common, self.consumer) if self.consumer else common

    async def close(self) -> None:
        """Close every connection."""
        await self.broker.close()
        await self.database.close()


def build_house(
    service: str, settings: ServiceSettings, handlers: Handlers, *, database: Database | None = None
) -> House:
    """Wire a service's mechanism to its handlers; nothing connects before its parts run."""
    database = database or Database.from_settings(settings)
    broker = Broker(settings.broker_url.get_secret_value(), name=service, tls=settings.tls)
    dispatcher = Dispatcher(handlers)
    waiting = WaitingRoom(
        database,
        dispatcher,
        retry_seconds=settings.retry_seconds,
        parked_in_a_row_limit=settings.parked_in_a_row_limit,
        lease_seconds=settings.waiting_lease_seconds,
    )
    consumer = (
        Consumer(
            service,
            database,
            broker,
            dispatcher,
            waiting,
            prefetch=settings.consumer_prefetch,
            batch=settings.consumer_batch,
            gather_seconds=settings.consumer_gather_seconds,
            pace_seconds=settings.consumer_pace_seconds,
        )
        if handlers
        else None
    )
    relay = Relay(
        database,
        broker,
        batch=settings.relay_batch,
        poll_seconds=settings.relay_poll_seconds,
        idle_seconds=settings.relay_idle_seconds,
    )
    return House(database, broker, relay, waiting, consumer)
