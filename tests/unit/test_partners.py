"""What the broker's management interface tells of partners, as odd as it sometimes is."""

from typing import cast

from common.messaging.management import ManagementApi
from common.messaging.partners import Partners


class _Telling:
    """A management interface that knows one virtual host, which is being removed."""

    async def get(self, path: str) -> list[list[object]]:
        """Nothing of anything but that, and of that an empty list, as RabbitMQ 3.10 does."""
        return [[]] if path.startswith("vhosts?") else []


async def test_a_partner_who_leaves_at_this_moment_is_not_listed() -> None:
    assert await Partners(cast("ManagementApi", _Telling()), "vermoeden").listed() == []
