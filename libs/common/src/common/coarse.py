"""The one clock for whatever follows a report: whole quarters of an hour, never finer.

Standard library only, so that domains may use it. Why, and what else it takes: docs/adr/0016-coarse-times.md.
"""

from datetime import UTC, datetime, timedelta
from typing import NewType

__all__ = ["QUARTER", "CoarseTime", "coarse", "coarse_day", "coarse_now"]

#: A moment that tells no more than a quarter of an hour; made by `coarse` alone.
CoarseTime = NewType("CoarseTime", datetime)

QUARTER = timedelta(minutes=15)


def coarse(moment: datetime) -> CoarseTime:
    """The quarter of an hour, in UTC, in which this moment falls: its beginning.

    Idempotent. Raises ValueError for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    at = moment.astimezone(UTC)
    return CoarseTime(at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0))


def coarse_now() -> CoarseTime:
    """This quarter of an hour."""
    return coarse(datetime.now(UTC))


def coarse_day(moment: datetime) -> CoarseTime:
    """The beginning of the day, in UTC, for what needs no more than that."""
    return CoarseTime(coarse(moment).replace(hour=0, minute=0))
