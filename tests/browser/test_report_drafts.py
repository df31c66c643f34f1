"""A report that cannot be sent, or that waits: told, kept under a split key, and sent as one report."""

from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy import text

from tests.support.browser import Watch, check_accessible, focused, visiting
from tests.support.desk import SEND, check
from tests.support.drafts import kept
from tests.support.polling import wait_until
from tests.support.reporter import STORY, begin, fill_least, receipt_on, tab_to
from tests.support.reporting_point import PAGED_TOWN, TOWN, Point

FORGET, KEEP = "Wis wat in deze browser staat", "Bewaar wat ik invulde"
OFFER, ON = "Wilt u later verdergaan?", "Ga verder met deze melding"
HALVES = "**/api/v1/draft-keys**"
#: Everything that a page can keep without a cookie.
_STORES = """async () => [(await indexedDB.databases()).map(({ name }) => name), Object.keys(localStorage),
    Object.keys(sessionStorage), await caches.keys(),
    (await navigator.serviceWorker.getRegistrations()).length]"""
#: Tells of everything that a page writes.
_TELLS = """for (const [owner, name] of [
    [IDBObjectStore, "put"], [IDBObjectStore, "add"], [Storage, "setItem"], [CacheStorage, "open"],
]) {
    const real = owner.prototype[name];
    owner.prototype[name] = function (...given) {
        wrote(name);
        return real.apply(this, given);
    };
}"""
#: The draft of the first version, with its whole key beside it.
_OLD = """() => new Promise((resolve) => {
    const request = indexedDB.open("vermoeden", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("drafts", { keyPath: "id" });
    request.onsuccess = () => {
        const change = request.result.transaction("drafts", "readwrite");
        change.objectStore("drafts").put({ id: "old", address: location.href, keptAt: Date.now() });
        change.oncomplete = () => resolve(request.result.close());
    };
})"""


async def ready_to_send(page: Page) -> str:
    """Fill in a report up to the check; its key."""
    await begin(page, "anders", TOWN)
    await fill_least(page)
    await check(page)
    return await page.locator("input[name=key]").input_value()


async def press_keep(page: Page) -> None:
    """Ask for what stands in the form to be kept."""
    await page.get_by_text(OFFER).click()
    await page.get_by_role("button", name=KEEP).click()


def forgive_offline(watch: Watch) -> None:
    """A browser complains of what a test takes away."""
    watch.complaints = [
        each
        for each in watch.complaints
        if "ERR_INTERNET_DISCONNECTED" not in each and "ERR_FAILED" not in each
    ]


async def refuse(route: Route) -> None:
    """Somebody holds every place that there is for a half."""
    await route.fulfill(status=429, json={"status": 429, "code": "no-room-for-draft"})


async def test_a_report_that_is_sent_was_never_kept(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        written: list[str] = []

        def note(what: str) -> None:
            written.append(what)

        await page.context.expose_function("wrote", note)
        await page.context.add_init_script(_TELLS)
        await ready_to_send(page)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        assert await page.evaluate(_STORES) == [[], [], [], [], 0]
        assert written == []


async def test_a_report_that_intake_cannot_take_waits_encrypted_and_leaves_by_itself(
    browser: Browser, point: Point
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, _):
        key = await ready_to_send(page)
        await point.intake.shut()
        try:
            async with page.expect_response(
                lambda answer: answer.url.endswith("/melden") and answer.request.method == "POST"
            ) as answered:
                await page.get_by_role("button", name=SEND).click()
            assert (await answered.value).status == 503
            await expect(page.get_by_role("heading", level=1)).to_contain_text("nog niet verstuurd")
            await expect(page.get_by_text(STORY)).to_be_visible()
            await expect(page.get_by_text("De geur.")).to_be_visible()
            await expect(page.get_by_role("status").filter(has_text="vanzelf opnieuw")).to_contain_text(
                "versleuteld bewaard in deze browser"
            )
            await check_accessible(page, "report-unsent")
            assert await page.locator("input[name=key]").input_value() == key
            (draft,) = await kept(page)
            assert draft.names == {"id", "address", "mine", "iv", "sealed", "keptAt"}
            assert len(draft.sealed) % 4096 == 16  # the size of the text does not show
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
        forgive_offline(watch)
    assert await point.intake.count() == before + 1


async def test_without_the_gateway_s_half_nothing_is_written_and_the_page_says_so(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, watch):
        await page.route(HALVES, refuse)
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await press_keep(page)
        await expect(page.get_by_role("status").filter(has_text="Bewaren lukt nu niet.")).to_be_visible()
        await expect(page.get_by_role("button", name=KEEP)).to_be_visible()
        assert await page.get_by_label("Vertel wat u zag").input_value() == STORY
        async with page.expect_response(lambda answer: answer.status == 429):
            await check(page)
        await page.unroute(HALVES)
        await page.context.set_offline(True)
        await page.get_by_role("button", name=SEND).click()
        away = page.get_by_role("status").filter(has_text="geen verbinding")
        await expect(away).to_contain_text("Laat deze bladzijde open")
        assert await page.evaluate(_STORES) == [[], [], [], [], 0]
        await page.context.set_offline(False)
        await receipt_on(page)
        forgive_offline(watch)


async def test_a_report_is_kept_when_its_reporter_asks_and_goes_on_later_as_the_same(
    browser: Browser, point: Point
) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", TOWN)
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        key = await page.locator("input[name=key]").input_value()
        await tab_to(page, page.get_by_text(OFFER))
        await page.keyboard.press("Enter")
        await check_accessible(page, "report-keep")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status").filter(has_text="versleuteld bewaard")).to_be_visible()
        assert FORGET in await focused(page)
        await check_accessible(page, "report-kept")
        await page.goto(f"/{TOWN}/melden")
        offered = page.locator(".v-draft")
        await expect(offered).to_contain_text("nog niet is verstuurd")
        await expect(offered.get_by_role("button", name="Verstuur haar nu")).to_be_hidden()
        await check_accessible(page, "report-draft")
        await offered.get_by_role("button", name=ON).click()
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)
        await fill_least(page)
        await check(page)
        assert await page.locator("input[name=key]").input_value() == key
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        await page.goto(f"/{TOWN}/melden")
        await expect(offered).to_have_count(0)
        assert await kept(page) == []
    assert await point.intake.count() == before + 1


async def test_who_was_ready_to_send_comes_back_and_sends(browser: Browser, point: Point) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url, forced_colors="active") as (page, _):
        await ready_to_send(page)
        await press_keep(page)
        await expect(page.get_by_role("button", name=FORGET)).to_be_focused()
        await page.goto(f"/{TOWN}/melden")
        await check_accessible(page, "report-draft-forced-colours")
        await page.locator(".v-draft").get_by_role("button", name="Verstuur haar nu").click()
        await receipt_on(page)
        assert await kept(page) == []
    assert await point.intake.count() == before + 1


async def test_what_was_kept_is_erased_for_good_where_it_stands(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, watch):
        await begin(page, "anders", TOWN)
        await fill_least(page)
        await press_keep(page)
        async with page.expect_response(lambda answer: answer.url.endswith("/_destroy")) as destroyed:
            await page.get_by_role("button", name=FORGET).click()
        assert (await destroyed.value).status == 204
        await expect(page.get_by_role("status").filter(has_text="Gewist.")).to_be_visible()
        await expect(page.get_by_text(OFFER)).to_be_visible()
        assert await page.evaluate(_STORES) == [[], [], [], [], 0]

        await press_keep(page)  # once more, under another key
        await expect(page.get_by_role("button", name=FORGET)).to_be_focused()
        await page.goto(f"/{TOWN}/melden")
        await expect(page.locator(".v-draft")).to_be_visible()
        await page.context.set_offline(True)
        await page.locator(".v-draft").get_by_role("button", name=FORGET).click()
        await expect(page.get_by_text("zodra er verbinding is")).to_be_visible()
        await expect(page.locator(".v-draft").get_by_role("button")).to_have_count(0)
        assert await kept(page) == []
        async with page.expect_response(lambda answer: answer.url.endswith("/_destroy")) as destroyed:
            await page.context.set_offline(False)
        assert (await destroyed.value).status == 204
        await expect(page.get_by_text("kan niemand meer openen")).to_be_visible()
        forgive_offline(watch)


async def test_the_other_half_is_gone_when_the_receipt_comes_whatever_the_browser_does(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.context.route(
            "**/receipt.js", lambda route: route.fulfill(body="", content_type="text/javascript")
        )
        await ready_to_send(page)
        await press_keep(page)
        await expect(page.get_by_role("button", name=FORGET)).to_be_focused()
        (draft,) = await kept(page)
        await page.get_by_role("button", name=SEND).click()
        await receipt_on(page)
        (left,) = await kept(page)  # as if the browser was closed before it could delete anything
        assert left.sealed == draft.sealed
        answer = await page.request.post(
            "/api/v1/draft-keys/_open", data={"id": draft.id}, headers={"municipality": TOWN}
        )
        assert answer.status == 404
        await page.goto(f"/{TOWN}/melden")
        await page.wait_for_function("indexedDB.databases().then((all) => all.length === 0)")
        await expect(page.locator(".v-draft")).to_have_count(0)


async def test_a_half_that_could_not_be_destroyed_in_time_is_destroyed_by_the_receipt_s_page(
    browser: Browser, point: Point
) -> None:
    async with visiting(browser, point.url) as (page, _):
        await ready_to_send(page)
        await press_keep(page)
        await expect(page.get_by_role("button", name=FORGET)).to_be_focused()
        (draft,) = await kept(page)
        async with point.gateway.database.web.connect() as other:
            await other.execute(text("SELECT set_config('app.municipality', :town, false)"), {"town": TOWN})
            await other.execute(text("DELETE FROM draft_key"))  # and nobody else can, until this ends
            await page.get_by_role("button", name=SEND).click()
            await receipt_on(page)
            await expect(page.locator("[data-draft-open]")).to_have_count(1)
            await other.rollback()

        async def is_destroyed() -> bool:
            answer = await page.request.post(
                "/api/v1/draft-keys/_open", data={"id": draft.id}, headers={"municipality": TOWN}
            )
            return answer.status == 404

        await wait_until(is_destroyed)


async def test_each_page_of_a_paged_form_can_be_kept(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await begin(page, "anders", PAGED_TOWN)
        await page.get_by_role("button", name="Volgende").click()
        await page.get_by_label("Vertel wat u zag").fill(STORY)
        await press_keep(page)
        await expect(page.get_by_role("button", name=FORGET)).to_be_focused()
        await check_accessible(page, "report-paged-kept")
        await page.goto(f"/{PAGED_TOWN}/melden")
        await page.get_by_role("button", name=ON).click()
        await expect(page.get_by_label("Vertel wat u zag")).to_have_value(STORY)


async def test_a_draft_of_the_first_version_is_deleted_unread(browser: Browser, point: Point) -> None:
    async with visiting(browser, point.url) as (page, _):
        await page.goto(f"/{TOWN}/privacy")
        await page.evaluate(_OLD)
        await page.goto(f"/{TOWN}/melden")
        await page.wait_for_function(
            "indexedDB.databases().then((all) => all.every(({ version }) => version === 2))"
        )
        assert await kept(page) == []
        await expect(page.locator(".v-draft")).to_have_count(0)


async def test_without_script_everything_is_shown_with_the_same_key(browser: Browser, point: Point) -> None:
    before = await point.intake.count()
    async with visiting(browser, point.url, java_script_enabled=False) as (page, _):
        key = await ready_to_send(page)
        await expect(page.get_by_text(OFFER)).to_be_hidden()
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
