"""Months, totals and lead times, read from the rollup: the cost does not grow with the reports."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from common.contracts.base import WireModel
from common.contracts.codes import PersonalClass
from pydantic import Field
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reporting.domain import months_between

_QUERY = text(
    """
    SELECT r.month, r.signal_type,
           bool_or(r.is_restricted OR coalesce(t.is_restricted, false)) AS restricted,
           max(coalesce(t.name, r.signal_type)) AS name,
           sum(r.received)::bigint AS received, sum(r.taken)::bigint AS taken,
           sum(r.closed)::bigint AS closed,
           sum(r.taken_days)::bigint AS taken_days, sum(r.closed_days)::bigint AS closed_days
    FROM rollup AS r LEFT JOIN signal_type AS t ON t.municipality = r.municipality AND t.code = r.signal_type
    WHERE r.municipality = :municipality AND r.month BETWEEN :first AND :last
      AND (:restricted OR NOT (r.is_restricted OR coalesce(t.is_restricted, false)))
    GROUP BY GROUPING SETS ((r.month), (r.signal_type), ())
    """
)
_CORRECTIONS = text(
    """
    SELECT personal_class, sum(misses)::bigint AS misses, sum(false_hits)::bigint AS false_hits
    FROM correction_count WHERE municipality = :municipality AND month BETWEEN :first AND :last
    GROUP BY personal_class ORDER BY sum(misses) DESC, sum(false_hits) DESC, personal_class
    """
)
_TODAY = text("SELECT (now() AT TIME ZONE 'Europe/Amsterdam')::date")


class MonthCounts(WireModel):
    """What happened in one month (Europe/Amsterdam)."""

    month: str
    received: int
    taken: int
    closed: int


class Totals(WireModel):
    """Counts over the whole period, and mean whole days from the day of receipt."""

    received: int
    taken: int
    closed: int
    average_days_to_take: float | None
    average_days_to_close: float | None


class SignalTypeTotals(Totals):
    """The same for one signal type."""

    code: str
    name: str
    is_restricted: bool


class CorrectionTotals(WireModel):
    """What handlers corrected of one class of personal data in anonymised texts."""

    personal_class: PersonalClass
    misses: int  # stood in clear
    false_hits: int  # was hidden by mistake


class Statistics(WireModel):
    """The answer of the statistics API."""

    from_month: str = Field(alias="from")
    to_month: str = Field(alias="to")
    includes_restricted: bool
    months: tuple[MonthCounts, ...]
    signal_types: tuple[SignalTypeTotals, ...]
    totals: Totals
    corrections: tuple[CorrectionTotals, ...]  # of reports of every kind


async def today(connection: AsyncConnection) -> date:
    """The day in Europe/Amsterdam."""
    day: date = (await connection.execute(_TODAY)).scalar_one()
    return day


async def read_statistics(
    connection: AsyncConnection, municipality: str, first: date, last: date, *, restricted: bool
) -> Statistics:
    """The counts of these months, first and last included; restricted types only when asked for."""
    result = await connection.execute(
        _QUERY, {"municipality": municipality, "first": first, "last": last, "restricted": restricted}
    )
    rows = result.all()
    by_month = {row.month: row for row in rows if row.month is not None}
    types = [row for row in rows if row.signal_type is not None]
    whole = next((row for row in rows if row.month is None and row.signal_type is None), None)
    return Statistics(
        from_month=f"{first:%Y-%m}",
        to_month=f"{last:%Y-%m}",
        includes_restricted=restricted,
        months=tuple(_month(month, by_month.get(month)) for month in months_between(first, last)),
        signal_types=_signal_types(types),
        totals=Totals(**_totals(whole)),
        corrections=await _corrections(connection, municipality, first, last),
    )


async def _corrections(
    connection: AsyncConnection, municipality: str, first: date, last: date
) -> tuple[CorrectionTotals, ...]:
    rows = await connection.execute(
        _CORRECTIONS, {"municipality": municipality, "first": first, "last": last}
    )
    return tuple(CorrectionTotals(**row._mapping) for row in rows)


def _month(month: date, row: Row[Any] | None) -> MonthCounts:
    received, taken, closed = (row.received, row.taken, row.closed) if row else (0, 0, 0)
    return MonthCounts(month=f"{month:%Y-%m}", received=received, taken=taken, closed=closed)


def _signal_types(rows: Sequence[Row[Any]]) -> tuple[SignalTypeTotals, ...]:
    ordered = sorted(rows, key=lambda row: (-row.received, row.signal_type))
    return tuple(
        SignalTypeTotals(code=row.signal_type, name=row.name, is_restricted=row.restricted, **_totals(row))
        for row in ordered
    )


def _totals(row: Row[Any] | None) -> dict[str, Any]:
    return {
        "received": row.received or 0 if row else 0,
        "taken": row.taken or 0 if row else 0,
        "closed": row.closed or 0 if row else 0,
        "average_days_to_take": _mean(row.taken_days, row.taken) if row else None,
        "average_days_to_close": _mean(row.closed_days, row.closed) if row else None,
    }


def _mean(days: int | None, count: int | None) -> float | None:
    return round(days / count, 1) if count and days is not None else None
