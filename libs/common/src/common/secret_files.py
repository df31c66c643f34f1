"""Files that hold secrets: written once, for nobody else on the machine, and replaced as a whole."""

import os
from pathlib import Path


def read(file: Path) -> str:
    """What a secret file holds; `SystemExit` with a sentence when it is not there."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise SystemExit(f"{file} is missing; `python -m common.provisioning secrets` makes it.") from error


def write(file: Path, value: str) -> bool:
    """Write a file that is not there yet, readable by its owner only; returns whether it was written."""
    if file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as fresh:
        fresh.write(value)
    return True


def replace(file: Path, value: str) -> None:
    """Put a whole new file in its place, so that nobody reads half a secret."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    write(fresh, value)
    fresh.replace(file)
