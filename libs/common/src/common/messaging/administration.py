"""What provisioning sets up on the broker (management API): topology, users, rights, limits, partners."""

import asyncio
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from common.addresses import is_encrypted, refuse_plain
from common.flow import SERVICES, heard_by
from common.messaging.topology import (
    DEAD,
    DEAD_QUEUE,
    EXCHANGE,
    EXCHANGES,
    UNROUTED,
    Binding,
    bindings,
    is_partners_own,
    partner_bindings,
    partner_queue,
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
_PARTNER_LIMITS = {
    "max-length": 100_000,
    "message-ttl": 7 * 24 * 3600 * 1000,
    "overflow": "drop-head",
    "delivery-limit": 50,
}
# Nothing reads these but a person: what nobody wanted, or could read, must not fill the disk.
_LEFT_OVER_LIMITS = {
    "max-length": 100_000,
    "max-length-bytes": 1 << 30,
    "message-ttl": 30 * 24 * 3600 * 1000,
    "overflow": "drop-head",
}


class BrokerAdministration:
    """A client of RabbitMQ's management API with an administrator's rights; every call can be repeated.

    Raises `PlainAddress` for an http:// address that is not on this machine.
    """

    def __init__(
        self, management_url: str, user: str, password: str, *, vhost: str = "/", tls: Tls | None = None
    ) -> None:
        refuse_plain("the management API's address", management_url)
        verified = (tls or Tls()).client() if is_encrypted(management_url) else True
        self._base = management_url.rstrip("/")
        self._vhost = quote(vhost, safe="")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=verified),
            headers={"Authorization": aiohttp.encode_basic_auth(user, password)},
            timeout=aiohttp.ClientTimeout(total=15),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def set_up(self, passwords: Mapping[str, str]) -> int:
        """Make the whole topology, then each service's user; returns how many stray bindings were removed.

        A user may configure nothing, write one exchange under its own topics, and read its own queue. A
        binding of ours that `flow.py` does not know, whoever made it, would carry facts astray.
        """
        await self.limit("core", f"^({'|'.join(SERVICES)})$", _CORE_LIMITS)
        await self.limit("partners", r"^partner\.", _PARTNER_LIMITS)
        left_over = "|".join(re.escape(name) for name in (UNROUTED, DEAD_QUEUE))
        await self.limit("unrouted", f"^({left_over})$", _LEFT_OVER_LIMITS)
        await self._make_topology()
        removed = await self._remove_stray_bindings()
        for service, password in passwords.items():
            await self._user(service, password)
            hears = f"^{re.escape(service)}$" if heard_by(service) else _NOTHING
            await self._permit(service, write=f"^{re.escape(EXCHANGE)}$", read=hears)
            await self._put(
                f"topic-permissions/{self._vhost}/{service}",
                {"exchange": EXCHANGE, "write": f"^{re.escape(service)}\\.", "read": _NOTHING},
            )
        return removed

    async def _make_topology(self) -> None:
        for name, (kind, arguments) in EXCHANGES.items():
            body = {"type": kind, "durable": True, "arguments": arguments}
            await self._put(f"exchanges/{self._vhost}/{name}", body)
        await asyncio.gather(*(self._put(f"queues/{self._vhost}/{queue}", _QUORUM) for queue in queues()))
        await asyncio.gather(*(self._bind(binding) for binding in bindings()))

    async def _remove_stray_bindings(self) -> int:
        ours, wanted, removed = {*EXCHANGES, *queues()}, bindings(), 0
        for row in await self._call("GET", f"bindings/{self._vhost}", None):
            binding = Binding(row["source"], row["destination"], row["routing_key"])
            is_plain = row["destination_type"] == "queue" and not row["arguments"]
            if not row["source"] or not ours & {row["source"], row["destination"]}:
                continue  # every queue is bound to the nameless exchange; others' things are not ours
            if is_plain and (binding in wanted or is_partners_own(binding)):
                continue
            kind = "q" if row["destination_type"] == "queue" else "e"
            ends = f"e/{quote(row['source'], safe='')}/{kind}/{quote(row['destination'], safe='')}"
            key = quote(row["properties_key"], safe="")
            await self._call("DELETE", f"bindings/{self._vhost}/{ends}/{key}", None)
            removed += 1
        return removed

    async def provide_partner(self, municipality: str, partner: str, password: str) -> str:
        """Give a partner a user and a queue bound to its own offers; returns the queue's name.

        The user may read that queue and nothing else: not declare, bind or publish.
        """
        queue = partner_queue(municipality, partner)
        await self._user(queue, password)
        await self._put(f"user-limits/{queue}/max-connections", {"value": 8})
        await self._put(f"user-limits/{queue}/max-channels", {"value": 32})
        await self._put(f"queues/{self._vhost}/{queue}", _QUORUM)
        for binding in partner_bindings(municipality, partner):
            await self._bind(binding)
        await self._permit(queue, write=_NOTHING, read=f"^{re.escape(queue)}$")
        return queue

    async def revoke_partner(self, municipality: str, partner: str) -> None:
        """Take a partner's user away, and let no further offer into its queue.

        What the queue holds stays for its term, so that a revocation by mistake loses nothing yet.
        """
        queue = partner_queue(municipality, partner)
        await self._call("DELETE", f"users/{queue}", None)
        source = f"bindings/{self._vhost}/e/{EXCHANGE}/q/{queue}"
        for binding in await self._call("GET", source, None):
            await self._call("DELETE", f"{source}/{quote(binding['properties_key'], safe='')}", None)

    async def queue_depths(self) -> dict[str, int]:
        """Messages in each queue as the broker last counted them (a few seconds old)."""
        rows = await self._call("GET", f"queues/{self._vhost}", None)
        return {row["name"]: int(row.get("messages", 0)) for row in rows}

    async def _bind(self, binding: Binding) -> None:
        ends = f"e/{binding.exchange}/q/{binding.queue}"
        await self._post(f"bindings/{self._vhost}/{ends}", {"routing_key": binding.key})

    async def _permit(self, user: str, *, write: str, read: str) -> None:
        body = {"configure": _NOTHING, "write": write, "read": read}
        await self._put(f"permissions/{self._vhost}/{user}", body)

    async def _user(self, name: str, password: str) -> None:
        await self._put(f"users/{name}", {"password": password, "tags": ""})

    async def limit(
        self, name: str, pattern: str, definition: Mapping[str, Any], *, priority: int = 1
    ) -> None:
        """Put a policy on the queues whose names match; of several the highest priority counts."""
        await self._put(
            f"policies/{self._vhost}/{name}",
            {"pattern": pattern, "definition": dict(definition), "apply-to": "queues", "priority": priority},
        )

    async def _put(self, path: str, body: Mapping[str, Any]) -> None:
        await self._call("PUT", path, body)

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        await self._call("POST", path, body)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 -- JSON
        async with self._session.request(method, f"{self._base}/api/{path}", json=body) as answer:
            if answer.status >= 400:
                kind = path.split("/", 1)[0]
                raise RuntimeError(f"the broker refused {method} {kind} with status {answer.status}")
            return await answer.json() if method == "GET" else None
