"""Proof of work: computing that one report hardly notices and a flood of them does."""

import hashlib
import hmac
import math
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field

_MAC_BYTES = 16
_PARTS = 5


class NotOurs(ValueError):
    """This text is no token that we signed, or it is for something else."""


@dataclass(frozen=True)
class Token:
    """Something that we signed: what it is for, for which municipality, when, and how hard it is."""

    purpose: str  # "proof" or "form"
    municipality: str
    issued_at: int  # seconds since 1970
    bits: int = 0

    def signed(self, secret: bytes) -> str:
        """The token as text of unreserved characters."""
        text = f"{self.purpose}.{self.municipality}.{self.issued_at}.{self.bits}"
        return f"{text}.{_mac(secret, text)}"


def read_token(text: str, secret: bytes, *, purpose: str, municipality: str) -> Token:
    """The token that we signed for this purpose and municipality; raises `NotOurs`."""
    parts = text.split(".")
    signed = ".".join(parts[:-1])
    if len(parts) != _PARTS or not hmac.compare_digest(_mac(secret, signed).encode(), parts[-1].encode()):
        raise NotOurs
    token = Token(parts[0], parts[1], int(parts[2]), int(parts[3]))
    if (token.purpose, token.municipality) != (purpose, municipality):
        raise NotOurs
    return token


def is_solved(token: str, key: str, counter: int, bits: int) -> bool:
    """Whether BLAKE2s-256 of ``token LF key LF counter`` begins with so many zero bits.

    The key is the report's idempotency key: one solution serves one report, and its repeats, only.
    """
    digest = hashlib.blake2s(f"{token}\n{key}\n{counter}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits) == 0


def solve(token: str, key: str, bits: int) -> int:
    """The smallest counter that solves it; takes about 2 to the power of `bits` tries."""
    counter = 0
    while not is_solved(token, key, counter, bits):
        counter += 1
    return counter


@dataclass
class Crowd:
    """How many came in the last minute or so, per municipality; an exponential mean, memory is bounded."""

    minute_seconds: float = 60
    max_keys: int = 10_000
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def note(self, key: str, now: float) -> None:
        """One more came."""
        self._levels[key] = (self.level(key, now) + 1, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self.max_keys:
            self._levels.popitem(last=False)

    def level(self, key: str, now: float) -> float:
        """About how many a minute come now."""
        count, at = self._levels.get(key, (0.0, now))
        return count * math.exp((at - now) / self.minute_seconds)


def difficulty(least_bits: int, most_bits: int, level: float, free: float) -> int:
    """One bit more, so twice the work, for every doubling above what is free."""
    more = math.ceil(math.log2(level / free)) if level > free else 0
    return min(least_bits + more, most_bits)


def _mac(secret: bytes, text: str) -> str:
    digest = hmac.digest(secret, text.encode(), "sha256")[:_MAC_BYTES]
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
