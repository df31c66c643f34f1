"""A process told to stop ends well, and one whose part dies does not."""

import asyncio
import os
import signal

import pytest
from common import runtime
from common.settings import ServiceSettings
from local.servers import free_port
from starlette.applications import Starlette


class Quick:
    """A part that ends in the very turn of the loop in which it is told to."""

    name = "quick"
    trouble = None

    async def run(self, stopping: asyncio.Event) -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        await stopping.wait()


class Dying(Quick):
    """A part that ends though nobody told it to."""

    name = "dying"

    async def run(self, stopping: asyncio.Event) -> None:
        assert not stopping.is_set()


async def _serve(part: runtime.Part) -> None:
    settings = ServiceSettings(
        port=free_port(),
        operations_port=free_port(),
        database_web_url="postgresql://127.0.0.1:1/unused",
        database_flow_url="postgresql://127.0.0.1:1/unused",
        broker_url="amqp://127.0.0.1:1/",
    )
    try:
        async with asyncio.timeout(20):
            await runtime.serve(Starlette(), settings, [part])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_part_that_ends_as_soon_as_it_is_told_to_is_no_fault() -> None:
    await _serve(Quick())


async def test_a_part_that_ends_by_itself_ends_the_process() -> None:
    with pytest.raises(SystemExit, match="dying ended by itself"):
        await _serve(Dying())
