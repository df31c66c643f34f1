"""Many connections of one network that ask the same again as soon as it was answered, in a process apart.

``python -m tests.support.greedy PORT CONNECTIONS SECONDS NETWORK`` with the request on standard input. They
come from 127.66.NETWORK.x; one that is closed comes again. Prints how many answers there were of each status.
"""

import asyncio
import itertools
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_NETWORKS = itertools.count(1)


async def _client(source: str, port: int, request: bytes, answers: Counter[str]) -> None:
    while True:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            try:
                while True:
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    answers[head[9:12].decode()] += 1
                    _, _, after = head.lower().partition(b"content-length:")
                    await reader.readexactly(int(after.partition(b"\r\n")[0] or 0))
            finally:
                writer.close()
        await asyncio.sleep(0.05)


async def _main(port: int, connections: int, seconds: float, network: int) -> None:
    request, answers = sys.stdin.buffer.read(), Counter[str]()
    sources = [f"127.66.{network}.{number % 200 + 1}" for number in range(connections)]
    clients = [asyncio.create_task(_client(each, port, request, answers)) for each in sources]
    await asyncio.sleep(seconds)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    print(json.dumps(answers))


@asynccontextmanager
async def greedy(url: str, request: bytes, connections: int) -> AsyncIterator[Counter[str]]:
    """At work as long as the block lasts, from a network that was not there; then it tells what it heard."""
    port, heard = url.rpartition(":")[2], Counter[str]()
    arguments = [port, str(connections), "12", str(next(_NETWORKS))]
    command = [sys.executable, "-m", "tests.support.greedy", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    told = asyncio.create_task(process.communicate(request))
    try:
        await asyncio.sleep(3)  # until all have asked, several times
        yield heard
    finally:
        out, _ = await told
        heard.update(json.loads(out or b"{}"))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
