"""``python -m intake.files.cleaning KIND MIB SECONDS``: reads one file, writes it clean; bounded.

Standard input is the file and standard output the clean one, which comes only when all went well. Exit code
0, or 3 with the reason on standard error. Nothing is opened by name, no other program is started, and the
process dies with its parent.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

REFUSED = 3
_SET_DEATH_SIGNAL, _SET_NO_NEW_PRIVILEGES, _SET_DUMPABLE = 1, 38, 4  # prctl(2)


def main() -> None:
    """Clean one file; see the module."""
    kind, memory_mib, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _confine(memory_mib, seconds)
    from intake.files.kinds import FileKind, NotTaken  # noqa: PLC0415 -- after the limits are in force

    try:
        clean = _clean(sys.stdin.buffer.read(), FileKind(kind))
    except NotTaken as refusal:
        _end(REFUSED, refusal.reason)
    except (MemoryError, RecursionError):
        _end(REFUSED, "too-heavy")
    else:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.buffer.write(clean)
            sys.stdout.buffer.flush()
        _end(0)


def _clean(data: bytes, kind: "FileKind") -> bytes:  # type: ignore[name-defined]  # noqa: F821
    if kind.is_photo:
        from intake.files.pictures import clean_picture  # noqa: PLC0415 -- a PDF needs no picture code

        return clean_picture(data, kind)
    from intake.files.documents import clean_document  # noqa: PLC0415

    return clean_document(data)


def _confine(memory_mib: int, seconds: int) -> None:
    memory = memory_mib * 1024 * 1024
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),  # a dump would hold the file in clear
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in (
        (_SET_DEATH_SIGNAL, signal.SIGKILL),
        (_SET_NO_NEW_PRIVILEGES, 1),
        (_SET_DUMPABLE, 0),
    ):
        libc.prctl(option, int(value), 0, 0, 0)


def _end(code: int, reason: str = "") -> None:
    """Leave at once: no clean-up of a library may run on hostile data."""
    with contextlib.suppress(OSError):
        os.write(2, reason.encode())
    os._exit(code)


if __name__ == "__main__":
    main()
