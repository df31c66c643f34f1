"""Waiting for something to become true, within a bound."""

import asyncio
from collections.abc import Awaitable, Callable


async def wait_until(
    condition: Callable[[], Awaitable[bool]],
    *,
    seconds: float = 20,
    pause_seconds: float = 0.1,
    what: str = "",
) -> None:
    """Return as soon as the condition holds; AssertionError when the time is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not await condition():
        if loop.time() > until:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        await asyncio.sleep(pause_seconds)
