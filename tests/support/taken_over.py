"""A program apart that was taken over: it does to its parent what its content asks for.

The content is a JSON object, behind whatever makes it pass for a file: `says` is written, then as many MiB of
nothing as `floods` names; it ends with `code`, and never ends where `stays` is true.
"""

import json
import os
import sys
import time

from common.apart.inside import Cell

_MIB = 1024 * 1024


def main() -> None:
    """Do as the content says."""
    cell = Cell(sys.argv[1:4])
    cell.take_bounds()
    cell.shut()
    content = sys.stdin.buffer.read()
    asked = json.loads(content[content.index(b"{") :])
    for piece in (asked.get("says", "").encode(), *[bytes(_MIB)] * asked.get("floods", 0)):
        left = memoryview(piece)
        while left:
            left = left[os.write(1, left) :]
    while asked.get("stays"):
        time.sleep(1)
    cell.end(asked.get("code", 0))


if __name__ == "__main__":
    main()
