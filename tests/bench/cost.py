"""CPU time and memory of processes, read from /proc: what holds on a noisy machine."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU seconds used so far by these processes and all their living descendants."""
    return sum(_own_cpu(pid) for pid in _with_descendants(roots))


def machine_cpu_seconds() -> float:
    """CPU seconds that all of the machine's cores were busy so far, whoever kept them so."""
    user, nice, system, _idle, _waiting, *rest = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, *rest))) / _TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of one process in MB (10⁶ bytes), pages that it shares with others included."""
    return _kilobytes(Path(f"/proc/{pid}/status"), ("VmRSS:",)) * 1024 / 1e6


def own_memory_mb(pid: int) -> float:
    """Resident memory that no other process shares, in MB (10⁶ bytes): what its end would give back."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), ("Private_Clean:", "Private_Dirty:")) * 1024 / 1e6


def _kilobytes(file: Path, names: tuple[str, ...]) -> int:
    lines = file.read_text().splitlines()
    found = [int(line.split()[1]) for line in lines if line.startswith(names)]
    if len(found) != len(names):
        raise RuntimeError(f"{file} does not tell {names}")
    return sum(found)


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
