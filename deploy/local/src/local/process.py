"""One replica of a service as a process of ours: its ports, settings, log, and how it lives and dies."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from local.servers.errors import StartFailed
from local.servers.ports import LOOPBACK
from local.servers.processes import Child, last_lines

READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOG_LIMIT_BYTES = 20_000_000
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "PYTHONPATH")


class Process:
    """A service process; ends with us, whatever ends us. One thread at a time calls its methods."""

    def __init__(
        self,
        service: str,
        replica: int,
        *,
        port: int,
        operations_port: int,
        environment: Mapping[str, str],
        log: Path,
        niceness: int = 0,
    ) -> None:
        """`niceness`: how far it steps back for others once it is ready, while the processor is short."""
        self.service = service
        self.replica = replica
        self.port = port
        self.operations_port = operations_port
        self.log_path = log
        self._niceness = niceness
        self._environment = {
            "VERMOEDEN_HOST": LOOPBACK,
            "VERMOEDEN_PORT": str(port),
            "VERMOEDEN_OPERATIONS_PORT": str(operations_port),
            **environment,
        }
        self._child: Child | None = None

    @property
    def name(self) -> str:
        """As people see it: ``intake`` or ``intake-1``."""
        return self.service if self.replica == 0 else f"{self.service}-{self.replica}"

    @property
    def url(self) -> str:
        """Where its API answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def operations_url(self) -> str:
        """Where liveness, readiness and metrics answer."""
        return f"http://{LOOPBACK}:{self.operations_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment that its command line needs, for ``python -m <service> …`` beside it."""
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**kept, "PYTHONUNBUFFERED": "1", **self._environment}

    @property
    def pid(self) -> int:
        """The process id; raises `StartFailed` when it does not run."""
        if self._child is None or not self._child.is_running:
            raise StartFailed(f"{self.name} does not run")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._child is not None and self._child.is_running

    def launch(self) -> None:
        """Start it without waiting; nothing when it runs."""
        if self.is_running:
            return
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_LIMIT_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".old"))
        self._child = Child(
            [sys.executable, "-m", self.service, "serve"],
            environment=self.environment,
            log=self.log_path,
            death_signal="TERM",
        )

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it is ready for work; raises `StartFailed` with the end of its log."""
        until = time.monotonic() + seconds
        while not self.is_ready():
            if not self.is_running or time.monotonic() > until:
                state = "did not become ready" if self.is_running else "ended while it started"
                raise StartFailed(f"{self.name} {state}:\n{last_lines(self.log_path)}")
            time.sleep(0.05)
        if self._niceness and self._child is not None:
            self._child.step_back(self._niceness)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Ask it to finish what is in hand and end; nothing when it does not run."""
        if self._child is not None:
            self._child.terminate(_STOP_SECONDS)

    def kill(self) -> None:
        """End it at once with SIGKILL."""
        if self._child is not None:
            self._child.kill()

    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            with OPENER.open(f"{self.operations_url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
