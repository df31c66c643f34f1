"""The filter of calls, as each kind of machine runs it: what it lets through, with which arguments."""

import os
import struct

import pytest
from common.apart.calls import allowed
from common.apart.seccomp import filter_for

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ALLOWED, _FAILED, _KILLED = 0x7FFF0000, 0x00050001, 0x80000000
_OWN, _OTHER = os.getpid(), os.getppid()
_UPPER = 1 << 32

#: Calls and arguments that pass, and ones that do not.
_PASS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("read", (0, 1, 1)),
    ("sched_getaffinity", (0,)),
    ("sched_getaffinity", (_OWN,)),
    *(("clock_gettime", (clock,)) for clock in range(8)),
    *(("futex", (1, operation)) for operation in (128, 129, 137, 393)),
    ("madvise", (0, 4096, 4)),
    ("mmap", (0, 4096, 3, 0x22)),
    ("mprotect", (0, 4096, 3)),
    ("fcntl", (1, 3)),
    ("prlimit64", (0, 7, 0)),
    ("tgkill", (_OWN, _OWN, 6)),
)
_FAIL: tuple[tuple[str, tuple[int, ...]], ...] = (
    *(("sched_getaffinity", (each,)) for each in (1, _OTHER, -1, _OWN + 1)),
    *(
        (call, (clock,))
        for call in ("clock_gettime", "clock_getres", "clock_nanosleep")
        for clock in (
            *((~_OTHER << 3) | kind for kind in range(8)),
            -2,
            -6,
            -8,
            (~1 << 3) | 3,
            8,
            9,
            11,
            16,
            99,
        )
    ),
    *(
        ("futex", (1, operation))
        for operation in (0, 1, 6, 8, 9, 13, 128 | 6, 128 | 8, 128 | 11, 128 | 13, 256)
    ),
    *(("madvise", (0, 4096, advice)) for advice in (9, 12, 20, 21, 22, 25, 100)),
    ("mmap", (0, 4096, 5, 0x22)),
    ("mmap", (0, 4096, 3, 0x40022)),
    ("mprotect", (0, 4096, 4)),
    *(("fcntl", (1, command)) for command in (0, 4, 5, 6, 8, 9, 15, 16, 1024, 1030, 1031, 1034)),
    ("prlimit64", (_OTHER, 7, 0)),
    ("prlimit64", (0, 7, 1)),
    ("prlimit64", (0, 7, _UPPER)),
    *(
        ("tgkill", (each, thread, 0))
        for each, thread in ((_OTHER, _OTHER), (_OWN, _OTHER), (_OTHER, _OWN), (-1, _OWN))
    ),
)


def _verdict(machine: str, number: int, arguments: tuple[int, ...], architecture: int | None = None) -> int:
    """What the kernel would do (Documentation/userspace-api/seccomp_filter)."""
    whole = [each & 0xFFFFFFFFFFFFFFFF for each in (*arguments, *[0] * (6 - len(arguments)))]
    seen = struct.pack("=IIQ6Q", number, architecture or _MACHINES[machine], 0, *whole)
    steps = list(struct.iter_unpack("=HBBL", filter_for(machine)))
    at = loaded = 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            loaded = int.from_bytes(seen[operand : operand + 4], "little")
        else:
            holds = loaded == operand if code == 0x15 else bool(loaded & operand)
            at += if_true if holds else if_false


def _number(name: str, machine: str) -> int:
    (call,) = [each for each in allowed() if each.name == name]
    number = call.numbers[machine]
    assert number is not None
    return number


@pytest.mark.parametrize("machine", _MACHINES)
def test_a_call_passes_with_what_is_its_own_and_with_nothing_of_another(machine: str) -> None:
    for name, arguments in _PASS:
        assert _verdict(machine, _number(name, machine), arguments) == _ALLOWED, (name, arguments)
    for name, arguments in _FAIL:
        assert _verdict(machine, _number(name, machine), arguments) == _FAILED, (name, arguments)


@pytest.mark.parametrize("machine", _MACHINES)
def test_a_call_that_is_not_on_the_list_fails_and_another_architecture_ends_it(machine: str) -> None:
    known = {call.numbers[machine] for call in allowed()}
    assert len(known) > 35
    for number in (*range(600), 0x40000000, 0x40000027):
        verdict = _verdict(machine, number, (-1,) * 6)
        assert verdict in ({_ALLOWED, _FAILED} if number in known else {_FAILED}), number
        assert _verdict(machine, number, (), 0x40000003) == _KILLED
