"""Listens in on a wire: a TCP proxy on loopback that keeps every byte that passes, in both directions."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_READ_BYTES = 65536
_KEPT_BYTES = 256 * 1024 * 1024  # of one recorder; more is a fault of the test


class Recorder:
    """Stands before one port; `heard` is what passed so far, each direction of each connection by itself."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target = target_port
        self._spoken: list[bytearray] = []
        self._server: asyncio.Server | None = None

    @property
    def heard(self) -> list[bytes]:
        """What each connection said in each direction."""
        return [bytes(each) for each in self._spoken]

    async def start(self) -> None:
        """Listen on a free port, `port` from then on."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(self._copy(reader, onward[1]))
            both.create_task(self._copy(onward[0], writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = bytearray()
        self._spoken.append(kept)
        try:
            while piece := await reader.read(_READ_BYTES):
                kept += piece
                assert sum(map(len, self._spoken)) < _KEPT_BYTES
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass  # one side hung up: so does the other
        finally:
            writer.close()


class Recorders:
    """A recorder before each part that is asked for, in a thread of their own."""

    def __init__(self) -> None:
        self.parts: dict[str, Recorder] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def through(self, part: str, port: int) -> int:
        """A port that leads to this one, with a recorder in between."""
        recorder = Recorder(port)
        asyncio.run_coroutine_threadsafe(recorder.start(), self._loop).result(10)
        self.parts[part] = recorder
        return recorder.port

    def heard(self) -> dict[str, list[bytes]]:
        """What passed before each part."""
        return {part: recorder.heard for part, recorder in self.parts.items()}

    def stop(self) -> None:
        """Hang up everywhere."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        for recorder in self.parts.values():
            recorder.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def recording() -> Iterator[Recorders]:
    """Recorders that end with the block."""
    made = Recorders()
    try:
        yield made
    finally:
        made.stop()
