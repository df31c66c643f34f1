"""The geometry of bar charts: numbers in, attributes for SVG out; no style and no script."""

from collections.abc import Sequence
from dataclasses import dataclass

_PLOT_HEIGHT = 240
_TOP = 12
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Series:
    """One kind of bar: its key chooses colour and pattern, its name stands in the legend."""

    key: str
    name: str


@dataclass(frozen=True)
class Bar:
    """One bar, in per cent across and pixels down."""

    series: Series
    value: int
    x: str
    width: str
    y: float
    height: float


@dataclass(frozen=True)
class BarGroup:
    """The bars of one period and the words below them."""

    label: str
    sublabel: str
    middle: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Tick:
    """A line across the plot with its number."""

    value: int
    y: float


@dataclass(frozen=True)
class BarChart:
    """A chart that keeps its letters readable at any width: across in per cent, down in pixels."""

    series: tuple[Series, ...]
    groups: tuple[BarGroup, ...]
    ticks: tuple[Tick, ...]
    height: int
    baseline: int


def bar_chart(series: Sequence[Series], rows: Sequence[tuple[str, str, Sequence[int]]]) -> BarChart:
    """A chart of rows (label, sublabel, one number per series) side by side; numbers are not negative."""
    top_value, step = _scale(max((number for *_, numbers in rows for number in numbers), default=0))
    baseline = _TOP + _PLOT_HEIGHT
    slot = 100 / max(len(rows), 1)
    width = slot * 0.78 / max(len(series), 1)

    def group(index: int, label: str, sublabel: str, numbers: Sequence[int]) -> BarGroup:
        left = index * slot + slot * 0.11
        bars = tuple(
            _bar(kind, number, left + place * width, width * 0.9, number / top_value * _PLOT_HEIGHT, baseline)
            for place, (kind, number) in enumerate(zip(series, numbers, strict=True))
        )
        return BarGroup(label, sublabel, f"{(index + 0.5) * slot:.3f}%", bars)

    ticks = tuple(
        Tick(value, round(baseline - value / top_value * _PLOT_HEIGHT, 1))
        for value in range(0, top_value + 1, step)
    )
    groups = tuple(group(index, *row) for index, row in enumerate(rows))
    return BarChart(tuple(series), groups, ticks, baseline + 44, baseline)


def share_bars(numbers: Sequence[int]) -> tuple[str, ...]:
    """For each number the width of its bar, the greatest at 100 %."""
    greatest = max(numbers, default=0) or 1
    return tuple(f"{number / greatest * 100:.2f}%" for number in numbers)


def _bar(kind: Series, number: int, x: float, width: float, height: float, baseline: int) -> Bar:
    return Bar(kind, number, f"{x:.3f}%", f"{width:.3f}%", round(baseline - height, 1), round(height, 1))


def _scale(greatest: int) -> tuple[int, int]:
    """The number at the top of the plot and the distance between its lines: four to six round steps."""
    magnitude = 1
    while True:
        for factor in _STEPS:
            step = factor * magnitude
            if greatest <= step * 5:
                return max(step * -(-greatest // step), step * 4), step
        magnitude *= 10
