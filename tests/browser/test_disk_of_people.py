"""What handlers and reporters read and write of a report stands in no file of their browsers afterwards."""

from pathlib import Path

from local.system import System
from playwright.async_api import Page, expect

from tests.support.desk import comes, open_mailbox, path, person, report, sign_in, unlock
from tests.support.disk import Profile, canary
from tests.support.polling import wait_until


async def write(page: Page, label: str, text: str, button: str) -> None:
    """Type something that the browser seals, and send it."""
    await page.get_by_label(label).press_sequentially(text)
    await page.get_by_role("button", name=button).click()


async def test_what_is_opened_and_sealed_in_a_browser_stays_off_its_disk(
    whole: System, tmp_path: Path
) -> None:
    words = {name: canary() for name in ("story", "question", "note", "reply")}
    reported = report(whole, f"Bij de loods ruikt het naar wiet. {words['story']}")
    words["receipt"] = reported.receipt.replace("-", "")
    desk, home = Profile(tmp_path / "desk"), Profile(tmp_path / "home")
    async with desk.opened(whole.gateway_url) as handler:
        await sign_in(handler, whole)
        await handler.goto(path(whole, f"/werklijst/{reported.id}"))
        await unlock(handler, person(whole, "noor").passphrase)
        await expect(handler.get_by_text(words["story"]).first).to_be_visible()
        await handler.get_by_role("button", name="Ik pak deze melding op").click()
        await expect(handler.locator(".v-case__badges")).to_contain_text("In beoordeling")
        await write(handler, "Stel een vraag", words["question"], "Verstuur de vraag")
        await expect(handler.locator("[data-question]")).to_have_count(1)
        await write(handler, "Nieuwe aantekening", words["note"], "Bewaar de aantekening")
        await expect(handler.locator("[data-note]")).to_have_text(words["note"])
        async with home.opened(whole.gateway_url) as reporter:

            async def is_asked() -> bool:
                await open_mailbox(reporter, whole, reported.receipt)
                await expect(reporter.locator("#news-title")).to_be_visible()
                return await comes(reporter.get_by_text(words["question"]))

            await wait_until(is_asked, seconds=60)
            await reporter.get_by_label("Uw antwoord").press_sequentially(words["reply"])
            await reporter.get_by_role("button", name="Verstuur mijn antwoord").click()
            await expect(reporter.get_by_text("Uw antwoord is verstuurd")).to_be_visible()
    assert desk.finds(words) == []
    assert home.finds(words) == []
