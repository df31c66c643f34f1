"""One process of a service: its API, its operations port and its parts, started and stopped together."""

import asyncio
import resource
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from common import memory
from common.addresses import is_local
from common.connections import Connection, Guard, Limits, Listener, bound
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


class Server(uvicorn.Server):
    """Uvicorn without its own signal handling and without its own door.

    The runtime stops everything in order, and a guard decides who comes in.
    """

    def __init__(self, config: uvicorn.Config, guard: Guard) -> None:
        super().__init__(config)
        self._guard = guard

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        watch = asyncio.create_task(self._guard.watch(), name="connections")
        try:
            await super()._serve(sockets)
        finally:
            watch.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Raises OSError when that is not possible."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit("The application did not start.")
        config = self.config
        listening = sockets or await bound(config.host, config.port)
        self.servers = [Listener(listening, self._guard, self._connection)]  # type: ignore[list-item]
        self.started = True

    def _connection(self, network: str, peer: str) -> Connection:
        state = self.lifespan.state
        return Connection(self._guard, self.config, self.server_state, state, network=network, peer=peer)

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
    guard: Guard | None = None,
    on_start: Callable[[], Awaitable[None]] | None = None,
    on_stop: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT: first stop accepting, then finish what is in hand, then close.

    `guard` bounds what a connection may cost; without one it is bounded as behind the gateway. A part that
    ends with an error ends the process; its supervisor starts it anew. Requests come over TLS where there is
    a certificate; without one only from this machine (`SystemExit`). The operations port is plain: what it
    tells is no secret, and probes come without certificates.
    """
    context = _server_context(settings)
    guard = Guard() if guard is None else guard  # `or` would take another: one without connections is empty
    parts = (*parts, settings.tls) if settings.tls.has_files else parts
    stopping = _stopping_on_signals()
    if on_start:
        await on_start()
    memory.settle()
    parts = (*parts, memory.Forgetting(settings.forget_seconds))
    servers = [
        _door(app, settings, guard, context),
        server_of(operations_app(parts), settings.host, settings.operations_port, Guard(), 1),
    ]
    tasks: list[asyncio.Task[None]] = [asyncio.create_task(each.serve(), name="server") for each in servers]
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
        _complain(task, was_told=watch in done)


def _stopping_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


def _door(app: ASGIApp, settings: ServiceSettings, guard: Guard, context: ssl.SSLContext | None) -> Server:
    return server_of(
        app,
        settings.host,
        settings.port,
        guard,
        settings.shutdown_seconds,
        context=context,
        callers=settings.tls_callers,
    )


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


def _complain(ended: "asyncio.Task[None]", *, was_told: bool) -> None:
    """Raise what a part ended with, or that it ended untold; both may come in the same turn of the loop."""
    ended.result()
    if not was_told:
        raise SystemExit(f"{ended.get_name()} ended by itself")


async def _wait(stopping: asyncio.Event) -> None:
    await stopping.wait()


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


def server_of(
    app: ASGIApp,
    host: str,
    port: int,
    guard: Guard,
    shutdown_seconds: float = 15,
    *,
    context: ssl.SSLContext | None = None,
    callers: tuple[str, ...] = (),
) -> Server:
    """A server whose connections are guarded; about who a client is it believes the guard alone.

    Over TLS with a `context`, and then only for callers whose certificate bears one of these names, if any.
    """
    guard.context, guard.callers = context, frozenset(callers) if context else frozenset()
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            date_header=True,
            lifespan="off",
            timeout_graceful_shutdown=int(shutdown_seconds),
        ),
        guard,
    )


def limits_within(limits: Limits) -> Limits:
    """The same, with no more connections, open or waiting, than half of the files that this process may have.

    The other half is for connections to services and databases. Lets the process have as many as it may.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = limits.most + limits.most_waiting
    most = limits.most
    if hard != resource.RLIM_INFINITY and room > hard // 2:
        most = hard // 2 * limits.most // room
    wanted = 2 * (most + replace(limits, most=most).most_waiting) + 1024
    wanted = min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return replace(limits, most=most)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a process's main coroutine on uvloop."""
    import uvloop  # noqa: PLC0415 -- only a serving process needs it

    memory.bound_arenas()
    uvloop.run(main())  # type: ignore[arg-type]
