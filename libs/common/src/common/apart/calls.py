"""The system calls that a program apart may make, with which arguments, and why.

Reading, computing and answering needs these. A call has a place here only when, with the arguments that are
asked, it names nothing but what this process has: no path, and no process, thread, clock or object of
another. So a call that takes the number of one has a test on it.

Arguments that are tested are `int` in the kernel (or 64 bits of which the lower half decides), so the lower
half is compared; where both halves matter both are tested. What a pointer leads to no filter sees: a call
that finds a name or a number there cannot be let through.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_RUNS = 0x4  # PROT_EXEC
_FROM_A_POOL = 0x40000  # MAP_HUGETLB
_FLAGS_OF_DESCRIPTORS = (1, 2, 3)  # F_GETFD, F_SETFD, F_GETFL
#: FUTEX_WAIT, _WAKE, _WAIT_BITSET without and with FUTEX_CLOCK_REALTIME: each with FUTEX_PRIVATE_FLAG.
_LOCKS_OF_OUR_OWN = (128, 129, 137, 393)
#: From CLOCK_REALTIME to CLOCK_BOOTTIME; those of this process and this thread are among them.
_CLOCKS = tuple(range(8))
_GIVEN_BACK = (4, 8, 14, 15)  # MADV_DONTNEED, _FREE, _HUGEPAGE, _NOHUGEPAGE


@dataclass(frozen=True)
class Test:
    """What an argument (from 0) must be: one of these values, or without these bits."""

    argument: int
    values: Sequence[int] = ()
    without: int = 0
    upper_half: bool = False


@dataclass(frozen=True)
class Call:
    """A call that is let through when it passes each test; its number by machine, None where it has none."""

    name: str
    numbers: Mapping[str, int | None]
    tests: tuple[Test, ...] = ()


def allowed() -> list[Call]:
    """Every call that the process which asks may make, from the moment that it is shut in."""
    own = os.getpid()  # also the number of its only thread
    ours = (0, own)
    return [
        # What is open: three pipes. Not fstat: a pipe's number is of a series that the machine shares.
        _call("read", 0, 63),
        _call("write", 1, 64),
        _call("readv", 19, 65),
        _call("writev", 20, 66),
        _call("pread64", 17, 67),
        _call("close", 3, 57),
        _call("lseek", 8, 62),
        _call("poll", 7, None),
        _call("ppoll", 271, 73),
        # Not F_SETOWN and its like, which name a process, nor what makes or locks something.
        _call("fcntl", 72, 25, Test(1, _FLAGS_OF_DESCRIPTORS)),
        # Its own memory, at addresses of its own; none that runs, none from a pool of the machine. Advice on
        # giving back only: pages that are merged or pushed out tell by the time who else has them.
        _call("brk", 12, 214),
        _call("mmap", 9, 222, Test(2, without=_RUNS), Test(3, without=_FROM_A_POOL)),
        _call("munmap", 11, 215),
        _call("mremap", 25, 216),
        _call("mprotect", 10, 226, Test(2, without=_RUNS)),
        _call("madvise", 28, 233, Test(2, _GIVEN_BACK)),
        # What it does at a signal, and going on behind one.
        _call("rt_sigaction", 13, 134),
        _call("rt_sigprocmask", 14, 135),
        _call("rt_sigreturn", 15, 139),
        _call("sigaltstack", 131, 132),
        _call("restart_syscall", 219, 128),
        # Its own locks. Without the flag a lock in a page of a library is one for all processes; a lock with
        # inheritance (PI) holds the number of a thread, of which the kernel tells whether it lives.
        _call("futex", 202, 98, Test(1, _LOCKS_OF_OUR_OWN)),
        _call("sched_yield", 24, 124),
        # The C library counts processors by it. Not membarrier: that interrupts every processor.
        _call("sched_getaffinity", 204, 123, Test(0, ours)),
        # The time, and waiting. All other numbers of clocks are made of a process, a thread or a descriptor.
        _call("clock_gettime", 228, 113, Test(0, _CLOCKS)),
        _call("clock_getres", 229, 114, Test(0, _CLOCKS)),
        _call("clock_nanosleep", 230, 115, Test(0, _CLOCKS)),
        _call("nanosleep", 35, 101),
        _call("gettimeofday", 96, 169),
        _call("time", 201, None),
        # Chance; what it used itself (no other can be asked for); who and where it is.
        _call("getrandom", 318, 278),
        _call("getrusage", 98, 165),
        _call("getpid", 39, 172),
        _call("gettid", 186, 178),
        _call("getcwd", 79, 17),
        # Its own limits may be read, not set: the place of new ones must be nowhere.
        _call("prlimit64", 302, 261, Test(0, ours), Test(2, (0,)), Test(2, (0,), upper_half=True)),
        # How a process aborts, and ends.
        _call("tgkill", 234, 131, Test(0, (own,)), Test(1, (own,))),
        _call("exit", 60, 93),
        _call("exit_group", 231, 94),
    ]


def _call(name: str, intel: int, arm: int | None, *tests: Test) -> Call:
    return Call(name, {"x86_64": intel, "aarch64": arm}, tests)
