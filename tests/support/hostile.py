"""Messages whose properties no client of ours would write; the broker checks their form only."""

import struct

import pamqp.frame
from aio_pika.abc import AbstractChannel
from aiormq.abc import ChannelFrame
from common.messaging.topology import EXCHANGE
from pamqp import encode
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

_CONTENT_TYPE, _HEADERS, _EXPIRATION = 0x8000, 0x2000, 0x0100  # AMQP 0-9-1, 1.8
_MESSAGE_ID, _TIMESTAMP, _USER_ID, _ANOTHER_WORD = 0x0080, 0x0040, 0x0010, 0x0001


class _Raw(Basic.Properties):
    """As they are written here, whatever that is."""

    def __init__(self, written: bytes) -> None:
        super().__init__()
        self._written = written

    def marshal(self) -> bytes:
        return self._written


def unreadable_properties(user: str, copied_to: str) -> tuple[Basic.Properties, ...]:
    """Of this user and with a carbon copy: a moment that no calendar holds, and an id that is no UTF-8."""
    copies = encode.field_table({"CC": [copied_to]})
    sender = bytes([len(user)]) + user.encode()
    faults = ((_TIMESTAMP, struct.pack(">Q", 1 << 62)), (_MESSAGE_ID, b"\x02\xff\xfe"))
    return tuple(
        _Raw(struct.pack(">H", _HEADERS | flag | _USER_ID) + copies + fault + sender)
        for flag, fault in faults
    )


def two_faced(user: str, victim: str, copied_to: str) -> bytes:
    """Properties in which RabbitMQ finds one user and who heeds the bit for a second word of flags another.

    With a term a quorum queue hands on the bytes as they came.
    """
    term, seen, other = b"\x0886400000", *(bytes([len(each)]) + each.encode() for each in (user, victim))
    hidden = b"\0\0" + struct.pack(">I", 0) + term + other  # a short content-type, no headers, and so on
    copies = encode.field_table({"CC": [copied_to]})
    flags = struct.pack(">H", _CONTENT_TYPE | _HEADERS | _EXPIRATION | _USER_ID | _ANOTHER_WORD)
    return flags + bytes([len(hidden)]) + hidden + copies + term + seen


async def send_two_faced(
    channel: AbstractChannel, user: str, victim: str, key: str, copied_to: str, body: bytes
) -> None:
    """Publish this under a key of the user's own, with a carbon copy."""
    wire = await channel.get_underlay_channel()
    properties = _Raw(two_faced(user, victim, copied_to))
    await wire.basic_publish(body, exchange=EXCHANGE, routing_key=key, properties=properties)


async def send_under_unreadable_key(channel: AbstractChannel, user: str, copied_to: str, body: bytes) -> None:
    """Publish this under a key that is no UTF-8, with a carbon copy; it waits for no confirmation."""
    wire = await channel.get_underlay_channel()
    publish = b"\0\0" + _short(EXCHANGE.encode()) + _short(user.encode() + b".\xff") + b"\0"
    properties = _Raw(
        struct.pack(">H", _HEADERS | _USER_ID)
        + encode.field_table({"CC": [copied_to]})
        + _short(user.encode())
    )
    method = struct.pack(">I", Basic.Publish.index) + publish
    frames = (
        struct.pack(">BHI", 1, wire.number, len(method)) + method + b"\xce",
        *(
            pamqp.frame.marshal(each, wire.number)
            for each in (ContentHeader(0, len(body), properties), ContentBody(body))
        ),
    )
    await wire.connection.write_queue.put(ChannelFrame(b"".join(frames), should_close=False))


def _short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


async def send_unreadable(
    channel: AbstractChannel, user: str, key: str, copied_to: str, body: bytes = b"{}"
) -> None:
    """Publish one of each under this key, with a carbon copy."""
    wire = await channel.get_underlay_channel()
    for properties in unreadable_properties(user, copied_to):
        await wire.basic_publish(body, exchange=EXCHANGE, routing_key=key, properties=properties)
