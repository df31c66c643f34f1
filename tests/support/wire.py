"""Certificates to show and to be shown, and a service that is called with them."""

import asyncio
import os
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from common.auth import Identity, IdentitySigner, IdentityVerifier, generate_identity_key
from common.certificates import Pair, make_certificate
from common.runtime import serve
from common.settings import ServiceSettings
from common.tls import FILES, Tls
from common.web import create_app
from local.servers import free_port

HERE = "127.0.0.1"
NOWHERE: dict[str, Any] = {
    "database_web_url": "postgresql://127.0.0.1:1/x",
    "database_flow_url": "postgresql://127.0.0.1:1/x",
    "broker_url": "amqp://127.0.0.1:1/",
}


@dataclass(frozen=True)
class Authority:
    """One that our processes trust, and one that they do not."""

    folder: Path
    ours: Pair
    theirs: Pair

    def shows(self, pair: Pair) -> ssl.SSLContext:
        """A server's context with this certificate, that takes what it gets."""
        for name, text in (("shown.crt", pair.certificate), ("shown.key", pair.key)):
            (self.folder / name).write_text(text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "shown.crt", self.folder / "shown.key")
        return context

    def own(self, names: tuple[str, ...], *, is_caller: bool = False, signer: Pair | None = None) -> Path:
        """A folder with a certificate as a service has it; `signer` is who signed it, ours if not given."""
        pair = make_certificate(signer or self.ours, names, is_caller=is_caller)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for name, text in zip(
            FILES.values(), (self.ours.certificate, pair.certificate, pair.key), strict=True
        ):
            (folder / name).write_text(text)
        return folder


def tls_of(folder: Path) -> Tls:
    """TLS with the certificate in this folder."""
    return Tls(*(folder / name for name in FILES.values()))


def own_files(folder: Path) -> dict[str, Any]:
    """The settings of TLS for a process whose certificate lies in this folder."""
    return {f"tls_{kind}_file": folder / name for kind, name in FILES.items()}


@asynccontextmanager
async def service_at_work(
    authority: Authority, *, is_tls: bool = True
) -> AsyncIterator[tuple[int, dict[str, str]]]:
    """A service with one route behind its front, and what it takes as a signed identity."""
    private, public = generate_identity_key()
    port = free_port()
    settings = ServiceSettings(
        **NOWHERE,
        **(own_files(authority.own(("intake", HERE))) if is_tls else {}),
        port=port,
        operations_port=free_port(frozenset({port})),
    )
    app = create_app("intake", IdentityVerifier("intake", {"k1": public}))
    running = asyncio.create_task(serve(app, settings))
    token = IdentitySigner("k1", private).sign(Identity("veldstad"), "intake")
    try:
        for _ in range(100):
            with suppress(OSError):
                (await asyncio.open_connection(HERE, port))[1].close()
                break
            await asyncio.sleep(0.05)
        yield port, {"Authorization": f"Bearer {token}"}
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # the service has set its own handler for it
        await asyncio.wait_for(running, 20)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


async def answers(url: str, context: ssl.SSLContext | bool, headers: dict[str, str]) -> bool:
    """Whether a service says anything at all to who calls with this context."""
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=timeout) as client:
        try:
            async with client.get(f"{url}/api/v1/openapi.json", headers=headers) as answer:
                return answer.status > 0
        except (aiohttp.ClientError, TimeoutError):
            return False
