"""The code of who was invited: how long guessing takes."""

import pytest
from common.errors import TooMuch
from gateway.invitations import Invitations

CODE = "7KQM-2B9X-0W4T-HC3J"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_who_guesses_is_slowed_down_and_a_right_code_costs_nothing() -> None:
    clock = Clock()
    tried = Invitations(clock=clock)
    for _ in range(300):
        async with tried.trying("192.0.2.7", CODE) as attempt:
            attempt.ends(201)
    for _ in range(60):
        async with tried.trying("192.0.2.7", "WRONG") as attempt:
            attempt.ends(403)
    clock.now -= 10  # so that nothing waits in this test, but the next one would for too long
    with pytest.raises(TooMuch) as caught:
        async with tried.trying("192.0.2.200", "WRONG"):
            pass
    assert int(caught.value.headers["Retry-After"]) > 4
    async with tried.trying("198.51.100.1", "WRONG"):
        pass
    async with tried.trying("192.0.2.7", ""):
        pass
