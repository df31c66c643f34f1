"""Who takes the reporter's disk: a browser as people have it, closed, and every file of its profile searched.

Nothing of a report may stand there that can be read, whether it was sent, left, kept, erased or forgotten.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from common.sealing import decode, encode
from playwright.async_api import Page, expect

from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.desk import CHECK, SEND, check
from tests.support.disk import Profile, canary
from tests.support.drafts import Kept, kept, windows
from tests.support.reporter import begin, begin_entry, receipt_on
from tests.support.reporting_point import TOWN, Point, reporting_point

KEEP, FORGET, ON = "Bewaar wat ik invulde", "Wis wat in deze browser staat", "Ga verder met deze melding"
OFFER = "Wilt u later verdergaan?"
#: Where a browser keeps what pages give it. The long run takes keys from every file that is not too large.
_STORES = ("IndexedDB", "Session Storage", "Local Storage")
_SMALL_BYTES = 256 * 1024


@pytest_asyncio.fixture(scope="module")
async def point(backing: Backing) -> AsyncIterator[Point]:
    """The public pages with a real intake behind them."""
    async with reporting_point(backing) as started:
        yield started


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A browser that was never used."""
    return Profile(tmp_path / "profile")


@dataclass
class Words:
    """What a reporter writes, and what comes of it: words that must stand nowhere."""

    of: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, length: int = 24) -> str:
        """A new word."""
        self.of[name] = canary(length)
        return self.of[name]

    async def fill(self, page: Page) -> None:
        """Tell all of it: as people type, and as they paste."""
        await begin(page, "hennepteelt", TOWN)
        title = await page.get_by_role("heading", level=1).inner_text()
        self.of["kind of report"] = title.removeprefix("Melden: ")
        story = page.get_by_label("Vertel wat u zag")
        await story.press_sequentially(f"{self.write('short', 12)} {self.write('story')} ")
        await page.keyboard.insert_text(self.write("long story", 120))
        await page.get_by_label("Adres of plek").press_sequentially(self.write("address", 16))
        await page.get_by_label("Buurt of wijk").fill(self.write("neighbourhood", 20))
        await page.get_by_label("Mailadres").press_sequentially(f"{self.write('mail')}@voorbeeld.example")
        await page.get_by_label("Ja, zelf gezien").check()

    async def send(self, page: Page) -> None:
        """Press the last button, and take the receipt."""
        await page.get_by_role("button", name=SEND).click()
        await self.take_receipt(page)

    async def take_receipt(self, page: Page) -> None:
        """The receipt that comes, and the key that makes it."""
        await receipt_on(page)
        self.of["receipt"] = (await page.locator("#receipt").inner_text()).replace("-", "").strip()

    async def note_key(self, page: Page) -> None:
        """The secret that the receipt comes from, which the form carries."""
        self.of["key of the receipt"] = await page.locator("input[name=key]").first.input_value()

    def search(self, profile: Profile, attempts: Attempts, when: str) -> None:
        """Look for each of them, in every file."""
        assert len(list(profile.files())) > 20, "this is no profile"
        finds = profile.finds(self.of)
        print(finds)  # shown when the test fails
        found = {each.name for each in finds}
        for name in self.of:
            attempts.record(f"{name}, {when}", succeeded=name in found)


async def half_of(page: Page, draft: Kept) -> bytes | None:
    """The gateway's half, as whoever has the disk can ask for it."""
    answer = await page.request.post(
        "/api/v1/draft-keys/_open", data={"id": draft.id}, headers={"municipality": TOWN}
    )
    assert answer.status in {200, 404}
    return decode((await answer.json())["half"]) if answer.ok else None


async def keep(page: Page) -> tuple[Kept, bytes]:
    """Keep the form on this device; what lies there, and the half that the gateway has of it."""
    await page.get_by_text(OFFER).click()
    await page.get_by_role("button", name=KEEP).click()
    await expect(page.get_by_role("button", name=FORGET)).to_be_focused()
    return await only_draft(page)


async def only_draft(page: Page) -> tuple[Kept, bytes]:
    """The one draft in this browser with its other half, by which it opens: the test can tell."""
    (draft,) = await kept(page)
    half = await half_of(page, draft)
    assert half
    assert b"anders" in (draft.opened(half) or b"") or b"hennepteelt" in (draft.opened(half) or b"")
    return draft, half


def take_apart(profile: Profile, draft: Kept, half: bytes, attempts: Attempts, when: str) -> None:
    """Try to open a draft with all that the disk holds, and nothing else."""
    files = list(profile.files())
    for written in (half, encode(half).encode(), half.hex().encode(), half.hex().upper().encode()):
        attempts.record(f"the other half, {when}", succeeded=any(written in each for _, each in files))
    stores = [content for name, content in files if any(store in name for store in _STORES)]
    assert stores, "something was kept, so there is a store"
    if IS_LONG:
        stores = [content for _, content in files if len(content) <= _SMALL_BYTES]
    attempts.record(f"any key, {when}", succeeded=draft.opened_by_any(windows(stores)) is not None)
    attempts.record(f"no other half, {when}", succeeded=draft.opened(b"") is not None)


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
async def test_a_report_that_was_sent_leaves_nothing(
    point: Point, profile: Profile, attempts: Attempts, has_script: bool
) -> None:
    words = Words()
    async with profile.opened(point.url, java_script_enabled=has_script) as page:
        await words.fill(page)
        await check(page)
        await words.note_key(page)
        await words.send(page)
        assert not has_script or await page.evaluate("indexedDB.databases()") == []
        await page.goto(f"/{TOWN}/postvak")
        await page.get_by_label("Uw code").press_sequentially(words.of["receipt"])
        await page.get_by_role("button", name="Open mijn postvak").click()
        away = "Dit lukt nu niet." if has_script else "niet bereikbaar"  # nobody keeps mailboxes here
        await expect(page.get_by_text(away).first).to_be_visible()
    words.search(profile, attempts, "sent")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
async def test_a_report_that_was_left_leaves_nothing(
    point: Point, profile: Profile, attempts: Attempts, tmp_path: Path, has_script: bool
) -> None:
    words = Words()
    # Without script Chromium notes where a chosen file stands; the threat model says so.
    name = words.write("name of a file") if has_script else "foto"
    chosen = tmp_path / f"{name}.jpg"
    chosen.write_bytes(
        b"\xff\xd8" + words.write("content of a file", 400).encode()
    )  # no picture: it is refused
    async with profile.opened(point.url, java_script_enabled=has_script) as page:
        await words.fill(page)
        await words.note_key(page)
        await page.locator("#field-files").set_input_files(chosen)
        if has_script:
            await expect(page.locator("[data-error]:visible")).to_be_visible()
        await page.get_by_role("button", name=CHECK).click()
        if has_script:
            await page.get_by_role("button", name="Wijzig mijn antwoorden").click()
        else:
            await expect(page.locator("#error-summary")).to_be_visible()
        await page.get_by_label("Vertel wat u zag").press_sequentially(words.write("added"))
        assert not has_script or await page.evaluate("indexedDB.databases()") == []
    words.search(profile, attempts, "left")


async def test_a_draft_opens_with_both_halves_only(
    point: Point, profile: Profile, attempts: Attempts
) -> None:
    asked, failed, forgotten = Words(), Words(), Words()
    async with profile.opened(point.url) as page:
        await asked.fill(page)
        await asked.note_key(page)
        first = await keep(page)
    asked.search(profile, attempts, "kept")
    assert any(first[0].mine in content for _, content in profile.files()), "what is kept is seen on the disk"
    take_apart(profile, *first, attempts, "kept")

    async with profile.opened(point.url) as page:
        await page.goto(f"/{TOWN}/melden")
        await page.get_by_role("button", name=ON).click()
        assert asked.of["story"] in await page.get_by_label("Vertel wat u zag").input_value()
        await page.goto(f"/{TOWN}/melden")
        await page.get_by_role("button", name=FORGET).click()
        await expect(page.get_by_text("Gewist.")).to_be_visible()
        attempts.record(
            "the other half, asked for after erasing", succeeded=bool(await half_of(page, first[0]))
        )

        await failed.fill(page)
        await check(page)
        await failed.note_key(page)
        await page.context.set_offline(True)
        await page.get_by_role("button", name=SEND).click()
        await expect(page.get_by_role("button", name=FORGET)).to_be_visible()
        second = await only_draft(page)
        await page.context.set_offline(False)
        await failed.take_receipt(page)
        attempts.record(
            "the other half, asked for after sending", succeeded=bool(await half_of(page, second[0]))
        )

        await forgotten.fill(page)
        third = await keep(page)
        point.gateway.clock.move(hours=24)
        await page.goto(f"/{TOWN}/melden")
        await page.wait_for_function("indexedDB.databases().then((all) => all.length === 0)")
        await expect(page.locator(".v-draft")).to_have_count(0)
        attempts.record(
            "the other half, asked for after a day", succeeded=bool(await half_of(page, third[0]))
        )
    for words, (draft, half), when in (
        (asked, first, "erased"),
        (failed, second, "sent at last"),
        (forgotten, third, "after a day"),
    ):
        words.search(profile, attempts, when)
        take_apart(profile, draft, half, attempts, when)


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
async def test_the_cache_tells_only_that_somebody_came_to_the_form(
    point: Point, profile: Profile, attempts: Attempts, has_script: bool
) -> None:
    asked: set[str] = set()
    async with profile.opened(point.url, java_script_enabled=has_script) as page:
        page.context.on("request", lambda request: asked.add(request.url))
        await page.goto(f"/{TOWN}/melden")
        await page.wait_for_load_state("networkidle")
        first = {each for each in asked if "/static/" in each}
        assert len(first) > 5, "the first page names files"
        words = Words()
        await words.fill(page)
        await check(page)
        await words.send(page)
        assert not has_script or any("proof-worker" in each for each in asked)
    for each in asked:
        if "/static/" in each:
            attempts.record("a file of a later page", succeeded=each not in first)


async def test_a_report_that_staff_enter_leaves_nothing(
    point: Point, profile: Profile, attempts: Attempts
) -> None:
    words = Words()
    login = await point.gateway.person(Role.STAFF_ENTRY)
    async with profile.opened(point.url) as page:
        await begin_entry(page, TOWN, login)
        await page.locator("#field-description").press_sequentially(words.write("story"))
        await page.get_by_label("Adres of plek").fill(words.write("address", 16))
        await page.get_by_label("Wat viel u als eerste op?").fill(words.write("answer", 40))
        await page.get_by_label("Ja, zelf gezien").check()
        await words.note_key(page)
        await page.get_by_role("button", name="Opslaan", exact=True).click()
        await words.take_receipt(page)
    words.search(profile, attempts, "entered")
