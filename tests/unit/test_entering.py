"""The door and the time that staff fills in: what is wrong with them, and what intake is told."""

from datetime import UTC, datetime

import pytest
from gateway.pages.entering import Entry

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)  # nine o'clock in the Netherlands


@pytest.mark.parametrize(
    ("entry", "faults"),
    [
        (Entry("telefoon"), {}),
        (Entry(""), {"channel": "channel"}),
        (Entry("formulier"), {"channel": "channel"}),
        (Entry("balie", "2026-11-25"), {}),
        (Entry("balie", "25-11-2026", "8.45"), {}),
        (Entry("balie", "", "14:30"), {"received_on": "day_missing"}),
        (Entry("balie", "2026-11-25", "9:30"), {"received_on": "future"}),
        (Entry("balie", "2026-11-26"), {"received_on": "future"}),
        (Entry("balie", "2025-11-01"), {"received_on": "too_old"}),
        (Entry("balie", "31-2-2026"), {"received_on": "no_moment"}),
        (Entry("balie", "2026-11-24", "25:00"), {"received_on": "no_moment"}),
        (Entry("", "gisteren"), {"channel": "channel", "received_on": "no_moment"}),
    ],
)
def test_what_is_wrong_is_found_by_field(entry: Entry, faults: dict[str, str]) -> None:
    assert entry.faults(NOW) == faults


@pytest.mark.parametrize(
    ("entry", "at"),
    [
        (Entry("mma", "2026-11-24", "14:44"), "2026-11-24T13:44:00+00:00"),
        (Entry("mma", "2026-07-24", "14:44"), "2026-07-24T12:44:00+00:00"),  # summer time
        (Entry("mma", "2026-11-24"), "2026-11-24T11:00:00+00:00"),
        (Entry("mma", "2026-11-25"), "2026-11-24T23:00:00+00:00"),  # today, before noon
        (Entry("mma"), None),
    ],
)
def test_intake_is_told_the_moment_in_utc(entry: Entry, at: str | None) -> None:
    told = entry.told(NOW)
    assert told["channel"] == "mma"
    assert told.get("receivedElsewhereAt") == at


def test_the_time_of_a_mail_is_filled_in_as_it_was_here() -> None:
    entry = Entry("mail").at_moment(datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    assert (entry.day, entry.hour) == ("2026-07-02", "00:30")
    assert Entry("mail", "2026-01-01").at_moment(None) == Entry("mail", "2026-01-01")
