"""The public pages in a real browser: with and without script, by keyboard, small and wide."""


import pytest
from playwright.async_api import Browser

from tests.support.browser import check_accessible, visiting
from tests.support.reporting_point import TOWN, Point

HOME, REPORT = f"/{TOWN}", f"/{TOWN}/melden"
STORY = "Het ruikt al weken naar wiet bij de loods."


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("home", HOME),
        ("report-choose", REPORT),
        ("sign-in", f"{HOME}/aanmelden"),
        ("privacy", f"{HOME}/privacy"),
        ("privacy-en", f"{HOME}/privacy?taal=en"),
        ("accessibility", f"{HOME}/toegankelijkheid"),
        ("choose-municipality", "/gemeenten?taal=nl"),
        ("not-found", f"{HOME}/bestaat-niet"),
    ],
)
async def test_a_page_is_accessible_and_reflows(browser: Browser, point: Point, name: str, path: str) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(path)
        await check_accessible(page, name)
