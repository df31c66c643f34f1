"""What another page of the town's domain can do with cookies, in a real browser.

Chromium takes every host under `localhost` for this machine, and for as safe as https.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web
from common.contracts.codes import Role
from playwright.async_api import Browser, Page

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import PASSWORD, Running, running_gateway, running_upstream

_TOWN = "waterdam.localhost"
_SESSION = "__Host-vermoeden_session"
_OURS = {_SESSION, "__Host-vermoeden_sign_in", "__Secure-vermoeden_known"}
_PAGE = """<script>
const told = new URLSearchParams(location.search);
for (let number = 0; number < told.get("count"); number++)
    document.cookie = `x${number}=${"a".repeat(told.get("size"))}; Path=/; Secure; Domain=waterdam.localhost`
        + told.get("more");
</script>"""


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream, is_https=True) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="module")
async def elsewhere() -> AsyncIterator[str]:
    """A page of the same domain that sets cookies for all of it."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, max_field_size=2**20, max_line_size=2**20)
    await runner.setup()
    await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()
    port = runner.addresses[0][1]
    yield f"http://agenda.{_TOWN}:{port}/"
    await site.stop()
    await runner.cleanup()


@asynccontextmanager
async def _visiting(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    try:
        yield await context.new_page()
    finally:
        await context.close()


def _at(running: Running, path: str) -> str:
    return f"http://melden.{_TOWN}:{running.url.rpartition(':')[2]}{path}"


async def _status(page: Page, address: str) -> int:
    answer = await page.goto(address)
    assert answer is not None
    return answer.status


async def _sign_in(page: Page, running: Running) -> None:
    await page.goto(_at(running, "/veldstad/aanmelden"))
    await page.fill("input[name=login]", await running.person(Role.PRIVACY_OFFICER))
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url(lambda address: "aanmelden" not in address)


async def _ours(page: Page) -> set[str]:
    return {each["name"] for each in await page.context.cookies() if "name" in each} & _OURS


@pytest.mark.parametrize("count", [250, 1_000], ids=["many", "very many"])
async def test_a_crowd_of_cookies_pushes_none_of_ours_out(
    browser: Browser, running: Running, elsewhere: str, count: int
) -> None:
    async with _visiting(browser) as page:
        await _sign_in(page, running)
        assert await _ours(page) == _OURS
        await page.goto(f"{elsewhere}?count={count}&size=1&more=")
        assert await _status(page, _at(running, "/api/v1/sessions/current")) == 200
        assert await _ours(page) == _OURS


async def test_who_was_pushed_out_on_purpose_can_sign_in_again(
    browser: Browser, running: Running, elsewhere: str
) -> None:
    """Among cookies of one priority Chromium chooses by age, and no server can help: docs/threat-model.md."""
    async with _visiting(browser) as page:
        await _sign_in(page, running)
        await page.goto(f"{elsewhere}?count=250&size=1&more=;Priority=High")
        await page.evaluate("document.cookie")  # once it can be read, all were set
        if await _status(page, _at(running, "/api/v1/sessions/current")) == 401:
            await _sign_in(page, running)
        assert await _status(page, _at(running, "/api/v1/sessions/current")) == 200


async def test_large_cookies_of_another_page_keep_nobody_out(
    browser: Browser, running: Running, elsewhere: str
) -> None:
    async with _visiting(browser) as page:
        await _sign_in(page, running)
        await page.goto(f"{elsewhere}?count=170&size=4000&more=")
        assert await _status(page, _at(running, "/api/v1/sessions/current")) == 200
    async with _visiting(browser) as page:  # who was never here
        await page.goto(f"{elsewhere}?count=170&size=4000&more=;Max-Age=31536000")
        for path in ("/", "/veldstad/aanmelden"):
            assert await _status(page, _at(running, path)) == 200
