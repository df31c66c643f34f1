"""From which network a request comes: the peer's, or the one that a proxy we name wrote down.

A client can write whatever it likes into a header. So nothing counts but what our own proxies added, read
from the right, where the nearest one writes; and of the address found there only the network is kept.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_pton

from gateway.domain.pace import address_block

#: Where an entry is hidden, bad or too long: all of those share one account.
UNKNOWN = "unknown"
_LONGEST_ENTRY = 64  # an IPv6 address in full, in brackets and quotes, with a port and a zone
_MOST_HOPS = 16
_LONGEST_HEADER = 8 * 1024
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;,"\s]*)\s*(?=;|$)', re.IGNORECASE)

_MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address written as IPv6 (RFC 4291, 2.5.5.2)


@dataclass(frozen=True)
class Span:
    """A network as numbers, for this is asked of every request."""

    length: int  # of an address, in bytes
    mask: int
    value: int

    @classmethod
    def of(cls, name: str) -> "Span":
        """Of an address or network; raises ValueError for what is neither."""
        parsed = ipaddress.ip_network(name.strip())
        return cls(parsed.max_prefixlen // 8, int(parsed.netmask), int(parsed.network_address))


@dataclass(frozen=True)
class Proxies:
    """Which proxies stand in front: by name, or how many. Neither: only the connection's peer counts."""

    networks: tuple[Span, ...] = ()
    hops: int = 0
    is_rfc7239: bool = False  # the proxies write Forwarded, and not X-Forwarded-For

    @classmethod
    def named(cls, names: Sequence[str], hops: int = 0, *, is_rfc7239: bool = False) -> "Proxies":
        """Of addresses and networks; raises ValueError for one that is neither, and for names beside hops."""
        if names and hops:
            raise ValueError("Name the proxies, or say how many there are; not both.")
        if hops < 0 or hops > _MOST_HOPS:
            raise ValueError(f"There are 0 to {_MOST_HOPS} proxies.")
        return cls(tuple(Span.of(name) for name in names), hops, is_rfc7239)

    @property
    def header(self) -> bytes:
        """The one header that counts; what the other says is nobody's word."""
        return b"forwarded" if self.is_rfc7239 else b"x-forwarded-for"

    def are_at(self, peer: str) -> bool:
        """Whether this peer is a proxy of ours, which tells of others and is not a client itself."""
        return self.hops > 0 or self._is_named(peer)

    def network(self, peer: str, written: Sequence[str]) -> str:
        """The network of who asks. `written` are the values of `header`, in the order in which they came.

        A hidden, bad or missing entry is never a reason to look further to the left: it is `UNKNOWN`, or the
        peer where nothing was written at all.
        """
        if not self.are_at(peer) or not written:
            return address_block(peer)
        entries = self._entries(written)
        if self.hops:
            return self._counted(peer, entries)
        found = peer
        for found in entries:
            if not self._is_named(found):
                break
        return address_block(found) if found else UNKNOWN

    def _counted(self, peer: str, entries: Iterator[str]) -> str:
        """With fewer entries than proxies the request came past one: then only the peer is known."""
        for number, entry in enumerate(entries, start=1):
            if number == self.hops:
                return address_block(entry) if entry else UNKNOWN
        return address_block(peer)

    def _entries(self, written: Sequence[str]) -> Iterator[str]:
        """Addresses from the right, empty for what is none."""
        text = ",".join(written)[-_LONGEST_HEADER:]
        for number, entry in enumerate(reversed(text.split(","))):
            if number == _MOST_HOPS:
                yield ""
                return
            yield bare_address(self._for(entry) if self.is_rfc7239 else entry)

    def _for(self, entry: str) -> str:
        """The parameter `for` of a forwarded element (RFC 7239, 4)."""
        found = _FOR.findall(entry) if len(entry) <= 4 * _LONGEST_ENTRY else []
        return found[0].strip('"') if len(found) == 1 else ""

    def _is_named(self, address: str) -> bool:
        packed = _packed(address) if self.networks else b""
        number, length = int.from_bytes(packed, "big"), len(packed)
        return any(each.length == length and number & each.mask == each.value for each in self.networks)


def _packed(address: str) -> bytes:
    """An address as bytes; none for what is no address."""
    with suppress(OSError, ValueError):
        return inet_pton(AF_INET, address)
    with suppress(OSError, ValueError):
        packed = inet_pton(AF_INET6, address)
        return packed[12:] if packed.startswith(_MAPPED) else packed
    return b""


def bare_address(entry: str) -> str:
    """An address without port, brackets and zone; empty for what is none, such as `unknown` and `_hidden`."""
    text = entry.strip()
    if not text or len(text) > _LONGEST_ENTRY:
        return ""
    if text.startswith("["):
        text, is_closed, rest = text[1:].partition("]")
        if not is_closed or not (rest == "" or (rest[0] == ":" and rest[1:].isdigit())):
            return ""
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not port.isdigit():
            return ""
    text = text.partition("%")[0]
    return "" if "/" in text or address_block(text) == UNKNOWN else text
