"""Takes connections from the kernel, a few at a time, and hands each to the guard before anything is read."""

import asyncio
import select
import socket
from collections.abc import Callable, Sequence

from common import metrics
from common.connections.connection import Connection
from common.connections.guard import Guard
from common.log import get_logger

log = get_logger()

Make = Callable[[str, str], Connection]  # of a network, and of a peer that must be known to read the head

_AT_ONCE = 64  # between which those who are in are read
_BACKLOG = 2048
_FULL_SECONDS = 0.02
_TROUBLE_SECONDS = 1.0
_LEFT = select.POLLRDHUP | select.POLLHUP | select.POLLERR


async def bound(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen at every address of this name; raises OSError. With port 0 at one that is free."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                one = socket.socket(family, kind, protocol)
            except OSError:  # this machine has no such family
                continue
            made.append(one)
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(_BACKLOG)
    except OSError:
        for one in made:
            one.close()
        raise
    return made


class Listener:
    """Listening sockets, as uvicorn knows servers: until `close` each newcomer goes to the guard."""

    def __init__(self, sockets: Sequence[socket.socket], guard: Guard, make: Make) -> None:
        self.sockets = tuple(sockets)
        self._guard, self._make = guard, make
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        for each in self.sockets:
            self._listen(each)

    def close(self) -> None:
        """Take nobody in any more, and let nobody wait."""
        loop = asyncio.get_running_loop()
        for each in self.sockets:
            if pause := self._pauses.pop(each, None):
                pause.cancel()
            else:
                loop.remove_reader(each)
            each.close()
        self._guard.empty()

    async def wait_closed(self) -> None:
        """Nothing is left to wait for: connections are the guard's."""

    def _listen(self, listening: socket.socket) -> None:
        self._pauses.pop(listening, None)
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _pause(self, listening: socket.socket, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        self._pauses[listening] = loop.call_later(seconds, self._listen, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            if self._guard.is_full:  # the kernel lets some more wait, and then tells them to come back
                self._pause(listening, _FULL_SECONDS)
                return
            try:
                connected, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:  # no files or no memory: neither is there again at once
                log.warning("connections.not_taken", error=error.strerror)
                self._pause(listening, _TROUBLE_SECONDS)
                return
            self._guard.come(_Arrival(connected, str(address[0]), self._guard, self._make))


class _Arrival:
    """Somebody who connected, as long as nothing was read."""

    def __init__(self, connected: socket.socket, peer: str, guard: Guard, make: Make) -> None:
        self.since = guard.now()
        is_proxy = guard.networks.are_at(peer)
        self.network = "" if is_proxy else guard.networks.network(peer, ())
        self._peer = peer if is_proxy else ""  # no more than its network is needed
        self._connected, self._make = connected, make

    def is_gone(self) -> bool:
        """Whether they hung up, whatever they sent before."""
        asked = select.poll()
        asked.register(self._connected, _LEFT)
        return bool(asked.poll(0))

    def enter(self) -> Connection:
        """Begin to read."""
        made = self._make(self.network, self._peer)
        made.begin(self._connected)
        return made

    def refuse(self, why: str) -> None:
        """Hang up."""
        if why:
            metrics.CONNECTIONS_CUT.labels(why).inc()
        self._connected.close()
