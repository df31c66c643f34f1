"""Counts that fade, a pace that networks share, and what bounds the memory of both."""

import pytest
from gateway.domain.fading import Fading, Seen, SharedPace
from gateway.domain.pace import TooFast

from tests.support.lots import lots

PLACE = "zandrecht"


def taken(pace: SharedPace, network: str, now: float, tries: int = 100) -> int:
    """How many of these get in at once."""
    count = 0
    for _ in range(tries):
        try:
            pace.delay_seconds((PLACE, network), now)
        except TooFast:
            continue
        count += 1
    return count


def test_a_count_fades_and_a_clock_that_steps_back_changes_nothing() -> None:
    fading: Fading[str] = Fading(60)
    fading.add("a", 100, 10)
    assert fading.level("a", 100) == 10
    assert fading.level("a", 160) == pytest.approx(10 / 2.71828, rel=0.01)
    assert fading.level("a", 40) == 10
    fading.add("a", 100, -20)
    assert fading.level("a", 100) == 0


def test_one_network_takes_half_and_newcomers_find_a_place() -> None:
    pace = SharedPace(1, 60, 0, lot=None)
    assert taken(pace, "gulzig", 0) == 30
    assert taken(pace, "tweede", 0) == 15
    assert taken(pace, "derde", 0) == 8
    assert taken(pace, "nieuw", 0, tries=1) == 1


def test_many_greedy_networks_leave_something_for_who_comes_after_them() -> None:
    pace = SharedPace(1, 60, 0, lot=None)
    for second in range(0, 300, 5):
        for number in range(30):
            taken(pace, f"gulzig {number}", second, tries=5)
    assert taken(pace, "nieuw", 300, tries=1) == 1


def test_alone_a_network_goes_at_half_the_pace_and_waits_before_it_is_refused() -> None:
    pace = SharedPace(2, 60, 5, lot=None)
    taken(pace, "gulzig", 0)
    with pytest.raises(TooFast) as told:
        pace.delay_seconds((PLACE, "gulzig"), 0)
    assert told.value.retry_after_seconds > 5
    for second in range(60, 120):
        taken(pace, "gulzig", second, tries=9)
    count = sum(taken(pace, "gulzig", second, tries=9) for second in range(120, 420))
    assert 270 < count < 330
    pace = SharedPace(2, 60, 5, lot=None)
    for _ in range(30):
        assert pace.delay_seconds((PLACE, "gulzig"), 0) == 0
    waits = [pace.delay_seconds((PLACE, "gulzig"), 0) for _ in range(4)]
    assert waits == sorted(waits)
    assert 0 < waits[0] < waits[-1] <= 5


def test_more_than_half_at_once_goes_when_nothing_was_used_and_counts_whole() -> None:
    pace = SharedPace(1, 60, 0, lot=None)
    assert pace.delay_seconds((PLACE, "lang"), 0, 500) == 0
    with pytest.raises(TooFast) as told:
        pace.delay_seconds((PLACE, "lang"), 0)
    assert told.value.retry_after_seconds > 60


def test_what_is_given_back_can_be_used_again_and_no_more_than_that() -> None:
    pace = SharedPace(1, 60, 0, lot=None)
    for _ in range(100):
        pace.delay_seconds((PLACE, "eerlijk"), 0)
        pace.give_back((PLACE, "eerlijk"), 0)
    pace.delay_seconds((PLACE, "eerlijk"), 0)
    pace.give_back((PLACE, "eerlijk"), 600)
    assert taken(pace, "eerlijk", 600) == 30


def test_too_many_networks_close_no_door_and_the_quiet_are_forgotten() -> None:
    pace = SharedPace(1, 1000, 0, max_networks=50, lot=None)
    for number in range(200):
        assert taken(pace, f"netwerk {number}", 0, tries=1) == 1
    assert len(pace) == 50
    assert taken(pace, "nieuw", 0, tries=1) == 1
    taken(pace, "later", 1_000_000, tries=1)
    assert len(pace) == 1


def test_what_was_said_first_stays_until_too_much_was_said() -> None:
    seen: Seen[str, str] = Seen(3)
    assert seen.first("a", "1") == "1"
    assert seen.first("a", "2") == "1"
    assert not seen.add("a", "3")
    assert [seen.add(each, each) for each in "bcd"] == [True] * 3
    assert len(seen) == 3
    assert seen.first("a", "2") == "2"  # pushed out: it may serve once more


def asked(pace: SharedPace, network: str, now: float) -> float:
    """What this network is told: how long it waits, or when to come back."""
    try:
        return pace.delay_seconds((PLACE, network), now)
    except TooFast as error:
        return error.retry_after_seconds


@pytest.mark.parametrize("burst", [60, 200])
def test_who_fills_a_pace_does_not_see_in_their_waiting_that_somebody_else_came(burst: int) -> None:
    """The same lots with and without somebody else: what two greedy networks are told differs hardly ever."""
    rang = 0
    for seed in range(120):
        told = []
        for others in ((), ("melder",)):
            pace = SharedPace(2, burst, 5, lot=lots(seed))
            for network in ("een", "twee"):
                taken(pace, network, 0, tries=burst)
            for network in others:
                asked(pace, network, 1)
            told.append([asked(pace, network, 1) for network in ("een", "twee")])
        rang += told[0] != told[1]
    assert 0 < rang < 120 * 0.25


@pytest.mark.parametrize("networks", [1, 3, 8, 30, 200])
def test_seen_roughly_a_pace_holds_and_newcomers_are_served(networks: int) -> None:
    pace, got, served = SharedPace(2, 60, 5, lot=lots(networks)), 0, 0
    for second in range(200):
        got += sum(taken(pace, f"gulzig {number}", second, tries=2) for number in range(networks))
        if second % 5 == 4:
            served += asked(pace, f"nieuw {second}", second) <= 5
    assert 0.4 * 460 < got < 1.1 * 460  # 60 at once, and two a second
    assert served > 40 * 0.7 or networks == 200  # where exactly seen: none of 30, and none of 200
