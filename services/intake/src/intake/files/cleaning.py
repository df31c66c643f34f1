"""``python -m intake.files.cleaning MIB SECONDS walls|open KIND``: reads one file, writes it clean.

Standard input is the file and standard output the clean one, which comes only when all went well. Exit code
0, or `REFUSED` with the reason on standard error. Everything that cleaning needs is loaded first; then the
process shuts itself in (`common.apart.inside`), and only then it reads.
"""

import contextlib
import sys
from collections.abc import Callable

from common.apart.inside import REFUSED, Cell

from intake.files.kinds import FileKind, NotTaken


def main() -> None:
    """Clean one file; see the module."""
    cell = Cell(sys.argv[1:4])
    cell.take_bounds()
    clean = loaded(FileKind(sys.argv[4]))
    cell.shut()
    try:
        made = clean(sys.stdin.buffer.read())
    except NotTaken as refusal:
        cell.end(REFUSED, refusal.reason)
    except (MemoryError, RecursionError):
        cell.end(REFUSED, "too-heavy")
    else:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.buffer.write(made)
            sys.stdout.buffer.flush()
        cell.end(0)


def loaded(kind: FileKind) -> Callable[[bytes], bytes]:
    """What cleans this kind, with every module that it may come to need: none can be opened later."""
    from intake.files import pictures  # noqa: PLC0415 -- after the bounds are in force

    pictures.load_formats()
    if kind.is_photo:
        return lambda data: pictures.clean_picture(data, kind)
    from intake.files.documents import clean_document  # noqa: PLC0415 -- a photo needs no PDF code

    return clean_document


if __name__ == "__main__":
    main()
