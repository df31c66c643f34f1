"""What was measured, each beside its limit and its aim: as a table and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measurement. `limit` was measured in the same run; `aim` is what we promised ourselves."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    limit_is: str = ""
    aim: float | None = None
    smaller_is_better: bool = False
    cpu_micros: float | None = None  # per operation, over every process that took part

    @property
    def ratio(self) -> float | None:
        """Value to limit; None without a limit."""
        return self.value / self.limit if self.limit else None

    @property
    def line(self) -> str:
        """What a person reads while the bench still runs."""
        return f"{self.name.strip()}: {_number(self.value)} {self.unit}"

    @property
    def meets_aim(self) -> bool | None:
        """Whether the aim is met; None without an aim."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.smaller_is_better else self.value >= self.aim


def table(figures: Sequence[Figure]) -> str:
    """The figures for a person, one a line."""
    rows = [("figure", "value", "limit", "ratio", "CPU-µs/op", "aim", "")]
    rows += [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    notes = {figure.limit_is for figure in figures if figure.limit_is}
    return "\n".join([*lines, "", *(f"limit: {note}" for note in sorted(notes))])


def write(figures: Sequence[Figure], circumstances: Mapping[str, object], path: Path) -> None:
    """The figures for a program, with the circumstances of the run; the file is replaced as a whole."""
    told = [asdict(figure) | {"ratio": figure.ratio, "meets_aim": figure.meets_aim} for figure in figures]
    document = {**circumstances, "figures": told}
    path.parent.mkdir(parents=True, exist_ok=True)
    partly = path.with_suffix(".part")
    partly.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partly.replace(path)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies; values must not be empty."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _row(figure: Figure) -> tuple[str, str, str, str, str, str, str]:
    verdict = {None: "", True: "met", False: "NOT MET"}[figure.meets_aim]
    sign = "≤" if figure.smaller_is_better else "≥"
    return (
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        f"{_number(figure.limit)}" if figure.limit else "",
        f"{figure.ratio:.2f}" if figure.ratio else "",
        f"{figure.cpu_micros:,.0f}" if figure.cpu_micros else "",
        f"{sign} {_number(figure.aim)}" if figure.aim is not None else "",
        verdict,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
