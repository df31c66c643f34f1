"""What is kept for a while: one network leaves room for others, and is forgotten with what is kept."""

import pytest
from gateway.domain.kept import Kept

from tests.support.lots import lots

DAY = 24 * 60 * 60.0
TOWN, OTHER = "zandrecht", "polderdam"


def filled(kept: Kept, network: str, now: float = 0.0, town: str = TOWN) -> int:
    """How many find room."""
    count = 0
    while kept.has_room((town, *network.split()), now):
        kept.add((town, *network.split()), now)
        count += 1
    return count


def test_a_network_gets_half_and_those_after_it_what_it_left() -> None:
    kept = Kept(500, DAY, lot=None)
    assert [filled(kept, f"net-{number}") for number in range(4)] == [250, 125, 63, 31]
    assert filled(kept, "net-0", town=OTHER) == 250


def test_the_last_place_is_found_by_who_has_none() -> None:
    kept = Kept(4, DAY, lot=None)
    assert [filled(kept, f"net-{number}") for number in range(4)] == [2, 1, 1, 0]


@pytest.mark.parametrize("count", [2, 1000])
def test_what_a_report_takes_along_waits_no_more(count: int) -> None:
    kept = Kept(8, DAY, lot=None)
    assert filled(kept, "here") == 4
    kept.take((TOWN, "here"), count, 1.0)
    kept.take((TOWN, "there"), count, 1.0)  # came in elsewhere
    assert filled(kept, "here", 1.0) == min(count, 4)


def test_nothing_is_known_of_a_network_whose_files_went_or_were_too_old() -> None:
    kept = Kept(8, DAY, lot=None)
    kept.add((TOWN, "here"), 0.0)
    kept.take((TOWN, "here"), 1, 1.0)
    assert len(kept) == 0
    kept.add((TOWN, "here"), 0.0)
    kept.add((TOWN, "there"), 10.0)
    kept.has_room((OTHER, "anybody"), DAY)
    assert len(kept) == 1
    assert filled(kept, "there", DAY + 10.0) == 4


def test_all_within_a_wider_network_leave_room_for_others() -> None:
    kept = Kept(300, DAY, lot=None)
    assert sum(filled(kept, f"wide home-{number}") for number in range(256)) <= 150
    assert filled(kept, "other") >= 75


@pytest.mark.parametrize("comes", [True, False])
def test_who_fills_a_room_does_not_see_that_a_thing_of_somebody_else_came_or_went(comes: bool) -> None:
    """The same lots with and without it: whether a greedy one finds room at the brim differs hardly ever."""
    rang = 0
    for seed in range(100):
        found = []
        for is_changed in (False, True):
            kept = Kept(80, DAY, lot=lots(seed))
            for _ in range(5 if comes else 4):
                kept.add((TOWN, "melder"), 0.0)
            filled(kept, "een"), filled(kept, "twee")
            if comes:
                kept.take((TOWN, "twee"), 1, 0.0)
            if is_changed and comes:
                kept.add((TOWN, "melder"), 1.0)
            elif is_changed:
                kept.take((TOWN, "melder"), 1, 1.0)
            found.append(kept.has_room((TOWN, "twee"), 1.0))
        rang += found[0] != found[1]
    assert rang < 100 * 0.2


def test_seen_roughly_a_room_holds_and_a_newcomer_finds_it_open_while_few_are_greedy() -> None:
    for seed in range(20):
        kept = Kept(500, DAY, lot=lots(seed))
        first, second = filled(kept, "een"), filled(kept, "twee")
        assert 200 <= first <= 250
        assert first + second < 500
        assert filled(kept, "nieuw") >= 1
