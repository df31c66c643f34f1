"""How long the oldest event waits is known from what was seen: rows tell a quarter of an hour only."""

from common.messaging.relay import Age


def test_nothing_that_waits_has_no_age() -> None:
    assert Age().seconds(None, None, 0, 100) == 0


def test_the_oldest_is_as_old_as_the_first_time_that_it_was_seen() -> None:
    age = Age()
    assert age.seconds(1, 3, 0, 100) == 0
    assert age.seconds(1, 5, 0, 110) == 10
    assert age.seconds(2, 9, 0, 130) == 30  # the second was there at 100, too
    assert age.seconds(4, 9, 0, 140) == 30  # the fourth came after 100, and was there at 110
    assert age.seconds(10, 11, 0, 150) == 0
    assert age.seconds(None, None, 0, 160) == 0


def test_after_a_restart_the_row_itself_says_how_old_it_is_at_least() -> None:
    assert Age().seconds(1, 3, 2_700, 100) == 2_700
    assert Age().seconds(1, 3, -600, 100) == 0


def test_a_long_outage_is_remembered_from_its_beginning_in_bounded_memory() -> None:
    age = Age()
    for number in range(5_000):
        last = age.seconds(1, number + 1, 0, number * 5.0)
    assert last == 4_999 * 5.0
    assert len(age._marks) <= 1_000
