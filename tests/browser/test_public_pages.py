"""The public pages in a real browser: with and without script, by keyboard, small and wide."""

import re

import pytest
from common.receipt import parse_receipt
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.browser import check_accessible, focused, visiting
from tests.support.reporting_point import TOWN, Point

HOME, REPORT = f"/{TOWN}", f"/{TOWN}/melden"
STORY = "Het ruikt al weken naar wiet bij de loods."
SEND = "Verstuur mijn melding"


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


async def test_the_screen_that_says_112_before_sending_is_accessible(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders")
        await fill_least(page)
        await group(page, "Is er nu gevaar?").get_by_label("Ja", exact=True).check()
        await page.locator("input[name=warned]").evaluate("input => (input.value = '')")
        await page.get_by_role("button", name=SEND).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Bel eerst 112")
        await check_accessible(page, "report-call")
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)


async def test_a_report_by_script_hides_what_does_not_apply_and_gives_a_receipt(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, watch):
        await begin(page, "hennepteelt")
        await check_accessible(page, "report-form")
        conditional = page.get_by_role("group", name="Sinds wanneer ruikt u het?")
        await expect(conditional).to_be_hidden()
        await page.get_by_role("group", name="Ruikt u wiet?").get_by_label("Vaak").check()
        await expect(conditional).to_be_visible()
        await conditional.get_by_label("Deze week").check()
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await page.get_by_label("Ja, zelf gezien").check()
        await page.get_by_label("Mailadres").fill("melder@voorbeeld.example")
        await page.get_by_role("button", name=SEND).click()
        receipt = await receipt_on(page)
        await check_accessible(page, "report-receipt")
        await expect(page.get_by_text("Is er nieuws, dan sturen wij u een mail.")).to_be_visible()
        await expect(page.get_by_role("button", name="Druk af")).to_be_visible()
        assert not any(receipt in address for address in watch.addresses)
        assert not any("hennep" in address for address in watch.addresses)


async def test_an_answer_that_means_danger_says_112_at_once(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "hennepteelt")
        warning = page.locator("#acute")
        await expect(warning).to_be_hidden()
        await group(page, "Ziet u losse kabels").get_by_label("Ja", exact=True).check()
        await expect(warning).to_contain_text("Gevaar voor brand. Bel 112.")
        await check_accessible(page, "report-form-acute")
        await group(page, "Ziet u losse kabels").get_by_label("Nee").check()
        await expect(warning).to_be_hidden()


async def test_without_script_all_is_asked_and_112_comes_before_sending(
    browser: Browser, point: Point
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url, java_script_enabled=False) as (page, _):
        await begin(page, "hennepteelt")
        await expect(page.get_by_text("Alleen invullen als u bij")).to_be_visible()
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await page.get_by_label("Ja, zelf gezien").check()
        await group(page, "Ruikt u wiet?").get_by_label("Nee").check()
        await page.get_by_label("Deze week").check()  # not asked after "Nee": left out, not refused
        await group(page, "Ziet u losse kabels").get_by_label("Ja", exact=True).check()
        await page.get_by_role("button", name=SEND).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Bel eerst 112")
        assert await point.intake.count() == before
        await page.get_by_role("button", name="Terug naar het formulier").click()
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        await expect(page.get_by_role("button", name="Druk af")).to_be_hidden()
    assert await point.intake.count() == before + 1


async def test_all_that_is_wrong_is_told_at_once_and_nothing_is_lost(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders")
        await page.get_by_label("Buurt of wijk").fill("Havenkwartier")
        await page.get_by_label("Mailadres").fill("geen mailadres")
        await page.get_by_label("Middag").check()
        await page.get_by_role("button", name=SEND).click()
        summary = page.locator("#error-summary")
        await expect(summary).to_contain_text("Er zijn 4 dingen nog niet goed")
        await expect(summary).to_be_focused()
        assert "Fout" in await page.title()
        await check_accessible(page, "report-form-errors")
        await expect(page.get_by_label("Buurt of wijk")).to_have_value("Havenkwartier")
        await expect(page.get_by_label("Mailadres")).to_have_value("geen mailadres")
        await expect(page.get_by_label("Middag")).to_be_checked()
        await summary.get_by_role("link", name=re.compile("mailadres")).click()
        await expect(page.get_by_label("Mailadres")).to_be_focused()
        await expect(page.get_by_label("Mailadres")).to_have_accessible_description(
            re.compile("Dit lijkt geen mailadres")
        )


async def test_sending_twice_gives_one_report_and_one_receipt(browser: Browser, point: Point) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders")
        await fill_least(page)
        await page.get_by_role("button", name=SEND).dblclick()
        receipt = await receipt_on(page)
        await page.reload()
        assert await receipt_on(page) == receipt
    assert await point.intake.count() == before + 1


async def test_what_is_changed_after_sending_is_kept_and_may_go_as_another_report(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders")
        await fill_least(page)
        key = await page.locator("input[name=key]").input_value()
        await page.get_by_role("button", name=SEND).click()
        receipt = await receipt_on(page)
        await begin(page, "anders")
        await fill_least(page)
        await page.get_by_label("Vertel wat u zag").fill(f"{STORY} En nu ook overdag.")
        await page.locator("input[name=key]").evaluate("(input, key) => (input.value = key)", key)
        await page.get_by_role("button", name=SEND).click()
        await expect(page.locator("#error-summary")).to_contain_text("Deze melding is al verstuurd")
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(re.compile("ook overdag"))
        await page.get_by_role("button", name=SEND).click()
        assert await receipt_on(page) != receipt


async def test_when_intake_is_away_the_form_waits_and_can_be_sent_again(
    browser: Browser, point: Point
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders")
        await fill_least(page)
        await point.intake.shut()
        try:
            async with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
                await page.get_by_role("button", name=SEND).click()
            assert (await answered.value).status == 503
            await expect(page.get_by_role("heading", level=1)).to_contain_text("nog niet verstuurd")
            await expect(page.get_by_text(STORY)).to_be_visible()
            await check_accessible(page, "report-unsent")
        finally:
            await point.intake.open()
        await page.get_by_role("button", name="Probeer het opnieuw").click()
        await receipt_on(page)
    assert await point.intake.count() == before + 1


async def test_the_whole_form_goes_by_keyboard(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(REPORT)
        await page.keyboard.press("Tab")
        assert "inhoud" in await focused(page)
        await page.keyboard.press("Enter")
        assert await focused(page) == "main#main"
        await tab_to(page, page.locator("button[value=anders]"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Anders")
        await tab_to(page, page.get_by_label("Vertel wat u zag"))
        await page.keyboard.type(STORY)
        await tab_to(page, page.get_by_label("Wat viel u als eerste op?"))
        await page.keyboard.type("De geur.")
        await tab_to(page, page.get_by_label("Ja, zelf gezien"))
        await page.keyboard.press("Space")
        await tab_to(page, page.get_by_label("Middag"))
        await page.keyboard.press("Space")
        await tab_to(page, page.get_by_label("Ik meld als"))
        await page.keyboard.press("ArrowDown")
        await tab_to(page, page.get_by_role("button", name=SEND))
        await page.keyboard.press("Enter")
        await receipt_on(page)


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
        await page.get_by_role("button", name="Send my report").click()
        await expect(page.locator("#error-summary")).to_contain_text("Tell what you saw")


@pytest.mark.parametrize("scheme", ["no-script", "script"])
async def test_the_receipt_prints_on_one_page(browser: Browser, point: Point, scheme: str) -> None:
    async with visiting(browser, point.url, java_script_enabled=scheme == "script") as (page, _):
        await begin(page, "anders")
        await fill_least(page)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        await page.emulate_media(media="print")
        await expect(page.get_by_role("navigation").first).to_be_hidden()
        paper = await page.pdf(format="A4")
        assert paper.count(b"/Type /Page\n") == 1


def group(page: Page, name: str) -> Locator:
    """The question with this label."""
    return page.get_by_role("group", name=name)


async def begin(page: Page, signal_type: str) -> None:
    """Choose what it is about."""
    await page.goto(REPORT)
    await page.locator(f"button[value={signal_type}]").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Melden:")


async def fill_least(page: Page) -> None:
    """Answer what must be answered of the type `anders`."""
    await page.get_by_label("Vertel wat u zag").fill(STORY)
    await page.get_by_label("Wat viel u als eerste op?").fill("De geur.")
    await page.get_by_label("Ja, zelf gezien").check()


async def receipt_on(page: Page) -> str:
    """The receipt that the page shows, which must be a true one."""
    code = page.locator("#receipt")
    await expect(code).to_be_visible()
    return parse_receipt(await code.inner_text())


async def tab_to(page: Page, target: Locator, most: int = 200) -> None:
    """Press Tab until this has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"not reached by keyboard: {target}")
