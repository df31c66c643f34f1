"""What reporting decides: which of two things said of a report counts, and which months there are."""

from datetime import date
from typing import Any, TypeVar

NEVER = -1  # the version of what was never heard

Versioned = TypeVar("Versioned", bound=tuple[Any, ...])


def status_order(version: int, *, is_said: bool) -> int:
    """Orders statuses: a later version wins; within one version what was said wins over what follows."""
    return version * 2 + is_said


def latest(one: Versioned | None, other: Versioned | None) -> Versioned | None:
    """What the higher version says; each opens with its version."""
    if one is None or other is None:
        return one or other
    return one if one[0] >= other[0] else other


def month_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def months_between(first: date, last: date) -> list[date]:
    """Every month from first to last, both included, as first days."""
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(start, end + 1)]
