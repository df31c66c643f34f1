"""Lets only the calls of a list through (`calls`), by a seccomp filter (Linux 3.5 and later).

Everything else fails with EPERM: opening by name, sockets of any kind, other processes, new programs, memory
that runs. So does a call of the list with other arguments than it may have. Calls of another architecture end
the process. Structures: include/uapi/linux/{seccomp,filter}.h.
"""

import ctypes
import platform
import struct
from collections.abc import Sequence

from common.apart.calls import Test, allowed

_SET_SECCOMP, _FILTER = 22, 2  # prctl(2)
_KILL, _FAIL, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # the last but one is errno 1, EPERM
_LOAD, _IF_EQUAL, _IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in struct seccomp_data
_WHOLE = 0xFFFFFFFF
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allow_only_computing() -> bool:
    """Let only the calls of the list through from here on; whether the kernel does so.

    Needs "no new privileges", and one thread. Modules must be loaded before: nothing can be opened after.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    code = filter_for(machine)
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)) == 0


def filter_for(machine: str) -> bytes:
    """By which the kernel of such a machine lets calls of this process through, as `struct sock_filter`s."""
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _step(_RETURN, _KILL),
    ]
    steps.append(_step(_LOAD, _NUMBER))
    for call in allowed():
        if (number := call.numbers[machine]) is not None:
            steps += _if_call(number, call.tests)
    return b"".join([*steps, _step(_RETURN, _FAIL)])


def _if_call(number: int, tests: Sequence[Test]) -> list[bytes]:
    block = [step for test in tests for step in _test(test)]
    block.append(_step(_RETURN, _ALLOW))
    return [_step(_IF_EQUAL, number, 0, len(block)), *block]


def _test(test: Test) -> list[bytes]:
    """Fail unless the argument is as asked; go on behind these steps when it is."""
    load = _step(_LOAD, _ARGUMENTS + 8 * test.argument + (4 if test.upper_half else 0))
    if not test.values:
        return [load, _step(_IF_SET, test.without, 0, 1), _step(_RETURN, _FAIL)]
    count = len(test.values)
    checks = [_step(_IF_EQUAL, value & _WHOLE, count - place, 0) for place, value in enumerate(test.values)]
    return [load, *checks, _step(_RETURN, _FAIL)]


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBL", code, if_true, if_false, operand)
