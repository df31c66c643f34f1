"""Messages whose properties no client of ours would write; the broker checks their form only."""

import struct

from aio_pika.abc import AbstractChannel
from common.messaging.topology import EXCHANGE
from pamqp import encode
from pamqp.commands import Basic

_HEADERS, _MESSAGE_ID, _TIMESTAMP, _USER_ID = 0x2000, 0x0080, 0x0040, 0x0010  # AMQP 0-9-1, 1.8


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


async def send_unreadable(
    channel: AbstractChannel, user: str, key: str, copied_to: str, body: bytes = b"{}"
) -> None:
    """Publish one of each under this key, with a carbon copy."""
    wire = await channel.get_underlay_channel()
    for properties in unreadable_properties(user, copied_to):
        await wire.basic_publish(body, exchange=EXCHANGE, routing_key=key, properties=properties)
