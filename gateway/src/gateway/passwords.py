"""Passwords: Argon2id in threads of their own, with equal time for logins that do not exist."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from common.errors import Unavailable
from common.memory import Threads
from common.sharing import Path, Share

R = TypeVar("R")

LONGEST = 1024
SHORTEST = 12


class Passwords:
    """Hashes and checks passwords, a few at a time, so that signing in cannot starve everything else.

    No more wait than are done in a second or two; who comes then is told to come back (`Unavailable`). Of
    these a municipality, and within it a network, has a share (`common.sharing`). Beyond them there is some
    room for browsers that are known, so that nobody else's guesses take it.
    """

    def __init__(
        self,
        *,
        hasher: PasswordHasher | None = None,
        at_once: int = 2,
        most_waiting: int = 32,
        known_waiting: int = 16,
    ) -> None:
        self._hasher = hasher or PasswordHasher()  # RFC 9106, section 4, second recommendation
        self._threads = Threads(at_once, "password")
        self._places, self._places_of_known = Share(at_once + most_waiting), Share(known_waiting)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(24))

    async def hash(self, password: str) -> str:
        """The Argon2id hash of a password, with its salt and costs in it; of who is let in already."""
        return await self._apart(self._free_for((), is_known=True), self._hasher.hash, password)

    async def is_right(
        self, password: str, password_hash: str | None, who: Path = (), *, is_known: bool = False
    ) -> bool:
        """Whether this is the password; None (no such login) costs the same time and is never right.

        `who` are the municipality and the networks that wait for it. `is_known` says that it is typed in a
        browser that has a lane of its own.
        """
        return await self._apart(self._free_for(who, is_known=is_known), self._check, password, password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def refuse_when_full(self, who: Path = (), *, is_known: bool = False) -> None:
        """Raise `Unavailable` when another password would have to wait too long."""
        self._free_for(who, is_known=is_known)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, password: str, password_hash: str | None) -> bool:
        try:
            # What was typed may hold anything, such as half a surrogate pair: then it is just wrong.
            typed = password.encode("utf-8", "surrogatepass")
            is_right = self._hasher.verify(password_hash or self._nobody, typed)
        except (VerificationError, InvalidHashError):
            return False
        return is_right and password_hash is not None

    def _free_for(self, who: Path, *, is_known: bool) -> tuple[Share, Path]:
        """Where there is a place, and on whose account; raises `Unavailable`."""
        of_known = ((self._places_of_known, who[:1]),) if is_known else ()
        for places, path in (*of_known, (self._places, who)):
            if places.has_room(path):
                return places, path
        raise Unavailable("Too many people sign in at once; try again.")

    async def _apart(self, free: tuple[Share, Path], work: Callable[..., R], *arguments: str | None) -> R:
        places, who = free
        places.take(who)
        working = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        working.add_done_callback(lambda _done: places.give_back(who))
        return await working
