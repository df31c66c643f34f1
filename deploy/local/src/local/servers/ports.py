"""Picks loopback ports that nothing else uses, and keeps them the same from start to start."""

import fcntl
import os
import random
import socket
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from local.servers.errors import PortTaken

LOOPBACK = "127.0.0.1"

# Below the range that Linux hands out for outgoing connections (32768 and up): a remembered port
# is not lost to a passing client between two starts.
_RANGE = range(20_000, 32_000)
_RELEASE_SECONDS = 10.0
_CLAIMS = Path(tempfile.gettempdir()) / f"vermoeden-ports-{os.getuid()}"

_ours: set[int] = set()


def is_free(port: int) -> bool:
    """True when a server could listen on this loopback port now (closing connections do not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(avoid: frozenset[int] = frozenset()) -> int:
    """Return a random free loopback port that is not in `avoid`.

    It is this process's for as long as it lives: no other call by this user gives it out, though nobody
    listens on it yet.
    """
    for _ in range(1_000):
        port = random.choice(_RANGE)  # noqa: S311 - spreads parallel starts, guards nothing
        if port not in avoid and port not in _ours and _claim(port) and is_free(port):
            return port
    raise PortTaken(f"No free port was found between {_RANGE.start} and {_RANGE.stop} on {LOOPBACK}.")


def settle_ports(
    fixed: Mapping[str, int | None], remembered: Mapping[str, int], *, may_move: bool
) -> dict[str, int]:
    """Return a free port per name: the fixed one, else the remembered one, else a new one.

    A taken port that was fixed is `PortTaken`; one that was only remembered is replaced. When not
    `may_move` every port must stay: it is waited for up to 10 seconds, because the server that had
    it may just be ending, and then it is `PortTaken`.
    """
    settled: dict[str, int] = {}
    for name, wanted in fixed.items():
        port = wanted or remembered.get(name)
        if port is not None and (wanted is not None or not may_move):
            _wait_until_free(port, name, 0.0 if may_move else _RELEASE_SECONDS)
        elif port is None or not (_claim(port) and is_free(port)):
            port = free_port(frozenset([*settled.values(), *remembered.values()]))
        settled[name] = port
    return settled


def _claim(port: int) -> bool:
    """Make it this process's until it ends; false when it is another's."""
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    _ours.add(port)
    return True


@cache
def _claims() -> int:
    """A file of which a process locks one byte for each port. It stays open: closing it gives all back."""
    return os.open(_CLAIMS, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _wait_until_free(port: int, name: str, wait_seconds: float) -> None:
    give_up_at = time.monotonic() + wait_seconds
    while not is_free(port):
        if time.monotonic() >= give_up_at:
            raise PortTaken(f"Port {port} ({name}) on {LOOPBACK} is in use by another program.")
        time.sleep(0.05)
