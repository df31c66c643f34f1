"""Publishes a batch of events in one write to the broker, each with a confirm of its own.

The client's own `publish` waits its turn for every message: a lock, a timer, five futures and a system call
each. A batch written at once costs a fifth of that here, and half as much in the broker, which then writes
it to disk as one.
"""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

import pamqp.frame
from aio_pika import DeliveryMode
from aio_pika.abc import AbstractChannel
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from aiormq.exceptions import DeliveryError
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from common.messaging.envelope import CONTENT_TYPE


class Outgoing(NamedTuple):
    """An encoded event and the topic under which it goes."""

    event_id: str
    routing_key: str
    body: bytes


class Fate(Enum):
    """What is known of a message after it was published."""

    CONFIRMED = "confirmed"  # the broker has it on disk, in every queue that it belongs in
    REFUSED = "refused"  # nacked, or there is no queue for it
    UNKNOWN = "unknown"  # the channel closed first: it may have arrived


async def publish_batch(
    channel: AbstractChannel, exchange: str, batch: Sequence[Outgoing], *, user: str, seconds: float = 30
) -> list[Fate]:
    """Publish persistent, mandatory messages on a channel with confirms; the fate of each, in their order.

    The batch must not be empty. `user` is the user of the channel's connection; the broker closes the channel
    on another.

    Raises TimeoutError when the broker is silent for so long, and the channel's error when it is closed.
    After any error the channel must be closed: its numbering may have gone wrong.
    """
    underlay = await channel.get_underlay_channel()
    if not isinstance(underlay, Channel):
        raise TypeError(f"{type(underlay).__name__} is not the broker client's channel")
    async with asyncio.timeout(seconds):
        confirms = await _send(underlay, exchange, batch, user)
        closing = underlay.closing
        try:
            await asyncio.wait({_all_of(confirms), closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            fates = [_fate(confirm) for confirm in confirms]
            for message in batch:
                underlay.message_id_delivery_tag.pop(message.event_id, None)
    return fates


async def _send(
    channel: Channel, exchange: str, batch: Sequence[Outgoing], user: str
) -> "list[asyncio.Future[object]]":
    """Number the messages as the broker counts them, and hand all their frames to the writer at once."""
    loop = asyncio.get_running_loop()
    confirms: list[asyncio.Future[object]] = []
    async with channel.lock:
        for message in batch:
            confirm: asyncio.Future[object] = loop.create_future()
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = confirm
            channel.message_id_delivery_tag[message.event_id] = channel.delivery_tag  # for what comes back
            confirms.append(confirm)
        payload = b"".join(_frames(channel, exchange, message, user) for message in batch)
        await channel.write_queue.put(ChannelFrame(payload, should_close=False))
    return confirms


def _frames(channel: Channel, exchange: str, message: Outgoing, user: str) -> bytes:
    """One message on the wire (AMQP 0-9-1, 4.2.6): method, header, body in frames of the agreed size."""
    properties = Basic.Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=DeliveryMode.PERSISTENT.value,
        message_id=message.event_id,
        user_id=user,
    )
    size, step = len(message.body), channel.max_content_size
    parts: tuple[Frame | ContentHeader | ContentBody, ...] = (
        Basic.Publish(exchange=exchange, routing_key=message.routing_key, mandatory=True),
        ContentHeader(body_size=size, properties=properties),
        *(ContentBody(message.body[start : start + step]) for start in range(0, size, step)),
    )
    return b"".join(pamqp.frame.marshal(part, channel.number) for part in parts)


def _all_of(confirms: "Sequence[asyncio.Future[object]]") -> "asyncio.Future[None]":
    """Done when each of these is, whatever its outcome."""
    everything: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = len(confirms)

    def settled(_: object) -> None:
        nonlocal left
        left -= 1
        if not left and not everything.done():
            everything.set_result(None)

    for confirm in confirms:
        confirm.add_done_callback(settled)
    return everything


def _fate(confirm: "asyncio.Future[object]") -> Fate:
    if confirm.cancel() or confirm.cancelled():  # nobody waits for it any more
        return Fate.UNKNOWN
    error = confirm.exception()
    if error is None:  # on a channel that does not raise for it, what came back is its result
        return Fate.CONFIRMED if isinstance(confirm.result(), Basic.Ack) else Fate.REFUSED
    return Fate.REFUSED if isinstance(error, DeliveryError) else Fate.UNKNOWN
