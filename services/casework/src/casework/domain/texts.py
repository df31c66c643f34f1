"""What may become of an anonymised text that a person mends."""

import re
from collections import Counter
from collections.abc import Collection

from casework.domain import Fault

#: Whatever stands in a text like a placeholder; those of a known class are.
_BRACKETED = re.compile(r"\[([A-Z][A-Z0-9_]*)(?:-[0-9]*)?\]")
_MISS, _FALSE_HIT = "miss", "false-hit"


def correction_faults(
    old: str | None, new: str, corrections: Counter[tuple[str, str]], classes: frozenset[str]
) -> list[Fault]:
    """What is wrong with a corrected text; `corrections` counts pairs of "miss" or "false-hit" and class.

    Clear text may only be hidden, unless something is put back by a false hit: then a person answers for it.
    """
    faults = []
    if any(not _is_placeholder(found, classes) for found in _BRACKETED.finditer(new)):
        listed = ", ".join(f"[{each}-1]" for each in sorted(classes))
        faults.append(
            Fault(
                "/text",
                "unknown-placeholder",
                f"Gebruik tussen haken alleen plaatshouders zoals: {listed}.",
                f"Between brackets use placeholders only, such as: {listed}.",
            )
        )
    kinds = {kind for kind, _ in corrections}
    if old is not None and not corrections:
        faults.append(
            Fault(
                "/corrections",
                "nothing-corrected",
                "Noem wat gemist was of ten onrechte verborgen.",
                "Name what was missed or hidden by mistake.",
            )
        )
    elif old is not None and kinds == {_MISS} and not _is_only_hidden(old, new, classes):
        faults.append(
            Fault(
                "/text",
                "not-the-same-text",
                "Verberg alleen stukken tekst. Zet u iets terug, noem het dan als ten onrechte verborgen.",
                "Only hide pieces of the text. What you put back must be named as a false hit.",
            )
        )
    return faults


def brings_back(old: str | None, kinds: Collection[str]) -> bool:
    """Whether a correction of these kinds may bring words into the open that stood nowhere in clear."""
    return old is None or bool(set(kinds) - {_MISS})


def _is_placeholder(found: "re.Match[str]", classes: frozenset[str]) -> bool:
    return found[1] in classes and bool(re.fullmatch(r"\[[A-Z]+-[1-9][0-9]{0,3}\]", found[0]))


def _is_only_hidden(old: str, new: str, classes: frozenset[str]) -> bool:
    """Whether each piece of clear text in `new` stands in `old` too, in the same order."""
    at = 0
    source = _without_placeholders(old, classes)
    for piece in _without_placeholders(new, classes).split("\0"):
        at = source.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def _without_placeholders(text: str, classes: frozenset[str]) -> str:
    """The text with one kind of line end, and a NUL, which no text holds, for each placeholder."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _BRACKETED.sub(lambda found: "\0" if _is_placeholder(found, classes) else found[0], plain)
