"""A speaker and a hearer on a broker of their own, as the tests of messaging need them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from common.contracts.intake import ReportCounted
from common.db import Database
from common.house import House, build_house
from common.provision import DatabaseUrls
from common.settings import ServiceSettings
from sqlalchemy import text

from tests.support import ledger
from tests.support.backing import Backing
from tests.support.broker import ServedVhost, send_raw, served_vhost
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
        self, vhost: ServedVhost, speaker: Database, hearer: Database, urls: list[DatabaseUrls]
    ) -> None:
        self.vhost, self.speaker, self.hearer, self.urls = vhost, speaker, hearer, urls

    @property
    def settings(self) -> tuple[ServiceSettings, ServiceSettings]:
        """Of the speaker and of the hearer: each its own database and its own user of the broker."""
        of_speaker, of_hearer = (
            settings_for(urls, self.vhost.url(service))
            for urls, service in zip(self.urls, (ledger.SPEAKER, ledger.HEARER), strict=True)
        )
        return of_speaker, of_hearer

    async def send(self, body: bytes, *, times: int = 1) -> None:
        """Put these bytes on the exchange as the speaker's relay would."""
        await send_raw(self.vhost.url(ledger.SPEAKER), ReportCounted.name, *[body] * times)

    def speaking(self) -> House:
        return build_house(ledger.SPEAKER, self.settings[0], {})

    def hearing(self, **changes: object) -> House:
        settings = self.settings[1].model_copy(update=changes)
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
        yield Pair(await served_vhost(backing), speaker, hearer, urls)
