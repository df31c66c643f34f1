"""One report between its reporter and its handler, each in a browser of their own, on the whole system."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from local.samples import lines_of, newest_line
from local.system import System
from playwright.async_api import Browser, Page, Route, expect

from tests.support.browser import Watch, check_accessible, focused, visiting
from tests.support.desk import (
    CHECK,
    SEND,
    Reported,
    check,
    comes,
    front,
    open_mailbox,
    path,
    person,
    report,
    send,
    sign_in,
    unlock,
)
from tests.support.polling import wait_until

QUESTION, REPLY, NOTE = (
    "Hoe laat brandt het licht?",
    "Elke nacht, vanaf een uur of elf.",
    "Bel de netbeheerder.",
)
MORE = "En soms ook overdag."
LEAST_SECONDS = 3  # the gateway's `form_seconds_least`
STORY = "Het ruikt al weken naar wiet bij de loods van Ferdinand Quispelaar."


@asynccontextmanager
async def at_desk(browser: Browser, whole: System, login: str = "noor") -> AsyncIterator[tuple[Page, Watch]]:
    """A handler who is signed in."""
    async with visiting(browser, whole.gateway_url) as (page, watch):
        await sign_in(page, whole, login)
        yield page, watch


def case_of(whole: System, reported: Reported) -> str:
    return path(whole, f"/werklijst/{reported.id}")


async def test_a_report_is_taken_asked_about_answered_and_closed(browser: Browser, whole: System) -> None:
    passphrase = str(person(whole, "noor").passphrase)
    async with (
        visiting(browser, whole.gateway_url) as (reporter, at_home),
        at_desk(browser, whole) as (handler, at_work),
    ):
        manager = front(whole).sign_in(person(whole, "amina"))
        known = set(lines_of(manager))
        receipt = await send_report(reporter, whole, name="Roos van Voorbeeld", pin="52.1, 4.25")
        await expect(handler.get_by_role("heading", level=1)).to_have_text("Werklijst")
        await open_from_list(handler, whole, newest_line(manager, known)["id"])
        await expect(handler.get_by_text("Ferdinand Quispelaar")).to_have_count(0)
        await check_accessible(handler, "case-locked")
        await unlock(handler, passphrase)
        await expect(handler.get_by_text("Ferdinand Quispelaar")).to_be_visible()
        await expect(handler.locator("[data-part=reporter]")).to_have_text("Roos van Voorbeeld")
        await expect(handler.locator("[data-part=location]")).to_have_text("52.1, 4.25")
        await check_accessible(handler, "case-open")

        await handler.get_by_role("button", name="Ik pak deze melding op").click()
        await expect(handler.locator(".v-case__badges")).to_contain_text("In beoordeling")
        await handler.get_by_role("button", name="Neem in behandeling").click()
        await expect(handler.locator(".v-case__badges")).to_contain_text("In behandeling")
        await write(handler, "Stel een vraag", QUESTION, "Verstuur de vraag")
        await expect(handler.locator("[data-question]")).to_have_count(1)
        await write(handler, "Nieuwe aantekening", NOTE, "Bewaar de aantekening")
        await expect(handler.locator("[data-note]")).to_have_text(NOTE)
        await expect(handler.locator("[data-question]")).to_have_text(QUESTION)
        await expect(handler.get_by_text("Ferdinand Quispelaar")).to_be_visible()  # still open

        await see_question(reporter, whole, receipt)
        await check_accessible(reporter, "mailbox-question")
        await reporter.get_by_label("Uw antwoord").fill(REPLY)
        await reporter.get_by_role("button", name="Verstuur mijn antwoord").click()
        await expect(reporter.get_by_text("Uw antwoord is verstuurd")).to_be_visible()

        await see_reply(handler, passphrase)
        await check_accessible(handler, "case-reply")
        await handler.get_by_label("Uitkomst").select_option("supervision")
        await handler.get_by_role("button", name="Sluit de melding").click()
        await expect(handler.locator(".v-case__badges")).to_contain_text("Gesloten")
        await check_accessible(handler, "case-closed")

        await see_news(reporter, whole, receipt, "Wij hebben iets gedaan met uw melding")
        await check_accessible(reporter, "mailbox-closed")
        secrets = {passphrase, receipt, receipt.replace("-", ""), QUESTION, REPLY, NOTE}
        said = at_home.sent + at_work.sent
        assert [secret for secret in secrets if any(secret in each for each in said)] == []
        for page in (handler, reporter):
            assert await kept_in(page) == ([], [], [])


async def test_without_script_the_mailbox_shows_status_and_question_and_takes_a_reply(
    browser: Browser, whole: System
) -> None:
    handler = front(whole).sign_in(person(whole, "noor"))
    before = set(lines_of(handler))
    async with visiting(browser, whole.gateway_url, java_script_enabled=False) as (page, watch):
        receipt = await send_report(page, whole, script=False)
        await see_news(page, whole, receipt, "Wij hebben uw melding ontvangen")
        await check_reflow(page, "mailbox-no-script")
        report_id = newest_line(handler, before)["id"]
        handler.take(report_id, 1)
        handler.ask(report_id, QUESTION)
        await see_question(page, whole, receipt)
        await page.get_by_role("button", name="Verstuur mijn antwoord").click()
        await expect(page.locator("#error-summary")).to_contain_text("Schrijf eerst een antwoord")
        await page.get_by_label("Uw antwoord").fill(REPLY)
        await page.get_by_role("button", name="Verstuur mijn antwoord").click()
        await expect(page.get_by_text("Uw antwoord is verstuurd")).to_be_visible()
        for _ in range(2):
            await page.reload()  # sends the form again
            await expect(page.get_by_text("Uw antwoord is verstuurd")).to_be_visible()
        await page.get_by_text("Wilt u nog iets toevoegen?").click()
        await page.get_by_label("Uw antwoord").fill(MORE)
        await page.get_by_role("button", name="Verstuur mijn antwoord").click()
        await expect(page.get_by_text("Uw antwoord is verstuurd")).to_be_visible()
        assert not any(receipt in address for address in watch.addresses)
    await see_replies(whole, report_id, [MORE, REPLY])


async def test_an_answer_whose_fate_is_unknown_is_sent_again_once_and_a_changed_one_is_another(
    browser: Browser, whole: System
) -> None:
    handler = front(whole).sign_in(person(whole, "noor"))
    reported = report(whole)
    handler.take(reported.id, 1)
    handler.ask(reported.id, QUESTION)

    async def lost(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=503)

    async with visiting(browser, whole.gateway_url) as (page, _):
        await see_question(page, whole, reported.receipt)
        await page.route("**/mailboxes/_reply", lost)
        for _ in range(2):
            await page.get_by_label("Uw antwoord").fill(REPLY)
            await page.get_by_role("button", name="Verstuur mijn antwoord").click()
            await expect(page.get_by_text("Dit lukt nu niet")).to_be_visible()
        await page.unroute("**/mailboxes/_reply")
        await page.get_by_label("Uw antwoord").fill(MORE)
        await page.get_by_role("button", name="Verstuur mijn antwoord").click()
        await expect(page.get_by_text("Uw antwoord is verstuurd")).to_be_visible()
    await see_replies(whole, reported.id, [MORE, REPLY])


async def test_of_two_who_take_at_once_one_is_told_that_the_other_was_first(
    browser: Browser, whole: System
) -> None:
    reported = report(whole)
    async with at_desk(browser, whole, "noor") as (first, _), at_desk(browser, whole, "amina") as (second, _):
        for page in (first, second):
            await page.goto(case_of(whole, reported))
        statuses = await asyncio.gather(*(press_take(page) for page in (first, second)))
        assert sorted(statuses) == [303, 409]
        loser = first if statuses[0] == 409 else second
        summary = loser.locator("#error-summary")
        await expect(summary).to_contain_text("Een collega was u net voor")
        await expect(summary).to_be_focused()
        await expect(loser.get_by_text("Een collega heeft deze melding opgepakt.")).to_be_visible()
        await expect(loser.get_by_role("button", name="Ik pak deze melding op")).to_have_count(0)
        await check_accessible(loser, "case-conflict")


async def test_who_writes_while_the_page_is_renewed_loses_no_letter(browser: Browser, whole: System) -> None:
    reported = report(whole)
    async with at_desk(browser, whole) as (page, _):
        await page.goto(case_of(whole, reported))
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.locator("#opened")).to_be_visible()
        note, badges = page.get_by_label("Nieuwe aantekening"), page.locator(".v-case__badges")
        async with held_up(page, f"**{case_of(whole, reported)}"):  # the fresh page
            await page.get_by_role("button", name="Ik pak deze melding op").click()
            await note.press_sequentially("Bel ")
        await expect(badges).to_contain_text("In beoordeling")
        await page.keyboard.type("de ")
        async with held_up(page, f"**/api/v1/reports/{reported.id}"):  # what is looked at after it
            await page.get_by_role("button", name="Neem in behandeling").click()
            await expect(badges).to_contain_text("In behandeling")
            await note.press_sequentially("net")
        await page.keyboard.type("beheerder.")
        await expect(note).to_have_value("Bel de netbeheerder.")


@asynccontextmanager
async def held_up(page: Page, address: str) -> AsyncIterator[None]:
    """What the page asks of this address is answered afterwards only; ends when it was, and was taken in."""
    go_on = asyncio.Event()

    async def wait(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    await page.route(address, wait)
    async with page.expect_response(address) as answered:
        yield
        go_on.set()
    await (await answered.value).finished()
    await page.unroute(address)
    await page.evaluate("new Promise((done) => setTimeout(done, 200))")  # what the page does with it


async def test_a_wrong_passphrase_opens_nothing_and_may_be_tried_again(
    browser: Browser, whole: System
) -> None:
    reported = report(whole, STORY)
    async with at_desk(browser, whole) as (page, watch):
        await page.goto(case_of(whole, reported))
        await unlock(page, "anker-anker-anker-anker")
        await expect(page.get_by_text("De wachtzin klopt niet")).to_be_visible()
        assert await focused(page) == "input#passphrase[passphrase]"
        await expect(page.locator("#opened")).to_be_hidden()
        assert not any("openings" in address for address in watch.addresses)
        await check_accessible(page, "case-wrong-passphrase")
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.get_by_text("Ferdinand Quispelaar")).to_be_visible()
        await page.get_by_role("button", name="Sluit de inhoud weer af").click()
        await expect(page.get_by_text("Ferdinand Quispelaar")).to_have_count(0)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
async def test_a_wrong_receipt_says_what_to_look_at(browser: Browser, whole: System, script: bool) -> None:
    async with visiting(browser, whole.gateway_url, java_script_enabled=script) as (page, _):
        await open_mailbox(page, whole, "ABCDE-FGHJK-MNPQR-STVWX-Y")
        await expect(page.get_by_text("Deze code klopt niet").first).to_be_visible()
        await expect(page.get_by_label("Uw code")).to_have_attribute("aria-invalid", "true")
        await expect(page.get_by_label("Uw code")).to_have_value("ABCDE-FGHJK-MNPQR-STVWX-Y")
        await (check_accessible if script else check_reflow)(page, f"mailbox-wrong-{script}")
        await open_mailbox(page, whole, "00000-00000-00000-00000-0")
        await expect(page.get_by_text("Bij deze code vinden wij geen postvak").first).to_be_visible()


async def test_an_expired_session_leads_to_signing_in_and_back(browser: Browser, whole: System) -> None:
    reported = report(whole)
    async with at_desk(browser, whole) as (page, _):
        await page.goto(case_of(whole, reported))
        await age_sessions(whole)

        async def is_out() -> bool:
            answer = await page.request.get(path(whole, "/cijfers"), max_redirects=0)
            return answer.status == 303

        await wait_until(is_out)
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.get_by_text("U bent niet meer aangemeld")).to_be_visible()
        await page.get_by_role("button", name="Ik pak deze melding op").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("U bent niet aangemeld")
        await check_accessible(page, "signed-out")
        await page.get_by_role("link", name="Meld u aan").click()
        await sign_in(page, whole)
        assert page.url.endswith(case_of(whole, reported))
        await expect(page.get_by_role("button", name="Ik pak deze melding op")).to_be_visible()


async def test_a_handler_works_by_keyboard_alone(browser: Browser, whole: System) -> None:
    reported = report(whole, STORY)
    who = person(whole, "noor")
    async with visiting(browser, whole.gateway_url) as (page, _):
        await page.goto(case_of(whole, reported))
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # past the header
        await page.keyboard.press("Tab")
        await page.keyboard.type(who.login)
        await page.keyboard.press("Tab")
        await page.keyboard.type(who.password)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Hennepkwekerij")
        await tab_to(page, "passphrase")
        await page.keyboard.type(str(who.passphrase))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Ferdinand Quispelaar")).to_be_visible()
        assert await page.evaluate("document.activeElement.textContent") == "De hele tekst"
        await tab_to(page, "note-text")
        await page.keyboard.type(NOTE)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-note]")).to_have_count(1)


async def send_report(
    page: Page, whole: System, *, script: bool = True, name: str = "", pin: str = ""
) -> str:
    """Report by the form; the receipt that the page shows. Without script nobody fills it in in no time."""
    await page.goto(path(whole, "/melden"))
    asked_at = time.monotonic()
    await page.locator("button[value=hennepteelt]").click()
    await page.get_by_label("Vertel wat u zag").fill(STORY)
    await page.get_by_label("Ja, zelf gezien").check()
    await page.get_by_label("Precieze plek op de kaart").fill(pin)
    if name:
        await page.get_by_label("Op naam").check()
        await page.locator("#field-name").fill(name)
    if not script:
        await send_too_soon(page, asked_at)
    if not await page.get_by_role("button", name=SEND).count():
        await check(page)
    await send(page)
    return (await page.locator("#receipt").inner_text()).strip()


async def send_too_soon(page: Page, asked_at: float) -> None:
    """Go on at once, and wait as the page then says; a machine that took seconds so far was not too soon."""
    await page.get_by_role("button", name=CHECK).click()
    told, let_through = page.get_by_text("Dat ging wel erg snel."), page.get_by_role("button", name=SEND)
    await expect(told.or_(let_through)).to_be_visible()
    if time.monotonic() - asked_at < LEAST_SECONDS - 1:  # the gateway notes whole seconds
        await expect(told).to_be_visible()
    if await told.count():
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)
        await page.wait_for_timeout(LEAST_SECONDS * 1000)


async def open_from_list(page: Page, whole: System, report_id: str) -> None:
    """Click on this report on the work list; others of its type may stand above it."""
    await page.goto(path(whole, "/werklijst?status=new"))
    link = page.locator(f"a[href*='/werklijst/{report_id}']")
    while not await link.count():
        await page.locator("a[rel=next]").click()
    await expect(link).to_have_text("Hennepkwekerij")
    await link.click()


async def see_news(page: Page, whole: System, receipt: str, news: str) -> None:
    """Open the mailbox until this is in it."""

    async def is_there() -> bool:
        await open_mailbox(page, whole, receipt)
        await expect(page.locator(".v-timeline__title, [role=status]:not(:empty)").first).to_be_visible()
        return await page.get_by_text(news).count() > 0

    await wait_until(is_there, seconds=60)


async def see_question(page: Page, whole: System, receipt: str) -> None:
    """Open the mailbox until the question is in it, in words."""

    async def is_there() -> bool:
        await open_mailbox(page, whole, receipt)
        await expect(page.get_by_role("heading", name="Wat er met uw melding gebeurt")).to_be_visible()
        return await comes(page.get_by_text(QUESTION))

    await wait_until(is_there, seconds=60)


async def see_reply(page: Page, passphrase: str) -> None:
    """Load the report until the reply is there and no longer waited for, and open it."""

    async def is_there() -> bool:
        await page.reload()
        is_waited_for = "Wacht op melder" in await page.locator(".v-case__badges").inner_text()
        return not is_waited_for and await page.locator("[data-reply]").count() > 0

    await wait_until(is_there, seconds=60)
    await unlock(page, passphrase)
    await expect(page.locator("[data-reply]")).to_have_text(REPLY)
    await expect(page.locator("[data-question]")).to_have_text(QUESTION)
    await expect(page.locator("[data-note]")).to_have_text(NOTE)


async def see_replies(whole: System, report_id: str, replies: list[str]) -> None:
    """Wait until a handler reads as many replies, and see that it is these."""
    handler = front(whole).sign_in(person(whole, "noor"))

    async def have_come() -> bool:
        return len(handler.open_with(whole.demo.first, report_id, "reply")) >= len(replies)

    await wait_until(have_come)
    assert sorted(handler.open_with(whole.demo.first, report_id, "reply")) == sorted(replies)


async def write(page: Page, label: str, text: str, button: str) -> None:
    """Write something that the browser seals, and send it."""
    await page.get_by_label(label).fill(text)
    await page.get_by_role("button", name=button).click()


async def press_take(page: Page) -> int:
    """Take the report; the status of the answer."""
    async with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        await page.get_by_role("button", name="Ik pak deze melding op").click()
    return (await answered.value).status


async def kept_in(page: Page) -> tuple[list[str], list[str], list[str]]:
    """What the browser keeps for this site: local and session storage, and databases."""
    local, session, databases = await page.evaluate(
        "async () => [Object.keys(localStorage), Object.keys(sessionStorage),"
        " (await indexedDB.databases()).map((each) => each.name)]"
    )
    return local, session, databases


async def age_sessions(whole: System) -> None:
    """Let every session be idle for longer than one may be."""
    connection = await asyncpg.connect(whole.database_url("gateway"))
    try:
        await connection.execute("UPDATE session SET last_seen_at = now() - interval '1 day'")
    finally:
        await connection.close()


async def check_reflow(page: Page, name: str) -> None:
    """Nothing sticks out; without script axe cannot run."""
    for width in (320, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name


async def tab_to(page: Page, element_id: str, most: int = 60) -> None:
    """Press Tab until the element with this id has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if re.search(rf"#{element_id}\b", await focused(page)):
            return
    raise AssertionError(f"not reached by keyboard: {element_id}")
