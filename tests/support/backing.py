"""The PostgreSQL and RabbitMQ behind the tests: containers, or private servers on this machine."""

import asyncio
import base64
import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor  # noqa: TID251 -- of a test
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import asyncpg
from common.messaging.management import PATIENCE
from local.servers import PrivatePostgres, PrivateRabbit

Result = TypeVar("Result")

CHOICE = "VERMOEDEN_TEST_BACKING"


class Server(Protocol):
    """One server that a test may end and bring back; address and data stay."""

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""

    def start(self) -> None:
        """Start it and wait until it answers; nothing when it runs."""


@dataclass(frozen=True)
class Backing:
    """Where the servers are, and who administers them."""

    kind: str
    admin_url: str
    amqp_url: str
    management_url: str
    rabbit_user: str
    rabbit_password: str


@dataclass(frozen=True)
class OwnBacking(Backing):
    """Servers that this process started, so that it may kill and restart them."""

    postgres: Server
    rabbit: Server


@contextmanager
def start_backing() -> Iterator[OwnBacking]:
    """Start both servers with empty data, and remove them with their data at the end.

    `VERMOEDEN_TEST_BACKING` forces `containers` or `native`; unset, containers are taken when an
    engine answers that has the images.
    """
    if chosen_kind(os.environ) == "containers":
        from tests.support.containers import start_containers  # noqa: PLC0415 - needs a Docker client

        with start_containers() as backing:
            yield backing
        return
    with _start_native() as backing:
        yield backing


def chosen_kind(environment: Mapping[str, str]) -> str:
    """Return `containers` or `native`; raises ValueError for another value of the variable."""
    forced = environment.get(CHOICE, "")
    if forced in {"containers", "native"}:
        return forced
    if forced:
        raise ValueError(f"{CHOICE} is '{forced}'; it must be 'containers' or 'native', or not be set.")
    from tests.support.containers import engine_has_images  # noqa: PLC0415 - needs a Docker client

    return "containers" if engine_has_images() else "native"


@contextmanager
def shared_backing(folder: Path) -> Iterator[Backing]:
    """One set of servers for all processes that name the same folder.

    The first to come starts it, and at its end waits until no other uses it any more; one that
    comes later starts a new set. A process that dies frees its claim (`flock`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "backing.json"
    with ExitStack() as stack:
        users = stack.enter_context((folder / "backing.users").open("a"))
        with _locked(folder / "backing.start"):
            if note.exists():
                backing = Backing(**json.loads(note.read_text(encoding="utf-8")))
                fcntl.flock(users, fcntl.LOCK_SH)
            else:
                own = stack.enter_context(start_backing())
                backing = Backing(**{field.name: getattr(own, field.name) for field in fields(Backing)})
                note.write_text(json.dumps(asdict(backing)), encoding="utf-8")
                stack.callback(_wait_for_users, folder, note)
        yield backing


def _wait_for_users(folder: Path, note: Path) -> None:
    with _locked(folder / "backing.start"):
        note.unlink(missing_ok=True)
    with _locked(folder / "backing.users"):
        return


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _start_native() -> Iterator[OwnBacking]:
    """Both at the same time: each spends its time waiting."""
    folder = Path(tempfile.mkdtemp(prefix="vermoeden-backing-"))
    postgres, rabbit = PrivatePostgres(folder / "postgres"), PrivateRabbit(folder / "rabbit")
    try:
        folder.chmod(0o711)
        with ThreadPoolExecutor(2) as starters:
            for start in [starters.submit(server.start) for server in (postgres, rabbit)]:
                start.result()
        yield OwnBacking(
            kind="native",
            admin_url=postgres.admin_url,
            amqp_url=rabbit.amqp_url,
            management_url=rabbit.management_url,
            rabbit_user=rabbit.admin_user,
            rabbit_password=rabbit.admin_password,
            postgres=postgres,
            rabbit=rabbit,
        )
    finally:
        with ThreadPoolExecutor(2) as enders:
            for end in [enders.submit(server.erase) for server in (postgres, rabbit)]:
                end.result()
        shutil.rmtree(folder, ignore_errors=True)


def fresh_vhost(backing: Backing, prefix: str = "test") -> str:
    """Make an empty virtual host with full rights for the administrator; return its AMQP URL."""
    name = f"{prefix}-{secrets.token_hex(6)}"
    manage(backing, "PUT", f"/vhosts/{quote(name, safe='')}", {})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    manage(backing, "PUT", f"/permissions/{quote(name, safe='')}/{backing.rabbit_user}", everything)
    return f"{backing.amqp_url.rstrip('/')}/{quote(name, safe='')}"


def settle_new_queues() -> None:
    """Call between declaring a quorum queue and killing the broker.

    RabbitMQ writes the name of a new quorum queue to disk up to a second after it was declared. A
    broker that is killed before (seen at 0.7 s on 3.10, never at 1.2 s) starts the queue as a new
    one, empty and without a leader for good (rabbitmq-server issue 15725). Nothing tells when the
    name is written, hence a plain wait.
    """
    time.sleep(2)


def manage(backing: Backing, method: str, path: str, body: object = None) -> Any:
    """Call the management API below `/api`; return what it answers, None for an empty answer.

    Raises `urllib.error.HTTPError` when the broker refuses.
    """
    credentials = f"{backing.rabbit_user}:{backing.rabbit_password}".encode()
    request = urllib.request.Request(  # noqa: S310 - our own http address
        f"{backing.management_url}/api{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Basic " + base64.b64encode(credentials).decode(),
            "Content-Type": "application/json",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def fresh_database(backing: Backing, prefix: str = "test") -> str:
    """Make an empty database; return its URL for the superuser. Usable inside a running loop."""
    name = f"{prefix}_{secrets.token_hex(6)}"
    run_apart(_execute(backing.admin_url, f'create database "{name}"'))
    return f"{backing.admin_url.rpartition('/')[0]}/{name}"


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=PATIENCE)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def run_apart(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end in a loop and thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
