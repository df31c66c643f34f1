"""Who may report, and how an invitation code is made, read and kept."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O or U
_LENGTH, _GROUP = 16, 4  # 80 random bits
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})

#: Most uses of one code.
MOST_USES = 10_000
_STEPS = (0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, MOST_USES + 1)


class Need(StrEnum):
    """What a caller lacks to report here."""

    SIGN_IN = "sign-in"
    INVITATION = "invitation"


@dataclass(frozen=True)
class Invitation:
    """A code that was given out; the code itself is not kept."""

    id: UUID
    name: str
    max_uses: int
    uses: int
    shown_uses: int  # as they were at the last moment that was drawn; the only ones that anybody is told
    expires_at: datetime
    created_by: UUID
    created_at: datetime
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """May somebody still report with it?"""
        return self.is_in_force(now) and self.uses < self.max_uses

    def is_in_force(self, now: datetime) -> bool:
        """Was it neither revoked nor did it end? It may be used up: who is told that learns of a report."""
        return self.revoked_at is None and now < self.expires_at


def step_of(uses: int) -> tuple[int, int]:
    """From how many to how many uses are told instead of these, so that one report seldom shows."""
    place = bisect_right(_STEPS, uses)
    return _STEPS[place - 1], _STEPS[place] - 1


def need_of(policy: str, *, professional: bool) -> Need | None:
    """What somebody still needs where the municipality takes reports by this policy."""
    if professional or policy == "open":
        return None
    return Need.INVITATION if policy == "invited" else Need.SIGN_IN


def new_code(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh code, in groups that can be read aloud."""
    number = int.from_bytes(random_bytes(_LENGTH * 5 // 8), "big")
    letters = "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(_LENGTH))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def hash_of_code(municipality: str, code: str) -> bytes | None:
    """What is kept of a code, however it was typed; None when this can be no code at all."""
    plain = code.strip().upper().translate(_READ_AS)
    if len(plain) != _LENGTH or not set(plain) <= set(_ALPHABET):
        return None
    return hashlib.sha256(f"invitation\n{municipality}\n{plain}".encode()).digest()
