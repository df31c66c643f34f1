"""Reports written by hand (``written/*.txt``), read into the form of the labelled set; nobody in them exists.

A report starts with a line ``== voice``. What is personal stands between brackets: ``[[TELEFOON|06 …]]``, a
person with a number for who it is (``[[P1|Jan]]``), a nickname with N (``[[N1|de Panda]]``).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MARK = re.compile(r"\[\[(?:(?P<person>[PN])(?P<number>\d)|(?P<type>[A-Z]+))\|(?P<value>.*?)\]\]")


def written_reports(part: str) -> list[dict[str, Any]]:
    """The reports of one part, ``learn`` or ``heldout``."""
    text = Path(__file__).parent.joinpath("written", f"{part}.txt").read_text(encoding="utf-8")
    return [_labelled(f"{part}-{n}", report) for n, report in enumerate(_reports(text), start=1)]


def _reports(text: str) -> Iterator[str]:
    for report in text.split("== ")[1:]:
        yield report.partition("\n")[2].strip()


def _labelled(name: str, marked: str) -> dict[str, Any]:
    text, at, spans = "", 0, []
    for mark in _MARK.finditer(marked):
        text += marked[at : mark.start()]
        span: dict[str, Any] = {"start": len(text), "end": len(text) + len(mark["value"])}
        if mark["person"]:
            span |= {"type": "PERSOON", "eid": f"p{mark['number']}"}
            span |= {"sub": "nick"} if mark["person"] == "N" else {}
        else:
            span |= {"type": mark["type"], "eid": mark["value"]}
        spans.append(span)
        text += mark["value"]
        at = mark.end()
    text += marked[at:]
    return {"id": name, "case": "lower" if text == text.lower() else "normal", "text": text, "spans": spans}
