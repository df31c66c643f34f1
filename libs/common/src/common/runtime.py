"""One process of a service: its API, its operations port and its parts, started and stopped together."""

import asyncio
import signal
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from common import memory
from common.addresses import is_local
from common.callers import only_from
from common.log import get_logger
from common.operations import operations_app
from common.settings import ServiceSettings

log = get_logger()


class Part(Protocol):
    """Something that runs as long as the process does: a relay, a consumer, a timer."""

    name: str

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; heal by itself."""


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling: the runtime stops everything in order."""

    def install_signal_handlers(self) -> None:
        """Left to the runtime."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Left to the runtime."""
        return nullcontext()


async def serve(
    app: ASGIApp,
    settings: ServiceSettings,
    parts: Sequence[Part] = (),
    *,
    on_start: Callable[[], Awaitable[None]] | None = None,
    on_stop: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT: first stop accepting, then finish what is in hand, then close.

    A part that ends with an error ends the process; its supervisor starts it anew. Requests come over TLS
    where there is a certificate; without one only from this machine (`SystemExit`). The operations port is
    plain: what it tells is no secret, and probes come without certificates.
    """
    context = _server_context(settings)
    parts = (*parts, settings.tls) if settings.tls.has_files else parts
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if on_start:
        await on_start()
    memory.settle()
    servers = [
        _server(
            app,
            settings.host,
            settings.port,
            settings.shutdown_seconds,
            context=context,
            callers=settings.tls_callers,
        ),
        _server(operations_app(parts), settings.host, settings.operations_port, 1),
    ]
    tasks: list[asyncio.Task[None]] = [
        asyncio.create_task(_serve(server), name="server") for server in servers
    ]
    tasks += [asyncio.create_task(part.run(stopping), name=part.name) for part in parts]
    watch = asyncio.create_task(_wait(stopping), name="stopping")
    log.info("process.started", port=settings.port, operations_port=settings.operations_port)
    done, _ = await asyncio.wait({watch, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    await _end(servers, tasks, settings.shutdown_seconds)
    if on_stop:
        await on_stop()
    log.info("process.stopped")
    for task in done - {watch}:
        task.result()
        if watch not in done:  # a part may end in the same turn of the loop in which it was told to
            raise SystemExit(f"{task.get_name()} ended by itself")


async def _end(
    servers: Sequence[uvicorn.Server], tasks: Sequence["asyncio.Task[None]"], seconds: float
) -> None:
    """Let what is in hand finish, and give up what has not by then."""
    for server in servers:
        server.should_exit = True
    _, unfinished = await asyncio.wait(tasks, timeout=seconds)
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)


async def _wait(stopping: asyncio.Event) -> None:
    await stopping.wait()


async def _serve(server: uvicorn.Server) -> None:
    await server.serve()


def _server_context(settings: ServiceSettings) -> ssl.SSLContext | None:
    """What requests are answered with, or None: in clear, to this machine or where it was asked for."""
    if settings.answers_in_clear:
        return None
    if settings.tls.has_certificate:
        return settings.tls.server(asks=bool(settings.tls_callers))
    if is_local(settings.host):
        return None
    raise SystemExit(
        "VERMOEDEN_TLS_CERTIFICATE_FILE: a process that is reached from elsewhere (VERMOEDEN_HOST) needs a"
        " certificate and VERMOEDEN_TLS_KEY_FILE its key; `python -m common.provisioning secrets` makes both."
    )


def _server(
    app: ASGIApp,
    host: str,
    port: int,
    shutdown_seconds: float,
    *,
    context: ssl.SSLContext | None = None,
    callers: tuple[str, ...] = (),
) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=only_from(callers) if context and callers else "auto",
            ssl_context_factory=(lambda _config, _default: context) if context else None,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            lifespan="off",
            timeout_graceful_shutdown=int(shutdown_seconds),
            timeout_keep_alive=30,
        )
    )


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a process's main coroutine on uvloop."""
    import uvloop  # noqa: PLC0415 -- only a serving process needs it

    memory.bound_arenas()
    uvloop.run(main())  # type: ignore[arg-type]
