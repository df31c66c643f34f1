"""Staff enters reports of others: by keyboard, without script, and from a mail; each page accessible."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest_asyncio
from common.receipt import parse_receipt
from local.samples import lines_of, newest_line
from local.system import System
from playwright.async_api import Browser, Page, expect

from tests.support.browser import check_accessible, visiting
from tests.support.desk import front, path, person, sign_in
from tests.support.files import photo

STORY = "Een beller zag 's nachts busjes bij de loods van Ferdinand Quispelaar."


@pytest_asyncio.fixture
async def desk(browser: Browser, whole: System) -> AsyncIterator[Page]:
    """The counter, signed in and at the entry page."""
    async with visiting(browser, whole.gateway_url) as (page, watch):
        await sign_in(page, whole, "karim")
        await page.wait_for_url("**/invoeren")
        yield page
        assert not any("Quispelaar" in address for address in watch.addresses)


def _yesterday() -> datetime:
    return datetime.now(ZoneInfo("Europe/Amsterdam")) - timedelta(days=1)


async def _receipt(page: Page) -> str:
    text = await page.locator("#receipt").inner_text()
    return parse_receipt(re.sub(r"\s", "", text))


async def test_a_call_is_entered_by_keyboard_and_the_next_form_is_ready(desk: Page, whole: System) -> None:
    known = set(lines_of(front(whole).sign_in(person(whole, "amina"))))
    await expect(desk.get_by_label("Waar gaat het over?")).to_be_focused()
    await check_accessible(desk, "entry-start")
    await desk.get_by_label("Waar gaat het over?").select_option("hennepteelt")
    story = desk.get_by_label("Vertel wat u zag, hoorde of rook")
    await expect(story).to_be_focused()
    await desk.keyboard.type(STORY)
    await desk.get_by_label("Telefoon", exact=True).check()
    await desk.get_by_label("Binnengekomen op").fill(_yesterday().date().isoformat())
    await desk.get_by_label("Hoe laat?").fill("14:44")
    await desk.locator("[name=q-waargenomen][value=van-iemand-gehoord]").check()
    await check_accessible(desk, "entry-form")
    await desk.get_by_role("button", name="Bekijk wat wij verbergen").click()
    await expect(desk.locator("mark.v-secret")).to_contain_text("Ferdinand Quispelaar")
    await check_accessible(desk, "entry-hides")
    await desk.keyboard.press("Control+Shift+Enter")
    await expect(desk.get_by_role("status").first).to_have_text("De melding is opgeslagen")
    assert await _receipt(desk)
    await expect(desk.get_by_label("Telefoon", exact=True)).to_be_checked()
    await expect(desk.get_by_label("Waar gaat het over?")).to_be_focused()
    await check_accessible(desk, "entry-next")
    manager = front(whole).sign_in(person(whole, "amina"))
    line = newest_line(manager, known)
    report = manager.call("GET", f"/api/v1/reports/{line['id']}").require(200)
    assert report["channel"] == "telefoon"
    assert report["receivedElsewhereAt"].endswith(":30:00Z")


async def begin(page: Page, whole: System) -> None:
    """Sign in, choose a type and tell the story."""
    await sign_in(page, whole, "karim")
    await page.get_by_label("Waar gaat het over?").select_option("hennepteelt")
    await page.get_by_role("button", name="Toon de vragen").click()
    await page.get_by_label("Vertel wat u zag, hoorde of rook").fill(STORY)


async def test_without_script_every_fault_is_told_and_nothing_is_lost(
    browser: Browser, whole: System
) -> None:
    async with visiting(browser, whole.gateway_url, java_script_enabled=False) as (page, _):
        await begin(page, whole)
        await page.get_by_label("Binnengekomen op").fill("2020-01-01")
        await page.get_by_role("button", name="Opslaan", exact=True).click()
        summary = page.locator("#error-summary")
        await expect(summary).to_contain_text("Kies hoe de melding binnenkwam.")
        await expect(summary).to_contain_text("Dit is langer dan een jaar geleden.")
        await expect(page.get_by_label("Vertel wat u zag, hoorde of rook")).to_have_value(STORY)
        await page.get_by_label("Balie", exact=True).check()
        await page.get_by_label("Binnengekomen op").fill("")
        await page.locator("[name=q-waargenomen][value=van-iemand-gehoord]").check()
        await page.get_by_role("button", name="Opslaan", exact=True).click()
        assert await _receipt(page)
        await page.get_by_role("link", name="Nieuwe melding").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Melding invoeren")


async def test_of_danger_staff_is_told_before_the_report_is_saved_and_after(
    browser: Browser, whole: System
) -> None:
    async with visiting(browser, whole.gateway_url, java_script_enabled=False) as (page, _):
        await begin(page, whole)
        await page.get_by_label("Telefoon", exact=True).check()
        await page.locator("[name=q-waargenomen][value=van-iemand-gehoord]").check()
        await page.locator("[name=q-stroom][value=ja]").check()
        await page.get_by_role("button", name="Opslaan", exact=True).click()
        warning = page.locator("main .utrecht-alert--error:visible")
        await expect(warning).to_contain_text("Sla daarna op.")
        await expect(page.locator("#receipt")).to_have_count(0)
        await page.get_by_role("button", name="Opslaan", exact=True).click()
        assert await _receipt(page)
        await expect(warning).to_contain_text("Bel 112")
        await expect(warning).not_to_contain_text("Sla daarna op.")


async def test_a_mail_becomes_a_draft_that_staff_looks_over(desk: Page, whole: System) -> None:
    mail, yesterday = EmailMessage(), _yesterday()
    mail["From"], mail["Subject"] = "Ferdinand Quispelaar <ferdinand@voorbeeld.example>", "Busjes"
    mail["Date"] = f"{yesterday:%a, %d %b %Y} 14:44:00 +0100"
    mail.set_content("Elke nacht busjes bij de loods.\n\n-- \nFerdinand\n")
    mail.add_attachment(photo(), maintype="image", subtype="jpeg", filename="loods.jpg")
    await desk.get_by_label("Waar gaat het over?").select_option("hennepteelt")
    story = desk.get_by_label("Vertel wat u zag, hoorde of rook")
    await expect(story).to_be_focused()
    await desk.get_by_text("Een mail overnemen").click()
    await desk.get_by_label("Neem foto’s en PDF mee").check()
    await desk.locator("#field-mail-file").set_input_files(
        {"name": "mail.eml", "mimeType": "message/rfc822", "buffer": mail.as_bytes()}
    )
    await desk.get_by_role("button", name="Zet de mail in het formulier").click()
    await expect(story).to_have_value("Busjes\n\nElke nacht busjes bij de loods.")
    await expect(desk.locator("[name=mail][type=email]")).to_have_value("ferdinand@voorbeeld.example")
    await expect(desk.get_by_label("Mail of brief")).to_be_checked()
    await expect(desk.get_by_label("Binnengekomen op")).to_have_value(yesterday.date().isoformat())
    await expect(desk.locator("#files-list li")).to_have_count(1)
    await check_accessible(desk, "entry-draft")
    await desk.locator("[name=q-waargenomen][value=van-iemand-gehoord]").check()
    key = await desk.locator("input[name=key]").input_value()
    await desk.get_by_role("button", name="Opslaan", exact=True).click()
    assert await _receipt(desk)
    await check_accessible(desk, "entry-done")
    await desk.goto(path(whole, "/invoeren"))
    await desk.locator("input[name=key]").evaluate("(input, key) => (input.value = key)", key)
    await desk.get_by_label("Waar gaat het over?").select_option("hennepteelt")
    await expect(desk.get_by_role("heading", level=1)).to_have_text("Deze melding is al opgeslagen")
    await check_accessible(desk, "entry-sent")


async def test_a_file_that_is_no_mail_is_refused_with_what_to_do(desk: Page) -> None:
    await desk.get_by_text("Een mail overnemen").click()
    await desk.locator("#field-mail-file").set_input_files(
        {"name": "x.eml", "mimeType": "message/rfc822", "buffer": b"%PDF-1.7 geen mail"}
    )
    await desk.get_by_role("button", name="Zet de mail in het formulier").click()
    await expect(desk.locator("#error-summary")).to_contain_text("Dit bestand is geen mail.")
    await check_accessible(desk, "entry-refused")


async def test_only_who_enters_reports_finds_the_page(browser: Browser, whole: System) -> None:
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "noor")
        await expect(page.get_by_role("link", name="Invoeren")).to_have_count(0)
        answer = await page.goto(path(whole, "/invoeren"))
        assert answer is not None
        assert answer.status == 403
