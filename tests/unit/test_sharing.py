"""Something scarce is shared so that whoever asks for much leaves room for another."""

import pytest
from common.sharing import NothingLeft, Share, widest, within_wider
from hypothesis import given
from hypothesis import strategies as st


def taken_by(share: Share, *who: str) -> int:
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
    share.give_back(("a",))
    with pytest.raises(NothingLeft):
        share.take(("a",))
    share.take(("g",))


def test_a_single_place_is_for_whoever_comes_first() -> None:
    share = Share(1)
    with share.held(("a",)):
        for who in ("a", "b"):
            with pytest.raises(NothingLeft):
                share.take((who,))
    share.take(("b",))


def test_more_than_half_at_once_is_refused_whole() -> None:
    share = Share(100)
    with pytest.raises(NothingLeft):
        share.take(("a",), 101)
    share.take(("a",), 40)
    with pytest.raises(NothingLeft):
        share.take(("a",), 21)
    share.take(("b",), 30)


def test_one_network_leaves_its_municipality_as_much_as_it_takes() -> None:
    share = Share(81)
    assert [taken_by(share, "a", network) for network in ("n1", "n2", "n3", "n4")] == [27, 9, 3, 1]
    assert taken_by(share, "b", "n1") == 14
    assert share.held_by(("a",)) == 40
    share.give_back(("a", "n1"), 27)
    assert share.held_by(("a",)) == 13
    share.take(("a", "n5"), 8)


def test_a_wide_network_leaves_room_for_others_however_many_it_holds() -> None:
    share, homes = Share(64), [f"2001:db8:0:{number:x}00::/56" for number in range(256)]
    held = sum(taken_by(share, "a", *within_wider(home)) for home in homes)
    assert held == 22
    assert taken_by(share, "a", *within_wider("192.0.2.0/24")) == 7


def test_the_wider_network_of_ipv6_is_a_48_and_ipv4_has_none() -> None:
    assert within_wider("2001:db8:1:ab00::/56") == ("2001:db8:1::/48", "2001:db8:1:ab00::/56")
    assert (within_wider("192.0.2.0/24"), within_wider("unknown")) == (("192.0.2.0/24",), ("unknown",))
    assert (within_wider(""), widest(""), widest("2001:db8::/56")) == ((), "", "2001:db8::/48")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 30), st.booleans()), max_size=60))
def test_what_is_held_and_free_is_always_the_whole(steps: list[tuple[str, int, bool]]) -> None:
    share, held = Share(64), dict.fromkeys("abcd", 0)
    for who, amount, is_taking in steps:
        if is_taking:
            free = 64 - sum(held.values())
            try:
                share.take((who,), amount)
            except NothingLeft:
                assert held[who] + amount > free
            else:
                assert held[who] + amount <= free
                held[who] += amount
        elif held[who] >= amount:
            share.give_back((who,), amount)
            held[who] -= amount
        assert share.is_full == (sum(held.values()) == 64)
