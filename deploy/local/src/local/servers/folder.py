"""The folder of one private server: who holds it, what runs in it, what the next start must repeat."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import IO

from local.servers.errors import FolderInUse, FolderUnusable
from local.servers.processes import started_ticks

Memory = dict[str, str | int]

_ENDING_SECONDS = 10.0


class ServerFolder:
    """At most one process uses the folder at a time (`flock`, which the kernel frees when we die)."""

    def __init__(self, path: Path, server_name: str) -> None:
        self.path = path.absolute()
        self._server_name = server_name
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Hold the folder, made when absent; may be called again by the holder.

        Raises `FolderInUse` when another process holds it or a server still runs in it (a server
        whose starter has died gets 10 seconds to end), `FolderUnusable` when we may not write.
        """
        if self._lock is not None:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+", encoding="ascii")
        except OSError as error:
            raise FolderUnusable(
                f"{self.path} cannot be used by this account ({error.strerror}); "
                "remove the folder or choose another one."
            ) from error
        try:
            self._claim(lock)
            self._wait_for_earlier_server()
        except BaseException:
            lock.close()
            raise
        self._lock = lock

    def _claim(self, lock: IO[str]) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise FolderInUse(
                f"{self._server_name} in {self.path} is already in use by process "
                f"{lock.read().strip() or 'unknown'}; stop that one first, or choose another folder."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()

    def _wait_for_earlier_server(self) -> None:
        give_up_at = time.monotonic() + _ENDING_SECONDS
        while pid := self._earlier_server():
            if time.monotonic() > give_up_at:
                raise FolderInUse(
                    f"{self._server_name} of an earlier start still runs in {self.path} "
                    f"(process {pid}); end it with: kill {pid}"
                )
            time.sleep(0.05)

    def _earlier_server(self) -> int | None:
        """The process id that was noted, when the very same process is still alive."""
        noted = _read(self.path / "running.json")
        pid = int(noted.get("pid", 0))
        return pid if pid and started_ticks(pid) == noted.get("started") else None

    def note_server(self, pid: int) -> None:
        """Remember which process is the server, to recognise it after we died."""
        _write(self.path / "running.json", {"pid": pid, "started": started_ticks(pid) or 0})

    def release(self) -> None:
        """Let the folder go; the server has ended."""
        if self._lock is not None:
            (self.path / "running.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def recall(self) -> Memory:
        """What was remembered: ports, passwords, names; empty for a new folder."""
        return _read(self.path / "remembered.json")

    def remember(self, memory: Memory) -> None:
        """Keep this for the next start, readable by this account only."""
        if memory != self.recall():
            _write(self.path / "remembered.json", memory)


def _read(path: Path) -> Memory:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise FolderUnusable(f"{path} cannot be read ({error}); remove its folder.") from error
    return {str(name): value for name, value in content.items() if isinstance(value, str | int)}


def _write(path: Path, memory: Memory) -> None:
    """Replace the file whole, so that a kill midway leaves the old one."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(memory, file)
    fresh.replace(path)
