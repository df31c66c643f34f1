"""A form leaves without a navigation: what Back, Forward, Reload, haste, slowness and failure then do."""

import asyncio

import pytest
from common.contracts.codes import Role
from playwright.async_api import Browser, Dialog, Page, Request, Route, expect

from tests.support.browser import Watch, check_accessible, focused, visiting
from tests.support.desk import CHECK, SEND, check
from tests.support.gateway import PASSWORD
from tests.support.reporter import STORY, begin, fill_least, receipt_on
from tests.support.reporting_point import TOWN, Point

STORY_LABEL = "Vertel wat u zag"
EDIT, SIGN_IN = "Wijzig mijn antwoorden", "Aanmelden"
AWAY, BUSY = "Er is nu geen verbinding. Er gaat niets verloren", "Een ogenblik."


def posts_of(page: Page) -> list[Request]:
    """The forms that leave from now on."""
    posts: list[Request] = []
    page.on("request", lambda each: posts.append(each) if _is_form(each) else None)
    return posts


def _is_form(request: Request) -> bool:
    return request.method == "POST" and "/api/" not in request.url


def asked(page: Page, *, leaves: bool) -> list[str]:
    """What the browser asks before a page is left, and answer it."""
    questions: list[str] = []

    async def answer(dialog: Dialog) -> None:
        questions.append(dialog.type)
        await (dialog.accept() if leaves else dialog.dismiss())

    page.on("dialog", answer)
    return questions


def forgive(watch: Watch) -> None:
    """A browser complains of what a test takes away."""
    watch.complaints = [each for each in watch.complaints if "ERR_" not in each]


async def test_no_form_of_a_report_is_a_navigation(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        posts = posts_of(page)
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        assert [each.resource_type for each in posts] == ["fetch"] * 3
        assert await page.evaluate("performance.getEntriesByType('navigation').length") == 1


async def test_back_and_forward_turn_the_pages_and_lose_nothing(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        posts = posts_of(page)
        await check(page)
        title = page.get_by_role("heading", level=1)
        await page.go_back()
        await expect(page.get_by_label(STORY_LABEL)).to_have_value(STORY)
        await expect(title).to_be_focused()
        await page.go_back()
        await expect(title).to_have_text("Wat heeft u opgemerkt?")
        await page.go_forward()
        await page.get_by_label(STORY_LABEL).fill(f"{STORY} En nog iets.")
        await page.go_forward()
        await expect(title).to_have_text("Controleer uw melding")
        assert len(posts) == 1, "nothing was sent again"
        await page.go_back()
        await check(page)
        await expect(page.locator("[data-story]").first).to_contain_text("En nog iets.")
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)


async def test_a_link_within_a_page_is_no_other_page(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.locator("#error-summary")).to_be_focused()
        await page.locator("#error-summary a").first.click()
        await expect(page.get_by_label(STORY_LABEL)).to_be_focused()
        await page.get_by_label(STORY_LABEL).fill(STORY)
        await page.go_back()
        await expect(page.get_by_label(STORY_LABEL)).to_have_value(STORY)
        await page.go_back()
        await expect(page.locator("#error-summary")).to_have_count(0)
        await page.go_forward()
        await expect(page.get_by_label(STORY_LABEL)).to_have_value(STORY)


async def test_a_reload_asks_before_what_was_written_is_lost(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        questions = asked(page, leaves=False)
        await begin(page, "anders", TOWN)
        await page.goto(f"/{TOWN}")
        assert questions == [], "nothing was written"
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        await page.evaluate("location.reload()")
        await expect(page.get_by_role("button", name=SEND)).to_be_visible()
        assert questions == ["beforeunload"]


async def test_a_receipt_is_left_only_by_who_wants_to(browser: Browser, point: Point) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        await page.get_by_role("button", name=SEND).click()
        receipt = await receipt_on(page)
        posts, questions = posts_of(page), asked(page, leaves=False)
        await page.evaluate("location.reload()")
        await page.evaluate("history.back()")
        await page.wait_for_timeout(500)
        assert await receipt_on(page) == receipt
        assert questions == ["beforeunload"] * 2
        await expect(page.get_by_text("Uw browser kan vragen")).to_be_visible()
    assert (await point.intake.count(), posts) == (before + 1, [])


async def test_after_the_receipt_back_begins_anew(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        posts, questions = posts_of(page), asked(page, leaves=True)
        await page.evaluate("history.back()")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Wat heeft u opgemerkt?")
        assert questions == ["beforeunload"]
        assert STORY not in await page.content()
        await page.go_forward()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Wat heeft u opgemerkt?")
        assert posts == []


class Held:
    """Requests to an address are held until they may go on."""

    def __init__(self) -> None:
        self.came, self.may_go = asyncio.Event(), asyncio.Event()

    async def __call__(self, route: Route) -> None:
        self.came.set()
        await self.may_go.wait()
        await route.continue_()


async def test_who_presses_twice_or_elsewhere_meanwhile_sends_once(browser: Browser, point: Point) -> None:
    hold = Held()
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        posts = posts_of(page)
        await page.route(f"**/{TOWN}/melden", hold)
        await page.get_by_role("button", name=SEND).dblclick()
        await expect(page.get_by_role("button", name=SEND)).to_have_attribute("aria-disabled", "true")
        await expect(page.locator("[data-status]")).not_to_be_empty()
        await hold.came.wait()
        for name in (SEND, EDIT):
            await page.get_by_role("button", name=name).dispatch_event("click")
        hold.may_go.set()
        await receipt_on(page)
        assert len(posts) == 1


async def test_another_way_ends_one_that_still_works_on_its_proof(browser: Browser, point: Point) -> None:
    hold = Held()
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        posts = posts_of(page)
        await page.route("**/api/v1/challenges", hold)
        await page.get_by_role("button", name=SEND).click()
        await hold.came.wait()
        await page.get_by_role("button", name=EDIT).dispatch_event("click")
        await expect(page.get_by_label(STORY_LABEL)).to_have_value(STORY)
        hold.may_go.set()
        await page.wait_for_timeout(500)
        assert len(posts) == 1


@pytest.mark.parametrize("failure", ["offline", "a proxy's page", "no page"])
async def test_what_does_not_arrive_is_said_and_stays(browser: Browser, point: Point, failure: str) -> None:
    async def fail(route: Route) -> None:
        body = "<html><h1>502 Bad Gateway</h1></html>" if failure == "a proxy's page" else '{"status": 502}'
        if failure == "offline":
            await route.abort("internetdisconnected")
        else:
            await route.fulfill(status=502, body=body, content_type="text/html")

    async with visiting(browser, point.url) as (page, watch):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        await page.route(f"**/{TOWN}/melden", fail)
        await page.get_by_role("button", name=EDIT).click()
        await expect(page.get_by_role("status").filter(has_text=AWAY)).to_be_in_viewport()
        await expect(page.get_by_role("button", name=SEND)).not_to_have_attribute("aria-disabled", "true")
        await page.get_by_role("button", name=SEND).click()
        await expect(page.get_by_role("status").filter(has_text="vanzelf opnieuw")).to_be_visible()
        await page.unroute(f"**/{TOWN}/melden")
        await page.get_by_role("button", name=EDIT).click()
        await expect(page.get_by_label(STORY_LABEL)).to_have_value(STORY)
        forgive(watch)


async def test_a_page_that_refuses_is_shown_and_the_form_is_one_step_back(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await page.get_by_label(STORY_LABEL).evaluate("e => { e.value = 'x'.repeat(600000); }")
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.get_by_role("link", name="Naar de beginpagina")).to_be_visible()
        await page.go_back()
        await expect(page.get_by_label("Ja, zelf gezien")).to_be_checked()
        await page.get_by_label(STORY_LABEL).fill(STORY)
        await check(page)


async def test_signing_in_tells_of_a_wrong_password_and_leads_on(browser: Browser, point: Point) -> None:
    login = await point.gateway.person(Role.STAFF_ENTRY)
    async with visiting(browser, point.url) as (page, _):
        posts = posts_of(page)
        await page.goto(f"/{TOWN}/aanmelden?terug=/{TOWN}/invoeren")
        await page.get_by_label("Inlognaam").fill(login)
        await page.get_by_label("Wachtwoord").fill("niet dit woord")
        await page.keyboard.press("Enter")
        await expect(page).to_have_title("Fout – Aanmelden – Meldpunt Vermoeden – Gemeente Veldstad")
        assert await focused(page) == "div#error-summary"
        await check_accessible(page, "sign-in-wrong-in-place")
        await page.get_by_label("Wachtwoord").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/invoeren")
        await expect(page.get_by_role("button", name="Afmelden")).to_be_visible()
        assert [each.resource_type for each in posts] == ["fetch"] * 2
        await page.go_back()
        await page.wait_for_url("**/invoeren")
