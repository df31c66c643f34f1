"""What a private PostgreSQL and a private RabbitMQ have in common: start, ready, stop, kill."""

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from local.servers.errors import StartFailed
from local.servers.folder import Memory, ServerFolder
from local.servers.placement import erase
from local.servers.ports import LOOPBACK, settle_ports
from local.servers.processes import Child, last_lines

_LOG_LIMIT_BYTES = 10_000_000
_COMPANION_SECONDS = 5.0


class PrivateServer(ABC):
    """One server with its own data folder; one thread at a time calls its methods.

    Guarantee: after `start()` returned the server answers; after `stop()` nothing of it runs; when
    this process dies in any way the server ends too; data on disk survives all three.
    """

    name: ClassVar[str]
    admin_user: ClassVar[str] = "vermoeden_admin"
    host: ClassVar[str] = LOOPBACK
    _ready_seconds: ClassVar[float] = 60.0
    _stop_seconds: ClassVar[float] = 20.0

    def __init__(self, folder: Path, fixed_ports: Mapping[str, int | None]) -> None:
        self._folder = ServerFolder(folder, self.name)
        self._fixed_ports = dict(fixed_ports)
        self._memory: Memory = {}
        self._child: Child | None = None
        self._companions: list[Child] = []
        self._has_run = False

    @property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self._folder.path

    @property
    def log(self) -> Path:
        """The file with what the server wrote to its output."""
        return self.folder / "server.log"

    @property
    def admin_password(self) -> str:
        """Made at the first start, the same ever after."""
        return str(self._recalled("admin_password"))

    @property
    def pid(self) -> int | None:
        """The server's process id; None when it does not run."""
        return self._child.pid if self._child is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether the server process lives (it may be ending)."""
        return self._child is not None and self._child.is_running

    def start(self) -> None:
        """Start on new or existing data and wait until the server answers; nothing when it runs.

        The ports are those of the start before; they may only differ when this object has not
        run yet and another program took them. Raises a `ServerError`, and then nothing runs.
        """
        if self.is_running:
            return
        self._folder.take()
        try:
            self._end_companions()  # they outlive a killed server and would hold its ports
            self._settle()
            _limit_log(self.log)
            self._prepare()
            self._launch_until_ready()
        except BaseException:
            self.stop()
            raise
        self._has_run = True

    def stop(self) -> None:
        """End the server in order, by force after a bounded wait; nothing when it does not run."""
        try:
            if self._child is not None:
                self._end(self._child)
                self._child = None
            self._end_companions()
        finally:
            self._folder.release()

    def kill(self) -> None:
        """End the server at once with SIGKILL, as a crash would; `start()` brings it back."""
        if self._child is not None:
            self._child.kill()

    def erase(self) -> None:
        """Stop, then remove all data and what was remembered: the next start begins anew.

        Raises `FolderInUse` when another process uses the folder.
        """
        self.stop()
        self._folder.take()
        try:
            erase(self.folder)
        finally:
            self._folder.release()
        self._memory = {}
        self._has_run = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Make data and configuration files; called before every start."""

    @abstractmethod
    def _launch(self) -> Child:
        """Start the program."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether clients are served now."""

    def _end(self, child: Child) -> None:
        child.terminate(self._stop_seconds)

    def _end_companions(self) -> None:
        while self._companions:
            self._companions.pop().terminate(_COMPANION_SECONDS)

    def _port(self, name: str) -> int:
        return int(self._recalled(f"port_{name}"))

    def _recalled(self, name: str) -> str | int:
        if not self._memory:
            self._memory = self._folder.recall()
        if name not in self._memory:
            raise StartFailed(f"{self.name} in {self.folder} has not been started yet.")
        return self._memory[name]

    def _settle(self) -> None:
        memory = {"admin_password": secrets.token_hex(24), **self._first_memory(), **self._folder.recall()}
        remembered = {
            name: int(memory[f"port_{name}"]) for name in self._fixed_ports if f"port_{name}" in memory
        }
        ports = settle_ports(self._fixed_ports, remembered, may_move=not self._has_run)
        memory.update({f"port_{name}": port for name, port in ports.items()})
        self._folder.remember(memory)
        self._memory = memory

    def _first_memory(self) -> Memory:
        """What else is made once and kept."""
        return {}

    def _launch_until_ready(self) -> None:
        self._child = self._launch()
        self._folder.note_server(self._child.pid)
        give_up_at = time.monotonic() + self._ready_seconds
        while not self._is_ready():
            if not self._child.is_running:
                raise self._failed(f"ended with code {self._child.exit_code} while starting")
            if time.monotonic() > give_up_at:
                raise self._failed(f"was not ready within {self._ready_seconds:.0f} seconds")
            time.sleep(0.05)

    def _failed(self, what: str) -> StartFailed:
        return StartFailed(f"{self.name} {what}. Its log {self.log} ends with:\n{last_lines(self.log)}")


def _limit_log(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".old.log"))
