"""What an operator sets up on the broker (management API): users, rights, limits, partner queues."""

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from common.contracts.base import Event
from common.flow import HEARD_BY, PARTNERS, SERVICES
from common.messaging.broker import DEAD, DEAD_QUEUE, EXCHANGE, UNROUTED, binding_key

_TOPOLOGY = "|".join(re.escape(name) for name in (EXCHANGE, UNROUTED, DEAD, DEAD_QUEUE, *SERVICES))
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
# Nothing reads it but a person: what was not wanted must not fill the disk.
_UNROUTED_LIMITS = {
    "max-length": 100_000,
    "message-ttl": 30 * 24 * 3600 * 1000,
    "overflow": "drop-head",
}


class BrokerAdministration:
    """A client of RabbitMQ's management API with an administrator's rights; every call can be repeated."""

    def __init__(self, management_url: str, user: str, password: str, *, vhost: str = "/") -> None:
        self._base = management_url.rstrip("/")
        self._vhost = quote(vhost, safe="")
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(user, password)},
            timeout=aiohttp.ClientTimeout(total=15),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def set_up(self, passwords: Mapping[str, str]) -> None:
        """Make each service's user, with rights to the topology, its own queue and its own topics only."""
        await self.limit("core", f"^({'|'.join(SERVICES)})$", _CORE_LIMITS)
        await self.limit("partners", r"^partner\.", _PARTNER_LIMITS)
        await self.limit("unrouted", f"^{re.escape(UNROUTED)}$", _UNROUTED_LIMITS)
        for service, password in passwords.items():
            await self._user(service, password)
            await self._put(
                f"permissions/{self._vhost}/{service}",
                {
                    "configure": f"^({_TOPOLOGY})$",
                    "write": f"^({_TOPOLOGY})$",
                    "read": f"^({re.escape(EXCHANGE)}(\\..*)?|{service})$",
                },
            )
            await self._put(
                f"topic-permissions/{self._vhost}/{service}",
                {"exchange": EXCHANGE, "write": f"^{service}\\.", "read": ".*"},
            )

    async def provide_partner(self, municipality: str, partner: str, password: str) -> str:
        """Give a partner a user and a queue bound to its own offers; returns the queue's name.

        The user may read that queue and nothing else: not declare, bind or publish.
        """
        queue = f"partner.{municipality}.{partner}"
        await self._user(queue, password)
        await self._put(f"user-limits/{queue}/max-connections", {"value": 8})
        await self._put(f"user-limits/{queue}/max-channels", {"value": 32})
        await self._put(
            f"queues/{self._vhost}/{queue}", {"durable": True, "arguments": {"x-queue-type": "quorum"}}
        )
        for event in _for_partners():
            await self._post(
                f"bindings/{self._vhost}/e/{EXCHANGE}/q/{queue}",
                {"routing_key": binding_key(event, municipality, partner)},
            )
        await self._put(
            f"permissions/{self._vhost}/{queue}",
            {"configure": "^$", "write": "^$", "read": f"^{re.escape(queue)}$"},
        )
        return queue

    async def revoke_partner(self, municipality: str, partner: str) -> None:
        """Take a partner's user away, and let no further offer into its queue.

        What the queue holds stays for its term, so that a revocation by mistake loses nothing yet.
        """
        queue = f"partner.{municipality}.{partner}"
        await self._call("DELETE", f"users/{queue}", None)
        source = f"bindings/{self._vhost}/e/{EXCHANGE}/q/{queue}"
        for binding in await self._call("GET", source, None):
            await self._call("DELETE", f"{source}/{quote(binding['properties_key'], safe='')}", None)

    async def queue_depths(self) -> dict[str, int]:
        """Messages in each queue as the broker last counted them (a few seconds old)."""
        rows = await self._call("GET", f"queues/{self._vhost}", None)
        return {row["name"]: int(row.get("messages", 0)) for row in rows}

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


def _for_partners() -> tuple[type[Event], ...]:
    return tuple(event for event, hearers in HEARD_BY.items() if PARTNERS in hearers)
