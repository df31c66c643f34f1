"""A look into everything that a process has in memory and could write down."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

_STEP_BYTES = 8 * 1024 * 1024
_OVERLAP_BYTES = 256  # longer than anything that is looked for
_SPAN = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw")


def found_in(process_id: int, wanted: Mapping[str, bytes]) -> dict[str, int]:
    """How often each of these is in the writable memory of a process; what is there nowhere is left out."""
    counts: dict[str, int] = {}
    pattern = re.compile(b"|".join(re.escape(each) for each in sorted(set(wanted.values()), reverse=True)))
    names = {value: name for name, value in wanted.items()}
    for piece in _pieces(process_id):
        for match in pattern.finditer(piece):
            name = names[match[0]]
            counts[name] = counts.get(name, 0) + 1
    return counts


def _pieces(process_id: int) -> Iterator[bytes]:
    lines = Path(f"/proc/{process_id}/maps").read_text(encoding="ascii", errors="replace").splitlines()
    with Path(f"/proc/{process_id}/mem").open("rb") as memory:
        for line in lines:
            span = _SPAN.match(line)
            if span and "[vvar]" not in line:
                yield from _of_span(memory, int(span[1], 16), int(span[2], 16))


def _of_span(memory: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _STEP_BYTES):
        memory.seek(at)
        try:
            yield memory.read(min(_STEP_BYTES + _OVERLAP_BYTES, end - at))
        except OSError:  # it was unmapped meanwhile
            return
