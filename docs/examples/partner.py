"""A partner's subscriber in a few lines: prints each offer, then acknowledges it.

pip install aio-pika
PARTNER_AMQP_URL='amqps://partner.waterdam.politie:…@broker.example/' python partner.py
"""

import asyncio
import json
import os
from urllib.parse import unquote, urlsplit

import aio_pika

REPORT_OFFERED = "nl.vermoeden.casework.report-offered.v1"


def keep(event: dict[str, str]) -> None:
    """Yours to fill in. An offer can come twice: the same `id` is the same offer."""
    print(json.dumps(event), flush=True)


async def listen(url: str) -> None:
    """Take offers until the connection ends."""
    queue_name = unquote(urlsplit(url).username or "")  # a partner's queue is called as its user
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=20)
        queue = await channel.get_queue(queue_name, ensure=False)
        async with queue.iterator() as messages:
            async for message in messages:
                event = json.loads(message.body)
                if event["type"] == REPORT_OFFERED:  # what you do not know, you may skip
                    keep(event)
                await message.ack()  # only now: what you did not keep comes again


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
