"""Invented people, each with the ways in which a report names one person."""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LISTS = HERE.parents[1] / "src/intake/anonymiser/lists"
PARTICLES = [
    "van",
    "van",
    "van",
    "de",
    "de",
    "van de",
    "van der",
    "van den",
    "van der",
    "den",
    "ter",
    "ten",
    "'t",
    "in 't",
    "van 't",
    "el",
    "el",
    "ben",
    "da",
    "dos",
    "v.d.",
    "vd",
    "op de",
    "te",
    "bin",
    "al",
]
_VOWELS, _HEADS, _TAILS = (
    "aeiou",
    [
        "b",
        "d",
        "f",
        "g",
        "h",
        "j",
        "k",
        "l",
        "m",
        "n",
        "p",
        "r",
        "s",
        "t",
        "v",
        "w",
        "z",
        "br",
        "kr",
        "st",
        "sl",
        "dr",
        "vl",
    ],
    ["n", "r", "s", "l", "m", "k", "t", "d", "ng", "rd"],
)


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist."""

    first: str
    particle: str
    last: str
    middle: str

    def surname(self, chance: random.Random) -> str:
        """With its particle, which is a capital now and then."""
        if not self.particle:
            return self.last
        particle = self.particle if chance.random() < 0.5 else self.particle[0].upper() + self.particle[1:]
        return f"{particle} {self.last}"

    def full(self) -> str:
        """Given name and surname."""
        return " ".join(filter(None, (self.first, self.particle, self.last)))

    def initials(self, chance: random.Random) -> str:
        """'J.M. de Vries' and its other writings."""
        letters = [self.first[0].upper(), *self.middle][: chance.choice((1, 1, 2, 3))]
        written = chance.choice(("{}.", "{}.", "{}"))
        front = "".join(written.format(letter) for letter in letters)
        return (
            front
            + (chance.choice(("", " ", " ")) if front[-1] == "." else " ")
            + " ".join(filter(None, (self.particle, self.last)))
        )

    def reversed(self, chance: random.Random) -> str:
        """'Vries, de J.M.' and 'VRIES, Jan de', as in a register."""
        last = self.last.upper() if chance.random() < 0.3 else self.last
        given = (
            self.first if chance.random() < 0.6 else ".".join([self.first[0].upper(), *self.middle[:1]]) + "."
        )
        order = (
            (f"{last}, {self.particle} {given}", f"{last}, {given} {self.particle}")
            if self.particle
            else (f"{last}, {given}",)
        )
        return chance.choice(order)


class People:
    """Draws invented people from the lists; some names are made up so that no list has them."""

    def __init__(self, chance: random.Random, part: int) -> None:
        own = tomllib.loads((HERE / "names.toml").read_text(encoding="utf-8"))
        self._r = chance
        # Two halves that share no name: one to learn from, one to measure on.
        self._first = _half((own["first"] + own["more"]).split(), part)
        self._last = _half(own["last"].split(), part)
        self._more_first = _half((LISTS / "first_names.txt").read_text(encoding="utf-8").split(), part)
        self._more_last = _half((LISTS / "last_names.txt").read_text(encoding="utf-8").split(), part)
        self._nicknames = _half(own["nicknames"].replace("\n", "|").strip("|").split("|"), part)
        self._after, self._before = own["companies_after"].split("|"), own["companies_before"].split("|")
        self._companies = _half(own["companies_plain"].split("|"), part)

    def person(self) -> Person:
        """Somebody new."""
        first = self._given()
        if self._r.random() < 0.05:
            first += "-" + self._given()
        last = self._family()
        if self._r.random() < 0.08:
            last += "-" + self._family()
        elif self._r.random() < 0.06:
            last += " " + self._family()
        particle = self._r.choice(PARTICLES) if self._r.random() < 0.3 else ""
        return Person(
            first, particle, last, self._r.choice("ABCDEFGHJKLMNPRSTW") + self._r.choice("AEHIJMNW")
        )

    def nickname(self) -> str:
        """What a street calls somebody."""
        chosen = self._r.random()
        if chosen < 0.25:
            adjective = self._r.choice(
                [
                    "dikke",
                    "kale",
                    "kleine",
                    "grote",
                    "lange",
                    "rooie",
                    "zwarte",
                    "gekke",
                    "oude",
                    "jonge",
                    "schele",
                    "dunne",
                    "blonde",
                ]
            )
            return f"{adjective.capitalize()} {self._given()}"
        if chosen < 0.35:
            return (self._invented(1) + self._r.choice(("ie", "y", "o", "er"))).capitalize()
        return self._r.choice(self._nicknames)

    def company(self) -> str:
        """A company; many carry somebody's surname."""
        chosen = self._r.random()
        if chosen < 0.4:
            front = self._r.choice(("", "", "Van ", "De ", "Van der ", "El "))
            return f"{front}{self._family()} {self._r.choice(self._after)}"
        if chosen < 0.75:
            front = self._r.choice(("", "", "", "Van ", "De ", "El ", "Ome "))
            return f"{self._r.choice(self._before)} {front}{self._r.choice((self._family, self._given))()}"
        return self._r.choice(self._companies)

    def _given(self) -> str:
        chosen = self._r.random()
        if chosen < 0.07:
            return self._invented(2).capitalize()
        return _capital(self._r.choice(self._first if chosen < 0.65 else self._more_first))

    def _family(self) -> str:
        chosen = self._r.random()
        if chosen < 0.1:
            return (
                self._invented(2)
                + self._r.choice(("stra", "ma", "man", "sen", "ski", "oğlu", "ic", "ov", "ani", ""))
            ).capitalize()
        return _capital(self._r.choice(self._last if chosen < 0.7 else self._more_last))

    def _invented(self, syllables: int) -> str:
        pick = self._r.choice
        return "".join(
            pick(_HEADS) + pick(_VOWELS) + (pick(_TAILS) if pick((0, 1)) else "") for _ in range(syllables)
        )


def _half(names: Sequence[str], part: int) -> list[str]:
    kept = [name for name in sorted(set(names)) if part == 2 or sum(name.lower().encode()) % 3 // 2 == part]
    return kept or list(names)


def _capital(name: str) -> str:
    return "-".join(part[:1].upper() + part[1:] for part in name.split("-"))
