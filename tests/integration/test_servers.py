"""Private servers: what they promise about data, ports, crashes, and about clear refusals."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aio_pika
import asyncpg
import pytest
from local.servers import (
    FolderInUse,
    FolderUnusable,
    PortTaken,
    PrivatePostgres,
    PrivateRabbit,
    StartFailed,
    free_port,
)
from local.servers.processes import Child, started_ticks

from tests.support.backing import (
    Backing,
    OwnBacking,
    chosen_kind,
    fresh_database,
    fresh_vhost,
    manage,
    settle_new_queues,
    shared_backing,
)

QUEUE = "kept"
_NOBODY = 65534


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PrivatePostgres]:
    """A running private PostgreSQL."""
    server = PrivatePostgres(tmp_path / "postgres")
    server.start()
    yield server
    server.erase()


async def _ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def _put_message(url: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, QUEUE)


async def _read_message(url: str) -> bytes:
    """Take the message and give it back, asking anew on a new connection until there is an answer.

    RabbitMQ serves clients a moment before its quorum queues have a leader again; on 3.10 a
    `basic.get` that comes in between is never answered.
    """
    give_up_at = time.monotonic() + 30
    while True:
        try:
            return await _consume_one(url)
        except (TimeoutError, aio_pika.exceptions.AMQPError):
            if time.monotonic() > give_up_at:
                raise


async def _consume_one(url: str) -> bytes:
    async with asyncio.timeout(3), await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(QUEUE, passive=True)
        async with queue.iterator() as messages:
            async for message in messages:
                await message.nack()
                return message.body
    raise TimeoutError


def _wait_until(is_so: Callable[[], bool], within_seconds: float = 20) -> None:
    give_up_at = time.monotonic() + within_seconds
    while not is_so():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.02)


async def test_postgres_keeps_data_address_and_password_over_a_restart(postgres: PrivatePostgres) -> None:
    url = postgres.admin_url
    await _ask(url, "create table kept as select 7 as number")
    postgres.stop()
    assert postgres.pid is None
    again = PrivatePostgres(postgres.folder)
    again.start()
    try:
        assert again.admin_url == url
        assert await _ask(url, "select number from kept") == 7
    finally:
        again.stop()


async def test_postgres_comes_back_after_a_kill_with_what_was_committed(postgres: PrivatePostgres) -> None:
    await _ask(postgres.admin_url, "create table kept as select 7 as number")
    for _ in range(3):
        first = postgres.pid
        postgres.kill()
        assert not postgres.is_running
        postgres.start()
        assert postgres.pid != first
        assert await _ask(postgres.admin_url, "select number from kept") == 7


async def test_postgres_is_durable_and_reachable_with_its_password_only(postgres: PrivatePostgres) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await _ask(postgres.admin_url, f"select current_setting('{setting}')") == "on"
    assert await _ask(postgres.admin_url, "select current_setting('listen_addresses')") == "127.0.0.1"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _ask(postgres.admin_url.replace(postgres.admin_password, "guess"), "select 1")


async def test_a_failing_statement_leaves_no_value_in_the_log(postgres: PrivatePostgres) -> None:
    await _ask(postgres.admin_url, "create table people (name text primary key)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await _ask(postgres.admin_url, "insert into people values ('Jansje Verzonnen'), ('Jansje Verzonnen')")
    log = postgres.log.read_text(encoding="utf-8")
    assert "duplicate key" in log
    assert "Jansje" not in log


def test_starting_twice_does_nothing(postgres: PrivatePostgres) -> None:
    first = postgres.pid
    postgres.start()
    assert postgres.pid == first


def test_a_second_start_on_the_same_folder_is_refused_by_name(postgres: PrivatePostgres) -> None:
    with pytest.raises(FolderInUse, match=rf"PostgreSQL in .* already in use by process {os.getpid()};"):
        PrivatePostgres(postgres.folder).start()
    assert postgres.is_running


def test_a_server_that_outlived_its_starter_is_named_and_left_alone(
    postgres: PrivatePostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is free, as after the starter's death, but the noted process still lives."""
    monkeypatch.setattr("local.servers.folder._ENDING_SECONDS", 1.0)
    postgres._folder._lock.close()  # type: ignore[union-attr]
    with pytest.raises(FolderInUse, match=f"earlier start still runs .* kill {postgres.pid}"):
        PrivatePostgres(postgres.folder).start()
    assert postgres.is_running


def test_a_port_that_must_be_this_one_and_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = PrivatePostgres(tmp_path / "postgres", port=port)
        with pytest.raises(PortTaken, match=f"Port {port} .* in use by another program"):
            server.start()
        assert not server.is_running


def test_a_remembered_port_that_another_program_took_is_replaced(postgres: PrivatePostgres) -> None:
    port = postgres.port
    postgres.stop()
    with socket.create_server(("127.0.0.1", port)), PrivatePostgres(postgres.folder) as again:
        assert again.port != port


def test_damaged_data_end_in_an_error_with_the_end_of_the_log(postgres: PrivatePostgres) -> None:
    postgres.stop()
    (postgres.folder / "data" / "global" / "pg_control").unlink()
    with pytest.raises(StartFailed, match=r"(?s)ended with code .* ends with:.*pg_control"):
        postgres.start()
    assert postgres.pid is None


def test_data_of_another_version_are_not_touched(postgres: PrivatePostgres) -> None:
    postgres.stop()
    (postgres.folder / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(FolderUnusable, match="made by PostgreSQL 9"):
        postgres.start()


def test_erased_means_new_data(postgres: PrivatePostgres) -> None:
    before = postgres.admin_password
    postgres.erase()
    assert not postgres.folder.exists()
    postgres.start()
    assert postgres.admin_password != before


_STARTER = """
import signal, sys
from pathlib import Path
from local.servers import PrivatePostgres, PrivateRabbit
servers = [PrivatePostgres(Path(sys.argv[1])), PrivateRabbit(Path(sys.argv[2]))]
for server in servers:
    server.start()
print(*[server.pid for server in servers], *[c.pid for s in servers for c in s._companions], flush=True)
signal.pause()
"""


#: Tells the packages and modules outside the standard library that the starter needs.
_NEEDED = """
import sys
from pathlib import Path
before = set(sys.modules)
import local.servers
for name in {each.partition(".")[0] for each in set(sys.modules) - before}:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file and "site-packages" in file or name in ("local", "common"):
        print(Path(file).parent if Path(file).stem == "__init__" else file)
"""


def _copy_code(folder: Path) -> Path:
    """What the starter imports, where everybody can read it: this repository may lie in a closed folder."""
    told = subprocess.run([sys.executable, "-c", _NEEDED], capture_output=True, text=True, check=True)
    folder.mkdir()
    for each in map(Path, told.stdout.split()):
        if each.is_dir():
            shutil.copytree(each, folder / each.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(each, folder / each.name)
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an ordinary user can reach; `tmp_path` lies in one that is closed to others."""
    with tempfile.TemporaryDirectory(prefix="vermoeden-servers-") as name:
        if os.geteuid() == 0:
            os.chown(name, _NOBODY, _NOBODY)
        yield Path(name)


def test_a_program_that_steps_back_does_so_with_its_whole_session(tmp_path: Path) -> None:
    child = Child(["sleep", "60"], environment={**os.environ}, log=tmp_path / "log", death_signal="KILL")
    try:
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 0
        child.step_back(7)
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 7
        group = Path(f"/proc/{child.pid}/autogroup")
        assert not group.exists() or group.read_text().split()[-1] == "7"
    finally:
        child.kill()
    child.step_back(7)  # too late, and no error


def test_an_ordinary_user_can_start_both_and_they_die_with_their_starter(open_folder: Path) -> None:
    """The starter gets SIGKILL, so that nothing but the kernel can end its servers."""
    command = [sys.executable, "-c", _STARTER, str(open_folder / "postgres"), str(open_folder / "rabbit")]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--", *command]
    environment = {**os.environ, "PYTHONPATH": str(_copy_code(open_folder / "code"))}
    pids: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as starter:
        try:
            assert starter.stdout is not None
            pids = [int(pid) for pid in starter.stdout.readline().split()]
            assert len(pids) == 3, "PostgreSQL, RabbitMQ and its name server"
            assert all(started_ticks(pid) for pid in pids)
        finally:
            starter.kill()
    try:
        _wait_until(lambda: not any(started_ticks(pid) for pid in pids))
    finally:
        for pid in filter(started_ticks, pids):
            os.kill(pid, signal.SIGKILL)


async def test_rabbit_keeps_messages_and_address_over_restart_and_kill(tmp_path: Path) -> None:
    first = PrivateRabbit(tmp_path / "rabbit", amqp_port=free_port())
    with first:
        url = first.amqp_url
        await _put_message(url)
        with pytest.raises(FolderInUse, match=r"RabbitMQ in .* already in use"):
            PrivateRabbit(first.folder).start()
    assert first.pid is None
    second = PrivateRabbit(first.folder)
    with second:
        assert second.amqp_url == url
        assert second.management_url == first.management_url
        assert await _read_message(url) == b"kept"
        second.kill()
        assert not second.is_running
        second.start()
        assert await _read_message(url) == b"kept"


async def test_tests_get_databases_and_virtual_hosts_of_their_own(backing: Backing) -> None:
    databases = [fresh_database(backing, "own") for _ in range(2)]
    assert len(set(databases)) == 2
    for url in databases:
        assert await _ask(url, "select current_database()") == url.rpartition("/")[2]
    vhosts = [fresh_vhost(backing) for _ in range(2)]
    await _put_message(vhosts[0])
    assert await _read_message(vhosts[0]) == b"kept"
    names = {str(vhost["name"]) for vhost in manage(backing, "GET", "/vhosts")}
    assert {url.rpartition("/")[2] for url in vhosts} <= names


async def test_servers_behind_the_tests_can_be_killed_and_come_back(own_backing: OwnBacking) -> None:
    database, vhost = fresh_database(own_backing), fresh_vhost(own_backing)
    await _put_message(vhost)
    settle_new_queues()
    for server in (own_backing.postgres, own_backing.rabbit):
        server.kill()
        assert not server.is_running
        server.start()
        assert server.is_running
    assert await _ask(database, "select 1") == 1
    assert await _read_message(vhost) == b"kept"


def test_processes_that_name_the_same_folder_share_the_servers(tmp_path: Path) -> None:
    """As the workers of one run do; the first keeps the servers until the last has left."""
    with shared_backing(tmp_path) as first:
        with shared_backing(tmp_path) as second:
            assert second == first
            assert manage(second, "GET", "/overview")["management_version"]
        assert manage(first, "GET", "/vhosts")
    assert not (tmp_path / "backing.json").exists()


def test_an_unknown_choice_of_backing_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 'containers' or 'native'"):
        chosen_kind({"VERMOEDEN_TEST_BACKING": "podman"})
