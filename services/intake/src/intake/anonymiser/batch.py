"""Anonymising in batches: JSON lines in, JSON lines out, for judging and for other programs."""

import json
import os
import sys
from io import TextIOWrapper
from typing import Any, BinaryIO, TextIO

from intake.anonymiser import MAX_CHARACTERS, anonymise

#: What a shell reports of a program whose reader went away (128 + SIGPIPE).
_READER_GONE = 141
_LONGEST_LINE = 1_000_000


def main() -> None:
    """From standard input to standard output, both UTF-8. Ends with 141, silently, when nobody reads on."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        anonymise_lines(sys.stdin.buffer, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more when it ends; that must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_READER_GONE)


def anonymise_lines(source: BinaryIO, target: TextIO) -> None:
    """Read ``{"id","text"}`` a line, write ``{"id","text","spans":[…]}``; offsets in the original text.

    Empty lines are passed over. Raises SystemExit naming the line that cannot be read; those before it are
    written.
    """
    for number, line in enumerate(iter(lambda: source.readline(_LONGEST_LINE), b""), start=1):
        if len(line) == _LONGEST_LINE:
            raise SystemExit(f"line {number} is longer than {_LONGEST_LINE} bytes")
        if line.strip():
            target.write(_anonymised(number, line))


def _anonymised(number: int, line: bytes) -> str:
    record = _read(number, line)
    result = anonymise(record["text"])
    spans = [span._asdict() for span in result.spans]
    answer = {"id": record.get("id"), "text": result.text, "spans": spans}
    # Half a character, which JSON can name ("\ud83d"), has no UTF-8.
    is_whole = result.text.isascii() or not any("\ud800" <= char <= "\udfff" for char in result.text)
    return json.dumps(answer, ensure_ascii=not is_whole) + "\n"


def _read(number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SystemExit(f"line {number} is not UTF-8: {error}") from error
    except (ValueError, RecursionError) as error:
        raise SystemExit(f"line {number} is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise SystemExit(f"line {number} is not a JSON object with 'id' and a 'text' of characters")
    if len(record["text"]) > MAX_CHARACTERS:
        raise SystemExit(
            f"line {number} has a text of {len(record['text'])} characters; "
            f"at most {MAX_CHARACTERS} are anonymised at once"
        )
    return record
