"""A report that comes again: for how long its receipt is still told."""

from datetime import datetime, timedelta

from common.coarse import CoarseTime, coarse

#: So long after it was sent a report that comes again gets its receipt in any case.
REPEATED = timedelta(minutes=5)


def is_recent(received_at: CoarseTime, now: datetime) -> bool:
    """Whether a report was sent a moment ago: `REPEATED` at least, and a quarter of an hour more at most.

    Of a report no finer time is kept than the quarter of an hour in which it came.
    """
    return received_at >= coarse(now - REPEATED)
