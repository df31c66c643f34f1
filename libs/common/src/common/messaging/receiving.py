"""What the broker's client makes of messages that others wrote: none ends a connection or fills the memory.

The client (aiormq, on pamqp) offers no place for either, so three functions of its own are replaced here.
"""

from functools import partial

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.channel import Channel
from pamqp import decode
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from common.messaging.envelope import MAX_BYTES
from common.messaging.sender import sender_of

_HEAD_BYTES = 12  # of a content header, before its properties (AMQP 0-9-1, 4.2.6.1)
_read_header = ContentHeader.unmarshal


def outlive_strangers_bytes() -> None:
    """Let no frame that the broker passes on end a connection, in the whole process.

    The broker checks their form only: a `timestamp` of the year 292277026596, or a routing key that is no
    UTF-8, would end the connection, again and again, until every message in hand was delivered too often.
    Properties that cannot be decoded are left out; of a short text, in whatever frame it stands, each byte
    that cannot is written out. May be called again.
    """
    ContentHeader.unmarshal = _read_header_or_none  # type: ignore[method-assign,assignment]
    decode.METHODS["shortstr"] = _read_short_text


def _read_header_or_none(header: ContentHeader, data: bytes) -> None:
    try:
        _read_header(header, data)
    except Exception:  # whatever a stranger's bytes lead to
        if len(data) < _HEAD_BYTES:
            raise  # no header at all: the broker's fault
        header.properties = Basic.Properties()
    header.sender = sender_of(data)  # type: ignore[attr-defined]  # its own reading is not to be believed


def _read_short_text(data: bytes) -> tuple[int, str]:
    if not data or len(data) <= data[0]:
        raise ValueError("a short text that ends too early")  # a broken frame: the broker's fault
    end = data[0] + 1
    return end, data[1:end].decode("utf-8", errors="backslashreplace")


def read_no_more_than_needed(channel: AbstractChannel) -> None:
    """Keep of each message on this channel its sender, and one byte more of its body than an event may have.

    The sender is what `sender_of` says, in `properties.user_id`; empty where nobody vouches for it. What is
    in hand is bounded by the prefetch, whatever size the broker takes.
    """
    if not isinstance(channel, Channel):
        raise TypeError(f"{type(channel).__name__} is not the broker client's channel")
    channel._read_content = partial(_read_content, channel)  # type: ignore[method-assign]


async def _read_content(
    channel: Channel, frame: "Basic.Deliver | Basic.GetOk | Basic.Return", header: ContentHeader
) -> DeliveredMessage:
    body, left = bytearray(), header.body_size
    while left > 0:
        content = await channel._get_frame()
        if not isinstance(content, ContentBody):
            raise TypeError("a frame that is no part of the body")
        left -= len(content.value)
        if len(body) <= MAX_BYTES:
            body += content.value
    sender = Basic.Properties(user_id=getattr(header, "sender", ""))
    return DeliveredMessage(
        delivery=frame,
        header=ContentHeader(body_size=header.body_size, properties=sender),
        body=bytes(body[: MAX_BYTES + 1]),
        channel=channel,
    )
