"""A list of the system calls that a process may still make (seccomp with a filter, Linux 3.5 and later).

Everything else fails with EPERM: opening by name, sockets of any kind, other processes, new programs, memory
that runs. Calls of another architecture end the process. Structures: include/uapi/linux/{seccomp,filter}.h.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SET_SECCOMP, _FILTER = 22, 2  # prctl(2)
_KILL, _FAIL, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # the last but one is errno 1, EPERM
_LOAD, _IF_EQUAL, _IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in struct seccomp_data
_RUNS = 0x4  # PROT_EXEC
_FLAGS_OF_DESCRIPTORS = (1, 2, 3)  # F_GETFD, F_SETFD, F_GETFL
_WHOLE = 0xFFFFFFFF

#: What reading, computing and answering needs. By machine: the architecture and each call's number. None
#: takes a name: newfstatat and statx are not here, for no flag of theirs forbids one. Where a C library uses
#: them for fstat, Python goes on without the answer.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PLAIN: Mapping[str, Mapping[str, int | None]] = {
    name: {"x86_64": intel, "aarch64": arm}
    for name, intel, arm in (
        *(("read", 0, 63), ("write", 1, 64), ("readv", 19, 65), ("writev", 20, 66), ("pread64", 17, 67)),
        *(("close", 3, 57), ("fstat", 5, 80), ("lseek", 8, 62), ("poll", 7, None), ("ppoll", 271, 73)),
        *(("brk", 12, 214), ("munmap", 11, 215), ("mremap", 25, 216), ("madvise", 28, 233)),
        *(("rt_sigaction", 13, 134), ("rt_sigprocmask", 14, 135), ("rt_sigreturn", 15, 139)),
        *(("sigaltstack", 131, 132), ("restart_syscall", 219, 128), ("futex", 202, 98)),
        *(("sched_yield", 24, 124), ("sched_getaffinity", 204, 123), ("membarrier", 324, 283)),
        *(("nanosleep", 35, 101), ("clock_nanosleep", 230, 115), ("clock_gettime", 228, 113)),
        *(("clock_getres", 229, 114), ("gettimeofday", 96, 169), ("time", 201, None)),
        *(("getrandom", 318, 278), ("getrusage", 98, 165), ("getpid", 39, 172), ("gettid", 186, 178)),
        ("getcwd", 79, 17),
        *(("exit", 60, 93), ("exit_group", 231, 94)),
    )
}
_MMAP = {"x86_64": 9, "aarch64": 222}
_MPROTECT = {"x86_64": 10, "aarch64": 226}
_FCNTL = {"x86_64": 72, "aarch64": 25}
_TGKILL = {"x86_64": 234, "aarch64": 131}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}


@dataclass(frozen=True)
class _Test:
    """What an argument must be: one of these values, or without these bits."""

    argument: int
    values: Sequence[int] = ()
    without: int = 0
    upper_half: bool = False


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allow_only_computing() -> bool:
    """Let only the calls of the list through from here on; whether the kernel does so.

    Needs "no new privileges", and one thread. Modules must be loaded before: nothing can be opened after.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    code = _filter(machine)
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)) == 0


def _filter(machine: str) -> bytes:
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _step(_RETURN, _KILL),
    ]
    steps.append(_step(_LOAD, _NUMBER))
    for numbers in _PLAIN.values():
        if (number := numbers[machine]) is not None:
            steps += [_step(_IF_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    own = os.getpid()
    for number, tests in (
        (_MMAP[machine], [_Test(2, without=_RUNS)]),
        (_MPROTECT[machine], [_Test(2, without=_RUNS)]),
        (_FCNTL[machine], [_Test(1, values=_FLAGS_OF_DESCRIPTORS)]),
        (_TGKILL[machine], [_Test(0, values=(own,))]),  # how a process aborts
        # Its own limits may be read, not set: the place of new ones must be nowhere.
        (
            _PRLIMIT[machine],
            [_Test(0, values=(0,)), _Test(2, values=(0,)), _Test(2, values=(0,), upper_half=True)],
        ),
    ):
        steps += _if_call(number, tests)
    return b"".join([*steps, _step(_RETURN, _FAIL)])


def _if_call(number: int, tests: Sequence[_Test]) -> list[bytes]:
    block: list[bytes] = []
    for test in tests:
        block += _test(test)
    block.append(_step(_RETURN, _ALLOW))
    return [_step(_IF_EQUAL, number, 0, len(block)), *block]


def _test(test: _Test) -> list[bytes]:
    """Fail unless the argument is as asked; go on behind these steps when it is."""
    load = _step(_LOAD, _ARGUMENTS + 8 * test.argument + (4 if test.upper_half else 0))
    if not test.values:
        return [load, _step(_IF_SET, test.without, 0, 1), _step(_RETURN, _FAIL)]
    count = len(test.values)
    checks = [_step(_IF_EQUAL, value & _WHOLE, count - place, 0) for place, value in enumerate(test.values)]
    return [load, *checks, _step(_RETURN, _FAIL)]


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBL", code, if_true, if_false, operand)
