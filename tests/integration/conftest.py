"""What several tests of the gateway stand on."""

from collections.abc import AsyncIterator

import pytest_asyncio
from common.provision import DatabaseUrls

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Upstream, running_upstream


@pytest_asyncio.fixture(scope="module")
async def urls(backing: Backing) -> DatabaseUrls:
    """A database of the gateway for one module; a module of another service names its own."""
    return await service_database(backing, "gateway")


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A service of one test."""
    async with running_upstream() as found:
        yield found
