"""A report that cannot be sent: told, kept encrypted in the browser, and sent as one report in the end."""

from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.support.browser import check_accessible, visiting
from tests.support.desk import CHECK, SEND, check
from tests.support.reporter import STORY, begin, fill_least, receipt_on
from tests.support.reporting_point import TOWN, Point

FORGET = "Wis wat in deze browser staat"
#: Everything that the browser keeps of drafts, with the bytes as text and what can be got out of the key.
_KEPT = """async () => {
    const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open("vermoeden", 1);
        request.onupgradeneeded = () => request.result.createObjectStore("drafts", { keyPath: "id" });
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const asked = database.transaction("drafts").objectStore("drafts").getAll();
    await new Promise((resolve) => (asked.onsuccess = resolve));
    database.close();
    return Promise.all(asked.result.map(async (each) => ({
        text: new TextDecoder("latin1").decode(each.sealed) + JSON.stringify(each),
        key: await crypto.subtle.exportKey("raw", each.key).then(() => "read out", () => "stays inside"),
    })));
}"""
_AGE = """async (days) => {
    const database = await new Promise((resolve) => {
        const request = indexedDB.open("vermoeden", 1);
        request.onsuccess = () => resolve(request.result);
    });
    const store = database.transaction("drafts", "readwrite").objectStore("drafts");
    const asked = store.getAll();
    await new Promise((resolve) => (asked.onsuccess = resolve));
    for (const each of asked.result) store.put({ ...each, keptAt: each.keptAt - days * 86400000 });
    await new Promise((resolve) => (store.transaction.oncomplete = resolve));
    database.close();
}"""


async def kept(page: Page) -> list[dict[str, Any]]:
    """The drafts in this browser."""
    found: list[dict[str, Any]] = await page.evaluate(_KEPT)
    return found


async def ready_to_send(page: Page) -> str:
    """Fill in a report up to the check; its key."""
    await begin(page, "anders", TOWN)
    await fill_least(page)
    await check(page)
    return await page.locator("input[name=key]").input_value()


async def test_a_report_that_intake_cannot_take_waits_encrypted_and_leaves_by_itself(
    browser: Browser, point: Point
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, _):
        key = await ready_to_send(page)
        await point.intake.shut()
        try:
            async with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
                await page.get_by_role("button", name=SEND).click()
            assert (await answered.value).status == 503
            await expect(page.get_by_role("heading", level=1)).to_contain_text("nog niet verstuurd")
            await expect(page.get_by_text(STORY)).to_be_visible()
            await expect(page.get_by_text("De geur.")).to_be_visible()
            await expect(page.get_by_role("status").filter(has_text="vanzelf opnieuw")).to_be_visible()
            await check_accessible(page, "report-unsent")
            assert await page.locator("input[name=key]").input_value() == key
            (draft,) = await kept(page)
            assert draft["key"] == "stays inside"
            assert STORY not in draft["text"]
            assert key not in draft["text"]
        finally:
            await point.intake.open()
        await receipt_on(page)  # nobody pressed anything
        assert await kept(page) == []
    assert await point.intake.count() == before + 1


async def test_without_a_network_the_form_says_so_and_sends_when_it_is_back(
    browser: Browser, point: Point
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, watch):
        await ready_to_send(page)
        await page.context.set_offline(True)
        await page.get_by_role("button", name=SEND).click()
        await expect(page.get_by_role("status").filter(has_text="geen verbinding")).to_be_visible()
        await expect(page.get_by_role("button", name=FORGET)).to_be_visible()
        await check_accessible(page, "report-away")
        assert len(await kept(page)) == 1
        await page.context.set_offline(False)
        await receipt_on(page)
        assert await kept(page) == []
        watch.complaints = [each for each in watch.complaints if "ERR_INTERNET_DISCONNECTED" not in each]
    assert await point.intake.count() == before + 1


async def test_a_draft_is_offered_to_who_comes_back_and_goes_as_the_same_report(
    browser: Browser, point: Point
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, _):
        key = await ready_to_send(page)
        await point.intake.shut()
        try:
            await page.get_by_role("button", name=SEND).click()
            await expect(page.get_by_role("button", name=FORGET)).to_be_visible()
        finally:
            await page.goto("about:blank")
            await point.intake.open()
        await page.goto(f"/{TOWN}/melden")
        offered = page.locator(".v-draft")
        await expect(offered).to_contain_text("nog niet is verstuurd")
        await check_accessible(page, "report-draft")
        await offered.get_by_role("button", name="Kijk haar eerst na").click()
        await expect(page.locator("[data-story]").first).to_have_text(STORY)
        assert await page.locator("input[name=key]").input_value() == key
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        await page.goto(f"/{TOWN}/melden")
        await expect(offered).to_have_count(0)
    assert await point.intake.count() == before + 1


async def test_a_draft_is_gone_when_its_reporter_says_so_or_a_day_has_passed(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, watch):
        for way in ("button", "age"):
            await begin(page, "anders", TOWN)
            await fill_least(page)
            await page.context.set_offline(True)
            await page.get_by_role("button", name=CHECK).click()
            await expect(page.get_by_role("button", name=FORGET)).to_be_visible()
            assert len(await kept(page)) == 1
            if way == "button":
                await page.get_by_role("button", name=FORGET).click()
                await expect(page.get_by_text("In deze browser staat niets meer.")).to_be_visible()
                await page.context.set_offline(False)
            else:
                await page.evaluate(_AGE, 2)
                await page.evaluate("document.querySelector('#report').remove()")
                await page.context.set_offline(False)
                await page.goto(f"/{TOWN}/melden")
                await expect(page.get_by_role("heading", level=1)).to_be_visible()
                await page.wait_for_function(f"({_KEPT})().then((kept) => kept.length === 0)")
                await expect(page.locator(".v-draft")).to_have_count(0)
            assert await kept(page) == []
        watch.complaints = [each for each in watch.complaints if "ERR_INTERNET_DISCONNECTED" not in each]


async def test_without_script_everything_is_shown_with_the_same_key(browser: Browser, point: Point) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url, java_script_enabled=False) as (page, _):
        key = await ready_to_send(page)
        await point.intake.shut()
        try:
            await page.get_by_role("button", name=SEND).click()
            await expect(page.get_by_role("heading", level=1)).to_contain_text("nog niet verstuurd")
            for said in (STORY, "De geur.", "Ja, zelf gezien, gehoord of geroken", "Inwoner"):
                await expect(page.get_by_text(said, exact=True)).to_be_visible()
            await page.get_by_role("button", name="Probeer het opnieuw").click()
            await expect(page.get_by_text(STORY)).to_be_visible()
        finally:
            await point.intake.open()
        assert await page.locator("input[name=key]").input_value() == key
        await page.get_by_role("button", name="Probeer het opnieuw").click()
        await receipt_on(page)
    assert await point.intake.count() == before + 1
