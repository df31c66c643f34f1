"""The code by which somebody was invited to report: carried in a header or a cookie, never in an address."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from common.errors import NotAllowed, TooMuch

from gateway.domain.pace import Pace, TooFast, address_block
from gateway.settings import GatewaySettings

HEADER = "Invitation-Code"
_HOURS = 4
_LONGEST = 64
_PLAIN = re.compile("[A-Z0-9-]{1,64}")
#: From one network: a class with a right code is not slowed, who guesses is.
_PER_SECOND, _BURST, _PATIENCE_SECONDS = 0.5, 60, 4.0


@dataclass
class Attempt:
    """One use of a code; whoever sees the answer says how it ended."""

    is_refused: bool = False


class Invitations:
    """Reads the codes of requests, and slows down who guesses; one for each process."""

    def __init__(self, settings: GatewaySettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_https = settings.is_https
        self._clock = clock
        self._pace = Pace(_PER_SECOND, _BURST, _PATIENCE_SECONDS)

    @property
    def cookie_name(self) -> str:
        """The `__Host-` prefix (RFC 6265bis, 4.1.3.2) where https makes it possible."""
        return "__Host-vermoeden_invitation" if self._is_https else "vermoeden_invitation"

    def code_of(self, headers: Mapping[bytes, bytes]) -> str:
        """The code that a request brings; empty when it brings none."""
        given = headers.get(HEADER.lower().encode(), b"").decode("latin-1")
        if given:
            return given[:_LONGEST]
        sent = headers.get(b"cookie", b"").decode("latin-1")
        if self.cookie_name not in sent:
            return ""
        try:
            cookies = SimpleCookie(sent)
        except CookieError:
            return ""
        kept = cookies.get(self.cookie_name)
        return kept.value if kept and _PLAIN.fullmatch(kept.value) else ""

    def cookie(self, code: str) -> str:
        """The `Set-Cookie` that keeps a code while somebody fills in a form."""
        secure = "; Secure" if self._is_https else ""
        plain = "".join(each for each in code.upper() if each.isascii() and (each.isalnum() or each == "-"))
        value = plain[:_LONGEST]
        return f"{self.cookie_name}={value}; Path=/; Max-Age={_HOURS * 3600}; HttpOnly; SameSite=Lax{secure}"

    @asynccontextmanager
    async def trying(self, address: str, code: str) -> AsyncIterator[Attempt]:
        """Slow down who tried many wrong codes from this network; a right one costs nothing.

        Nothing but a count of the network is kept, in memory. Raises `TooMuch`.
        """
        attempt = Attempt()
        if not code:
            yield attempt
            return
        block = address_block(address)
        try:
            delay = self._pace.delay_seconds(block, self._clock())
        except TooFast as error:
            raise TooMuch(
                "Too many wrong codes; wait a moment.",
                headers={"Retry-After": str(int(error.retry_after_seconds) + 1)},
            ) from error
        if delay:
            await asyncio.sleep(delay)
        try:
            yield attempt
        finally:
            if not attempt.is_refused:
                self._pace.give_back(block)


def is_refusal(status: int) -> bool:
    """Does this status of an anonymous request say that its code was wrong?"""
    return status == NotAllowed.status
