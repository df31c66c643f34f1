"""One browser, one reporting point and one whole system, for the tests of the pages."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from local.system import System
from playwright.async_api import Browser

from tests.support.backing import Backing
from tests.support.browser import running_browser, visiting
from tests.support.lab import Lab
from tests.support.reporting_point import TOWN, Point, reporting_point
from tests.support.whole import running_whole


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


@pytest.fixture(scope="session")
def whole() -> Iterator[System]:
    """All five services, as `make run` starts them; empty, but for the demo's people."""
    with running_whole() as started:
        yield started


@pytest_asyncio.fixture(scope="module")
async def lab(browser: Browser, point: Point) -> AsyncIterator[Lab]:
    """One page for all of these tests."""
    async with visiting(browser, point.url) as (page, _):
        await page.goto(f"/{TOWN}/privacy")
        yield Lab(page)
