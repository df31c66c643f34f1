"""A client of RabbitMQ's management API, with an administrator's rights."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from common.addresses import is_encrypted, refuse_plain
from common.tls import Tls

#: Seconds for one call. Seen on a slow, busy machine: more than 30 for making a virtual host.
PATIENCE = 120


class Refused(RuntimeError):
    """The broker said no; holds neither address nor body, for both may hold a secret."""

    def __init__(self, method: str, path: str, status: int) -> None:
        super().__init__(f"the broker refused {method} {path.split('/', 1)[0]} with status {status}")
        #: Whether what was asked for is not there.
        self.is_absent = status == 404


class ManagementApi:
    """Calls below `/api`, each of which can be repeated; names in paths are quoted by `quoted`.

    Raises `PlainAddress` for an http:// address that is not on this machine, `Refused`, and `TimeoutError`
    for a call that takes longer than `PATIENCE`.
    """

    def __init__(self, url: str, user: str, password: str, *, tls: Tls | None = None) -> None:
        refuse_plain("the management API's address", url)
        verified = (tls or Tls()).client() if is_encrypted(url) else True
        self.user = user
        self._base = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=verified),
            headers={"Authorization": aiohttp.encode_basic_auth(user, password)},
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._session.close()

    async def get(self, path: str) -> Any:  # noqa: ANN401 -- JSON
        """What is there."""
        return await self._call("GET", path, None)

    async def put(self, path: str, body: Mapping[str, Any]) -> None:
        """Make it so."""
        await self._call("PUT", path, body)

    async def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Add this."""
        await self._call("POST", path, body)

    async def delete(self, path: str) -> None:
        """Take it away; nothing when it is not there."""
        try:
            await self._call("DELETE", path, None)
        except Refused as error:
            if not error.is_absent:
                raise

    async def limit(
        self, vhost: str, name: str, pattern: str, definition: Mapping[str, Any], *, priority: int = 1
    ) -> None:
        """Put a policy on queues whose names match; of several the highest priority counts."""
        await self.put(
            f"policies/{quoted(vhost)}/{name}",
            {"pattern": pattern, "definition": dict(definition), "apply-to": "queues", "priority": priority},
        )

    async def limit_user(self, name: str, *, connections: int, channels: int) -> None:
        """Bound what a user has open at once, its channels over all its connections."""
        await self.put(f"user-limits/{quoted(name)}/max-connections", {"value": connections})
        await self.put(f"user-limits/{quoted(name)}/max-channels", {"value": channels})

    async def permit(self, vhost: str, user: str, *, write: str, read: str, configure: str = "^$") -> None:
        """Give a user these rights in a virtual host, in the place of what it had there."""
        body = {"configure": configure, "write": write, "read": read}
        await self.put(f"permissions/{quoted(vhost)}/{quoted(user)}", body)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 -- JSON
        async with self._session.request(method, f"{self._base}/api/{path}", json=body) as answer:
            if answer.status >= 400:
                raise Refused(method, path, answer.status)
            return await answer.json() if method == "GET" else None


def quoted(name: str) -> str:
    """A name as it stands in a path."""
    return quote(name, safe="")
