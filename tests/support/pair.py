"""A speaker and a hearer on a broker of their own, as the tests of messaging need them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from common.contracts.intake import ReportCounted
from common.db import Database
from common.house import House, build_house
from common.messaging.administration import BrokerAdministration
from common.provision import DatabaseUrls
from common.settings import ServiceSettings
from sqlalchemy import text

from tests.support import ledger
from tests.support.backing import Backing, fresh_vhost
from tests.support.databases import opened

FAST = (0.1, 0.1, 0.1)


def settings_for(urls: DatabaseUrls, broker_url: str) -> ServiceSettings:
    return ServiceSettings(
        database_web_url=urls.web,
        database_flow_url=urls.flow,
        broker_url=broker_url,
        retry_seconds=FAST,
    )


@asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    """The house's parts at work, stopped in order at the end."""
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(part.run(stopping)) for part in house.parts]
    try:
        yield house
    finally:
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        await house.close()


class Pair:
    """A speaker's and a hearer's database on one virtual host."""

    def __init__(
        self, broker_url: str, speaker: Database, hearer: Database, urls: list[DatabaseUrls]
    ) -> None:
        self.broker_url, self.speaker, self.hearer, self.urls = broker_url, speaker, hearer, urls

    def speaking(self) -> House:
        return build_house(ledger.SPEAKER, settings_for(self.urls[0], self.broker_url), {})

    def hearing(self, **changes: object) -> House:
        settings = settings_for(self.urls[1], self.broker_url).model_copy(update=changes)
        handlers = {ReportCounted: ledger.Flakiness(set()).record}
        return build_house(ledger.HEARER, settings, handlers)

    async def heard(self) -> Counter[object]:
        return Counter(await ledger.effects(self.hearer))

    async def count(self, where: str) -> int:
        async with self.hearer.flowing() as connection:
            return int(
                (
                    await connection.execute(
                        text(f"SELECT count(*) FROM waiting WHERE {where}")  # noqa: S608 -- our own words
                    )
                ).scalar_one()
            )


@asynccontextmanager
async def pair_on(backing: Backing) -> AsyncIterator[Pair]:
    urls = [await ledger.make_database(backing, service) for service in (ledger.SPEAKER, ledger.HEARER)]
    async with AsyncExitStack() as stack:
        speaker, hearer = [await stack.enter_async_context(opened(each)) for each in urls]
        yield Pair(fresh_vhost(backing), speaker, hearer, urls)


def administration(backing: Backing, broker_url: str) -> BrokerAdministration:
    """The administrator of this virtual host."""
    vhost = broker_url.rpartition("/")[2]
    return BrokerAdministration(
        backing.management_url, backing.rabbit_user, backing.rabbit_password, vhost=vhost
    )
