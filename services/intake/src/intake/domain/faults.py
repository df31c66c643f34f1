"""What is wrong with a report, told all at once."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one field, in Dutch and English."""

    pointer: str
    code: str
    dutch: str
    english: str


class InvalidReport(Exception):
    """Everything that is wrong with a report, at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} field(s) are not valid")
        self.faults = tuple(faults)
