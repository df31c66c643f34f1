"""How strangers see what others did: roughly, and renewed at moments that are drawn by lot.

Whoever holds a shared count just below a bound sees the next one pass it, and so that somebody reports. What
is their own they know; what others did they are shown roughly, and drawn anew now and then (ADR 0039).
"""

import secrets
from collections.abc import Callable

#: A number from 0 up to 1, drawn anew; None: no lot, and all of a count is seen at once.
Lot = Callable[[], float] | None

_IN_A_ROOM = 8
_LEAST_SECONDS, _LONGEST_SECONDS = 300.0, 900.0


def by_lot() -> float:
    """A number from 0 up to 1 that nobody can guess."""
    return secrets.randbelow(1 << 53) / (1 << 53)


def is_seen_anew(amount: float, room: float, lot: Lot) -> bool:
    """Whether a count of this room is seen anew after a change of so much: eight times while a room fills.

    Each unit has the same chance whatever came before it, so that nobody can wait until the next one is due.
    """
    return lot is None or lot() * room / _IN_A_ROOM < abs(amount)


def roughly(count: float, lot: Lot) -> float:
    """What others see of a count: all of it, and up to half as much again; never less, so that it holds."""
    return count if lot is None else count * (1 + lot() / 2)


def seconds_between(lot: Lot) -> float:
    """How long a glimpse lasts where time decides: 5 to 15 minutes."""
    return 0.0 if lot is None else _LEAST_SECONDS + lot() * (_LONGEST_SECONDS - _LEAST_SECONDS)


def is_within_glimpse(seconds_left: float) -> bool:
    """Whether a glimpse lasts that much longer; not one that a clock set back has made too long."""
    return 0 < seconds_left <= _LONGEST_SECONDS
