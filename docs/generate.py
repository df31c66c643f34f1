"""``docs/generate.py``: writes the generated documents, or with ``--check`` says which are stale (exit 1)."""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from making.api_page import api_text
from making.asyncapi import asyncapi_text
from making.events import events_text
from making.openapi import document_files
from making.schemas import broken_promises, schema_files
from making.tables import metrics_text, settings_text

DOCS = Path(__file__).parent
_FOLDERS = {"schemas": "*.json", "api": "*.json"}  # every file in these is generated
_ADVICE = (
    "Within a version only optional fields may be added. Else give the event a new version, and let it be "
    "spoken beside the old one until every hearer knows it (docs/contributing.md)."
)


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(description="make the generated documents")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when one is stale")
    arguments = parser.parse_args()
    made = made_files()
    if faults := broken_files(DOCS):
        raise SystemExit("\n".join(["An event breaks what it promised:", *_indented(faults), _ADVICE]))
    stale = stale_files(DOCS, made)
    if arguments.check:
        if stale:
            raise SystemExit(
                "\n".join(["Stale; run `make generate`:", *(f"  docs/{name}" for name in stale)])
            )
        print(f"{len(made)} generated documents are up to date.")
        return
    for name in stale:
        _write(DOCS / name, made.get(name))
    print(f"{len(stale)} of {len(made)} generated documents changed.")


def made_files() -> dict[str, str]:
    """Every generated document by its name below docs/; the same code makes the same bytes."""
    return {
        "events.md": events_text(),
        "asyncapi.yaml": asyncapi_text(),
        "api.md": api_text(),
        "metrics.md": metrics_text(),
        "settings.md": settings_text(),
        **schema_files(),
        **document_files(),
    }


def stale_files(folder: Path, made: Mapping[str, str]) -> list[str]:
    """What is missing, different, or left over in a generated folder."""
    found = {
        f"{name}/{file.name}" for name, pattern in _FOLDERS.items() for file in (folder / name).glob(pattern)
    }
    left_over = found - made.keys()
    return sorted({name for name, text in made.items() if _read(folder / name) != text} | left_over)


def broken_files(folder: Path) -> list[str]:
    """Golden schemas whose event no longer keeps them, or is gone."""
    now = schema_files()
    faults = []
    for file in sorted((folder / "schemas").glob("*.json")):
        name = f"schemas/{file.name}"
        if name not in now:
            faults.append(f"{file.stem} is spoken no more; remove docs/{name} when no queue can hold one")
            continue
        golden = json.loads(file.read_text(encoding="utf-8"))
        faults += [f"{file.stem}{fault}" for fault in broken_promises(golden, json.loads(now[name]))]
    return faults


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


def _write(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
