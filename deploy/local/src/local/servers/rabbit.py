"""A private RabbitMQ node with the management plugin: own cookie, own epmd, loopback only."""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import ClassVar

from common.broker_log import COMMANDS, LOG_BYTES
from common.tls import Tls

from local.servers.errors import ProgramMissing
from local.servers.folder import Memory
from local.servers.ports import LOOPBACK
from local.servers.processes import Child
from local.servers.server import PrivateServer

OLDEST_VERSION = (3, 10)

_PLUGINS = ("rabbitmq_management", "rabbitmq_shovel", "rabbitmq_shovel_management")

#: Events that were heard leave the disk when this much more was written, or so many commands came to their
#: queue: `common.messaging.padding` sees to both every day. RabbitMQ's own are 64 MiB and 8,192 commands.
_ADVANCED = f"[{{rabbit, [{{quorum_snapshot_interval, {COMMANDS}}}]}}].\n"

_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"

_CONFIGURATION = """\
# Written at every start by local.servers; a change made here is lost.
{listeners}
load_definitions = {folder}/definitions.json
disk_free_limit.absolute = 200MB
vm_memory_high_watermark.absolute = 1GB
raft.wal_max_size_bytes = {wal_bytes}
# As much as an event may have. RabbitMQ 3.10 looks at it once it has put the message together.
max_message_size = 65536
tcp_listen_options.backlog = 128
tcp_listen_options.nodelay = true
tcp_listen_options.linger.on = true
tcp_listen_options.linger.timeout = 0
tcp_listen_options.exit_on_close = false
# Whoever is gone without a word is seen to be, also where the client wants no heartbeat.
tcp_listen_options.keepalive = true
log.file.rotation.size = 10485760
log.file.rotation.count = 3
log.connection.level = warning
"""


_IN_CLEAR = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}"""
_OVER_TLS = """\
listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:{amqp}
ssl_options.cacertfile = {certificates}/ca.crt
ssl_options.certfile = {certificates}/tls.crt
ssl_options.keyfile = {certificates}/tls.key
ssl_options.verify = verify_none
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
management.ssl.ip = 127.0.0.1
management.ssl.port = {management}
management.ssl.cacertfile = {certificates}/ca.crt
management.ssl.certfile = {certificates}/tls.crt
management.ssl.keyfile = {certificates}/tls.key
management.ssl.versions.1 = tlsv1.3
management.ssl.versions.2 = tlsv1.2"""


class PrivateRabbit(PrivateServer):
    """RabbitMQ 3.10 or newer as a direct child, so that `pid` is the broker itself."""

    name: ClassVar[str] = "RabbitMQ"
    _ready_seconds: ClassVar[float] = 90.0

    def __init__(
        self,
        folder: Path,
        amqp_port: int | None = None,
        management_port: int | None = None,
        certificates: Path | None = None,
    ) -> None:
        """`folder` is made at the first start; a port None means a free one that is remembered.

        `certificates`: a folder with ca.crt, tls.crt and tls.key; both ports then speak TLS only.
        """
        self._certificates = certificates
        fixed = {"amqp": amqp_port, "management": management_port, "distribution": None, "epmd": None}
        super().__init__(folder, fixed)

    @property
    def amqp_url(self) -> str:
        """URL of the administrator on the default virtual host."""
        scheme = "amqps" if self._certificates else "amqp"
        return f"{scheme}://{self.admin_user}:{self.admin_password}@{self.host}:{self._port('amqp')}/"

    @property
    def management_url(self) -> str:
        """Base URL of the management API, without credentials."""
        return f"http{'s' if self._certificates else ''}://{self.host}:{self._port('management')}"

    def _first_memory(self) -> Memory:
        return {"node": f"r{secrets.token_hex(4)}@localhost", "cookie": secrets.token_hex(20)}

    def _prepare(self) -> None:
        self.folder.chmod(0o700)
        for name in ("conf.d", "log", "mnesia"):
            (self.folder / name).mkdir(exist_ok=True)
        self._write_private(".erlang.cookie", str(self._recalled("cookie")), mode=0o400)
        self._write_private("enabled_plugins", f"[{','.join(_PLUGINS)}].\n")
        self._write_private("advanced.config", _ADVANCED)
        self._write_private("definitions.json", json.dumps(self._definitions()))
        listeners = (_OVER_TLS if self._certificates else _IN_CLEAR).format(
            amqp=self._port("amqp"), management=self._port("management"), certificates=self._certificates
        )
        text = _CONFIGURATION.format(listeners=listeners, folder=self.folder, wal_bytes=LOG_BYTES)
        self._write_private("rabbitmq.conf", text)

    def _write_private(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write(text)

    def _definitions(self) -> dict[str, object]:
        """The administrator; with a user defined the broker makes no `guest`."""
        return {
            "vhosts": [{"name": "/"}],
            "users": [
                {
                    "name": self.admin_user,
                    "password_hash": _password_hash(self.admin_password),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "administrator",
                }
            ],
            "permissions": [
                {"user": self.admin_user, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
            ],
        }

    def _launch(self) -> Child:
        server, epmd = _find_server(), _find_epmd()
        name_server = Child(
            [str(epmd), "-port", str(self._port("epmd")), "-address", LOOPBACK],
            environment=_base_environment(),
            log=self.folder / "epmd.log",
            death_signal="KILL",
        )
        self._companions.append(name_server)
        # On our death SIGKILL: an orderly end could hang, and what was confirmed is on disk.
        return Child(
            [str(server), "-noinput"], environment=self._environment(), log=self.log, death_signal="KILL"
        )

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        return {
            **_base_environment(),
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._port("epmd")),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODENAME": str(self._recalled("node")),
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self._port("amqp")),
            "RABBITMQ_DIST_PORT": str(self._port("distribution")),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
            "RABBITMQ_PID_FILE": str(folder / "rabbit.pid"),
            # The start script then becomes the broker, so that signals reach the right process.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
            "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _is_ready(self) -> bool:
        context = Tls(self._certificates / "ca.crt").client() if self._certificates else None
        amqp = speaks_amqp(self.host, self._port("amqp"), context)
        return amqp and speaks_http(f"{self.management_url}/", context)


def _password_hash(password: str) -> str:
    """RabbitMQ's own form: base64(salt + sha256(salt + password)) with a salt of 4 bytes."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _base_environment() -> dict[str, str]:
    """Nothing of ours leaks in: a RABBITMQ_… variable of another broker would redirect this one."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _find_server() -> Path:
    """The newest server script; not Debian's wrapper on the PATH, which insists on its own account."""
    found = list(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    on_path = shutil.which("rabbitmq-server")
    if on_path and Path(on_path).resolve().parents[1].name.startswith("rabbitmq_server-"):
        found.append(Path(on_path).resolve())
    usable = [path for path in found if _version(path) >= OLDEST_VERSION]
    if not usable:
        oldest = ".".join(map(str, OLDEST_VERSION))
        raise ProgramMissing(
            f"RabbitMQ {oldest} or newer is not on this machine; run: apt-get install rabbitmq-server"
        )
    return max(usable, key=_version)


def _version(script: Path) -> tuple[int, ...]:
    number = script.parents[1].name.removeprefix("rabbitmq_server-")
    return tuple(int(part) for part in number.split(".") if part.isdigit())


def _find_epmd() -> Path:
    on_path = shutil.which("epmd")
    if on_path:
        return Path(on_path)
    for path in sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"), reverse=True):
        return path
    raise ProgramMissing("Erlang's epmd is not on this machine; run: apt-get install rabbitmq-server")


def speaks_amqp(host: str, port: int, context: ssl.SSLContext | None = None) -> bool:
    """The broker opens this port last, and answers the protocol header (AMQP 0-9-1 § 4.2.2)."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
        connection = opened.enter_context(socket.create_connection((host, port), timeout=2))
        if context:
            connection = opened.enter_context(context.wrap_socket(connection, server_hostname=host))
        connection.sendall(_AMQP_HEADER)
        return connection.recv(1) == _METHOD_FRAME
    return False


def speaks_http(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether the URL answers with 200."""
    handlers = [urllib.request.HTTPSHandler(context=context)] if context else []
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
    with contextlib.suppress(urllib.error.URLError, OSError), opener.open(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False
