"""``python -m gateway import``: check or send a file of reports; safe to stop, and to run again."""

import argparse
import csv
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from common import cells

from gateway.importing.door import DoorShut, FrontDoor
from gateway.importing.progress import Progress
from gateway.importing.rows import Row, Unreadable, read_rows

KEY_VARIABLE = "VERMOEDEN_API_KEY"
_HEAD = ("row", "id", "outcome", "receipt", "fault")
_LONGEST_LINE_BYTES = 1024 * 1024
_SECRET = re.compile("[0-9a-f]{64}")


@dataclass
class _Run:
    """One run over a file."""

    door: FrontDoor
    secret: bytes
    sent_before: frozenset[str]
    counts: Counter[str] = field(default_factory=Counter)
    _seen: Counter[bytes] = field(default_factory=Counter)

    def key_of(self, body: dict[str, Any]) -> str:
        """The idempotency key of a report in this file: the same in every run, also when rows moved.

        Equal rows are told apart by their order, so that a file may hold the same report twice.
        """
        text = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
        digest = hashlib.sha256(text).digest()
        self._seen[digest] += 1
        made = hmac.digest(self.secret, digest + self._seen[digest].to_bytes(8, "big"), "sha256")
        return urlsafe_b64encode(made).rstrip(b"=").decode()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes; the API key is never an argument, where every user of a machine sees it."""
    parser.add_argument("file", type=Path, help="CSV, JSON lines, or a JSON array")
    parser.add_argument("--url", required=True, help="the front door, as https://melden.waterdam.example")
    parser.add_argument("--key-file", type=Path, help=f"holds the API key; else ${KEY_VARIABLE} does")
    parser.add_argument("--dry-run", action="store_true", help="check every row and send nothing")
    parser.add_argument("--encoding", help="of the file, when it is not UTF-8")
    parser.add_argument(
        "--column", action="append", default=[], metavar="NAME=COLUMN", help="translate a column (repeatable)"
    )
    parser.add_argument("--outcome", type=Path, help="where receipts and faults go; default FILE.outcome.csv")


def run(arguments: argparse.Namespace) -> int:
    """0 when every row is right or sent, 1 when some are not, 2 when it could not go on, 130 on Ctrl-C."""
    progress = Progress(sys.stderr)
    try:
        door = FrontDoor(arguments.url, _api_key(arguments.key_file), say=progress.say)
        names = dict(_translation(each) for each in arguments.column)
        rows = read_rows(arguments.file, encoding=arguments.encoding, names=names, several=door.several())
        if arguments.dry_run:
            return _check(rows, door, progress)
        outcome = arguments.outcome or arguments.file.with_name(arguments.file.name + ".outcome.csv")
        return _send(rows, door, progress, outcome)
    except (Unreadable, DoorShut) as error:
        progress.end()
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        progress.end()
        print("Stopped. Run the same command again: it goes on from here.", file=sys.stderr)
        return 130


def _check(rows: Iterator[Row], door: FrontDoor, progress: Progress) -> int:
    counts: Counter[str] = Counter()
    for row in progress.over(rows, lambda: counts["wrong"]):
        answer = None if row.body is None else door.check(row.body)
        is_right = answer is not None and answer.status < 300
        counts["right" if is_right else "wrong"] += 1
        if not is_right:
            faults = [("", row.fault, "")] if answer is None else answer.faults
            progress.end()
            for pointer, dutch, english in faults:
                print(f"row {row.number}  {_column(pointer)}: {english or dutch}")
    progress.end()
    print(f"{counts['right']} row(s) would be taken, {counts['wrong']} would not. Nothing was sent.")
    return 1 if counts["wrong"] else 0


def _send(rows: Iterator[Row], door: FrontDoor, progress: Progress, outcome: Path) -> int:
    print(
        f"{outcome} gets the receipts. They are secrets: whoever has one reads the mailbox.", file=sys.stderr
    )
    secret = _secret(outcome.with_name(outcome.name + ".secret"))
    this = _Run(door, secret, _sent_before(outcome))
    with _private(outcome, 0) as file:
        if file.tell() == 0:
            file.write(cells.line(_HEAD))
        for row in progress.over(rows, lambda: this.counts["refused"]):
            told = _send_row(this, row)
            if told:
                file.write(cells.line(told))
                file.flush()
    progress.end()
    counts = this.counts
    print(
        f"{counts['sent']} sent, {counts['before']} sent before, {counts['refused']} refused: see {outcome}."
    )
    return 1 if counts["refused"] else 0


def _send_row(this: _Run, row: Row) -> tuple[str | int, ...] | None:
    if row.body is None:
        this.counts["refused"] += 1
        return (row.number, "", "refused", "", row.fault)
    key = this.key_of(row.body)
    own = hashlib.sha256(key.encode()).hexdigest()[:16]
    if own in this.sent_before:
        this.counts["before"] += 1
        return None
    answer = this.door.send(row.body, key)
    if answer.status == 201:
        this.counts["sent"] += 1
        return (row.number, own, "sent", answer.told["receipt"], "")
    this.counts["refused"] += 1
    faults = "; ".join(f"{_column(pointer)}: {english or dutch}" for pointer, dutch, english in answer.faults)
    return (row.number, own, "refused", "", faults)


def _api_key(file: Path | None) -> str:
    try:
        key = (file.read_text(encoding="utf-8") if file else os.environ.get(KEY_VARIABLE, "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DoorShut(f"{file} cannot be read.") from error
    if not key.startswith("vk_") or not key.isascii() or not key.isprintable():
        raise DoorShut(f"Put an API key (vk_…) into ${KEY_VARIABLE}, or name a file with --key-file.")
    return key


def _translation(text: str) -> tuple[str, str]:
    name, is_pair, column = text.partition("=")
    if not is_pair:
        raise Unreadable(f"Write --column {text} as NAME=COLUMN.")
    return name.strip(), column.strip()


def _column(pointer: str) -> str:
    """Where a fault is; a name out of the file that a terminal would act on is quoted."""
    name = pointer.removeprefix("/").replace("/", ".") or "report"
    return name if name[0].isalnum() and name.isprintable() else repr(name)


def _secret(file: Path) -> bytes:
    """What makes the idempotency keys of this file; with it, a second run sends nothing twice."""
    try:
        found = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        found = secrets.token_hex(32)
        with _private(file, os.O_EXCL) as made:
            made.write(f"{found}\n")
    except UnicodeDecodeError:
        found = ""
    if not _SECRET.fullmatch(found):
        raise DoorShut(f"{file} is damaged. Restore it; without it a second run may send reports twice.")
    return bytes.fromhex(found)


def _sent_before(outcome: Path) -> frozenset[str]:
    try:
        with outcome.open(encoding="utf-8", newline="") as file:
            return frozenset(row["id"] for row in csv.DictReader(file) if row.get("outcome") == "sent")
    except FileNotFoundError:
        return frozenset()


@contextmanager
def _private(file: Path, flags: int) -> Iterator[TextIO]:
    """A file that only its owner may read, at its end; half a line of a run that was killed is closed off."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | flags, 0o600)
    except OSError as error:
        raise DoorShut(f"{file} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "r+", encoding="utf-8", newline="") as opened:
        os.fchmod(descriptor, 0o600)
        size = opened.seek(0, os.SEEK_END)
        tail = os.pread(descriptor, _LONGEST_LINE_BYTES, max(0, size - _LONGEST_LINE_BYTES))
        half = tail.rpartition(b"\n")[2]
        if half:
            opened.write('"\r\n' if half.count(b'"') % 2 else "\r\n")
        yield opened
