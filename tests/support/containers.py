"""PostgreSQL 17 and RabbitMQ 4 in containers, for the tests."""

import asyncio
import contextlib
import os
import secrets
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from common.migration import SERVER_SETTINGS
from local.servers import free_port
from local.servers.ports import LOOPBACK
from local.servers.processes import started_ticks
from local.servers.rabbit import speaks_amqp, speaks_http

from tests.support.backing import OwnBacking, run_apart

POSTGRES_IMAGE = "postgres:17"
RABBIT_IMAGE = "rabbitmq:4-management"

# As `docker-compose.yml` has them: `rabbitmq-plugins` would take seconds, and leave a cookie of root's.
_PLUGINS = (Path(__file__).parents[2] / "deploy/compose/enabled_plugins").read_text(encoding="utf-8").strip()
_START = f"echo '{_PLUGINS}' >/etc/rabbitmq/enabled_plugins; exec docker-entrypoint.sh rabbitmq-server"

# What `migrate` asks of a server.
_SETTINGS = [word for name, fit in SERVER_SETTINGS.items() for word in ("-c", f"{name}={fit[0]}")]

_USER = "vermoeden_admin"
_ENGINE, _ENGINE_PORT = "unix:///var/run/docker.sock", 2375
_LABEL = "vermoeden.test.process"
_READY_SECONDS = 120.0


def engine_has_images(*, seconds: float = 10) -> bool:
    """Whether a Docker engine answers and has both images; nothing is downloaded to find out."""
    if not _engine_answers(os.environ.get("DOCKER_HOST", _ENGINE), seconds):
        return False
    import docker  # noqa: PLC0415 - slow to import, and only now needed
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        with contextlib.closing(docker.from_env(timeout=seconds)) as client:
            return all(client.images.get(name) for name in (POSTGRES_IMAGE, RABBIT_IMAGE))
    except DockerException:
        return False


def _engine_answers(address: str, seconds: float) -> bool:
    """Asked by hand first: the client leaves its socket open when it finds no engine behind an address."""
    place = urlsplit(address)
    if place.scheme not in {"unix", "tcp"}:
        return True  # another road, for example ssh: only the client knows it
    is_local = place.scheme == "unix"
    if is_local and not Path(place.path).exists():
        return False
    with socket.socket(socket.AF_UNIX if is_local else socket.AF_INET) as line, contextlib.suppress(OSError):
        line.settimeout(seconds)
        line.connect(place.path if is_local else (place.hostname or LOOPBACK, place.port or _ENGINE_PORT))
        if os.environ.get("DOCKER_TLS_VERIFY"):
            return True
        line.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
        return line.recv(5) == b"HTTP/"
    return False


class ContainerServer:
    """A server in a container that can be killed and started again on the same address."""

    def __init__(
        self,
        image: str,
        environment: dict[str, str],
        ports: list[int],
        command: str | None = None,
    ) -> None:
        # No reaper beside it: its image may not be there, and `_remove_leftovers` does its work.
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        if os.environ.get("DOCKER_HOST", "unix:").startswith("unix:"):
            # An engine of this machine: its published ports are on loopback, and nothing else is asked.
            os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
            os.environ.setdefault("TC_HOST", "127.0.0.1")
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - reads the settings

        self._container = DockerContainer(image, command=command)
        self._container.with_envs(**environment).with_kwargs(labels={_LABEL: _mark(os.getpid())})
        for port in ports:
            # A host port of our choice stays the same when the container is started again.
            self._container.with_bind_ports(port, free_port())
        self._is_ready: Callable[[], bool] = lambda: False

    def create(self, is_ready: Callable[[], bool]) -> None:
        """Make and start the container; `is_ready` may ask for addresses."""
        _remove_leftovers(self._container.get_docker_client().client)
        self._container.start()
        self._is_ready = is_ready
        self._wait_until_ready()

    def address(self, port: int) -> tuple[str, int]:
        """Host and port under which the container's port is reached."""
        return self._container.get_container_host_ip(), int(self._container.get_exposed_port(port))

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status == "running")

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""
        wrapped = self._container.get_wrapped_container()
        if self.is_running:
            wrapped.kill("SIGKILL")
        wrapped.wait(timeout=30)

    def start(self) -> None:
        """Start it and wait until it answers; nothing when it runs."""
        if not self.is_running:
            self._container.get_wrapped_container().start()
            self._wait_until_ready()

    def remove(self) -> None:
        """End it and remove it with its data."""
        self._container.stop()

    def _wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if not self.is_running or time.monotonic() > give_up_at:
                log = self._container.get_wrapped_container().logs(tail=15).decode(errors="replace")
                raise RuntimeError(f"The container of {self._container.image} did not get ready:\n{log}")
            time.sleep(0.1)


@contextmanager
def start_containers() -> Iterator[OwnBacking]:
    """Start both servers in containers, and remove them with their data at the end."""
    password = secrets.token_hex(16)
    with ExitStack() as stack:
        postgres = ContainerServer(
            POSTGRES_IMAGE,
            {"POSTGRES_USER": _USER, "POSTGRES_PASSWORD": password, "POSTGRES_DB": "postgres"},
            [5432],
            command=shlex.join(["postgres", "-c", "max_connections=200", *_SETTINGS]),
        )
        rabbit = ContainerServer(
            RABBIT_IMAGE,
            {"RABBITMQ_DEFAULT_USER": _USER, "RABBITMQ_DEFAULT_PASS": password},
            [5672, 15672],
            command=shlex.join(["sh", "-c", _START]),
        )
        for server in (postgres, rabbit):
            stack.callback(server.remove)
        postgres.create(lambda: _answers(_postgres_url(postgres, password)))
        rabbit.create(lambda: speaks_amqp(*rabbit.address(5672)) and speaks_http(_management_url(rabbit)))
        host, port = rabbit.address(5672)
        yield OwnBacking(
            kind="containers",
            admin_url=_postgres_url(postgres, password),
            amqp_url=f"amqp://{_USER}:{password}@{host}:{port}/",
            management_url=_management_url(rabbit),
            rabbit_user=_USER,
            rabbit_password=password,
            postgres=postgres,
            rabbit=rabbit,
        )


def _postgres_url(server: ContainerServer, password: str) -> str:
    host, port = server.address(5432)
    return f"postgresql://{_USER}:{password}@{host}:{port}/postgres"


def _management_url(server: ContainerServer) -> str:
    host, port = server.address(15672)
    return f"http://{host}:{port}"


def _answers(url: str) -> bool:
    async def ask() -> None:
        connection = await asyncpg.connect(url, timeout=2)
        await connection.close()

    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.TimeoutError):
        run_apart(ask())
        return True
    return False


def _remove_leftovers(client: Any) -> None:
    """Remove the containers of test runs on this machine that were killed."""
    from docker.errors import APIError  # noqa: PLC0415 - slow to import, and only now needed

    for container in client.containers.list(all=True, filters={"label": _LABEL}, ignore_removed=True):
        host, pid, _ = container.labels[_LABEL].rsplit(":", 2)
        if host == os.uname().nodename and container.labels[_LABEL] != _mark(int(pid)):
            try:
                container.remove(force=True, v=True)
            except APIError as error:
                if error.status_code not in {404, 409}:  # another worker removed it, or is about to
                    raise


def _mark(pid: int) -> str:
    """Names a process of this machine for good: numbers are used again, starting times are not."""
    return f"{os.uname().nodename}:{pid}:{started_ticks(pid) or 'gone'}"
