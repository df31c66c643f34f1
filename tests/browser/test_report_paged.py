"""The form with one question a page: with and without script, back and forward, what no longer applies."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import check_accessible, visiting
from tests.support.desk import SEND
from tests.support.reporter import STORY, begin, group, receipt_on, tab_to
from tests.support.reporting_point import PAGED_TOWN, Point

NEXT, BACK = "Volgende", "Vorige"


async def go_on(page: Page, times: int = 1) -> None:
    """Press "next" and wait for another question."""
    for _ in range(times):
        was = await page.locator("#progress").inner_text()
        await page.get_by_role("button", name=NEXT).click()
        await expect(page.locator("#progress")).not_to_have_text(was)


async def at(page: Page, place: str) -> None:
    """The page says that one is here."""
    await expect(page.locator("#progress")).to_contain_text(place)


async def on_to(page: Page, label: str) -> None:
    """Press "next" until this question is asked."""
    for _ in range(20):
        if await page.get_by_text(label, exact=False).locator("visible=true").count():
            return
        await go_on(page)
    raise AssertionError(f"never asked: {label}")


@pytest.mark.parametrize("has_script", [True, False])
async def test_one_question_a_page_goes_back_and_forward_and_loses_nothing(
    browser: Browser, point: Point, has_script: bool
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url, java_script_enabled=has_script) as (page, watch):
        await begin(page, "hennepteelt", PAGED_TOWN)
        await at(page, "Vraag 1 van ")
        await page.get_by_label("Ik meld als").select_option("netbeheerder")
        await go_on(page)
        await expect(page.get_by_text("Zegels op de meterkast zijn weg of kapot.")).to_be_visible()
        if has_script:
            await check_accessible(page, "report-page-story")
        await page.get_by_role("button", name=NEXT).click()
        await expect(page.locator("#error-summary")).to_contain_text("Vertel wat u zag")
        await page.locator("#error-summary").get_by_role("link").click()
        await expect(page.get_by_label("Vertel wat u zag")).to_be_focused()
        if has_script:
            await check_accessible(page, "report-page-error")
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await go_on(page)
        total = await page.locator("progress").get_attribute("max")
        await group(page, "Ruikt u wiet?").get_by_label("Vaak").check()
        await on_to(page, "Sinds wanneer ruikt u het?")  # asked because of that answer
        assert await page.locator("progress").get_attribute("max") == str(int(total or 0) + 1)
        await group(page, "Sinds wanneer ruikt u het?").get_by_label("Deze week").check()
        await go_on(page)
        await expect(page.get_by_label("Buurt of wijk")).to_be_visible()
        if has_script:
            await check_accessible(page, "report-page-where")
        await page.get_by_label("Buurt of wijk").select_option("haven")
        await page.get_by_label("Wat voor plek is het?").select_option("schuur-of-stal")
        for _ in range(12):
            if await page.get_by_label("Vertel wat u zag").count():
                break
            async with page.expect_navigation():
                await page.get_by_role("button", name=BACK).click()
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)
        await go_on(page)
        await expect(group(page, "Ruikt u wiet?").get_by_label("Vaak")).to_be_checked()
        await group(page, "Ruikt u wiet?").get_by_label("Nee").check()
        await on_to(page, "Heeft u dit zelf gezien")
        await page.get_by_label("Ja, zelf gezien").check()
        await on_to(page, "Hoe wilt u melden?")
        await page.get_by_label("Vertrouwelijk").check()
        if has_script:
            await check_accessible(page, "report-page-mode")
        await go_on(page)
        await page.get_by_role("button", name=NEXT).click()
        await expect(page.locator("#error-summary")).to_contain_text("of meld anoniem")
        await page.locator("#field-name").fill("Willem Zwanenvliet")
        await page.get_by_role("button", name=NEXT).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Controleer uw melding")
        await expect(page.get_by_text("Havenkwartier")).to_be_visible()
        left_out = page.locator(".utrecht-alert--warning").filter(has_text="sturen wij niet mee")
        await expect(left_out).to_contain_text("Sinds wanneer ruikt u het?")
        if has_script:
            await check_accessible(page, "report-page-check")
        await page.get_by_role("button", name="Wijzig mijn antwoorden").click()
        await at(page, "Vraag 1 van ")
        await page.get_by_role("button", name="Controleer mijn melding").click()
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        assert {address.partition("?")[2] for address in watch.addresses if "/melden" in address} == {""}
    assert await point.intake.count() == before + 1


async def test_112_comes_at_the_question_that_calls_for_it(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url, java_script_enabled=False) as (page, _):
        await begin(page, "hennepteelt", PAGED_TOWN)
        await go_on(page)
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await on_to(page, "Ziet u losse kabels")
        here = await page.locator("#progress").inner_text()
        await group(page, "Ziet u losse kabels").get_by_label("Ja", exact=True).check()
        await page.get_by_role("button", name=NEXT).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Bel eerst 112")
        await expect(page.get_by_text("Gevaar voor brand. Bel 112.")).to_be_visible()
        await page.get_by_role("button", name="Terug naar het formulier").click()
        await expect(page.locator("#progress")).to_have_text(here)
        await go_on(page)  # once is enough
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Melden:")


async def test_the_pages_go_by_keyboard_on_a_small_screen(browser: Browser, point: Point) -> None:
    small = {"width": 320, "height": 640}
    async with visiting(browser, point.url, viewport=small) as (page, _):
        await begin(page, "anders", PAGED_TOWN)
        asked: dict[str, Callable[[], Awaitable[None]]] = {
            "Vertel wat u zag": lambda: page.keyboard.type(STORY),
            "Wat viel u als eerste op?": lambda: page.keyboard.type("De geur."),
            "Ja, zelf gezien": lambda: page.keyboard.press("Space"),
        }
        total = int(await page.locator("progress").get_attribute("max") or 0)
        for number in range(1, total + 1):
            await at(page, f"Vraag {number} van {total}")
            for label, answer in asked.items():
                if await page.get_by_label(label).count():
                    await tab_to(page, page.get_by_label(label))
                    await answer()
            if number == 3:
                await press(page, BACK)
                await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)
                await press(page, NEXT)
                await at(page, "Vraag 3 van ")
            await press(page, NEXT)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Controleer uw melding")
        await press(page, SEND)
        await receipt_on(page)


async def press(page: Page, name: str) -> None:
    """Press a button by keyboard."""
    await tab_to(page, page.get_by_role("button", name=name))
    await page.keyboard.press("Enter")


async def test_a_warning_at_once_stays_with_its_question(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "hennepteelt", PAGED_TOWN)
        await go_on(page)
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await on_to(page, "Ziet u losse kabels")
        await group(page, "Ziet u losse kabels").get_by_label("Ja", exact=True).check()
        await expect(page.locator("#acute")).to_contain_text("Bel nu 112")
        await go_on(page)  # it was seen: no screen of its own
        await expect(page.locator("#acute")).to_be_hidden()
