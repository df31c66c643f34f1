"""The code of who was invited: where it comes from, and how long guessing takes."""

import pytest
from common.errors import TooMuch
from gateway.invitations import Invitations
from gateway.settings import GatewaySettings

CODE = "7KQM-2B9X-0W4T-HC3J"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def invitations(*, is_https: bool = False, clock: Clock | None = None) -> Invitations:
    settings = GatewaySettings.model_construct(is_https=is_https)
    return Invitations(settings, clock=clock or Clock())


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, ""),
        ({b"invitation-code": CODE.encode()}, CODE),
        ({b"cookie": b"a=b; vermoeden_invitation=" + CODE.encode()}, CODE),
        ({b"cookie": b"vermoeden_invitation=OTHER", b"invitation-code": CODE.encode()}, CODE),
        ({b"cookie": b"vermoeden_invitation=a\\r\\nx"}, ""),
        ({b"cookie": b"x_vermoeden_invitation_y=1"}, ""),
        ({b"invitation-code": b"x" * 900}, "x" * 64),
    ],
)
def test_a_code_comes_from_a_header_or_a_cookie(headers: dict[bytes, bytes], code: str) -> None:
    assert invitations().code_of(headers) == code


def test_a_cookie_holds_what_a_code_can_be_and_no_script_reads_it() -> None:
    cookie = invitations(is_https=True).cookie(" 7kqm-2b9x; Domain=.example\r\nSet-Cookie: a=1")
    name, _, value = cookie.partition(";")[0].partition("=")
    assert name == "__Host-vermoeden_invitation"
    assert value.startswith("7KQM-2B9X")
    assert value.replace("-", "").isalnum()
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/"} <= set(cookie.split("; "))


async def test_who_guesses_is_slowed_down_and_a_right_code_costs_nothing() -> None:
    clock = Clock()
    tried = invitations(clock=clock)
    for _ in range(300):
        async with tried.trying("192.0.2.7", CODE):
            pass
    for _ in range(60):
        async with tried.trying("192.0.2.7", "WRONG") as attempt:
            attempt.is_refused = True
    clock.now -= 10  # so that nothing waits in this test, but the next one would for too long
    with pytest.raises(TooMuch) as caught:
        async with tried.trying("192.0.2.200", "WRONG"):
            pass
    assert int(caught.value.headers["Retry-After"]) > 4
    async with tried.trying("198.51.100.1", "WRONG"):
        pass
    async with tried.trying("192.0.2.7", ""):
        pass
