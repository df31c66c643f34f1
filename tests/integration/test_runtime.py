"""A process told to stop ends well, and one whose part dies does not."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from common import runtime
from common.certificates import make_authority, make_certificate
from common.settings import ServiceSettings
from common.tls import FILES, Tls
from gateway.settings import GatewaySettings
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


def _settings() -> dict[str, Any]:
    return {
        "port": free_port(),
        "operations_port": free_port(),
        "database_web_url": "postgresql://127.0.0.1:1/unused",
        "database_flow_url": "postgresql://127.0.0.1:1/unused",
        "broker_url": "amqp://127.0.0.1:1/",
    }


async def _serve(part: runtime.Part, settings: ServiceSettings | None = None) -> None:
    settings = settings or ServiceSettings(**_settings())
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
