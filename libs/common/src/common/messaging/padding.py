"""Padding: what was heard leaves the broker's disk within a day or two, however little is reported.

A quorum queue writes each event in full to a log on disk, and what was settled is written over once enough
more has passed: on a quiet installation that takes years. So every day as much that says nothing goes through
the queue of each service.
"""

import asyncio
import secrets
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from common.broker_log import COMMANDS, LOG_BYTES
from common.contracts.gateway import Padding
from common.flow import HEARD_BY
from common.log import get_logger
from common.messaging.broker import Broker
from common.messaging.envelope import Delivery, encode
from common.messaging.publishing import Fate, Outgoing, publish_batch
from common.messaging.topology import EXCHANGE
from common.pauses import pause

log = get_logger()

#: So many commands RabbitMQ 4.0 waits for, whatever it was told, before it looks what may go.
_CHECKPOINT_COMMANDS = 4096

#: Each is written once for each queue that it is for, by a command of its own.
COUNT = _CHECKPOINT_COMMANDS + 2 * COMMANDS
_FILLER_BYTES = -(-LOG_BYTES // (COUNT * len(HEARD_BY[Padding])))
_AT_ONCE, _BETWEEN_SECONDS = 50, 0.25  # so that events that say something need not wait
_AGAIN_SECONDS = 600.0
_JITTER = secrets.SystemRandom()


class Padder:
    """Sends padding about every `seconds`, for the first time half of that after a start at the soonest.

    So a version that does not know it yet is gone by then. Several of these do it more often. Nothing is kept
    for later while the broker is away: it is tried again after some minutes.
    """

    name = "padding"
    trouble = None
    is_background = True

    def __init__(self, broker: Broker, *, seconds: float) -> None:
        self._broker = broker
        self._seconds = seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Go on until told to stop."""
        wait = self._seconds * _JITTER.uniform(0.5, 1.5)
        while not stopping.is_set():
            await pause(stopping, wait)
            if stopping.is_set():
                return
            try:
                await pad(self._broker)
                wait = self._seconds * _JITTER.uniform(0.5, 1.5)
            except Exception as error:  # noqa: BLE001 -- whatever keeps it from the broker, it is tried again
                log.warning("padding.failed", error=type(error).__name__)
                wait = min(_AGAIN_SECONDS, self._seconds)


async def pad(broker: Broker, *, between_seconds: float = _BETWEEN_SECONDS) -> None:
    """Push everything that was heard before out of the broker's log.

    Raises RuntimeError when the broker refuses some, and what `Broker.channel` and `publish_batch` raise.
    """
    channel = await broker.channel()
    try:
        for start in range(0, COUNT, _AT_ONCE):
            batch = [_message() for _ in range(min(_AT_ONCE, COUNT - start))]
            fates = await publish_batch(channel, EXCHANGE, batch, user=broker.user)
            if any(fate is not Fate.CONFIRMED for fate in fates):
                raise RuntimeError("the broker did not take all of the padding")
            await asyncio.sleep(between_seconds)
    finally:
        await channel.close()


async def let_pass(_: AsyncConnection, __: Sequence[Delivery[Padding]]) -> None:
    """Handle padding: it says nothing."""


def _message() -> Outgoing:
    padding = Padding(municipality="nobody", padding_id=uuid4(), filler=" " * _FILLER_BYTES)
    envelope = encode(padding)
    return Outgoing(str(envelope.event_id), padding.routing_key, envelope.body)
