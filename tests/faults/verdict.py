"""Holds what was found in each place against the clients' own list; decides, and looks nothing up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 20


@dataclass(frozen=True)
class Place:
    """One place where effects show, by the marks of the reports that they belong to.

    Each mark in `wanted` must be found exactly once, each in `gone` not at all; others at most once.
    """

    name: str
    wanted: frozenset[str]
    gone: frozenset[str]
    found: Mapping[str, int]

    @property
    def lost(self) -> list[str]:
        """What should be here and is not."""
        return sorted(self.wanted - {mark for mark, times in self.found.items() if times})

    @property
    def double(self) -> list[str]:
        """What took effect more than once."""
        return sorted(mark for mark, times in self.found.items() if times > 1)

    @property
    def resurrected(self) -> list[str]:
        """What was erased and is here."""
        return sorted(mark for mark in self.gone if self.found.get(mark))


@dataclass
class Verdict:
    """What a run showed; `is_clean` only when nothing at all is wrong."""

    accepted: int
    kills: Mapping[str, int]
    wanted_kills: int
    places: list[Place]
    innocent_parked: list[str]
    faults: list[str]  # what else must not be: refused, contradicted, unconfirmed, left over
    measured: dict[str, Any] = field(default_factory=dict)
    mail_repeats: int = 0  # a mail that came again under the Message-ID that it had
    mail_repeats_allowed: int = 0

    @property
    def lost(self) -> int:
        """Effects that are missing, over all places."""
        return sum(len(place.lost) for place in self.places)

    @property
    def double(self) -> int:
        """Effects that happened more than once, over all places."""
        return sum(len(place.double) for place in self.places)

    @property
    def resurrected(self) -> int:
        """Erased reports that show somewhere, over all places."""
        return sum(len(place.resurrected) for place in self.places)

    @property
    def too_few_kills(self) -> list[str]:
        """Kinds that were not killed as often as was planned."""
        return sorted(kind for kind, times in self.kills.items() if times < self.wanted_kills)

    @property
    def wrong(self) -> list[str]:
        """Every reason why this run failed, a sentence each."""
        sentences = [
            f"{what} {name} {place.name}: {', '.join(marks[:_SHOWN])}"
            for place in self.places
            for what, name, marks in (
                (len(place.lost), "lost in", place.lost),
                (len(place.double), "double in", place.double),
                (len(place.resurrected), "back after erasure in", place.resurrected),
            )
            if marks
        ]
        sentences += [f"an innocent message is parked: {each}" for each in self.innocent_parked]
        sentences += [f"{kind} was killed too seldom" for kind in self.too_few_kills]
        if self.mail_repeats > self.mail_repeats_allowed:
            sentences.append(
                f"{self.mail_repeats} mails came again; {self.mail_repeats_allowed} can have been in hand"
            )
        return [*sentences, *self.faults]

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled, brought back or wrongly parked, and everything was really killed."""
        return not self.wrong

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "accepted": self.accepted,
            "kills": dict(self.kills),
            "lost": self.lost,
            "double": self.double,
            "resurrected": self.resurrected,
            "innocent_parked": len(self.innocent_parked),
            "is_clean": self.is_clean,
            "wrong": self.wrong,
            "mail_repeats": self.mail_repeats,
            "mail_repeats_allowed": self.mail_repeats_allowed,
            **self.measured,
            "places": [_place_json(place) for place in self.places],
        }

    def table(self) -> str:
        """For people."""
        rows: list[tuple[object, ...]] = [("place", "wanted", "found", "lost", "double", "back")]
        rows += [
            (
                place.name,
                len(place.wanted),
                sum(1 for mark in place.wanted if place.found.get(mark)),
                len(place.lost),
                len(place.double),
                len(place.resurrected),
            )
            for place in self.places
        ]
        kills = [("killed with SIGKILL", *self.kills), ("times", *self.kills.values())]
        measured = [(name.replace("_", " "), value) for name, value in self.measured.items()]
        totals = [
            ("accepted (201)", self.accepted),
            ("lost", self.lost),
            ("double", self.double),
            ("resurrected", self.resurrected),
            ("innocent parked", len(self.innocent_parked)),
            ("mails sent again under the same Message-ID", self.mail_repeats),
            ("  allowed: what a notifier takes at a time, for each killed", self.mail_repeats_allowed),
        ]
        parts = [_aligned(rows), _aligned(kills), _aligned([*totals, *measured])]
        return "\n\n".join(parts)


def _place_json(place: Place) -> dict[str, Any]:
    return {
        "place": place.name,
        "wanted": len(place.wanted),
        "lost": place.lost[:_SHOWN],
        "double": place.double[:_SHOWN],
        "resurrected": place.resurrected[:_SHOWN],
    }


def _aligned(rows: Iterable[tuple[object, ...]]) -> str:
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
