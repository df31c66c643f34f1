"""What events say of a report, folded so that the order in which they were heard does not matter."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.coarse import CoarseTime
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

from reporting.domain import NEVER, latest, status_order


@dataclass(frozen=True, slots=True)
class Change:
    """What one or more events say of one report; a tuple opens with the version that says so."""

    municipality: str
    report_id: UUID
    counted: ReportCounted | None = None
    department: tuple[int, str] | None = None
    due: tuple[int, CoarseTime] | None = None
    status: tuple[int, str] | None = None  # opens with `status_order`
    taken_at: CoarseTime | None = None
    closed: tuple[int, CoarseTime, str] | None = None
    reopened_version: int = NEVER


def merged(one: Change, other: Change) -> Change:
    """Both changes of one report as one; associative and commutative, and repeats add nothing.

    The highest version wins in each field. The first time that a report was taken counts.
    """
    times = [at for at in (one.taken_at, other.taken_at) if at is not None]
    return Change(
        municipality=one.municipality,
        report_id=one.report_id,
        counted=one.counted or other.counted,
        department=latest(one.department, other.department),
        due=latest(one.due, other.due),
        status=latest(one.status, other.status),
        taken_at=min(times) if times else None,
        closed=latest(one.closed, other.closed),
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
        due=(event.version, event.due_at) if event.due_at else None,
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
