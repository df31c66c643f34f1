"""Sentences of our own, one a line, with what must be hidden between brackets: ``[[TYPE|value]]``."""

import re
from pathlib import Path

import pytest
from intake.anonymiser import anonymise

_LINES = (Path(__file__).parent / "anonymiser_sentences.txt").read_text(encoding="utf-8").splitlines()
_MARK = re.compile(r"\[\[(\w+)\|(.*?)\]\]")


@pytest.mark.parametrize("line", _LINES)
def test_what_is_marked_is_hidden_and_nothing_else(line: str) -> None:
    text, at, marked = "", 0, []
    for mark in _MARK.finditer(line):
        text += line[at : mark.start()]
        marked.append((len(text), len(text) + len(mark.group(2)), mark.group(1)))
        text += mark.group(2)
        at = mark.end()
    text += line[at:]
    found = [(span.start, span.end, span.type) for span in anonymise(text).spans]
    for start, end, kind in marked:
        assert any(kind == t and a <= start and end <= b for a, b, t in found), (text[start:end], found)
    for a, b, kind in found:
        assert any(a < end and start < b for start, end, _ in marked), (text[a:b], kind)
