"""One desk and one browser for two colleagues: what one opened closes when the other signs in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from local.system import System
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.support.browser import visiting
from tests.support.desk import Reported, path, person, report, sign_in, unlock

OPEN, SECRET = "#opened", "Ferdinand Quispelaar"
BACK_AT_THE_TAB = {
    "seen": "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))",
    "focus": "window.dispatchEvent(new Event('focus'))",
    "back": "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
}


@pytest.fixture(scope="module")
def reported(whole: System) -> Reported:
    return report(whole)


@asynccontextmanager
async def noors_tab(browser: Browser, whole: System, reported: Reported) -> AsyncIterator[Page]:
    """A tab in which noor is about to open a report; the desk's other tabs share its context."""
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "noor")
        await page.goto(path(whole, f"/werklijst/{reported.id}"))
        await expect(page.locator("#unlock")).to_be_visible()
        yield page


async def _open(page: Page, whole: System) -> None:
    await unlock(page, person(whole, "noor").passphrase)
    await expect(page.locator(OPEN)).to_be_visible()
    await expect(page.get_by_text(SECRET)).to_be_visible()


async def _is_closed(page: Page) -> None:
    await expect(page.locator(OPEN)).to_be_hidden()
    assert SECRET not in await page.content()


async def _signs_in_by_program(context: BrowserContext, whole: System, login: str) -> None:
    """The cookie changes, and no page of ours tells the others."""
    who = person(whole, login)
    answer = await context.request.post(
        f"{whole.gateway_url}/api/v1/sessions", data={"login": who.login, "password": who.password}
    )
    assert answer.status == 201


@pytest.mark.parametrize("login", ["sem", "noor"], ids=["a colleague", "the same person anew"])
async def test_what_is_open_closes_when_somebody_signs_in_in_another_tab(
    browser: Browser, whole: System, reported: Reported, login: str
) -> None:
    async with noors_tab(browser, whole, reported) as page:
        other = await page.context.new_page()
        await page.context.clear_cookies(
            name="vermoeden_session"
        )  # the form of who is signed in is not shown
        await other.goto(path(whole, "/aanmelden"))
        await sign_in(page, whole, "noor")
        await page.goto(path(whole, f"/werklijst/{reported.id}"))
        await _open(page, whole)
        await sign_in(other, whole, login)
        await _is_closed(page)


@pytest.mark.parametrize("how", BACK_AT_THE_TAB)
async def test_who_comes_back_to_a_tab_of_another_session_finds_it_closed(
    browser: Browser, whole: System, reported: Reported, how: str
) -> None:
    async with noors_tab(browser, whole, reported) as page:
        await _open(page, whole)
        await page.evaluate(BACK_AT_THE_TAB[how])
        await asyncio.sleep(0)
        await expect(page.get_by_text(SECRET)).to_be_visible()  # of the own session it stays open
        await _signs_in_by_program(page.context, whole, "sem")
        await page.evaluate(BACK_AT_THE_TAB[how])
        await _is_closed(page)


async def test_a_tab_of_another_session_opens_nothing(
    browser: Browser, whole: System, reported: Reported
) -> None:
    async with noors_tab(browser, whole, reported) as page:
        await _signs_in_by_program(page.context, whole, "sem")
        for login in ("noor", "sem"):
            await unlock(page, person(whole, login).passphrase)
            await expect(page.locator("#unlock-status")).to_contain_text(
                "meld u opnieuw aan", ignore_case=True
            )
            await _is_closed(page)


async def test_what_arrives_after_another_signed_in_is_not_shown(
    browser: Browser, whole: System, reported: Reported
) -> None:
    async with noors_tab(browser, whole, reported) as page:
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def late(route: Route) -> None:
            answer = await route.fetch()
            arrived.set()
            await go_on.wait()
            await route.fulfill(response=answer)

        await page.route("**/openings", late)
        await unlock(page, person(whole, "noor").passphrase)
        await arrived.wait()
        await _signs_in_by_program(page.context, whole, "sem")
        other = await page.context.new_page()
        await other.goto(path(whole, "/werklijst"))  # tells whose session it is
        await expect(other.get_by_text("Sem", exact=False).first).to_be_visible()
        go_on.set()
        await expect(page.get_by_role("button", name="Open de melding")).to_be_enabled()
        await _is_closed(page)
