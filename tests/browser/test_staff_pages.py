"""Every page for staff, and every way in which a page says no: accessible, private, and told plainly."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from local.system import System
from playwright.async_api import Browser, Page, expect

from tests.support.browser import check_accessible, visiting
from tests.support.desk import Reported, front, path, person, report, sign_in
from tests.support.polling import wait_until

PRIVATE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture(scope="module")
def closed(whole: System) -> Reported:
    """A report that was taken and closed, so that there is something to count."""
    reported = report(whole)
    manager = front(whole).sign_in(person(whole, "amina"))
    taken = manager.take(reported.id, 1)
    manager.close(reported.id, taken["version"], "recorded")
    return reported


@pytest_asyncio.fixture(scope="module")
async def signed_in(browser: Browser, whole: System) -> AsyncIterator[Page]:
    """A process manager's page."""
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "amina")
        yield page


@pytest_asyncio.fixture
async def desk(signed_in: Page) -> Page:
    """A process manager who looks around, and did not choose a language yet."""
    await signed_in.context.clear_cookies(name="taal")
    return signed_in


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize(
    ("name", "rest", "heading"),
    [
        ("work-full", "/werklijst?status=closed", "Werklijst"),
        ("work-full-en", "/werklijst?status=closed&taal=en", "Work list"),
        ("work-empty", "/werklijst?status=waiting-for-partner&urgency=laag", "Werklijst"),
        ("statistics", "/cijfers", "Cijfers"),
        ("statistics-en", "/cijfers?taal=en", "Figures"),
        ("statistics-wrong", "/cijfers?from=2026-12&to=2026-01", "Cijfers"),
        ("sign-out", "/afmelden", "Afmelden?"),
        ("report-choose-staff", "/melden", "Wat heeft u opgemerkt?"),
        ("case-unknown", "/werklijst/00000000-0000-0000-0000-000000000000", "Deze pagina bestaat niet"),
        ("mailbox", "/postvak", "Mijn melding volgen"),
        ("mailbox-en", "/postvak?taal=en", "Follow my report"),
    ],
)
async def test_a_page_for_staff_is_accessible_and_private(
    desk: Page, whole: System, name: str, rest: str, heading: str
) -> None:
    await desk.context.clear_cookies(name="taal")
    answer = await desk.goto(path(whole, rest))
    assert answer is not None
    assert {header: answer.headers.get(header) for header in PRIVATE} == PRIVATE
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    await expect(desk.get_by_role("heading", level=1)).to_have_text(heading)
    await expect(desk.locator("html")).to_have_attribute("lang", "en" if "taal=en" in rest else "nl")
    assert (await desk.title()).endswith("Gemeente Waterdam")
    await expect(desk.locator(".utrecht-skip-link")).to_have_attribute("href", "#main")
    await check_accessible(desk, name)


async def test_a_closed_report_reads_well_in_english_too(desk: Page, whole: System, closed: Reported) -> None:
    await desk.goto(path(whole, f"/werklijst/{closed.id}?taal=en"))
    await expect(desk.get_by_role("button", name="Reopen the report")).to_be_visible()
    await check_accessible(desk, "case-closed-en")
    await desk.context.clear_cookies(name="taal")


@pytest.mark.usefixtures("closed")
async def test_the_figures_have_a_picture_with_its_numbers_in_a_table(desk: Page, whole: System) -> None:
    async def is_counted() -> bool:
        await desk.goto(path(whole, "/cijfers"))
        return (await desk.locator(".v-tile__number").nth(2).inner_text()) != "0"

    await wait_until(is_counted)
    picture = desk.get_by_role("img", name="Per maand")
    await expect(picture).to_be_visible()
    drawn = await picture.locator(".v-bar--one").last.evaluate("bar => bar.getBoundingClientRect().height")
    assert drawn > 50
    await desk.get_by_text("Toon als tabel").click()
    newest = desk.get_by_role("region", name="Per maand").get_by_role("row").last
    received = await desk.locator(".v-tile__number").first.inner_text()
    await expect(newest.get_by_role("cell").first).to_have_text(received)
    await check_accessible(desk, "statistics-table")


async def test_the_csv_is_downloaded_from_the_page(desk: Page, whole: System, closed: Reported) -> None:
    async def has_row() -> bool:
        await desk.goto(path(whole, "/cijfers"))
        await desk.get_by_label("Status").select_option("closed")
        async with desk.expect_download() as download:
            await desk.get_by_role("button", name="Download de CSV").click()
        content = _read(await (await download.value).path())
        assert content.startswith("\ufeff")  # for Excel
        rows = list(csv.DictReader(io.StringIO(content[1:]), delimiter=";"))
        return any(closed.id in row.values() for row in rows)

    await wait_until(has_row)


async def test_who_may_not_export_finds_no_way_to(browser: Browser, whole: System) -> None:
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "noor")
        await page.goto(path(whole, "/cijfers"))
        await expect(page.get_by_role("heading", name="Cijfers")).to_be_visible()
        await expect(page.get_by_role("button", name="Download de CSV")).to_have_count(0)


async def test_what_is_not_for_this_person_is_refused_with_a_page(browser: Browser, whole: System) -> None:
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "joost")
        answer = await page.goto(path(whole, "/werklijst"))
        assert answer is not None
        assert answer.status == 403
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dit mag niet")
        await check_accessible(page, "forbidden")


@pytest.mark.parametrize("rest", ["/afmelden", "/werklijst/{id}", "/postvak"])
@pytest.mark.parametrize("token", ["", "AAAA"], ids=["no-token", "wrong-token"])
async def test_a_form_without_the_token_of_its_session_changes_nothing(
    desk: Page, whole: System, closed: Reported, rest: str, token: str
) -> None:
    await desk.goto(path(whole, "/werklijst"))
    answer = await desk.request.post(
        whole.gateway_url + path(whole, rest.replace("{id}", closed.id)),
        form={"csrf_token": token, "action": "reopen", "version": "3", "step": "send"},
        headers={"accept": "text/html"},
        max_redirects=0,
    )
    assert answer.status == 403
    await desk.reload()
    await expect(desk.get_by_role("button", name="Afmelden")).to_be_visible()


async def test_a_failed_sign_in_says_so_and_tells_nothing_else(browser: Browser, whole: System) -> None:
    async with visiting(browser, whole.gateway_url) as (page, watch):
        await page.goto(path(whole, "/aanmelden"))
        await page.get_by_label("Inlognaam").fill("noor")
        await page.get_by_label("Wachtwoord").fill("verkeerd-wachtwoord")
        await page.get_by_role("button", name="Aanmelden").click()
        summary = page.locator("#error-summary")
        await expect(summary).to_contain_text("horen niet bij elkaar")
        await expect(summary).to_be_focused()
        await expect(page.get_by_label("Wachtwoord")).to_have_value("")
        assert not any("verkeerd" in address for address in watch.addresses)
        await check_accessible(page, "sign-in-wrong")


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
