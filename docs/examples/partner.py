"""A partner's subscriber in a few lines: prints each offer, then acknowledges it.

pip install aio-pika
PARTNER_AMQP_URL='amqps://partner.waterdam.politie:…@broker.example/partner.waterdam…' python partner.py

PARTNER_CA_FILE names the authority's certificate, if the broker's is not of a public one.
"""

import asyncio
import json
import os
import ssl
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

REPORT_OFFERED = "nl.vermoeden.casework.report-offered.v1"
SPEAKER = "casework"  # the broker vouches for it: nobody else of the platform may offer


_decode = ContentHeader.unmarshal


def decode(header: ContentHeader, data: bytes) -> None:
    """As the client does, but what it cannot decode comes from nobody, and does not end the connection."""
    try:
        _decode(header, data)
    except (ValueError, RecursionError):
        header.properties = Basic.Properties()


ContentHeader.unmarshal = decode  # type: ignore[method-assign,assignment]


def keep(event: dict[str, str]) -> None:
    """Yours to fill in. An offer can come twice: the same `id` is the same offer."""
    print(json.dumps(event), flush=True)


def offer_in(message: AbstractIncomingMessage) -> dict[str, str] | None:
    """The offer in a message, or None: whoever is not `casework` may have sent you anything at all."""
    if message.user_id != SPEAKER:  # before reading the body
        return None
    try:
        event = json.loads(message.body)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.get("type") == REPORT_OFFERED else None


def encryption(url: str) -> ssl.SSLContext | None:
    """Whom to believe; in clear only where nothing leaves this machine."""
    if urlsplit(url).scheme == "amqps":
        return ssl.create_default_context(cafile=os.environ.get("PARTNER_CA_FILE"))
    if urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}:
        return None
    raise SystemExit("PARTNER_AMQP_URL must begin with amqps://, or your password travels in clear.")


async def listen(url: str) -> None:
    """Take offers until the connection ends."""
    queue_name = unquote(urlsplit(url).username or "")  # a partner's queue is called as its user
    async with await aio_pika.connect(url, ssl_context=encryption(url)) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=20)
        queue = await channel.get_queue(queue_name, ensure=False)
        async with queue.iterator() as messages:
            async for message in messages:
                offer = offer_in(message)
                if offer is not None:
                    keep(offer)
                await message.ack()  # only now: what you did not keep comes again; also what you skip


async def main() -> None:
    """Listen for ever; the queue keeps what comes while nobody listens (at most 7 days)."""
    while True:
        try:
            await listen(os.environ["PARTNER_AMQP_URL"])
        except (OSError, aio_pika.exceptions.AMQPError) as error:
            print(f"Not connected ({type(error).__name__}); again in 2 seconds.", flush=True)
        await asyncio.sleep(2)


if __name__ == "__main__":
    asyncio.run(main())
