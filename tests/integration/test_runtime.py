"""A process told to stop ends well, and one whose part dies does not."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from common import runtime
from common.certificates import make_authority, make_certificate
from common.connections import Guard
from common.settings import ServiceSettings
from common.tls import FILES, Tls
from gateway.settings import GatewaySettings
from local.servers import free_port
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.polling import wait_until


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


def _settings() -> dict[str, Any]:
    return {
        "port": free_port(),
        "operations_port": free_port(),
        "database_web_url": "postgresql://127.0.0.1:1/unused",
        "database_flow_url": "postgresql://127.0.0.1:1/unused",
        "broker_url": "amqp://127.0.0.1:1/",
    }


class Asking(Quick):
    """A part that asks its own process something, as a client would."""

    name = "asking"

    def __init__(self, port: int) -> None:
        self._port = port

    async def run(self, stopping: asyncio.Event) -> None:
        await wait_until(self._is_answered, seconds=10)
        await super().run(stopping)

    async def _is_answered(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:  # the server still starts
            return False
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        answer = await reader.readuntil(b"\r\n")
        writer.close()
        return answer.startswith(b"HTTP/1.1 ")


class Told:
    """A network by another name than any address has."""

    header = b""

    def are_at(self, _peer: str, /) -> bool:
        return False

    def network(self, _peer: str, _written: Sequence[str], /) -> str:
        return "told by the guard"


async def _serve(
    part: runtime.Part,
    settings: ServiceSettings | None = None,
    app: ASGIApp | None = None,
    guard: Guard | None = None,
) -> None:
    settings = settings or ServiceSettings(**_settings())
    try:
        async with asyncio.timeout(20):
            await runtime.serve(app or Starlette(), settings, [part], guard=guard)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_part_that_ends_as_soon_as_it_is_told_to_is_no_fault() -> None:
    await _serve(Quick())


async def test_a_part_that_ends_by_itself_ends_the_process() -> None:
    with pytest.raises(SystemExit, match="dying ended by itself"):
        await _serve(Dying())


async def test_a_process_goes_by_the_guard_that_it_was_given() -> None:
    """An empty guard, as each is at the start, counts too: its networks are those that requests come from."""
    settings = ServiceSettings(**_settings())
    seen: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"])
        await Response()(scope, receive, send)

    await _serve(Asking(settings.port), settings, app, Guard(networks=Told()))
    assert seen == [("told by the guard", 0)]


@pytest.mark.parametrize("is_plain", [True, False])
async def test_certificates_are_looked_after_also_where_the_door_is_plain(
    tmp_path: Path, is_plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority()
    pair = make_certificate(authority, ("gateway",), is_caller=True)
    for name, text in zip(FILES.values(), (authority.certificate, pair.certificate, pair.key), strict=True):
        (tmp_path / name).write_text(text)
    seen = []
    monkeypatch.setattr(Tls, "look", lambda _self: seen.append("looked"))
    own: dict[str, Any] = {f"tls_{kind}_file": tmp_path / name for kind, name in FILES.items()}
    door: Any = "none" if is_plain else "tls"
    settings = GatewaySettings(
        **_settings(), **own, identity_private_key="unused", voucher_keys={}, door_security=door
    )
    await _serve(Quick(), settings)
    assert seen
