"""What hostile content would do once it has taken over the program that reads it: run by `tests/attacks`.

Told by its arguments as any program apart, then how it is kept in, and a JSON object of what to reach
(`only`: how the names of tries begin that are made). It says on standard output which tries succeeded.
"""

import ctypes
import json
import mmap
import os
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from common.apart import landlock, seccomp
from common.apart.inside import Cell

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_IS_ARM = os.uname().machine == "aarch64"  # asked before the walls: inside, the question itself fails
#: Calls by name: number for x86-64 and for 64-bit ARM, and arguments that would do harm.
_CALLS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "ptrace the parent": (101, 117, (16, -1)),
    "stop the parent by ptrace": (101, 117, (0x4206, -1)),
    "signal the parent": (62, 129, (-1, 0)),
    "signal every process": (62, 129, (-2, 0)),
    "signal the parent's thread": (234, 131, (-1, -1, 0)),
    "open a handle of the parent": (434, 434, (-1, 0)),
    "set the parent's limits": (302, 261, (-1, 7, 0, 1)),
    "compare with the parent": (312, 272, (-1, -1, 0)),
    "fork": (57, -3, ()),
    "vfork": (58, -3, ()),
    "clone": (56, 220, (17, 0, 0, 0, 0)),
    "a memory file": (319, 279, (1, 0)),
    "a ring of calls": (425, 425, (1, 1)),
    "a program in the kernel": (321, 280, (0, 1, 8)),
    "performance events": (298, 241, (1, 0, -1, -1, 0)),
    "faults of memory": (323, 282, (0,)),
    "new name spaces": (272, 97, (0x10000000,)),
    "a new mount": (165, 40, (1, 1, 1, 0, 0)),
    "another root": (161, 51, (1,)),
    "become root": (105, 146, (0,)),
    "keys of the kernel": (250, 219, (0, -3, 1)),
    "shared memory": (29, 194, (0, 4096, 0o1600)),
    "a message queue": (68, 186, (0, 0o1600)),
    "a semaphore": (64, 190, (0, 1, 0o1600)),
    "watch files": (294, 26, (0,)),
    "an event counter": (290, 19, (0, 0)),
    "a pipe of its own": (293, 59, (1, 0)),
    "another personality": (135, 92, (0x0040000,)),
    "be dumped": (157, 167, (4, 1, 0, 0, 0)),
    "x32 calls": (0x40000000 + 39, -3, ()),
}
_KINDS = {
    "TCP": (socket.AF_INET, socket.SOCK_STREAM),
    "UDP": (socket.AF_INET, socket.SOCK_DGRAM),
    "TCP over IPv6": (socket.AF_INET6, socket.SOCK_STREAM),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
    "unix datagrams": (socket.AF_UNIX, socket.SOCK_DGRAM),
    "netlink": (socket.AF_NETLINK, socket.SOCK_RAW),
    "packets": (socket.AF_PACKET, socket.SOCK_RAW),
    "virtual machine": (40, socket.SOCK_STREAM),
}
_MIB = 1024 * 1024
_HERE, _OF_DESCRIPTOR = -100, 0x1000  # AT_FDCWD, AT_EMPTY_PATH
#: Ways to look at a name that a filter may mistake for one at a descriptor: number on x86-64 and 64-bit ARM.
_LOOKS = {"look, as at a descriptor, at": (262, 79), "look closely, as at a descriptor, at": (332, 291)}


def _tries(reach: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """Each harm by name, as what would do it; it succeeds when it neither raises nor returns False."""
    found: dict[str, Callable[[], object]] = {}
    for path in reach["read"]:
        found[f"read {path}"] = partial(_first_bytes, path)
        found[f"list {path}"] = partial(os.listdir, path)
        found[f"look at {path}"] = partial(os.stat, path)
        found[f"ask whether there is {path}"] = partial(_asked, path)
    for path in reach["links"]:
        found[f"follow {path}"] = partial(os.readlink, path)
    for name, number in _LOOKS.items():
        for path in reach["read"]:
            found[f"{name} {path}"] = partial(_looked, number, path)
    for path in reach["write"]:
        found[f"write {path}"] = partial(os.open, path + "/x", os.O_CREAT | os.O_WRONLY)
        found[f"make a folder in {path}"] = partial(os.mkdir, path + "/y")
        found[f"make a link in {path}"] = partial(os.symlink, "/", path + "/z")
    for path in reach["change"]:
        found[f"remove {path}"] = partial(os.unlink, path)
        found[f"cut {path} off"] = partial(os.truncate, path, 0)
        found[f"open {path} up"] = partial(os.chmod, path, 0o777)
        found[f"give {path} away"] = partial(os.chown, path, -1, -1)
        found[f"say that {path} is old"] = partial(os.utime, path, (0, 0))
        found[f"rename {path}"] = partial(os.rename, path, path + ".away")
    for port in reach["ports"]:
        found[f"connect to port {port}"] = partial(_connect, socket.AF_INET, ("127.0.0.1", port))
    found["send a datagram"] = partial(_send, ("127.0.0.1", reach["udp"]))
    found["connect to a unix socket"] = partial(_connect, socket.AF_UNIX, reach["unix"])
    found["send to a unix socket"] = partial(_send_to_path, reach["unix_datagrams"])
    found["connect to an abstract socket"] = partial(_connect, socket.AF_UNIX, reach["abstract"])
    found |= {f"a socket: {name}": partial(socket.socket, *kind) for name, kind in _KINDS.items()}
    found |= {name: partial(_called, name, reach["parent"]) for name in _CALLS}
    found |= {
        "a pair of sockets": socket.socketpair,
        "fork by the library": os.fork,
        "read the parent's memory": partial(_copied_from, reach["parent"], reach["secret_at"]),
        "memory that runs": partial(mmap.mmap, -1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
        "more memory than it may have": partial(bytearray, 4096 * _MIB),
        "raise a limit": partial(resource.setrlimit, resource.RLIMIT_NPROC, (99, 99)),
        "be told of by signals": partial(_fcntl, 0, 8, reach["parent"]),
        "an environment with words of ours": lambda: bool(set(os.environ) - _USUAL),
        "a descriptor that was inherited": lambda: any(_is_open(each) for each in range(4, 300)),
        "start a program": partial(os.execv, "/bin/true", ["true"]),  # last: nothing could follow it
    }
    only = tuple(reach.get("only", ()))
    return {name: attempt for name, attempt in found.items() if not only or name.startswith(only)}


def _first_bytes(path: str) -> bytes:
    return os.read(os.open(path, os.O_RDONLY), 10)


def _connect(family: int, place: Any) -> None:
    socket.socket(family).connect(place)


def _send(place: tuple[str, int]) -> None:
    socket.socket(*_KINDS["UDP"]).sendto(b"x", place)


def _send_to_path(path: str) -> None:
    socket.socket(*_KINDS["unix datagrams"]).sendto(b"x", path)


def _asked(path: str) -> bool:
    return os.access(path, os.F_OK)


def _looked(numbers: tuple[int, int], path: str) -> bool:
    """Whether newfstatat or statx says what there is at a path, with the flag for none."""
    number = numbers[_IS_ARM]
    said, name = ctypes.create_string_buffer(256), ctypes.c_char_p(path.encode())
    here, flag = ctypes.c_long(_HERE), ctypes.c_long(_OF_DESCRIPTOR)
    if number in _LOOKS["look, as at a descriptor, at"]:
        return int(_LIBC.syscall(ctypes.c_long(number), here, name, said, flag)) == 0
    return int(_LIBC.syscall(ctypes.c_long(number), here, name, flag, ctypes.c_long(0x7FF), said)) == 0


_USUAL = {"LANG", "PATH", "MALLOC_ARENA_MAX", "LC_CTYPE"}


def _fcntl(descriptor: int, command: int, value: int) -> bool:
    return int(_LIBC.fcntl(descriptor, command, value)) == 0


def _is_open(descriptor: int) -> bool:
    return int(_LIBC.fcntl(descriptor, 1)) >= 0


def _called(name: str, parent: int) -> bool:
    intel, arm, arguments = _CALLS[name]
    number = arm if _IS_ARM else intel
    told = [parent if each == -1 else (-1 if each == -2 else each) for each in arguments]
    result = int(_LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(each) for each in told)))
    if result == 0 and name in {"fork", "vfork", "clone"}:
        os._exit(0)
    return result >= 0


def _copied_from(parent: int, place: int) -> bool:
    class Part(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    buffer = ctypes.create_string_buffer(64)
    here, there = Part(ctypes.addressof(buffer), 64), Part(place, 64)
    return int(_LIBC.process_vm_readv(parent, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)) > 0


def main() -> None:
    """Shut in, then try everything."""
    how, reach = sys.argv[4], json.loads(sys.argv[5])
    if how in {"system calls only", "neither"}:
        landlock.give_up_everything = lambda: False
    if how in {"names only", "neither"}:
        seccomp.allow_only_computing = lambda: False
    cell = Cell(sys.argv[1:4])
    cell.take_bounds()
    if how == "unprivileged":  # as in an image, where the service itself is no root
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    cell.shut()
    results = {}
    for name, attempt in _tries(reach).items():
        try:
            results[name] = attempt() is not False
        except (OSError, MemoryError, ValueError, AttributeError):
            results[name] = False
    os.write(1, json.dumps(results).encode())
    cell.end(0)


if __name__ == "__main__":
    main()
