"""Reports made of the sentences in this folder, with every personal span marked; nobody in them exists."""

import gzip
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from people import HERE, LISTS, People, Person
from values import Values

_SLOT = re.compile(r"\{([A-Za-z]+?)(\d?)\}")
_NAME_KINDS = {"P": "full", "F": "first", "S": "surname", "I": "initials", "R": "reversed", "N": "nick"}
_FOLD = {chr(n): chr(n).lower() for n in range(0x250) if len(chr(n).lower()) == 1}


@dataclass
class Report:
    """A text and what in it is personal, in the form of the labelled set."""

    id: str
    style: str
    case: str
    text: str = ""
    spans: list[dict[str, str | int]] = field(default_factory=list)


class Maker:
    """Makes reports from sentence files: `part` 0 names to learn from, 1 names to measure on."""

    def __init__(self, folder: str, seed: int, part: int, swap: float = 0.0) -> None:
        self._swap = swap
        self._words = gzip.decompress((LISTS / "dutch_words.txt.gz").read_bytes()).decode().split("\n")
        self._r = random.Random(seed)
        self._people = People(self._r, part)
        self._values = Values(self._r)
        self._sentences = {path.stem: _lines(path) for path in sorted((HERE / folder).glob("*.txt"))}

    def report(self, number: int) -> Report:
        """One report of one to nine sentences."""
        style = self._r.choice(("prose", "prose", "official", "chat"))
        case = self._r.choices(
            ("normal", "lower", "upper"), {"chat": (4, 6, 1), "prose": (8, 2, 0.3)}.get(style, (8, 1, 1.5))
        )[0]
        report = Report(f"own-{number:04}", style, case)
        typos = self._r.choice((0, 0, 0, 0.03, 0.08))
        people = [self._people.person() for _ in range(3)]
        nicknames = [self._people.nickname() for _ in range(2)]
        lines = self._sentences[style] + self._sentences.get("company_context", [])
        swap = self._swap if self._r.random() < 0.5 else 0.0
        for line in self._r.sample(lines, min(len(lines), self._r.choice((1, 2, 3, 4, 5, 6, 9)))):
            self._add(report, self._swapped(line, swap), people, nicknames, typos)
            end = (
                self._r.choice((" ", " ", "\n"))
                if style != "chat"
                else self._r.choice((" ", ". ", "\n", ", ", "... "))
            )
            report.text += end
        report.text = report.text.rstrip()
        if case == "lower":
            report.text = "".join(_FOLD.get(char, char) for char in report.text)
        elif case == "upper":
            report.text = "".join(up if len(up := char.upper()) == 1 else char for char in report.text)
        return report

    def _add(
        self, report: Report, line: str, people: Sequence[Person], nicknames: Sequence[str], typos: float
    ) -> None:
        at = 0
        for slot in _SLOT.finditer(line):
            report.text += self._typed(line[at : slot.start()], typos)
            at = slot.end()
            kind, number = slot.group(1), int(slot.group(2) or 1)
            span: dict[str, str | int] = {"start": len(report.text)}
            if kind in _NAME_KINDS:
                value = self._named(kind, people[number - 1], nicknames[(number - 1) % 2])
                span |= {
                    "type": "PERSOON",
                    "sub": _NAME_KINDS[kind],
                    "eid": f"p{number}" + ("n" if kind == "N" else ""),
                }
                value = self._typed(value, typos / 2)
            elif kind == "c":
                value = self._people.company()
            else:
                label, make = self._values.makers[kind]
                value = make()
                if kind == "W" and slot.start() == 0:
                    value = value.capitalize()
                if label:
                    span |= {"type": label, "sub": label, "eid": value}
            report.text += value
            if "type" in span:
                report.spans.append({**span, "end": len(report.text)})
        report.text += self._typed(line[at:], typos)

    def _swapped(self, line: str, rate: float) -> str:
        """With ordinary words in the place of some, so that the words around names are not learnt by heart."""
        words = line.split(" ")
        for n, word in enumerate(words):
            if word.isalpha() and len(word) > 3 and self._r.random() < rate:
                other = self._r.choice(self._words)
                if self._r.random() < 0.2:
                    other = other[: self._r.choice((3, 4, 5))] + self._r.choice((".", ".", ".:"))
                words[n] = other.capitalize() if word[0].isupper() else other
        if rate and self._r.random() < 0.15:
            words.insert(0, self._r.choice(self._words).capitalize() + self._r.choice(("", ",")))
        return " ".join(words)

    def _named(self, kind: str, person: Person, nickname: str) -> str:
        ways: dict[str, Callable[[], str]] = {
            "N": lambda: nickname,
            "P": person.full,
            "F": lambda: person.first,
            "S": lambda: person.surname(self._r),
            "I": lambda: person.initials(self._r),
            "R": lambda: person.reversed(self._r),
        }
        return ways[kind]()

    def _typed(self, text: str, rate: float) -> str:
        """As a hurried hand types it."""
        if not rate:
            return text
        words = text.split(" ")
        for n, word in enumerate(words):
            if len(word) > 3 and word.isalpha() and self._r.random() < rate:
                at = self._r.randrange(1, len(word) - 1)
                words[n] = self._r.choice(
                    (
                        word[:at] + word[at + 1 :],
                        word[:at] + word[at] + word[at:],
                        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                    )
                )
        return " ".join(words)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
