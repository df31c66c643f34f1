"""CPU time and memory of processes, read from /proc: what holds on a noisy machine."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU seconds used so far by these processes and all their living descendants."""
    return sum(_own_cpu(pid) for pid in _with_descendants(roots))


def memory_mb(pid: int) -> float:
    """Resident memory of one process in MB (10⁶ bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no memory figure for process {pid}")


def _own_cpu(pid: int) -> float:
    fields = _stat(pid)
    # utime, stime and those of children that were waited for
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the name; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _with_descendants(roots: Iterable[int]) -> set[int]:
    parents = {
        int(entry.name): int(fields[1])
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and (fields := _stat(int(entry.name)))
    }
    wanted = set(roots)
    while True:
        more = {pid for pid, parent in parents.items() if parent in wanted} - wanted
        if not more:
            return wanted
        wanted |= more
