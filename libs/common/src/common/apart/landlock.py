"""Landlock (Linux 5.13 and later): a process gives up every right to open, make or remove things by name.

It is no wall by itself: looking at a name (stat), changing its mode, owner or times, UDP, unix sockets with a
path and new processes are beyond it.

Numbers and structures: include/uapi/linux/landlock.h; the calls have the same numbers on every architecture.
"""

import ctypes
import os

_CREATE, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
#: Access to files, by the version that brought it: reading to making, moving, cutting off, device control.
_FILES = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_NETWORK = {4: 0b11}  # binding and connecting TCP
_SCOPES = {6: 0b11}  # abstract unix sockets, and signals to processes outside


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def version() -> int:
    """The version that the running kernel offers; 0 when it has none or it is switched off."""
    return max(_syscall(_CREATE, None, 0, _ASK_VERSION), 0)


def give_up_everything() -> bool:
    """Let nothing be opened, made, connected to by TCP or signalled from here on; whether the kernel does so.

    No rule is added, so nothing is excepted. What is open stays open. Needs "no new privileges".
    """
    known = version()
    if not known:
        return False
    handled = _Ruleset(*(_sum(table, known) for table in (_FILES, _NETWORK, _SCOPES)))
    size = 8 if known < min(_NETWORK) else (16 if known < min(_SCOPES) else 24)
    ruleset = _syscall(_CREATE, ctypes.byref(handled), size, 0)
    if ruleset < 0:
        return False
    try:
        return _syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _sum(table: dict[int, int], known: int) -> int:
    return sum(rights for since, rights in table.items() if since <= known)


def _syscall(*arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(*(ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)))
