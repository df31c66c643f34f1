"""Something scarce is shared so that whoever asks for much leaves room for another."""

import pytest
from common.sharing import NothingLeft, Share
from hypothesis import given
from hypothesis import strategies as st


def taken_by(share: Share, who: str) -> int:
    """How many places this one gets by asking for more until there is none."""
    count = 0
    while True:
        try:
            share.take(who)
        except NothingLeft:
            return count
        count += 1


def test_one_alone_gets_half_and_a_newcomer_always_finds_a_place() -> None:
    share = Share(32)
    assert [taken_by(share, who) for who in ("a", "b", "c", "d", "e", "f")] == [16, 8, 4, 2, 1, 1]
    assert share.is_full
    share.give_back("a")
    with pytest.raises(NothingLeft):
        share.take("a")
    share.take("g")


def test_a_single_place_is_for_whoever_comes_first() -> None:
    share = Share(1)
    with share.held("a"):
        for who in ("a", "b"):
            with pytest.raises(NothingLeft):
                share.take(who)
    share.take("b")


def test_more_than_half_at_once_is_refused_whole() -> None:
    share = Share(100)
    with pytest.raises(NothingLeft):
        share.take("a", 101)
    share.take("a", 40)
    with pytest.raises(NothingLeft):
        share.take("a", 21)
    share.take("b", 30)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 30), st.booleans()), max_size=60))
def test_what_is_held_and_free_is_always_the_whole(steps: list[tuple[str, int, bool]]) -> None:
    share, held = Share(64), dict.fromkeys("abcd", 0)
    for who, amount, is_taking in steps:
        if is_taking:
            free = 64 - sum(held.values())
            try:
                share.take(who, amount)
            except NothingLeft:
                assert held[who] + amount > free
            else:
                assert held[who] + amount <= free
                held[who] += amount
        elif held[who] >= amount:
            share.give_back(who, amount)
            held[who] -= amount
        assert share.is_full == (sum(held.values()) == 64)
