"""Those who wait for a place at a server: first in, first out, and each network has its share of the line."""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar

from common.sharing import Share, widest, within_wider


class Waits(Protocol):
    """Somebody who may wait."""

    @property
    def network(self) -> str:
        """From which network, or empty: one of many, of whom nothing is known yet."""

    @property
    def since(self) -> float:
        """When it came."""


W = TypeVar("W", bound=Waits)


class Line(Generic[W]):
    """A line for so many. Networks, the wider ones, are served in turn, and within one who came first.

    A network finds place for as many as it leaves free to the others, and one within it likewise (`Share`).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._shares = Share(most)
        self._count = 0
        self._by_network: OrderedDict[str, deque[W]] = OrderedDict()  # the wider one

    def __len__(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        """Whether nobody can join."""
        return self._count >= self._most

    @property
    def networks(self) -> int:
        """How many networks wait, of the wider ones."""
        return len(self._by_network)

    def has_room(self, network: str) -> bool:
        """Whether somebody of this network can join."""
        return not self.is_full and (not network or self._shares.has_room(within_wider(network)))

    def join(self, one: W) -> None:
        """Wait behind the others of the same network; raises `NothingLeft` where there is no room."""
        if one.network:
            self._shares.take(within_wider(one.network))
        self._by_network.setdefault(widest(one.network), deque()).append(one)
        self._count += 1

    def first(self) -> W:
        """Whose turn it is; the line must not be empty."""
        return next(iter(self._by_network.values()))[0]

    def pass_over(self) -> None:
        """Let the next network have its turn."""
        self._by_network.move_to_end(next(iter(self._by_network)))

    def pop(self) -> W:
        """Take out whose turn it is; then it is the next network's."""
        network, waiting = next(iter(self._by_network.items()))
        one = waiting.popleft()
        self._count -= 1
        if one.network:
            self._shares.give_back(within_wider(one.network))
        if waiting:
            self._by_network.move_to_end(network)
        else:
            del self._by_network[network]
        return one

    def pop_since(self, moment: float) -> list[W]:
        """Take out everybody who came before this moment."""
        late: list[W] = []
        for network in list(self._by_network):
            waiting = self._by_network[network]
            while waiting and waiting[0].since < moment:
                self._by_network.move_to_end(network, last=False)
                late.append(self.pop())
        return late
