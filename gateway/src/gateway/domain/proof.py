"""Proof of work: computing that one report hardly notices and a flood of them does."""

import hashlib
import hmac
import math
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from gateway.domain.fading import Fading
from gateway.domain.glimpses import Lot, by_lot, is_within_glimpse, roughly, seconds_between

_MAC_BYTES = 16
_PARTS = 6


class NotOurs(ValueError):
    """This text is no token that we signed, or it is for something else."""


@dataclass(frozen=True)
class Token:
    """Something that we signed: what it is for, for which municipality, when, how hard, and which one."""

    purpose: str  # "proof" or "form"
    municipality: str
    issued_at: int  # seconds since 1970
    bits: int = 0
    mark: str = ""  # of a form the digest of its idempotency key; of a proof by chance, so that each differs

    def signed(self, secret: bytes) -> str:
        """The token as text of unreserved characters."""
        text = f"{self.purpose}.{self.municipality}.{self.issued_at}.{self.bits}.{self.mark}"
        return f"{text}.{_mac(secret, text)}"


def read_token(text: str, secret: bytes, *, purpose: str, municipality: str) -> Token:
    """The token that we signed for this purpose and municipality; raises `NotOurs`."""
    parts = text.split(".")
    signed = ".".join(parts[:-1])
    if len(parts) != _PARTS or not hmac.compare_digest(_mac(secret, signed).encode(), parts[-1].encode()):
        raise NotOurs
    token = Token(parts[0], parts[1], int(parts[2]), int(parts[3]), parts[4])
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


class Crowd:
    """How many were accepted in the last minute or so: of each municipality, and there of each network.

    One network moves the price of its municipality by `most_of_network` a minute at most, its own by all, and
    at once. What others do shows roughly, as it stood at the last moment drawn by lot (`domain.glimpses`).
    """

    def __init__(
        self,
        most_of_network: float,
        *,
        minute_seconds: float = 60,
        max_networks: int = 10_000,
        lot: Lot = by_lot,
    ) -> None:
        self._most_of_network = most_of_network
        self._of_network: Fading[tuple[str, str]] = Fading(minute_seconds, max_networks)
        self._of_municipality: Fading[str] = Fading(minute_seconds)
        self._seen: dict[str, float] = {}  # of each municipality, at the last look
        self._look_at = 0.0
        self._lot = lot

    def note(self, municipality: str, network: str, now: float) -> None:
        """One more was accepted."""
        self._look(now)
        if self._of_network.level((municipality, network), now) < self._most_of_network:
            self._of_municipality.add(municipality, now)
        self._of_network.add((municipality, network), now)

    def level(self, municipality: str, network: str, now: float) -> float:
        """About how many a minute are accepted, as far as this network must work for it."""
        self._look(now)
        own = self._of_network.level((municipality, network), now)
        return max(own, self._seen.get(municipality, 0.0))

    def __len__(self) -> int:
        return len(self._of_network)

    def _look(self, now: float) -> None:
        """See how much is accepted everywhere, if it is time for it."""
        if is_within_glimpse(self._look_at - now):
            return
        levels = self._of_municipality.levels(now)
        self._seen = {municipality: roughly(level, self._lot) for municipality, level in levels.items()}
        self._look_at = now + seconds_between(self._lot)


def difficulty(least_bits: int, most_bits: int, level: float, free: float) -> int:
    """One bit more, so twice the work, for every doubling above what is free."""
    more = math.ceil(math.log2(level / free)) if level > free else 0
    return min(least_bits + more, most_bits)


def _mac(secret: bytes, text: str) -> str:
    digest = hmac.digest(secret, text.encode(), "sha256")[:_MAC_BYTES]
    return unreserved(digest)


def unreserved(digest: bytes) -> str:
    """These bytes in characters that a token may hold (base64url)."""
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
