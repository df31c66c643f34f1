"""What reporting knows of a report, independent of the order in which it heard it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from common.contracts.base import Event
from common.contracts.casework import (
    ReportClosed,
    ReportReopened,
    ReportRouted,
    ReportStatusChanged,
    ReportTaken,
)
from common.contracts.codes import Status
from common.contracts.intake import ReportCounted

NEVER = -1  # the version of what was never heard

Versioned = TypeVar("Versioned", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Change:
    """What one or more events say of one report; a tuple opens with the version that says so."""

    municipality: str
    report_id: UUID
    counted: ReportCounted | None = None
    department: tuple[int, str] | None = None
    due: tuple[int, datetime] | None = None
    status: tuple[int, str] | None = None  # opens with `status_order`
    taken_at: datetime | None = None
    closed: tuple[int, datetime, str] | None = None
    reopened_version: int = NEVER


def status_order(version: int, *, is_said: bool) -> int:
    """Orders statuses: a later version wins; within one version what was said wins over what follows."""
    return version * 2 + is_said


def merged(one: Change, other: Change) -> Change:
    """Both changes of one report as one; associative and commutative, and repeats add nothing.

    The highest version wins in each field. The first time that a report was taken counts.
    """
    times = [at for at in (one.taken_at, other.taken_at) if at is not None]
    return Change(
        municipality=one.municipality,
        report_id=one.report_id,
        counted=one.counted or other.counted,
        department=_latest(one.department, other.department),
        due=_latest(one.due, other.due),
        status=_latest(one.status, other.status),
        taken_at=min(times) if times else None,
        closed=_latest(one.closed, other.closed),
        reopened_version=max(one.reopened_version, other.reopened_version),
    )


def folded(events: Iterable[Event]) -> list[Change]:
    """One change per report, sorted by municipality and report."""
    changes: dict[tuple[str, UUID], Change] = {}
    for event in events:
        change = CHANGES[type(event)](event)
        key = (change.municipality, change.report_id)
        changes[key] = merged(changes[key], change) if key in changes else change
    return [changes[key] for key in sorted(changes)]


def month_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def months_between(first: date, last: date) -> list[date]:
    """Every month from first to last, both included, as first days."""
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(start, end + 1)]


def _latest(one: Versioned | None, other: Versioned | None) -> Versioned | None:
    if one is None or other is None:
        return one or other
    return one if one[0] >= other[0] else other


def _counted(event: ReportCounted) -> Change:
    return Change(event.municipality, event.report_id, counted=event)


def _routed(event: ReportRouted) -> Change:
    return Change(
        event.municipality,
        event.report_id,
        department=(event.version, event.department),
        due=(event.version, event.due_at),
    )


def _taken(event: ReportTaken) -> Change:
    # Being taken means that assessing began, but any status that was ever said knows better.
    return Change(
        event.municipality,
        event.report_id,
        department=(event.version, event.department),
        status=(0, Status.ASSESSING),
        taken_at=event.taken_at,
    )


def _status_changed(event: ReportStatusChanged) -> Change:
    order = status_order(event.version, is_said=True)
    return Change(event.municipality, event.report_id, status=(order, event.status))


def _closed(event: ReportClosed) -> Change:
    return Change(
        event.municipality,
        event.report_id,
        status=(status_order(event.version, is_said=False), Status.CLOSED),
        closed=(event.version, event.closed_at, event.result),
    )


def _reopened(event: ReportReopened) -> Change:
    return Change(
        event.municipality,
        event.report_id,
        status=(status_order(event.version, is_said=False), Status.REOPENED),
        reopened_version=event.version,
    )


CHANGES: Mapping[type[Event], Callable[[Any], Change]] = {
    ReportCounted: _counted,
    ReportRouted: _routed,
    ReportTaken: _taken,
    ReportStatusChanged: _status_changed,
    ReportClosed: _closed,
    ReportReopened: _reopened,
}
