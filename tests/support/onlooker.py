"""What hostile content would do to learn who else computes on the machine: run by `tests/attacks`.

Told by its arguments as any program apart, then how it is kept in, and JSON lists: processes of others, and
the ways to try (none: all). It says on standard output of each way whether it tells one of them from a number
that nobody has, or works at all.
"""

import ctypes
import json
import os
import sys
from collections.abc import Mapping

from common.apart import landlock, seccomp
from common.apart.inside import Cell

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_IS_ARM = os.uname().machine == "aarch64"
_NOBODY = (1 << 22) + 7  # beyond the most that a kernel gives (pid_max)
_ROOM = ctypes.create_string_buffer(4096)
_SOON = (ctypes.c_long * 2)(0, 1)  # a nanosecond
_WORD = ctypes.c_uint32()
_WHO, _CLOCK, _THREADS_CLOCK, _WRITTEN, _MEMORY, _TIME = (
    "who",
    "clock",
    "thread's clock",
    "word",
    "room",
    "soon",
)
_LIBRARY = "library"  # a page that every process has, as the C library's code

_Told = str | int
#: Ways to name a process: numbers on x86-64 and 64-bit ARM, and what is told.
_WAYS: Mapping[str, tuple[int, int, tuple[_Told, ...]]] = {
    "where it may compute": (204, 123, (_WHO, 128, _MEMORY)),
    "where it shall compute": (203, 122, (_WHO, 128, _MEMORY)),
    "its policy": (145, 120, (_WHO,)),
    "its urgency": (143, 121, (_WHO, _MEMORY)),
    "all of its policy": (315, 275, (_WHO, _MEMORY, 56, 0)),
    "set its policy": (144, 119, (_WHO, 0, _MEMORY)),
    "its turn": (148, 127, (_WHO, _MEMORY)),
    "its processor time": (228, 113, (_CLOCK, _MEMORY)),
    "its processor time in user mode": (228, 113, ("user clock", _MEMORY)),
    "its thread's processor time": (228, 113, (_THREADS_CLOCK, _MEMORY)),
    "how fine its clock is": (229, 114, (_CLOCK, _MEMORY)),
    "how fine its thread's clock is": (229, 114, (_THREADS_CLOCK, _MEMORY)),
    "wait by its clock": (230, 115, (_CLOCK, 1, _TIME, 0)),
    "set its clock": (227, 112, (_CLOCK, _MEMORY)),
    "correct its clock": (305, 266, (_CLOCK, _MEMORY)),
    "a timer on its clock": (222, 107, (_CLOCK, 0, _MEMORY)),
    "a timer of descriptors on its clock": (283, 85, (_CLOCK, 0)),
    "signal it": (62, 129, (_WHO, 0)),
    "signal its thread": (200, 130, (_WHO, 0)),
    "signal its thread within it": (234, 131, (_WHO, _WHO, 0)),
    "signal its thread within ours": (234, 131, ("self", _WHO, 0)),
    "queue it a signal": (129, 138, (_WHO, 0, _MEMORY)),
    "queue its thread a signal": (297, 240, (_WHO, _WHO, 0, _MEMORY)),
    "its limits": (302, 261, (_WHO, 7, 0, _MEMORY)),
    "set its limits": (302, 261, (_WHO, 7, _MEMORY, 0)),
    "its group": (121, 155, (_WHO,)),
    "join its group": (109, 154, (0, _WHO)),
    "its session": (124, 156, (_WHO,)),
    "how nice it is": (140, 141, (0, _WHO)),
    "make it nice": (141, 140, (0, _WHO, 19)),
    "its urgency at disks": (252, 31, (1, _WHO)),
    "set its urgency at disks": (251, 30, (1, _WHO, 0)),
    "its rights": (125, 90, ("rights", _MEMORY)),
    "a handle of it": (434, 434, (_WHO, 0)),
    "wait for it": (61, 260, (_WHO, 0, 1, 0)),
    "wait for it closely": (247, 95, (1, _WHO, _MEMORY, 5, 0)),
    "its robust locks": (274, 100, (_WHO, _MEMORY, _MEMORY)),
    "trace it": (101, 117, (0x4206, _WHO, 0, 0)),
    "compare with it": (312, 272, (_WHO, _WHO, 0, 0, 0)),
    "count its events": (298, 241, (_MEMORY, _WHO, -1, -1, 0)),
    "read its memory": (310, 270, (_WHO, _MEMORY, 1, _MEMORY, 1, 0)),
    "write its memory": (311, 271, (_WHO, _MEMORY, 1, _MEMORY, 1, 0)),
    "move its memory": (256, 238, (_WHO, 8, _MEMORY, _MEMORY)),
    "where its memory lies": (279, 239, (_WHO, 0, 0, 0, 0, 0)),
    "be its owner of a descriptor": (72, 25, (0, 8, _WHO)),
    "its name space": (308, 268, (_WHO, 0)),
    "a lock that it holds, tried": (202, 98, (_WRITTEN, 8, 0, _TIME)),
    "a lock that it holds, of our own": (202, 98, (_WRITTEN, 8 | 128, 0, _TIME)),
    "a lock that it holds, waited for": (202, 98, (_WRITTEN, 6 | 128, 0, _TIME)),
    "a newer lock that it holds": (202, 98, (_WRITTEN, 13 | 128, 0, _TIME)),
    # These name nobody: what they do reaches every process, or is told by what all others do.
    "rouse who waits in the same library": (202, 98, (_LIBRARY, 1, 1)),
    "interrupt every processor": (324, 283, (1, 0)),
    "interrupt every processor at once": (324, 283, (2, 0)),
    "share pages that are alike": (28, 233, (_LIBRARY, 4096, 12)),
    "push pages out of memory": (28, 233, (_LIBRARY, 4096, 21)),
    "which pages lie in memory": (27, 232, (_LIBRARY, 4096, _MEMORY)),
    "how busy the machine is": (99, 179, (_MEMORY,)),
    "the number of a pipe": (5, 80, (0, _MEMORY)),
    "the kernel's log": (103, 116, (10, 0, 0)),
    "who started it": (110, 173, ()),
}


def _value(told: _Told, pid: int) -> int:
    """An argument as the kernel gets it; a clock of a process as in include/linux/posix-timers_types.h."""
    if isinstance(told, int):
        return told
    memory = ctypes.addressof(_ROOM)
    if told == "rights":
        ctypes.memmove(_ROOM, bytes(ctypes.c_uint32(0x20080522)) + bytes(ctypes.c_int(pid)), 8)
        return memory
    if told == _WRITTEN:
        _WORD.value = pid
    places = {_WRITTEN: ctypes.addressof(_WORD), _MEMORY: memory + 64, _TIME: ctypes.addressof(_SOON)}
    library = ctypes.cast(_LIBC.getpid, ctypes.c_void_p).value or 0
    clocks = {"user clock": (~pid << 3) | 1, _CLOCK: (~pid << 3) | 2, _THREADS_CLOCK: (~pid << 3) | 6}
    own = {_WHO: pid, "self": os.getpid(), _LIBRARY: library & ~4095}
    return {**places, **clocks, **own}[told]


def _answer(way: str, pid: int) -> int:
    """What the kernel says: a number from 0, or the error below it."""
    intel, arm, told = _WAYS[way]
    ctypes.memset(_ROOM, 0, 512)
    arguments = [ctypes.c_long(_value(each, pid)) for each in told]
    result = int(_LIBC.syscall(ctypes.c_long(arm if _IS_ARM else intel), *arguments))
    return min(result, 0) if result >= 0 else -ctypes.get_errno()


def _tells(way: str, others: list[int]) -> bool:
    nobody = _answer(way, _NOBODY)
    return nobody == 0 or any(_answer(way, each) != nobody for each in others)


def main() -> None:
    """Shut in, then look around."""
    how, others, only = sys.argv[4], *(json.loads(each) for each in sys.argv[5:7])
    if how == "neither":
        landlock.give_up_everything = lambda: False
        seccomp.allow_only_computing = lambda: False
    cell = Cell(sys.argv[1:4])
    cell.take_bounds()
    cell.shut()
    seen = {way: _tells(way, others) for way in only or _WAYS}
    os.write(1, json.dumps(seen).encode())
    cell.end(0)


if __name__ == "__main__":
    main()
