"""Starts a program that dies with us, watches it, and tells living processes from zombies."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

_KILL_SECONDS = 10.0
_STEP_BACK_TRIES = 20


@dataclass(frozen=True)
class Account:
    """The system account that a program runs as."""

    uid: int
    gid: int


def as_account(account: Account | None) -> list[str]:
    """Arguments for `setpriv` that drop to `account`; none when we stay who we are."""
    if account is None:
        return []
    return [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]


def started_ticks(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None when it is gone or a zombie.

    `kill(pid, 0)` is no proof of life: a dead orphan stays visible until process 1 reaps it.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # proc(5): the name in brackets may hold anything
    return None if fields[0] in "ZX" else int(fields[19])


class Child:
    """A running program in its own session, so that Ctrl-C reaches us first and not it.

    When this process ends in any way, SIGKILL included, the kernel sends `death_signal` to the
    program (PR_SET_PDEATHSIG, set by `setpriv` after it has changed the account, for a change of
    account clears it). The kernel does that when the starting *thread* ends, so each child has a
    thread of its own that lives as long as the child does.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        death_signal: str,
        account: Account | None = None,
    ) -> None:
        """Start the program; raises OSError when `setpriv` cannot be run."""
        wrapped = ["setpriv", "--pdeathsig", death_signal, *as_account(account), "--", *command]
        started: Future[subprocess.Popen[bytes]] = Future()
        self._ended = threading.Event()
        threading.Thread(
            target=self._live,
            args=(started, wrapped, dict(environment), log),
            name=f"child {Path(command[0]).name}",
            daemon=True,
        ).start()
        self._process = started.result()

    def _live(
        self,
        started: "Future[subprocess.Popen[bytes]]",
        command: list[str],
        environment: dict[str, str],
        log: Path,
    ) -> None:
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process)
        process.wait()
        self._ended.set()

    @property
    def pid(self) -> int:
        """The process id; `setpriv` becomes the program, so it is the program's own."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """False once the program has ended and has been reaped."""
        return not self._ended.is_set()

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.returncode if self._ended.is_set() else None

    def terminate(self, wait_seconds: float, ask_with: signal.Signals = signal.SIGTERM) -> None:
        """Ask the program to end, and kill it when it has not done so in time."""
        self._send(ask_with)
        if not self._ended.wait(wait_seconds):
            self.kill()

    def step_back(self, niceness: int) -> None:
        """Let others go before it while the processor is short: 0 to 19, as `nice`, for all its threads.

        Its whole session steps back, for under autogrouping (sched(7)) `nice` counts within a session only.
        """
        with contextlib.suppress(OSError):  # it has ended, or one of its threads has
            for thread in Path(f"/proc/{self.pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), niceness)
        _step_back_together(self.pid, niceness)

    def kill(self) -> None:
        """Send SIGKILL and wait until the program is gone."""
        self._send(signal.SIGKILL)
        self._ended.wait(_KILL_SECONDS)

    def _send(self, number: signal.Signals) -> None:
        if self.is_running:
            try:
                os.kill(self._process.pid, number)
            except ProcessLookupError:
                return


def _step_back_together(pid: int, niceness: int) -> None:
    for _ in range(_STEP_BACK_TRIES):
        try:
            Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")
        except BlockingIOError:  # an ordinary user may do so ten times a second
            time.sleep(0.1)
        except OSError:  # the kernel groups nothing, or the program has ended
            return
        else:
            return


def last_lines(log: Path, count: int = 15) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
