"""The work before a report, by the page's own script: right, soon done on a slow phone, and nothing lost."""

import math
import secrets

import pytest
from gateway.domain.proof import is_solved
from gateway.settings import GatewaySettings
from playwright.async_api import Browser, Page, Route, expect

from tests.support.backing import Backing
from tests.support.browser import visiting
from tests.support.databases import service_database
from tests.support.desk import CHECK
from tests.support.gateway import Upstream, running_gateway
from tests.support.reporter import STORY, begin, fill_least, send
from tests.support.reporting_point import TOWN, Point

#: A phone of 100 euros against a desktop, as Chromium's own "low-tier mobile" has it.
SLOWER = 6
MOST_SECONDS = 5
CEILING = int(GatewaySettings.model_fields["proof_bits_most"].default)
_SEARCH = """async ([starts, bits]) => {
    const { search } = await import("/static/x/js/proof-search.js");
    return starts.map((start) => search(start, bits, () => {}));
}"""
#: How many tries a second, where every try is made as the worker makes it: nothing has so many zero bits.
_TIMED = """async ([start, tries]) => {
    const { search } = await import("/static/x/js/proof-search.js");
    const began = performance.now();
    try {
        search(start, 33, (tried) => { if (tried >= tries) throw new Error("enough"); });
    } catch (error) {
        if (error.message !== "enough") throw error;
    }
    return (1000 * tries) / (performance.now() - began);
}"""


async def test_the_search_finds_what_the_gateway_takes_whatever_the_length(
    browser: Browser, point: Point
) -> None:
    key = secrets.token_urlsafe(24)
    tokens = ["x" * length for length in range(1, 140)]
    async with visiting(browser, point.url) as (page, _):
        await page.goto(f"/{TOWN}/melden")
        for bits in (0, 1, 9):
            counters = await page.evaluate(_SEARCH, [[f"{token}\n{key}\n" for token in tokens], bits])
            wrong = [
                len(token)
                for token, counter in zip(tokens, counters, strict=True)
                if not is_solved(token, key, int(counter), bits)
            ]
            assert wrong == [], bits


async def test_a_slow_phone_meets_the_ceiling(browser: Browser, point: Point) -> None:
    """On the page's own thread, because Chromium slows no worker; prints what docs/operators.md tells."""
    async with visiting(browser, point.url) as (page, _):
        await page.goto(f"/{TOWN}/melden")
        chromium = await page.context.new_cdp_session(page)
        await chromium.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        start = f"proof.{TOWN}.1795000000.{CEILING}.AAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBB\n{'k' * 32}\n"
        rates = [await page.evaluate(_TIMED, [start, 2**18]) for _ in range(5)]
    per_second = sorted(rates)[len(rates) // 2]
    mean = 2**CEILING / per_second
    late = math.exp(-MOST_SECONDS / mean)
    print(f"\n{per_second:,.0f} tries a second, {SLOWER} times slowed down: 2^{CEILING} in {mean:.2f} s")
    print(f"done within {MOST_SECONDS} s in {100 * (1 - late):.1f} % of the cases")
    assert mean < MOST_SECONDS


async def test_a_report_goes_by_its_own_work(browser: Browser, backing: Backing, point: Point) -> None:
    urls = await service_database(backing, "gateway")
    nobody = Upstream("http://127.0.0.1:1")
    only_by_work = {"proof_bits": 14, "form_seconds_least": 100_000}
    async with (
        running_gateway(urls, nobody, intake_url=point.intake.url, **only_by_work) as gate,
        visiting(browser, gate.url) as (page, _),
    ):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await send(page)


@pytest.fixture
def endless() -> str:
    """A challenge that nobody solves."""
    return f"proof.{TOWN}.1795000000.32.AAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBB"


async def test_a_page_that_works_long_says_so_gives_nothing_up_and_loses_nothing(
    browser: Browser, point: Point, endless: str
) -> None:
    async def challenge(route: Route) -> None:
        await route.fulfill(json={"token": endless, "bits": 32, "expiresInSeconds": 600})

    async def is_there(page: Page) -> None:
        await expect(page.locator("[data-status]")).to_have_text(
            "Uw toestel is nog even bezig (0 %). Laat deze pagina open. Er gaat niets verloren."
        )
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)

    async with visiting(browser, point.url) as (page, _):
        await page.clock.install()
        await page.route("**/api/v1/challenges", challenge)
        await begin(page, "anders", TOWN)
        await fill_least(page)
        before = page.url
        await page.get_by_role("button", name=CHECK).click()
        await is_there(page)
        await page.clock.fast_forward("10:00")
        await is_there(page)
        assert page.url == before
