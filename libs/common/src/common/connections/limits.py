"""What connections may cost, and how networks are told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_WAITING_PART = 4  # of all that may be open, so many again may wait; and never fewer than
_WAITING_LEAST = 16


@dataclass(frozen=True)
class Limits:
    """What one connection may cost, in seconds and bytes; and how many there may be."""

    most: int = 4096
    handshake_seconds: float = 10  # for TLS
    head_seconds: float = 10  # from the first byte of a request to the end of its head
    head_bytes: int = 32 * 1024  # without cookies that are not ours
    cookies: frozenset[str] = frozenset()  # names of ours; others are read nowhere
    idle_seconds: float = 30  # before a request, the first or the next
    drain_seconds: float = 30  # for the rest of a body that was answered before it came
    unread_seconds: float = 20  # to take 48 KiB of an answer
    unread_bytes: int = 64 * 1024 * 1024  # of all answers that wait for their readers
    fresh_seconds: float = 0.5  # for a handshake, a first head, the begin of a body: nobody takes that place
    waiting_seconds: float = 4  # for a place

    @property
    def most_waiting(self) -> int:
        """How many may wait for a place, beside those who have one."""
        return max(self.most // _WAITING_PART, _WAITING_LEAST)


class Networks(Protocol):
    """Tells from which network a connection and a request come."""

    @property
    def header(self) -> bytes:
        """The header in which a proxy tells of others, in lower case."""

    def are_at(self, peer: str, /) -> bool:
        """Whether this address is that of a proxy, which brings many clients."""

    def network(self, peer: str, written: Sequence[str], /) -> str:
        """The network of a request from this peer, by what proxies wrote; never an address."""


class Unlooked:
    """Of a server behind the gateway: who connects is not looked at."""

    header = b""

    def are_at(self, _peer: str) -> bool:
        """Every peer may bring many."""
        return True

    def network(self, _peer: str, _written: Sequence[str]) -> str:
        """Nothing is known."""
        return ""
