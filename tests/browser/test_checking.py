"""A handler checks what is hidden: what was missed is hidden, and what is nobody's is put back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from gateway.rendering.static import StaticFiles
from local.samples import lines_of
from local.system import System
from playwright.async_api import Browser, Page, expect

from tests.browser.test_handling import at_desk, case_of, tab_to
from tests.support.browser import check_accessible
from tests.support.desk import front, path, person, report, unlock
from tests.support.polling import wait_until

#: The anonymiser takes no such words for a name; the handler knows better. Twice, and once inside a word.
NAME, NICKNAME = "Ferdinand Quispelaar", "groene emmer"
STORY = (
    f"Bij {NAME} ruikt het naar wiet. De {NICKNAME} helpt, zegt de {NICKNAME}. Een {NICKNAME}tje kwam ook."
)


@pytest.fixture(autouse=True)
def _tidied(whole: System) -> Iterator[None]:
    """Nothing of these tests stays on the work list."""
    manager = front(whole).sign_in(person(whole, "amina"))
    before = set(lines_of(manager))
    yield
    for report_id in set(lines_of(manager)) - before:
        shown = manager.call("GET", f"/api/v1/reports/{report_id}").require(200)
        taken = shown if shown["takenBy"] else manager.take(report_id, shown["version"])
        manager.close(report_id, taken["version"], "recorded")


class Check:
    """The part of the page where a report is checked."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.result = page.get_by_label("Zoals het gelezen wordt")
        self.status = page.locator("#check [role=status]")

    async def take(self) -> None:
        """Only who took a report checks it."""
        await self.page.get_by_role("button", name="Ik pak deze melding op").click()
        await expect(self.page.locator(".v-case__badges")).to_contain_text("In beoordeling")

    async def open(self) -> None:
        await self.page.get_by_text("Is alles goed verborgen?").click()

    async def select(self, text: str) -> None:
        """Select the first place where this stands, as a mouse would."""
        value = await self.result.input_value()
        start = value.index(text)
        await self.result.focus()
        await self.result.evaluate(
            "(area, [from, to]) => area.setSelectionRange(from, to)", [start, start + len(text)]
        )

    async def hide(self, text: str, kind: str = "PERSOON") -> None:
        await self.select(text)
        await self.page.get_by_label("Wat is het?").select_option(kind)
        await self.page.get_by_role("button", name="Verberg de selectie").click()

    async def save(self) -> None:
        await self.page.get_by_role("button", name="Bewaar de nagekeken tekst").click()


async def test_what_was_missed_is_hidden_everywhere_and_leaves_the_browser_no_more(
    browser: Browser, whole: System
) -> None:
    reported = report(whole, STORY)
    async with at_desk(browser, whole) as (page, watch):
        await page.goto(case_of(whole, reported))
        await unlock(page, person(whole, "noor").passphrase)
        check = Check(page)
        await expect(page.locator("#opened")).to_be_visible()
        await expect(page.locator("#check")).to_be_hidden()
        await check.take()
        await check.open()
        await expect(page.locator("#check mark").first).to_have_text(NAME)
        await expect(check.result).not_to_have_value("")
        assert NAME not in await check.result.input_value()
        await check_accessible(page, "check-open")
        await check.hide(NICKNAME)
        await expect(check.status).to_contain_text("Het is nog niet bewaard")
        after = await check.result.input_value()
        assert after.count("[PERSOON-2]") == 2
        assert f"{NICKNAME}tje" in after
        await check_accessible(page, "check-hidden")
        await check.save()
        await expect(page.locator("#clear blockquote")).to_have_text(after)
        await expect(page.locator(".v-timeline")).to_contain_text("Geanonimiseerde tekst nagekeken")
        await expect(check.status).to_contain_text("Gelukt")
        (sent,) = [each for each in watch.sent if "/corrections" in each]
        assert (
            json.loads(sent.partition("\n")[2])["corrections"] == [{"kind": "miss", "class": "PERSOON"}] * 2
        )
        await see_counted(page, whole)
        assert [each for each in watch.sent if NAME in each or f"{NICKNAME} " in each] == []
    manager = front(whole).sign_in(person(whole, "amina"))
    shown = manager.call("GET", f"/api/v1/reports/{reported.id}").require(200)
    assert shown["anonymisedText"] == after


async def test_a_false_hit_is_put_back_and_two_who_check_do_not_overwrite_each_other(
    browser: Browser, whole: System
) -> None:
    reported = report(whole, STORY)
    async with at_desk(browser, whole) as (page, _), at_desk(browser, whole, "amina") as (other, _):
        for each, login in ((page, "noor"), (other, "amina")):
            await each.goto(case_of(whole, reported))
            await unlock(each, person(whole, login).passphrase)
            await expect(each.locator("#opened")).to_be_visible()
            if login == "noor":
                await Check(each).take()
            await Check(each).open()
        first, second = Check(page), Check(other)
        await page.locator("#check li", has_text=NAME).get_by_role("button").click()
        assert NAME in await first.result.input_value()
        await expect(page.locator("#check")).to_contain_text("Teruggezet: 1. Let op")
        await second.hide(NICKNAME)
        await first.save()
        await expect(page.locator("#clear blockquote")).to_contain_text(NAME)
        await second.save()
        await expect(second.status).to_contain_text("Een collega was u voor")
        assert NAME in await second.result.input_value()
        await second.hide(NICKNAME)
        await second.save()
        await expect(other.locator("#clear blockquote")).to_contain_text("De [PERSOON-1] helpt")
        await page.get_by_role("button", name="Sluit de inhoud weer af").click()
        await expect(page.locator("#check")).to_be_hidden()
        assert await first.result.input_value() == ""


async def test_a_doubted_report_has_no_text_until_a_person_checked_it_by_keyboard(
    browser: Browser, whole: System
) -> None:
    reported = report(whole, f"Bij {NAME}. Pincode van zijn kluis is 8401 2277 9315 04, zei de {NICKNAME}.")
    async with at_desk(browser, whole) as (page, _):
        await page.goto(case_of(whole, reported))
        await expect(page.locator("#clear")).to_contain_text("Wij twijfelen of alles eruit is gehaald")
        await check_accessible(page, "check-doubted")
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.locator("#opened")).to_be_visible()
        await Check(page).take()
        await expect(page.locator("#check")).to_have_attribute("open", "")
        await tab_to(page, "check-result")
        before = await Check(page).result.input_value()
        await page.keyboard.type("Dit is geen plek om te typen.")
        await expect(Check(page).result).to_have_value(before)
        for key in ("Control+End", "ArrowLeft", *["Shift+ArrowLeft"] * len(NICKNAME)):
            await page.keyboard.press(key)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(Check(page).status).to_contain_text("Verborgen.")
        assert (await Check(page).result.input_value()).endswith("zei de [PERSOON-2].")
        await tab_to(page, "check-save")
        await page.keyboard.press("Enter")
        await expect(page.locator("#clear blockquote")).to_contain_text("zei de [PERSOON-2].")
        await expect(page.locator("#clear")).not_to_contain_text("Wij twijfelen")


@pytest.mark.parametrize(
    ("original", "result", "hints"),
    [
        ("Bij Jan.", "Bij [PERSOON-1].", []),
        ("Jan", "[PERSOON-1]", []),
        ("Jan van den Berg van Piet", "[PERSOON-1] van [PERSOON-2]", [[0, 16, "[PERSOON-1]"]]),
        ("Jan06", "[PERSOON-1][TELEFOON-1]", [[0, 3, "[PERSOON-1]"]]),
        ("Ik schreef [PERSOON-1] zelf, zei 👤 Jan", "Ik schreef [PERSOON-1] zelf, zei 👤 [PERSOON-2]", []),
        ("niets te verbergen", "niets te verbergen", []),
    ],
)
async def test_a_text_is_laid_beside_its_original(
    browser: Browser, whole: System, original: str, result: str, hints: list[Any]
) -> None:
    async with at_desk(browser, whole) as (page, _):
        spans = await logic(
            page,
            "return hidden.alignedSpans(given[0], given[1], hidden.sealedSpans(given[0], given[2]))",
            [original, result, hints],
        )
        again = await logic(page, "return hidden.resultOf(given[0], given[1])", [original, spans])
    assert again == result
    for start, end, label in hints:
        assert {"start": start, "end": end, "label": label} in spans


async def see_counted(page: Page, whole: System) -> None:
    """Look at the figures until the correction is among them."""
    row = page.get_by_role("row", name="Naam of bijnaam")

    async def is_there() -> bool:
        await page.goto(path(whole, "/cijfers"))
        return await row.count() > 0

    await wait_until(is_there, seconds=60)
    await expect(row.get_by_role("cell").first).not_to_have_text("0")
    await check_accessible(page, "check-figures")


async def logic(page: Page, body: str, given: object) -> Any:
    """What `body` returns; it sees the module `hidden` and `given`."""
    address = StaticFiles.packaged().url("js/hidden.js")
    script = f"async ([address, given]) => {{ const hidden = await import(address); {body} }}"
    return await page.evaluate(script, [address, given])
