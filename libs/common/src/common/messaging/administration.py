"""What provisioning sets up on the broker: topology, users, rights, limits, and the partners."""

import asyncio
import hashlib
import hmac
import re
from base64 import b64decode
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from common.flow import SERVICES, heard_by
from common.messaging.management import ManagementApi, quoted
from common.messaging.partners import Partners
from common.messaging.topology import (
    DEAD,
    DEAD_QUEUE,
    EXCHANGE,
    EXCHANGES,
    UNROUTED,
    Binding,
    bindings,
    is_partners_own,
    queues,
)
from common.tls import Tls

_QUORUM = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
_NOTHING = "^$"
_CORE_LIMITS = {
    "dead-letter-exchange": DEAD,
    "dead-letter-strategy": "at-least-once",
    "overflow": "reject-publish",
    "delivery-limit": 50,
}
# Nothing reads these but a person: what nobody wanted, or could read, must not fill the disk.
_LEFT_OVER_LIMITS = {
    "max-length": 100_000,
    "max-length-bytes": 1 << 30,
    "message-ttl": 30 * 24 * 3600 * 1000,
    "overflow": "drop-head",
}
# A process has one connection with two channels; at most 12 replicas, twice while a release is replaced.
_MOST_CONNECTIONS, _MOST_CHANNELS = 32, 64
_HASHES = {"rabbit_password_hashing_sha256": "sha256", "rabbit_password_hashing_sha512": "sha512"}


class BrokerAdministration:
    """The services' virtual host in an administrator's hands; every call can be repeated.

    Raises `PlainAddress` for an http:// address that is not on this machine.
    """

    def __init__(
        self, management_url: str, user: str, password: str, *, vhost: str = "/", tls: Tls | None = None
    ) -> None:
        self._api = ManagementApi(management_url, user, password, tls=tls)
        self._name = vhost
        self._vhost = quoted(vhost)
        #: What chain partners have on this broker.
        self.partners = Partners(self._api, vhost)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._api.close()

    async def set_up(self, passwords: Mapping[str, str]) -> int:
        """Make the whole topology, then each service's user; returns how many stray bindings were removed.

        A user may configure nothing, write one exchange under its own topics, and read its own queue. Another
        password than before puts out whoever is connected under that one. A
        binding of ours that `flow.py` does not know, whoever made it, would carry facts astray.
        """
        await self.limit("core", f"^({'|'.join(SERVICES)})$", _CORE_LIMITS)
        await self.partners.limit_sources()
        await self.partners.limit_again()
        left_over = "|".join(re.escape(name) for name in (UNROUTED, DEAD_QUEUE))
        await self.limit("unrouted", f"^({left_over})$", _LEFT_OVER_LIMITS)
        await self._make_topology()
        removed = await self._remove_stray_bindings()
        for service, password in passwords.items():
            await self._provide_user(service, password)
            hears = f"^{re.escape(service)}$" if heard_by(service) else _NOTHING
            await self._api.permit(self._name, service, write=f"^{re.escape(EXCHANGE)}$", read=hears)
            await self._api.put(
                f"topic-permissions/{self._vhost}/{service}",
                {"exchange": EXCHANGE, "write": f"^{re.escape(service)}\\.", "read": _NOTHING},
            )
        return removed

    async def _provide_user(self, name: str, password: str) -> None:
        """A user with this password: the broker ends connections of one that goes, not of one that changes.

        Whoever breaks off between the two calls leaves no user, and does it by calling again.
        """
        known = [row for row in await self._api.get("users") if row["name"] == name]
        if known and not _is_password_of(known[0], password):
            await self._api.delete(f"users/{name}")
        await self._api.put(f"users/{name}", {"password": password, "tags": ""})
        await self._api.limit_user(name, connections=_MOST_CONNECTIONS, channels=_MOST_CHANNELS)

    async def _make_topology(self) -> None:
        for name, (kind, arguments) in EXCHANGES.items():
            body = {"type": kind, "durable": True, "arguments": arguments}
            await self._api.put(f"exchanges/{self._vhost}/{name}", body)
        await asyncio.gather(*(self._api.put(f"queues/{self._vhost}/{queue}", _QUORUM) for queue in queues()))
        await asyncio.gather(*(self._bind(binding) for binding in bindings()))

    async def _remove_stray_bindings(self) -> int:
        ours, wanted, removed = {*EXCHANGES, *queues()}, bindings(), 0
        for row in await self._api.get(f"bindings/{self._vhost}"):
            binding = Binding(row["source"], row["destination"], row["routing_key"])
            is_plain = row["destination_type"] == "queue" and not row["arguments"]
            if not row["source"] or not ours & {row["source"], row["destination"]}:
                continue  # every queue is bound to the nameless exchange; others' things are not ours
            if is_plain and (binding in wanted or is_partners_own(binding)):
                continue
            kind = "q" if row["destination_type"] == "queue" else "e"
            ends = f"e/{quoted(row['source'])}/{kind}/{quoted(row['destination'])}"
            key = quoted(row["properties_key"])
            await self._api.delete(f"bindings/{self._vhost}/{ends}/{key}")
            removed += 1
        return removed

    async def queue_depths(self) -> dict[str, int]:
        """Messages in each queue as the broker last counted them (a few seconds old)."""
        rows = await self._api.get(f"queues/{self._vhost}")
        return {row["name"]: int(row.get("messages", 0)) for row in rows}

    async def limit(
        self, name: str, pattern: str, definition: Mapping[str, Any], *, priority: int = 1
    ) -> None:
        """Put a policy on the queues whose names match; of several the highest priority counts."""
        await self._api.limit(self._name, name, pattern, definition, priority=priority)

    async def _bind(self, binding: Binding) -> None:
        ends = f"e/{binding.exchange}/q/{binding.queue}"
        await self._api.post(f"bindings/{self._vhost}/{ends}", {"routing_key": binding.key})


def _is_password_of(user: Mapping[str, Any], password: str) -> bool:
    """Whether the broker holds this password's hash: four bytes of salt, then that of salt and password.

    False where it hashes in a way that we do not know.
    """
    name, held = _HASHES.get(user["hashing_algorithm"]), b64decode(user["password_hash"])
    if name is None:
        return False
    return hmac.compare_digest(held[4:], hashlib.new(name, held[:4] + password.encode()).digest())
