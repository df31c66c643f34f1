"""Anonymising in batches: JSON lines in, JSON lines out, for judging and for other programs."""

import json
import sys
from typing import TextIO

from intake.anonymiser import anonymise


def anonymise_lines(source: TextIO = sys.stdin, target: TextIO = sys.stdout) -> None:
    """Read ``{"id","text"}`` a line, write ``{"id","text","spans":[…]}``; offsets in the original text.

    Raises SystemExit naming the line that cannot be read.
    """
    for number, line in enumerate(source, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            result = anonymise(record["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"line {number} is not a JSON object with 'id' and 'text': {error}") from error
        spans = [
            {"start": span.start, "end": span.end, "type": span.type, "placeholder": span.placeholder}
            for span in result.spans
        ]
        answer = {"id": record.get("id"), "text": result.text, "spans": spans}
        target.write(json.dumps(answer, ensure_ascii=False) + "\n")
