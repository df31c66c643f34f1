"""Photos and documents in a real browser: sent with and without script, and opened by a handler."""

import re
from pathlib import Path
from uuid import UUID

import asyncpg
import pikepdf
import pytest
from local.samples import lines_of, newest_line
from local.system import System
from playwright.async_api import Browser, FilePayload, Page, expect
from sqlalchemy import text

from tests.support import files
from tests.support.browser import check_accessible, focused, visiting
from tests.support.desk import (
    CHECK,
    SEND,
    Reported,
    check,
    check_and_send,
    front,
    path,
    person,
    report,
    sign_in,
    unlock,
)
from tests.support.files import CANARY
from tests.support.reporting_point import TOWN, Point

STORY = "Het ruikt al weken naar wiet bij de loods."
CHOOSE = "Kies foto’s of een PDF"


def photo(name: str = "loods.jpg") -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": files.photo((900, 600))}


def document() -> FilePayload:
    content = files.pdf(files.with_everything)
    return {"name": "brief.pdf", "mimeType": "application/pdf", "buffer": content}


def broken() -> FilePayload:
    return {"name": "kapot.jpg", "mimeType": "image/jpeg", "buffer": files.photo()[:3000]}


async def claimed(point: Point) -> int:
    async with point.intake.database.flowing() as connection:
        found = await connection.execute(text("SELECT count(*) FROM attachment WHERE state = 'claimed'"))
        return int(found.scalar_one())


async def begin(page: Page, place: str) -> None:
    await page.goto(f"{place}/melden")
    await page.locator("button[value=anders]").click()
    await page.get_by_label("Vertel wat u zag").fill(STORY)
    await page.get_by_label("Wat viel u als eerste op?").fill("De geur.")
    await page.get_by_label("Ja, zelf gezien").check()


async def test_files_are_sent_when_chosen_and_go_along_with_the_report(
    browser: Browser, point: Point
) -> None:
    before = await claimed(point)
    async with visiting(browser, point.url) as (page, watch):
        await begin(page, f"/{TOWN}")
        items, status = page.locator("#files-list > li"), page.locator("#files-status")
        await page.get_by_label(CHOOSE).set_input_files([photo(), document(), broken()])
        await expect(items).to_have_count(3)
        await expect(items.nth(2)).to_contain_text("beschadigd")
        await expect(status).to_contain_text("kapot.jpg")
        await expect(page.locator("input[name=file]")).to_have_count(2)
        await check_accessible(page, "report-form-files")
        await items.nth(2).get_by_role("button", name="Haal weg").press("Enter")
        await expect(items).to_have_count(2)
        await expect(page.get_by_label(CHOOSE)).to_be_focused()
        text_file: FilePayload = {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"}
        await page.get_by_label(CHOOSE).set_input_files(text_file)
        await expect(items.nth(2)).to_contain_text("Kies een foto")
        await page.get_by_label("Mailadres").fill("geen mailadres")
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.locator("#error-summary")).to_contain_text("mailadres")
        await expect(items).to_have_count(2)  # what was sent is still there
        await expect(items.first).to_contain_text("Foto (JPEG), 0,1 MB")
        await page.get_by_label("Mailadres").fill("")
        await check_and_send(page)
        assert not any("attachments" in address and "?" in address for address in watch.addresses)
    assert await claimed(point) == before + 2


async def test_without_script_files_go_with_the_form_and_nothing_is_lost(
    browser: Browser, point: Point
) -> None:
    before = await claimed(point)
    async with visiting(browser, point.url, java_script_enabled=False) as (page, _):
        await begin(page, f"/{TOWN}")
        await page.get_by_label(CHOOSE).set_input_files([photo(), broken(), document()])
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.locator("#error-summary")).to_contain_text("kapot.jpg: Dit bestand is beschadigd")
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)
        items = page.locator("#files-list > li")
        await expect(items).to_have_count(2)
        await items.nth(1).get_by_label("Haal weg").check()
        await check_and_send(page)
    assert await claimed(point) == before + 1


async def test_too_many_files_are_told_and_the_first_ones_stay(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url, java_script_enabled=False) as (page, _):
        await begin(page, f"/{TOWN}")
        small: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": files.png((20, 20))}
        await page.get_by_label(CHOOSE).set_input_files([small] * 12)
        await page.get_by_role("button", name=CHECK).click()
        await expect(page.locator("#error-summary")).to_contain_text("hoogstens 10 bestanden")
        await expect(page.locator("#files-list > li")).to_have_count(10)


async def test_while_intake_is_away_the_form_with_its_files_is_not_lost(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, f"/{TOWN}")
        await page.get_by_label(CHOOSE).set_input_files(photo())
        await expect(page.locator("input[name=file]")).to_have_count(1)
        await point.intake.shut()
        try:
            await page.get_by_label(CHOOSE).set_input_files(document())
            await expect(page.locator("#files-list > li").nth(1)).to_contain_text("kon niet worden verstuurd")
        finally:
            await point.intake.open()
        await check(page)
        await point.intake.shut()
        try:
            await page.get_by_role("button", name=SEND).click()
            await expect(page.get_by_role("heading", level=1)).to_contain_text("nog niet verstuurd")
        finally:
            await point.intake.open()
        before = await claimed(point)
        await page.get_by_role("button", name="Probeer het opnieuw").click()
        await expect(page.locator("#receipt")).to_be_visible()
    assert await claimed(point) == before + 1


async def report_with_files(page: Page, whole: System) -> Reported:
    manager = front(whole).sign_in(person(whole, "amina"))
    known = set(lines_of(manager))
    await begin(page, path(whole))
    await page.get_by_label(CHOOSE).set_input_files([photo(), document()])
    await expect(page.locator("input[name=file]")).to_have_count(2)
    await check_and_send(page)
    receipt = await page.locator("#receipt").inner_text()
    return Reported(newest_line(manager, known)["id"], receipt)


async def test_a_handler_opens_files_in_the_browser_by_keyboard(browser: Browser, whole: System) -> None:
    async with visiting(browser, whole.gateway_url) as (reporter, _):
        reported = await report_with_files(reporter, whole)
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "amina")
        await page.goto(path(whole, f"/werklijst/{reported.id}"))
        rows = page.locator("#files li")
        view = rows.filter(has_text="Foto (JPEG)").get_by_role("button")
        save = rows.filter(has_text="Document (PDF)").get_by_role("button")
        await expect(view).to_be_disabled()
        await unlock(page, person(whole, "amina").passphrase)
        await expect(view).to_be_enabled()
        await view.focus()
        await page.keyboard.press("Enter")
        image = page.get_by_role("img", name=re.compile("Foto [12] bij deze melding"))
        await expect(image).to_be_visible()
        await expect(image).to_have_js_property("naturalWidth", 600)  # it is seen before it is decoded
        await expect(image).to_have_js_property("naturalHeight", 900)
        await expect(view).to_have_attribute("aria-expanded", "true")
        assert "Verberg" in await focused(page)
        await check_accessible(page, "case-files")
        async with page.expect_download() as downloading:
            await save.press("Enter")
        check_clean(await (await downloading.value).path())
        await page.get_by_role("button", name="Sluit de inhoud weer af").click()
        await expect(image).to_have_count(0)
        await expect(view).to_be_disabled()


def check_clean(saved: Path) -> None:
    assert CANARY.encode() not in saved.read_bytes()
    with pikepdf.open(saved) as opened:
        assert set(opened.Root.keys()) == {"/Type", "/Pages"}


async def test_a_file_of_another_report_is_never_opened(browser: Browser, whole: System) -> None:
    plain = report(whole)
    async with visiting(browser, whole.gateway_url) as (reporter, _):
        other = await report_with_files(reporter, whole)
    connection = await asyncpg.connect(whole.database_url("casework"))
    try:
        for table, columns in (
            ("sealed", "compartment, subject, content, by_person, at"),
            ("wrap", "compartment, subject, key_group, key_id, wrapped_key"),
        ):
            await connection.execute(
                f"""INSERT INTO {table} (municipality, report_id, {columns})
                    SELECT municipality, $1, {columns} FROM {table}
                    WHERE report_id = $2 AND compartment = 'attachment'""",  # noqa: S608 -- names from here
                UUID(plain.id),
                UUID(other.id),
            )
    finally:
        await connection.close()
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "amina")
        await page.goto(path(whole, f"/werklijst/{plain.id}"))
        await unlock(page, person(whole, "amina").passphrase)
        rows = page.locator("#files li")
        await expect(rows).to_have_count(2)
        for row in await rows.all():
            await expect(row).to_contain_text("kan niet worden geopend")
            await expect(row.get_by_role("button")).to_be_disabled()


@pytest.mark.parametrize("place", [0, 20, -1])
async def test_a_file_that_was_changed_is_never_shown(browser: Browser, whole: System, place: int) -> None:
    kept = whole.folder / "files" / "kept"
    before = {file for file in kept.rglob("*") if file.is_file()}
    async with visiting(browser, whole.gateway_url) as (reporter, _):
        reported = await report_with_files(reporter, whole)
    for blob in {file for file in kept.rglob("*") if file.is_file()} - before:
        content = bytearray(blob.read_bytes())
        content[place] ^= 1
        blob.write_bytes(content)
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole, "amina")
        await page.goto(path(whole, f"/werklijst/{reported.id}"))
        await unlock(page, person(whole, "amina").passphrase)
        row = page.locator("#files li").filter(has_text="Foto (JPEG)")
        await row.get_by_role("button").click()
        await expect(row).to_contain_text("kan niet worden geopend")
        await expect(page.get_by_role("img", name=re.compile("bij deze melding"))).to_have_count(0)
