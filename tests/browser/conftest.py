"""One browser, and one reporting point, for the tests of the pages."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.support.backing import Backing
from tests.support.browser import running_browser
from tests.support.reporting_point import Point, reporting_point


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, started once."""
    async with running_browser() as started:
        yield started


@pytest_asyncio.fixture(scope="session")
async def point(backing: Backing) -> AsyncIterator[Point]:
    """The public pages with a real intake behind them."""
    async with reporting_point(backing) as started:
        yield started
