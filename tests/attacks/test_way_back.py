"""Who comes to the reporter's device while the tab still lives: Back, Forward and Reload, or a program.

What they see of a report that was sent: nothing, but for its receipt for a short while.
"""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from common.receipt import derive_receipt
from playwright.async_api import Error, Page, expect

from tests.support.attempts import Attempts
from tests.support.backing import Backing
from tests.support.desk import CHECK, at_rest, send
from tests.support.disk import Profile, canary
from tests.support.reporter import begin, receipt_on
from tests.support.reporting_point import PAGED_TOWN, TOWN, Point, reporting_point

HTML = {"Accept": "text/html"}
ANSWERS = {"type": "hennepteelt", "q-waargenomen": "zelf-waargenomen"}
STEPS = ("ask", "next", "back", "check", "check:what", "send", "onzin", "")
ENTERED = {**ANSWERS, "channel": "telefoon"}
ENTRY_STEPS = ("ask", "mail", "check", "send", "send_next", "")
NEXT, STORY, SEEN = "Volgende", "Vertel wat u zag", "Ja, zelf gezien"
SENT, STORED = "al verstuurd", "al opgeslagen"


@pytest_asyncio.fixture(scope="module")
async def point(backing: Backing) -> AsyncIterator[Point]:
    """The public pages with a real intake behind them."""
    async with reporting_point(backing) as started:
        yield started


@pytest.fixture(autouse=True)
def _on_time(point: Point) -> None:
    """Each test begins at the present."""
    point.intake.clock.moved *= 0


def shown(page: str, words: dict[str, str]) -> set[str]:
    """Which of these words stand in a page."""
    plain = re.sub(r"<wbr>|<[^>]*>|-|\s", "", unescape(page)) + unescape(page)
    return {name for name, word in words.items() if word in plain or word.replace("-", "") in plain}


class Tab:
    """A form as a browser sends it, step by step."""

    def __init__(self, point: Point, path: str, headers: dict[str, str] | None = None) -> None:
        self._point, self._path, self._headers = point, path, {**HTML, **(headers or {})}
        key = secrets.token_urlsafe(24)
        self.words = {"text": canary(), "address": canary(16)}
        self.form = {"key": key, "description": self.words["text"], "address": self.words["address"]}
        self.receipt = derive_receipt(key.encode())

    async def send(self, step: str, **more: str) -> tuple[int, str]:
        """The status and the page that answer a step."""
        body = {**self.form, **more, "step": step}
        async with self._point.gateway.client.post(self._path, data=body, headers=self._headers) as answer:
            return answer.status, await answer.text()

    async def shows(self, step: str, **more: str) -> set[str]:
        """What a step shows of the report."""
        return shown((await self.send(step, **more))[1], {**self.words, "receipt": self.receipt})


async def public(point: Point, town: str) -> Tab:
    """A report that was sent."""
    tab = Tab(point, f"/{town}/melden")
    tab.form |= ANSWERS
    status, page = await tab.send("send")
    assert (status, shown(page, {"receipt": tab.receipt})) == (201, {"receipt"})
    return tab


async def entered(point: Point) -> Tab:
    """A report that staff stored."""
    tab = Tab(point, f"/{TOWN}/invoeren", await point.gateway.signed_in(Role.STAFF_ENTRY))
    tab.form |= {**ENTERED, "csrf_token": tab._headers["X-CSRF-Token"]}
    status, page = await tab.send("send_next")
    assert (status, shown(page, {"receipt": tab.receipt})) == (201, {"receipt"}), page
    return tab


@pytest.mark.parametrize("town", [TOWN, PAGED_TOWN])
async def test_no_step_shows_a_report_that_was_sent(point: Point, attempts: Attempts, town: str) -> None:
    tab = await public(point, town)
    for when in ("at once", "later"):
        for step in STEPS:
            for more in (
                {},
                {"description": f"{tab.words['text']} en meer"},
                {"hide_more": "-"},
                {"type": ""},
            ):
                found = await tab.shows(step, **more)
                if step == "send" and when == "at once":
                    found -= {"receipt"}
                attempts.record(f"step {step or 'none'} {when}", succeeded=bool(found))
        point.intake.clock.move(minutes=21)
    assert await point.intake.count() >= 1


async def test_no_step_shows_a_report_that_staff_stored(point: Point, attempts: Attempts) -> None:
    tab = await entered(point)
    for when in ("at once", "later"):
        for step in ENTRY_STEPS:
            for more in ({}, {"pasted": tab.words["text"]}, {"type": ""}, {"csrf_token": "x"}):
                found = await tab.shows(step, **more)
                if step.startswith("send") and when == "at once":
                    found -= {"receipt"}
                attempts.record(f"entry, step {step or 'none'} {when}", succeeded=bool(found))
        point.intake.clock.move(minutes=21)


async def test_who_reloads_at_once_keeps_the_receipt_and_later_is_told_what_to_do(point: Point) -> None:
    tab, desk = await public(point, TOWN), await entered(point)
    point.intake.clock.move(minutes=5)
    for each in (tab, desk):
        status, page = await each.send("send")
        assert (status, shown(page, {"receipt": each.receipt})) == (201, {"receipt"})
    before = await point.intake.count()
    point.intake.clock.move(minutes=16)
    for each, said in ((tab, SENT), (desk, STORED)):
        status, page = await each.send("send")
        assert (status, said in page) == (410, True)
    assert await point.intake.count() == before


async def test_what_was_not_stored_is_never_taken_for_sent(point: Point) -> None:
    tab = Tab(point, f"/{TOWN}/melden")
    tab.form |= ANSWERS
    assert await tab.shows("check") == {"text", "address"}
    elsewhere = Tab(point, f"/{PAGED_TOWN}/melden")
    elsewhere.form |= {**tab.form}
    assert (await tab.send("send"))[0] == 201
    assert (await elsewhere.send("check"))[0] == 200  # another municipality knows nothing of it
    await point.intake.shut()
    try:
        status, page = await tab.send("send")
        assert (status, shown(page, tab.words)) == (503, {"text", "address"})  # it cannot be told now
    finally:
        await point.intake.open()


async def test_only_the_pages_can_ask_whether_a_key_was_spent(point: Point, attempts: Attempts) -> None:
    tab = await public(point, TOWN)
    staff = await point.gateway.signed_in(*Role)
    for headers in ({}, staff):
        for path in ("/internal/v1/reports/_sent", "/api/v1/reports/_sent", "/api/internal/v1/reports/_sent"):
            async with point.gateway.client.post(
                path, headers={**headers, "Idempotency-Key": tab.form["key"]}
            ) as answer:
                told = await answer.text()
            attempts.record("asked from outside", succeeded="isSent" in told or answer.ok)


@pytest.mark.parametrize("town", [TOWN, PAGED_TOWN], ids=["all on a page", "one question a page"])
async def test_back_forward_and_reload_show_nothing_without_script(
    point: Point, tmp_path: Path, attempts: Attempts, town: str
) -> None:
    words = {"story": canary()}
    async with Profile(tmp_path / "profile").opened(point.url, java_script_enabled=False) as page:
        await _report(page, town, words)
        reload = await _again(page, page.reload)
        assert shown(reload, words) == {"receipt"}, "a reload at once loses nothing"
        for move in ("back", "back", "back", "forward", "forward", "forward"):
            seen = await _again(page, _moves(page)[move])
            attempts.record(f"{move}, at once", succeeded=bool(shown(seen, words) - {"receipt"}))
        point.intake.clock.move(minutes=21)
        for move in ("reload", "back", "back", "back", "forward", "forward", "forward", "reload"):
            seen = await _again(page, _moves(page)[move])
            attempts.record(f"{move}, later", succeeded=bool(shown(seen, words)))
        await expect(page.get_by_role("heading", level=1)).to_contain_text(SENT)


@pytest.mark.parametrize("town", [TOWN, PAGED_TOWN], ids=["all on a page", "one question a page"])
@pytest.mark.parametrize("first", ["back", "reload", "home"])
async def test_back_forward_and_reload_show_nothing(
    point: Point, tmp_path: Path, attempts: Attempts, town: str, first: str
) -> None:
    """With script no form is in the history: who leaves the receipt, as the browser asks, begins anew."""
    words = {"story": canary()}
    async with Profile(tmp_path / "profile").opened(point.url) as page:
        await _report(page, town, words)
        assert shown(await _content(page), words) == {"receipt"}
        for move in (first, "back", "back", "forward", "forward", "forward", "reload", "back"):
            await _moves(page)[move]()
            await expect(page.locator("#receipt")).to_have_count(0)
            attempts.record(f"{move}, after {first}", succeeded=bool(shown(await _content(page), words)))


def _moves(page: Page) -> dict[str, Callable[[], Awaitable[Any]]]:
    return {
        "reload": page.reload,
        "back": page.go_back,
        "forward": page.go_forward,
        "home": lambda: page.goto(f"/{TOWN}"),
    }


async def _report(page: Page, town: str, words: dict[str, str]) -> None:
    """Send a report, and note what must not be seen again."""
    await begin(page, "anders", town)
    words["key"] = await page.locator("input[name=key]").first.input_value()
    while await page.get_by_role("button", name=CHECK).or_(page.get_by_role("button", name=NEXT)).count():
        for label, text in ((STORY, words["story"]), ("Wat viel u als eerste op?", "De geur.")):
            if await page.get_by_label(label).count():
                await page.get_by_label(label).fill(text)
        if await page.get_by_label(SEEN).count():
            await page.get_by_label(SEEN).check()
        async with page.expect_navigation():
            await page.get_by_role("button", name=CHECK).or_(page.get_by_role("button", name=NEXT)).click()
        await at_rest(page)
    await send(page)
    words["receipt"] = (await receipt_on(page)).replace("-", "")


async def _again(page: Page, move: Callable[[], Awaitable[Any]]) -> str:
    """What a move shows; where Chromium asks first whether to send the form again, after that was said."""
    try:
        await move()
    except Error as error:
        if "ERR_CACHE_MISS" not in str(error):
            raise
        await page.wait_for_url("chrome-error://**")
        await page.reload()
    return await _content(page)


async def _content(page: Page) -> str:
    """The page with what stands in its fields, once it is at rest; another one may come meanwhile."""
    try:
        await at_rest(page)
        fields = await page.locator("input, textarea").all()
        typed = [await field.input_value() for field in fields]
        return await page.content() + " ".join(typed)
    except Error as error:
        if not any(said in str(error) for said in ("navigating", "context was destroyed")):
            raise
        return await _content(page)
