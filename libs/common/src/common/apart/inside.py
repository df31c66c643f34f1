"""For the program that runs apart: it takes its bounds, loads what it needs, and shuts itself in.

Standard library only, so that it starts fast. The order matters: bounds, modules, walls, and only then a byte
of what is hostile.
"""

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from common.apart import landlock, seccomp

REFUSED, SHUT = 3, 4  # exit codes: with a reason on standard error; because a wall is missing
_NOBODY = 65534
_FIRST_TO_GO = 1000  # oom_score_adj; proc(5)
_LAST_IN_LINE = 19  # nice(2)
_DESCRIPTORS = 16  # open at once: the three pipes, and room for what libraries count
_MOST_DESCRIPTORS = 65_536  # looked for when what was inherited is closed
_SET_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 1, 4, 38  # prctl(2)
_NEW_NETWORK, _NEW_IPC = 0x40000000, 0x08000000  # unshare(2)
#: Codecs that Python looks for by name when a text first needs them.
_CODECS = ("ascii", "cp1252", "latin_1", "utf_8", "utf_16", "utf_16_be", "utf_16_le", "utf_32")


@dataclass(frozen=True)
class Walls:
    """What keeps the program in on this machine."""

    system_calls: bool  # seccomp: alone enough to open, look at, reach and start nothing
    names: bool  # Landlock: nothing opened, made, or reached by TCP, once more, by another part of the kernel
    user: bool  # it is not the user that started it, and not root

    def __str__(self) -> str:
        return ",".join(name for name, stands in vars(self).items() if stands)


class Cell:
    """The program's own side: `take_bounds`, then load modules, then `shut`."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """`arguments` as `common.apart.Program` gives them: MiB, seconds, whether walls are needed."""
        memory_mib, seconds, needs_walls = arguments[:3]
        self._memory_bytes = int(memory_mib) * 1024 * 1024
        self._seconds = int(seconds)
        self._needs_walls = needs_walls == "walls"
        self._parent = os.getppid()
        self._said = 2

    def take_bounds(self) -> None:
        """Memory, time, and nothing written, dumped or started; libraries have no one to speak to.

        Where memory is short the kernel ends this program first, and others compute before it.
        """
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
            score.write(str(_FIRST_TO_GO))
        os.nice(_LAST_IN_LINE)
        for limit, value in (
            (resource.RLIMIT_AS, self._memory_bytes),
            (resource.RLIMIT_CPU, self._seconds),
            (resource.RLIMIT_CORE, 0),  # a dump would hold what is read, in clear
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_NPROC, 0),
            (resource.RLIMIT_MEMLOCK, 0),
            (resource.RLIMIT_MSGQUEUE, 0),
        ):
            resource.setrlimit(limit, (value, value))
        os.closerange(3, min(os.sysconf("SC_OPEN_MAX"), _MOST_DESCRIPTORS))
        self._said = os.dup(2)  # a warning of a library must not fill the pipe, nor pass for a reason
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)
        os.close(silence)
        for name in _CODECS:
            "".encode(name)

    def shut(self) -> Walls:
        """Shut every wall that this kernel has. Ends the process where one is missing that is needed."""
        user = _become_nobody()
        libc = ctypes.CDLL(None, use_errno=True)
        for option, value in (
            (_SET_DEATH_SIGNAL, int(signal.SIGKILL)),
            (_SET_DUMPABLE, 0),
            (_SET_NO_NEW_PRIVILEGES, 1),
        ):
            libc.prctl(option, value, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(SHUT)  # it died before the kernel was told to let us die with it
        resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, _DESCRIPTORS))
        names = landlock.give_up_everything()
        walls = Walls(seccomp.allow_only_computing(), names, user)
        if self._needs_walls and not walls.system_calls:
            self.end(SHUT)
        return walls

    def end(self, code: int, reason: str = "") -> None:
        """Leave at once: no clean-up of a library may run on hostile data."""
        with contextlib.suppress(OSError):
            os.write(self._said, reason.encode())
        os._exit(code)


def _become_nobody() -> bool:
    """Whether the program is now a user with no rights; one that is not root stays who it is."""
    if os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(_NEW_NETWORK | _NEW_IPC)  # a second wall around the network, where root may make one
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        return False  # root without that right; the other walls hold all the same
    return True
