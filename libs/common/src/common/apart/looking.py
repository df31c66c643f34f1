"""``python -m common.apart.looking MIB SECONDS walls|open``: shuts itself in and says which walls stand."""

import os
import sys

from common.apart.inside import Cell


def main() -> None:
    """See the module."""
    cell = Cell(sys.argv[1:])
    cell.take_bounds()
    os.write(1, str(cell.shut()).encode())
    cell.end(0)


if __name__ == "__main__":
    main()
