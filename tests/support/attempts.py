"""What an attack tried and what came of it: a test fails on one success, and on nothing tried."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

#: The short run is part of `make test`; `make attacks` sets this for more tries of each kind.
IS_LONG = os.environ.get("VERMOEDEN_ATTACKS") == "long"


@dataclass
class Attempts:
    """The tries of one test, in the words of what was attempted; no secret belongs in them."""

    tried: Counter[str] = field(default_factory=Counter)
    succeeded: list[str] = field(default_factory=list)

    def record(self, what: str, *, succeeded: bool) -> None:
        """Count one try; `what` is a short name of its kind, for the table."""
        self.tried[what] += 1
        if succeeded:
            self.succeeded.append(what)

    def verdict(self) -> None:
        """Raise AssertionError when one succeeded, or when nothing was tried."""
        assert not self.succeeded, f"succeeded: {', '.join(self.succeeded[:20])}"
        assert self.tried, "this test tried nothing"


@dataclass
class Tally:
    """All tries of a run, by file and kind."""

    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    succeeded: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, file: str, attempts: Attempts) -> None:
        """Take in what one test tried."""
        self.tried.update({(file, what): count for what, count in attempts.tried.items()})
        self.succeeded.update((file, what) for what in attempts.succeeded)

    def told(self) -> list[tuple[str, str, int, int]]:
        """All of it in plain values, as one process may tell another: file, kind, times, successes."""
        return [(*key, count, self.succeeded[key]) for key, count in self.tried.items()]

    def add_told(self, rows: Iterable[tuple[str, str, int, int]]) -> None:
        """Take in what another process counted."""
        for file, what, times, successes in rows:
            self.tried[file, what] += times
            self.succeeded[file, what] += successes

    def lines(self) -> list[str]:
        """A table of what was tried, and the sum as its last line."""
        rows = [
            f"{file:<28} {what:<60} {count:>6} {self.succeeded[file, what]:>9}"
            for (file, what), count in sorted(self.tried.items())
        ]
        head = f"{'file':<28} {'tried':<60} {'times':>6} {'succeeded':>9}"
        return [head, *rows, f"{self.tried.total()} tried, {self.succeeded.total()} succeeded"]
