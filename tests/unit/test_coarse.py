"""The one clock of what follows a report: quarters of an hour, rounded down, and never finer."""

import json
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from casework.api.bodies import _Ground
from casework.domain import ERASURE_GROUNDS
from common.coarse import QUARTER, coarse, coarse_day
from common.contracts.casework import ReportErased, ReportTaken
from common.contracts.codes import ErasureGround
from hypothesis import given
from hypothesis import strategies as st

_ZONES = st.sampled_from([UTC, ZoneInfo("Europe/Amsterdam"), ZoneInfo("Asia/Kathmandu")])
_MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=_ZONES)  # noqa: DTZ001


@given(_MOMENTS)
def test_a_moment_is_rounded_down_to_a_quarter_of_an_hour_in_utc(moment: datetime) -> None:
    result = coarse(moment)
    assert timedelta() <= moment.astimezone(UTC) - result < QUARTER
    assert (result.tzinfo, result.minute % 15, result.second, result.microsecond) == (UTC, 0, 0, 0)
    assert coarse(result) == result


@given(_MOMENTS)
def test_a_quarter_of_an_hour_is_on_the_same_day_in_the_netherlands(moment: datetime) -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    assert coarse(moment).astimezone(zone).date() == moment.astimezone(zone).date()


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        coarse(datetime(2026, 11, 30, 9, 17))  # noqa: DTZ001 -- that is what is refused


def test_a_day_tells_nothing_of_the_hour() -> None:
    assert coarse_day(datetime(2026, 11, 30, 23, 59, tzinfo=UTC)) == datetime(2026, 11, 30, tzinfo=UTC)


def test_a_fine_time_of_an_older_speaker_is_rounded_as_it_is_read() -> None:
    said = {
        "municipality": "zandrecht",
        "reportId": "8f14e45f-ceea-467f-a0e6-0a3a5a5d0c11",
        "version": 2,
        "department": "vth",
        "takenAt": "2026-11-30T09:17:21.123456Z",
    }
    assert ReportTaken.model_validate(said).taken_at == datetime(2026, 11, 30, 9, 15, tzinfo=UTC)


def test_words_that_an_older_version_took_for_a_ground_are_not_kept() -> None:
    words = "AVG art. 17, zie de brief van mevrouw Kade"
    assert ErasureGround(words) is ErasureGround.OTHER
    said = {
        "municipality": "zandrecht",
        "reportId": "8f14e45f-ceea-467f-a0e6-0a3a5a5d0c11",
        "reporterHandle": "8f14e45f-ceea-467f-a0e6-0a3a5a5d0c12",
        "reason": "other",
        "ground": words,
        "erasedAt": "2026-11-30T09:17:21.123456Z",
    }
    assert ReportErased.model_validate(said).ground is ErasureGround.OTHER
    assert words not in ReportErased.model_validate_json(json.dumps(said)).model_dump_json()


def test_each_ground_has_its_words_and_stands_in_the_api() -> None:
    codes = {each.value for each in ErasureGround}
    assert set(ERASURE_GROUNDS) == codes
    assert set(get_args(_Ground)) == codes
    assert all(dutch and english for dutch, english in ERASURE_GROUNDS.values())
