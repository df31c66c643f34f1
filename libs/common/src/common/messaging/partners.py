"""What a chain partner has on the broker: a virtual host with one queue, which a shovel fills.

In the services' virtual host a partner's offers go to a queue that no partner can reach; RabbitMQ's plugin
*shovel* moves them on to the partner's own queue. Both queues and the partner's user have the same name.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from common.messaging.envelope import MAX_BYTES
from common.messaging.management import ManagementApi, Refused, quoted
from common.messaging.topology import EXCHANGE, partner_bindings, partner_queue

_QUORUM = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
_NOTHING, _EVERYTHING = "^$", ".*"
_GIVEN_UP = "given-up"  # a queue in a partner's virtual host that it may not read, and the way to it
_BOUNDS = {
    "max-length": 100_000,
    "max-length-bytes": 512 << 20,  # some five times as much as so many offers take: it bounds what is none
    "message-ttl": 7 * 24 * 3600 * 1000,
    "overflow": "drop-head",
}
# Every end of a shovel counts as a delivery of all in hand, and no partner can bring one about.
_ON_THE_WAY = {**_BOUNDS, "delivery-limit": 1_000_000_000}
# A partner that dies of an offer has others in hand. Each time that one is given back costs some 220 bytes of
# disk, for as long as an older one waits.
_WAITING = {**_BOUNDS, "delivery-limit": 1000, "dead-letter-exchange": _GIVEN_UP}
_LEFT = {**_BOUNDS, "message-ttl": 30 * 24 * 3600 * 1000}
_POLICY = "partners"
_SHOVEL = "offers"
# A subscriber needs one of each; a second connection while the broker has not seen the end of the one before.
# RabbitMQ puts up to 512 MiB together on each channel before it looks at rights.
_MOST_CONNECTIONS, _MOST_CHANNELS = 2, 1
_MUCH_BYTES = 16 << 20  # of one connection: a partner says that it took 100,000 offers in 2 MB
_PATIENCE_SECONDS = 30.0
_TRIES = 5  # of giving all partners their bounds, while one comes or goes
# A broker tells everybody which virtual hosts there are: so nobody can guess a partner's.
_VHOST = re.compile(r"(partner\.[^.]+\.[^.]+)\.[0-9a-f]{16}")


class PartnerAccess(NamedTuple):
    """Where a partner finds its offers; its user is called as its queue."""

    vhost: str
    queue: str


@dataclass(frozen=True)
class PartnerStanding:
    """How it stands with a partner's queue, as the broker last counted it (a few seconds old)."""

    queue: str
    #: `running` when all is well; else the shovel's state, `none`, or `not moved` for a partner of before.
    shovel: str
    has_user: bool  # not once it was revoked
    on_the_way: int
    waiting: int
    is_full: bool  # here or on the way: each offer that comes pushes the oldest out
    given_up: int  # taken and given back a thousand times, and kept for the operator
    is_sending: bool  # more than a subscriber has to say, or while the broker takes nothing from anybody

    @property
    def is_well(self) -> bool:
        """Whether all its offers come through, and it does nobody harm."""
        return self.shovel == "running" and not (self.is_full or self.given_up or self.is_sending)


class Partners:
    """The partners of one installation; every call can be repeated, also after one that broke off."""

    def __init__(self, api: ManagementApi, services_vhost: str) -> None:
        self._api = api
        self._services = services_vhost

    async def limit_sources(self) -> None:
        """Bound what waits for a shovel: who is cut off loses its oldest, and nobody else any."""
        await self._api.limit(self._services, _POLICY, r"^partner\.", _ON_THE_WAY)

    async def limit_again(self) -> None:
        """Give partners of before the bounds of today; who holds more connections than that keeps them."""
        for left in reversed(range(_TRIES)):
            try:
                await self._limit_all()
                break
            except Refused:  # of a partner that another command removed or gave a new password meanwhile
                if not left:
                    raise

    async def _limit_all(self) -> None:
        held = {
            row["vhost"]: row["definition"]
            for row in await self._api.get("policies")
            if row["name"] == _POLICY
        }
        users = {row["name"] for row in await self._api.get("users")}
        for match in await self._own_vhosts():
            if held.get(match[0]) != _WAITING:
                await self._limit_vhost(match[0])
            if match[1] in users:
                await self._api.limit_user(match[1], connections=_MOST_CONNECTIONS, channels=_MOST_CHANNELS)

    async def provide(self, municipality: str, partner: str, password: str) -> PartnerAccess:
        """Give a partner a virtual host with a queue for its own offers, and a user who may read that.

        Again: a new password, and whoever is connected under the old one is put out. A partner from before
        there were virtual hosts is moved: what waits for it goes along, and its user leaves the services'.

        Raises RuntimeError when the broker lacks the plugin, or the shovel does not run.
        """
        name = partner_queue(municipality, partner)
        await self._require_plugin()
        await self.limit_sources()
        await self._api.put(f"queues/{quoted(self._services)}/{name}", _QUORUM)
        for binding in partner_bindings(municipality, partner):
            ends = f"e/{binding.exchange}/q/{binding.queue}"
            await self._api.post(f"bindings/{quoted(self._services)}/{ends}", {"routing_key": binding.key})
        vhost = await self._provide_vhost(name)
        await self._provide_shovel(vhost, name)
        await self._provide_user(vhost, name, password)
        return PartnerAccess(vhost, name)

    async def revoke(self, municipality: str, partner: str) -> None:
        """Take a partner's user away, and let no further offer into its queue.

        What the queue holds stays for its term, so that a revocation by mistake loses nothing yet.
        """
        name = partner_queue(municipality, partner)
        await self._api.delete(f"users/{name}")
        source = f"bindings/{quoted(self._services)}/e/{EXCHANGE}/q/{name}"
        for binding in await self._api.get(source):
            await self._api.delete(f"{source}/{quoted(binding['properties_key'])}")

    async def cut(self, municipality: str, partner: str) -> int:
        """End a partner's connections, also those from which the broker reads nothing; returns how many.

        It may come again at once: who must not is revoked.
        """
        rows = await self._api.get(f"connections/username/{partner_queue(municipality, partner)}")
        for row in rows:
            await self._api.delete(f"connections/{quoted(row['name'])}")
        return len(rows)

    async def remove(self, municipality: str, partner: str) -> None:
        """Take away everything that a partner has, and what waits for it."""
        name = partner_queue(municipality, partner)
        await self.revoke(municipality, partner)
        vhosts = await self._vhosts_of(name)
        for vhost in vhosts:
            await self._api.delete(f"parameters/shovel/{quoted(vhost)}/{_SHOVEL}")
        await self._api.delete(f"queues/{quoted(self._services)}/{name}")
        for vhost in vhosts:
            await self._api.delete(f"vhosts/{quoted(vhost)}")

    async def unmoved(self) -> list[str]:
        """Users of partners who still reach into the services' virtual host; `provide` moves them."""
        rows = await self._api.get(f"vhosts/{quoted(self._services)}/permissions")
        return sorted(row["user"] for row in rows if row["user"].startswith("partner."))

    async def listed(self) -> list[PartnerStanding]:
        """How it stands with each partner."""
        vhosts = {match[1]: match[0] for match in await self._own_vhosts()}
        unmoved = await self.unmoved()
        users = {row["name"] for row in await self._api.get("users")}
        shovels = {(row["vhost"], row["name"]): row["state"] for row in await self._shovels()}
        rows = await self._api.get("queues")
        depths = {(row["vhost"], row["name"]): int(row.get("messages", 0)) for row in rows}
        full = {row["name"] for row in rows if _is_full(row)}
        sending = {row.get("user") for row in await self._api.get("connections") if _is_sending(row)}
        sources = {name for place, name in depths if place == self._services and name.startswith("partner.")}
        found = []
        for name in sorted({*vhosts, *unmoved, *sources}):
            vhost = vhosts.get(name, "")
            shovel = "not moved" if name in unmoved else str(shovels.get((vhost, _SHOVEL), "none"))
            on_the_way, waiting = (depths.get((place, name), 0) for place in (self._services, vhost))
            found.append(
                PartnerStanding(
                    name,
                    shovel,
                    name in users,
                    on_the_way,
                    waiting,
                    name in full,
                    depths.get((vhost, _GIVEN_UP), 0),
                    name in sending,
                )
            )
        return found

    async def _provide_vhost(self, name: str) -> str:
        vhosts = await self._vhosts_of(name)
        vhost = vhosts[0] if vhosts else f"{name}.{secrets.token_hex(8)}"
        await self._api.put(f"vhosts/{quoted(vhost)}", {})
        everything = {"configure": _EVERYTHING, "write": _EVERYTHING, "read": _EVERYTHING}
        await self._api.permit(vhost, self._api.user, **everything)
        await self._limit_vhost(vhost)
        await self._api.put(f"queues/{quoted(vhost)}/{name}", _QUORUM)
        return vhost

    async def _limit_vhost(self, vhost: str) -> None:
        """Bound its queue; what was given back too often, and nothing else of it, goes where it is kept."""
        place = quoted(vhost)
        await self._api.limit(vhost, _GIVEN_UP, f"^{_GIVEN_UP}$", _LEFT)
        await self._api.put(f"queues/{place}/{_GIVEN_UP}", _QUORUM)
        await self._api.put(f"exchanges/{place}/{_GIVEN_UP}", {"type": "headers", "durable": True})
        why = {"x-match": "all-with-x", "x-first-death-reason": "delivery_limit"}
        await self._api.post(f"bindings/{place}/e/{_GIVEN_UP}/q/{_GIVEN_UP}", {"arguments": why})
        await self._api.limit(vhost, _POLICY, r"^partner\.", _WAITING)

    async def _provide_shovel(self, vhost: str, name: str) -> None:
        """Both ends are inside the broker: its own user, no password, and nobody who listens."""
        value = {
            "src-protocol": "amqp091",
            "src-uri": f"amqp:///{quoted(self._services)}",
            "src-queue": name,
            "src-prefetch-count": 200,
            "src-delete-after": "never",
            "dest-protocol": "amqp091",
            "dest-uri": f"amqp:///{quoted(vhost)}",
            "dest-queue": name,
            "dest-add-forward-headers": False,
            "ack-mode": "on-confirm",
            "reconnect-delay": 2,
        }
        await self._api.put(f"parameters/shovel/{quoted(vhost)}/{_SHOVEL}", {"value": value})
        until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while (state := await self._state_of(vhost)) != "running":
            if asyncio.get_running_loop().time() > until:
                raise RuntimeError(f"the shovel does not run (it is {state}); see the broker's log")
            await asyncio.sleep(0.1)

    async def _provide_user(self, vhost: str, name: str, password: str) -> None:
        await self._api.delete(f"users/{name}")  # with all rights elsewhere, and whoever is connected
        await self._api.put(f"users/{name}", {"password": password, "tags": ""})
        await self._api.limit_user(name, connections=_MOST_CONNECTIONS, channels=_MOST_CHANNELS)
        await self._api.permit(vhost, name, write=_NOTHING, read=f"^{re.escape(name)}$")

    async def _require_plugin(self) -> None:
        try:
            await self._shovels()
        except Refused as error:
            if not error.is_absent:
                raise
            raise RuntimeError(
                "it lacks a plugin; run on each of its nodes: "
                "rabbitmq-plugins enable rabbitmq_shovel rabbitmq_shovel_management"
            ) from error

    async def _shovels(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self._api.get("shovels")
        return rows

    async def _state_of(self, vhost: str) -> str:
        states = [row["state"] for row in await self._shovels() if row["vhost"] == vhost]
        return str(states[0]) if states else "not started"

    async def _own_vhosts(self) -> list[re.Match[str]]:
        rows = await self._api.get("vhosts?columns=name")
        names = [row["name"] for row in rows if row]  # of one that goes at this moment RabbitMQ tells `[]`
        return [match for name in names if (match := _VHOST.fullmatch(name))]

    async def _vhosts_of(self, name: str) -> list[str]:
        """One, unless two made it at the same moment."""
        return sorted(match[0] for match in await self._own_vhosts() if match[1] == name)


def _is_full(queue: Mapping[str, Any]) -> bool:
    """Whether the broker counted as much in this queue as its policy lets it hold, or but an event less."""
    limits = queue.get("effective_policy_definition") or {}
    most, largest = limits.get("max-length"), limits.get("max-length-bytes")
    is_long = most is not None and int(queue.get("messages", 0)) >= most
    return is_long or (largest is not None and int(queue.get("message_bytes", 0)) > largest - MAX_BYTES)


def _is_sending(connection: Mapping[str, Any]) -> bool:
    """Whether it sends what no subscriber has to: much, or anything while an alarm of the broker lasts."""
    is_much = int(connection.get("recv_oct", 0)) > _MUCH_BYTES
    return is_much or connection.get("state") in ("blocking", "blocked")
