"""The public pages in a real browser: with and without script, by keyboard, small and wide."""

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import check_accessible, focused, visiting
from tests.support.reporting_point import TOWN, Point

HOME, REPORT = f"/{TOWN}", f"/{TOWN}/melden"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("home", HOME),
        ("report-choose", REPORT),
        ("report-choose-en", f"{REPORT}?taal=en"),
        ("sign-in", f"{HOME}/aanmelden"),
        ("privacy", f"{HOME}/privacy"),
        ("privacy-en", f"{HOME}/privacy?taal=en"),
        ("accessibility", f"{HOME}/toegankelijkheid"),
        ("choose-municipality", "/gemeenten"),
        ("not-found", f"{HOME}/bestaat-niet"),
    ],
)
async def test_a_page_is_accessible_and_reflows(browser: Browser, point: Point, name: str, path: str) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(path)
        await check_accessible(page, name)


async def test_what_belongs_elsewhere_and_what_to_look_for_unfold(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(REPORT)
        elsewhere = page.get_by_text("Veilig Thuis 0800-2000")
        await expect(elsewhere).to_be_hidden()
        await page.get_by_text("Gaat het om overlast").click()
        await expect(elsewhere).to_be_visible()
        await page.get_by_text("Waar u op kunt letten: Hennepkwekerij").click()
        await expect(page.get_by_text("U ruikt wiet, vooral")).to_be_visible()
        await check_accessible(page, "report-choose-unfolded")


async def test_the_focus_is_always_seen(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(HOME)
        for _ in range(8):
            await page.keyboard.press("Tab")
            seen = await page.evaluate(
                "(s => parseFloat(s.outlineWidth) >= 2 && s.outlineStyle !== 'none')"
                "(getComputedStyle(document.activeElement))"
            )
            assert seen, await focused(page)


async def test_a_language_is_remembered_and_the_page_says_which(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(HOME)
        await expect(page.locator("html")).to_have_attribute("lang", "nl")
        await page.get_by_role("link", name="English").click()
        await page.goto(REPORT)
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await page.locator("button[value=anders]").click()
        await check_accessible(page, "report-form-en")
        await page.get_by_role("button", name="Check my report").click()
        await expect(page.locator("#error-summary")).to_contain_text("Tell what you saw")
