"""Memory that is given back: a process that serves for weeks holds what it uses, not what it once used."""

import ctypes
import gc

_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8  # mallopt(3)
_TRIM_BYTES = 512 * 1024
_COLLECTED_AFTER = 10_000  # objects that are new; Python's own choice is 700
_ARENAS = 2  # of threads that allocate at the same time; glibc's own choice is eight for each core


def bound_arenas() -> None:
    """Let freed memory go back soon, whichever thread used it; call it before any thread starts.

    Does nothing where the C library is not glibc.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, _ARENAS)
        library.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)


def settle() -> None:
    """Give back what starting took, and look at what is left no more: it stays until the process ends.

    So a full garbage collection while requests wait looks only at what came after the start; and it comes
    less often, for what requests make is nearly all gone without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
