"""Hands answers to the kernel in one piece where they are short: uvicorn writes a head, and then its body."""

import asyncio

_MOST_HELD_BYTES = 16 * 1024


class Writing:
    """A transport that lets a short piece wait for the next, and no longer than the loop's next turn.

    It is what uvicorn uses of one. What is long goes at once, so that no more is held than the first of two
    pieces, and a client that does not read stops whoever writes.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held = b""

    def write(self, data: bytes) -> None:
        """Send this, after what came before it."""
        held = self._held
        if held:
            self._held = b""
            self._transport.writelines((held, data))
        elif len(data) > _MOST_HELD_BYTES:
            self._transport.write(data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is held, and end."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it ends, or has ended."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)
