"""Prints what packages of this repository need of others, one requirement a line, for pip.

    python deploy/third_party.py libs/common gateway

Ours are installed from this tree and have no hash; what they need comes by the hashes of requirements.lock.
"""

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

OURS = "vermoeden-"


def third_party(folders: Iterable[Path]) -> list[str]:
    """The requirements in these packages' pyproject files that are not ours, each once, in order."""
    needed: set[str] = set()
    for folder in folders:
        with (folder / "pyproject.toml").open("rb") as file:
            needed |= set(tomllib.load(file)["project"]["dependencies"])
    return sorted(each for each in needed if not each.startswith(OURS))


if __name__ == "__main__":
    print("\n".join(third_party(map(Path, sys.argv[1:]))))
