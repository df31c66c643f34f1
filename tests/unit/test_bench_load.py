"""The bench's clients fetch their challenges before anything is measured."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection

from tests.bench import load
from tests.support.polling import wait_until


async def test_fetching_challenges_is_over_before_the_measuring_begins() -> None:
    asked: Counter[str] = Counter()
    open_for: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_for.add(writer)
        while head := await _head(reader):
            method = head.split(" ")[0]
            asked[method] += 1
            await reader.readexactly(int(head.lower().partition("content-length: ")[2].split()[0]))
            status, body = _ANSWERS[method]
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()
        open_for.discard(writer)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with load.ready(f"http://127.0.0.1:{port}", "waterdam", 5) as posting:
        assert asked == {"GET": 5}
        outcome = await posting.post_many(2, 5)
    server.close()
    await wait_until(lambda: _is_empty(open_for))
    assert asked == {"GET": 5, "POST": 5}
    assert (outcome.accepted, outcome.failed) == (5, 0)


_ANSWERS = {
    "GET": ("200 OK", json.dumps({"token": "t", "bits": 1})),
    "POST": ("201 Created", json.dumps({"receipt": "r"})),
}


async def _is_empty(found: Collection[object]) -> bool:
    return not found


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return ""
