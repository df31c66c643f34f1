"""Files that wait for a report: one network leaves room for others, and is forgotten with its files."""

import pytest
from gateway.domain.waiting import WaitingFiles

DAY = 24 * 60 * 60.0
TOWN, OTHER = "zandrecht", "polderdam"


def filled(waiting: WaitingFiles, network: str, now: float = 0.0, town: str = TOWN) -> int:
    """How many find room."""
    count = 0
    while waiting.has_room(town, network, now):
        waiting.add(town, network, now)
        count += 1
    return count


def test_a_network_gets_half_and_those_after_it_what_it_left() -> None:
    waiting = WaitingFiles(500, DAY)
    assert [filled(waiting, f"net {number}") for number in range(4)] == [250, 125, 63, 31]
    assert filled(waiting, "net 0", town=OTHER) == 250


def test_the_last_place_is_found_by_who_has_none() -> None:
    waiting = WaitingFiles(4, DAY)
    assert [filled(waiting, f"net {number}") for number in range(4)] == [2, 1, 1, 0]


@pytest.mark.parametrize("count", [2, 1000])
def test_what_a_report_takes_along_waits_no_more(count: int) -> None:
    waiting = WaitingFiles(8, DAY)
    assert filled(waiting, "here") == 4
    waiting.take(TOWN, "here", count, 1.0)
    waiting.take(TOWN, "there", count, 1.0)  # came in elsewhere
    assert filled(waiting, "here", 1.0) == min(count, 4)


def test_nothing_is_known_of_a_network_whose_files_went_or_were_too_old() -> None:
    waiting = WaitingFiles(8, DAY)
    waiting.add(TOWN, "here", 0.0)
    waiting.take(TOWN, "here", 1, 1.0)
    assert len(waiting) == 0
    waiting.add(TOWN, "here", 0.0)
    waiting.add(TOWN, "there", 10.0)
    waiting.has_room(OTHER, "anybody", DAY)
    assert len(waiting) == 1
    assert filled(waiting, "there", DAY + 10.0) == 4
