"""For how long a receipt is told again."""

from datetime import UTC, datetime, timedelta

import pytest
from common.coarse import QUARTER, coarse
from intake.domain import REPEATED, is_recent

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize("minute", range(30))
def test_a_report_is_recent_for_five_minutes_at_least_and_twenty_at_most(minute: int) -> None:
    sent_at = AT + timedelta(minutes=minute, seconds=59)
    received_at = coarse(sent_at)
    assert is_recent(received_at, sent_at)
    assert is_recent(received_at, sent_at + REPEATED)
    assert not is_recent(received_at, sent_at + REPEATED + QUARTER)
