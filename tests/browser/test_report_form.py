"""The whole form on one page, in a real browser: with and without script, and by keyboard."""

import re
from html import unescape

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from tests.support.browser import check_accessible, focused, visiting
from tests.support.desk import CHECK, SEND, check
from tests.support.reporter import STORY, begin, fill_least, group, receipt_on, send, tab_to
from tests.support.reporting_point import TOWN, Point


async def test_the_screen_that_says_112_before_sending_is_accessible(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await group(page, "Is er nu gevaar?").get_by_label("Ja", exact=True).check()
        await page.locator("input[name=warned]").evaluate("input => (input.value = '')")
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Bel eerst 112")
        await check_accessible(page, "report-call")
        await page.get_by_role("button", name="Ga verder met mijn melding").click()
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)


async def test_a_report_by_script_hides_what_does_not_apply_and_gives_a_receipt(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, watch):
        await begin(page, "hennepteelt", TOWN)
        await check_accessible(page, "report-form")
        conditional = page.get_by_role("group", name="Sinds wanneer ruikt u het?")
        await expect(conditional).to_be_hidden()
        await page.get_by_role("group", name="Ruikt u wiet?").get_by_label("Vaak").check()
        await expect(conditional).to_be_visible()
        await conditional.get_by_label("Deze week").check()
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await page.get_by_label("Ja, zelf gezien").check()
        await page.get_by_label("Mailadres").fill("melder@voorbeeld.example")
        receipt = await send(page)
        await check_accessible(page, "report-receipt")
        await expect(page.get_by_text("Is er nieuws, dan sturen wij u een mail.")).to_be_visible()
        await expect(page.get_by_role("button", name="Druk af")).to_be_visible()
        assert not any(receipt in address for address in watch.addresses)
        assert not any("hennep" in address for address in watch.addresses)


async def test_an_answer_that_means_danger_says_112_at_once(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "hennepteelt", TOWN)
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
        await begin(page, "hennepteelt", TOWN)
        await expect(page.get_by_text("Alleen invullen als u bij")).to_be_visible()
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await page.get_by_label("Ja, zelf gezien").check()
        await group(page, "Ruikt u wiet?").get_by_label("Nee").check()
        await page.get_by_label("Deze week").check()  # not asked after "Nee": left out, not refused
        await page.locator("#field-name").fill("Willem Zwanenvliet")  # and anonymous is what stays chosen
        await group(page, "Ziet u losse kabels").get_by_label("Ja", exact=True).check()
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Bel eerst 112")
        assert await point.intake.count() == before
        await page.get_by_role("button", name="Terug naar het formulier").click()
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)
        await check(page)
        left_out = page.locator(".utrecht-alert--warning").filter(has_text="sturen wij niet mee")
        await expect(left_out).to_contain_text("Sinds wanneer ruikt u het?")
        await expect(left_out).to_contain_text("Naam")
        await expect(page.get_by_text("Willem Zwanenvliet")).to_have_count(0)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        await expect(page.get_by_role("button", name="Druk af")).to_be_hidden()
    assert await point.intake.count() == before + 1


async def test_all_that_is_wrong_is_told_at_once_and_nothing_is_lost(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await page.get_by_label("Buurt of wijk").fill("Havenkwartier")
        await page.get_by_label("Mailadres").fill("geen mailadres")
        await page.get_by_label("Middag").check()
        await page.get_by_label("Precieze plek op de kaart").fill("bij de kerk")
        await page.get_by_role("button", name=CHECK).click()
        summary = page.locator("#error-summary")
        await expect(summary).to_contain_text("Er zijn 5 dingen nog niet goed")
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


@pytest.mark.parametrize("has_script", [True, False])
async def test_sending_twice_gives_one_report_and_one_receipt(
    browser: Browser, point: Point, has_script: bool
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url, java_script_enabled=has_script) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await check(page)
        await page.get_by_role("button", name=SEND).dblclick()
        receipt = await receipt_on(page)
        if not has_script:  # with it, a reload asks first (`test_in_place.py`)
            await page.reload()
        assert await receipt_on(page) == receipt
    assert await point.intake.count() == before + 1


@pytest.mark.parametrize("has_script", [True, False])
async def test_what_comes_back_after_sending_says_so_and_shows_no_word(
    browser: Browser, point: Point, has_script: bool
) -> None:
    async with visiting(browser, point.url, java_script_enabled=has_script) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        key = await page.locator("input[name=key]").input_value()
        await send(page)
        before = await point.intake.count()
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await page.locator("input[name=key]").evaluate("(input, key) => (input.value = key)", key)
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Deze melding is al verstuurd")
        assert STORY not in await page.content()
        assert await page.title() == await _title_of_the_form(page)
        if has_script:
            await check_accessible(page, "report-sent")
        await page.get_by_role("link", name="Doe nog een melding").click()
        await expect(page.locator("button[value=anders]")).to_be_visible()
    assert await point.intake.count() == before


async def _title_of_the_form(page: Page) -> str:
    answer = await page.request.get(f"/{TOWN}/melden")
    return unescape((await answer.text()).partition("<title>")[2].partition("</title>")[0])


async def test_the_whole_form_goes_by_keyboard(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(f"/{TOWN}/melden")
        await page.keyboard.press("Tab")
        assert "inhoud" in await focused(page)
        await page.keyboard.press("Enter")
        assert await focused(page) == "main#main"
        await tab_to(page, page.locator("button[value=anders]"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Anders")
        await tab_to(page, page.get_by_label("Ik meld als"))
        await page.keyboard.press("ArrowDown")
        await tab_to(page, page.get_by_label("Vertel wat u zag"))
        await page.keyboard.type(f"{STORY} De eigenaar is Willem Zwanenvliet, de kapper.")
        await tab_to(page, page.get_by_label("Wat viel u als eerste op?"))
        await page.keyboard.type("De geur.")
        await tab_to(page, page.get_by_label("Ja, zelf gezien"))
        await page.keyboard.press("Space")
        await tab_to(page, page.get_by_label("Middag"))
        await page.keyboard.press("Space")
        await tab_to(page, page.get_by_role("button", name=CHECK))
        await page.keyboard.press("Enter")
        story = page.locator("[data-story]").first
        await expect(story).to_contain_text("Willem Zwanenvliet (verborgen: naam), de kapper.")
        await tab_to(page, page.get_by_label("Welke woorden wilt u ook verbergen?"))
        await page.keyboard.type("Kapper")
        await page.keyboard.press("Enter")
        await expect(story).to_contain_text("kapper (verborgen: door u gekozen)")
        await tab_to(page, page.get_by_role("button", name=SEND))
        await page.keyboard.press("Enter")
        await receipt_on(page)


@pytest.mark.parametrize("scheme", ["no-script", "script"])
async def test_the_receipt_prints_on_one_page(browser: Browser, point: Point, scheme: str) -> None:
    async with visiting(browser, point.url, java_script_enabled=scheme == "script") as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await send(page)
        await page.emulate_media(media="print")
        await expect(page.get_by_role("navigation").first).to_be_hidden()
        paper = await page.pdf(format="A4")
        assert paper.count(b"/Type /Page\n") == 1


async def test_what_a_reporter_sees_depends_on_who_reports(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "hennepteelt", TOWN)
        signs = page.get_by_text("Zegels op de meterkast zijn weg of kapot.")
        await expect(signs).to_be_hidden()
        await page.get_by_label("Ik meld als").select_option("netbeheerder")
        await expect(signs).to_be_visible()
        await expect(page.locator("#field-name")).to_be_hidden()
        await page.get_by_label("Vertrouwelijk").check()
        await expect(page.locator("#field-name")).to_be_visible()
        await page.get_by_text("Gaat het om overlast").click()
        await expect(page.get_by_text("Veilig Thuis 0800-2000")).to_be_visible()
        await check_accessible(page, "report-form-role")


async def test_the_place_can_be_filled_in_by_the_phone(browser: Browser, point: Point) -> None:
    here = {"latitude": 52.3740301, "longitude": 4.8896903}
    async with visiting(browser, point.url, geolocation=here, permissions=["geolocation"]) as (page, _):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await page.get_by_role("button", name="Gebruik mijn plek").click()
        await expect(page.get_by_label("Precieze plek op de kaart")).to_have_value("52.37403, 4.88969")
        await check(page)
        await expect(page.get_by_text("52.37403, 4.88969")).to_be_visible()
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)


@pytest.mark.parametrize("has_script", [True, False])
async def test_who_checks_sees_what_is_hidden_in_words_and_marks_more(
    browser: Browser, point: Point, has_script: bool
) -> None:
    async with visiting(browser, point.url, java_script_enabled=has_script) as (page, watch):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        told = "Bij de groene deur woont Willem Zwanenvliet, bel 06-12345678.\nDie groene DEUR is dicht."
        await page.get_by_label("Vertel wat u zag").fill(told)
        await page.get_by_label("Adres of plek").fill("Dorpsstraat 12")
        await group(page, "Weten maar weinig mensen").get_by_label("Ja", exact=True).check()
        await check(page)
        story = page.locator("[data-story]").first
        await expect(story).to_contain_text("Willem Zwanenvliet (verborgen: naam), bel")
        await expect(story).to_contain_text("06-12345678 (verborgen: telefoonnummer)")
        await expect(page.get_by_text("U schreef dat maar weinig mensen dit weten.")).to_be_visible()
        await expect(page.get_by_text("Ja, zelf gezien, gehoord of geroken")).to_be_visible()
        typed = page.get_by_label("Welke woorden wilt u ook verbergen?")
        await typed.fill("-")
        await page.get_by_role("button", name="Verberg dit ook").click()
        await expect(page.locator("#error-summary")).to_contain_text("twee letters of cijfers")
        if has_script:
            await check_accessible(page, "report-check-error")
        await typed.fill("groene deur")
        await page.get_by_role("button", name="Verberg dit ook").click()
        await expect(story).to_contain_text("groene deur (verborgen: door u gekozen) woont")
        await expect(story).to_contain_text("groene DEUR (verborgen: door u gekozen) is dicht")
        await typed.fill("staat nergens")
        await page.get_by_role("button", name="Verberg dit ook").click()
        await expect(page.get_by_label("staat nergens")).to_have_accessible_name(
            re.compile("niet in uw tekst")
        )
        if has_script:
            await check_accessible(page, "report-check")
            await hide_by_selecting(page)
            await expect(story).to_contain_text("dicht (verborgen: door u gekozen).")
        await page.get_by_label("staat nergens").uncheck()
        await page.get_by_role("button", name="Wijzig mijn antwoorden").click()
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(told)
        await check(page)
        await expect(page.get_by_label("groene deur")).to_be_checked()
        await expect(page.get_by_label("staat nergens")).to_have_count(0)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        assert not any("groene" in address.lower() for address in watch.addresses)
    async with point.intake.database.flowing() as connection:
        sent = await connection.execute(
            text(
                "SELECT body FROM outbox WHERE routing_key LIKE '%report-received%' ORDER BY id DESC LIMIT 1"
            )
        )
        body = bytes(sent.scalar_one()).decode()
    assert "Bij de [OVERIG-1] woont [PERSOON-1], bel [TELEFOON-1]." in body
    assert "groene" not in body.lower()


async def hide_by_selecting(page: Page) -> None:
    """Select the word "dicht" in the story, and press the button."""
    button = page.get_by_role("button", name="Verberg wat ik selecteer")
    await expect(button).to_be_disabled()
    await page.evaluate(
        """() => {
            const node = document.querySelector("[data-story]").lastChild;
            const at = node.data.indexOf("dicht");
            document.getSelection().setBaseAndExtent(node, at, node, at + 5);
        }"""
    )
    await expect(button).to_be_enabled()
    await button.click()
