"""Who takes the disk after Back, Forward, Reload or a lost connection: no form is in the history.

The page of an error keeps the body of the POST that failed, and no mark that holds a form off the disk. So
with script no form is a navigation; without it that cannot be helped, and the pages say so.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from playwright.async_api import Error, Page, expect

from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.desk import CHECK, SEND, at_rest, check, send
from tests.support.disk import Profile, canary
from tests.support.reporter import begin, begin_entry
from tests.support.reporting_point import PAGED_TOWN, TOWN, Point, reporting_point

Words = dict[str, str]
Moves = Callable[[Page], Awaitable[None]]
#: How long a browser takes at most to write its session down.
_WRITTEN_MS = 3_000


@pytest_asyncio.fixture(scope="module")
async def point(backing: Backing) -> AsyncIterator[Point]:
    """The public pages with a real intake behind them."""
    async with reporting_point(backing) as started:
        yield started


async def back(page: Page) -> None:
    """Press Back, and see what comes, also when it is the browser's own page."""
    with suppress(Error):
        await page.go_back(wait_until="commit")
    await page.wait_for_timeout(_WRITTEN_MS)


async def forward(page: Page) -> None:
    """Press Forward."""
    with suppress(Error):
        await page.go_forward(wait_until="commit")
    await page.wait_for_timeout(_WRITTEN_MS)


async def again(page: Page) -> None:
    """Reload, also where the browser asks whether to send a form again."""
    with suppress(Error):
        await page.reload()
    await page.wait_for_timeout(_WRITTEN_MS)


async def home(page: Page) -> None:
    """Go elsewhere."""
    await page.goto(f"/{TOWN}")


async def away(page: Page) -> None:
    """The connection is gone."""
    await page.context.set_offline(True)


async def there(page: Page) -> None:
    """The connection is back."""
    await page.context.set_offline(False)


def press(name: str) -> Moves:
    """Press a button whose answer may never come."""

    async def pressed(page: Page) -> None:
        with suppress(Error):
            await page.get_by_role("button", name=name, exact=True).click(no_wait_after=True, timeout=5_000)
        await page.wait_for_timeout(_WRITTEN_MS)

    return pressed


async def sent(page: Page) -> None:
    """Check and send."""
    await check(page)
    await send(page)


WAYS: dict[str, tuple[Moves, ...]] = {
    "sent, Back": (sent, back),
    "sent, home, Back": (sent, home, back),
    "sent, home, Back, Reload, Back, Forward": (sent, home, back, again, back, forward),
    "sent, Reload": (sent, again),
    "sent, Back, Forward": (sent, back, forward),
    "checked, home, Back": (check, home, back),
    "checked, Back, Back, Back": (check, back, back, back),
    "no connection at the check": (away, press(CHECK)),
    "no connection at the check, Reload, Back": (away, press(CHECK), again, back),
    "no connection at Send, Reload": (check, away, press(SEND), again),
    "no connection at Send, later Reload": (check, away, press(SEND), there, again),
    "no connection at a step that proves nothing": (check, away, press("Wijzig mijn antwoorden"), again),
}
_ALWAYS = ("sent, Back", "sent, home, Back, Reload, Back, Forward", "checked, Back, Back, Back")


async def fill(page: Page, words: Words) -> None:
    """Begin a report and tell some of it."""
    await begin(page, "hennepteelt", TOWN)
    for name, label, length in (
        ("story", "Vertel wat u zag", 24),
        ("address", "Adres of plek", 16),
        ("mail", "Mailadres", 20),
    ):
        words[name] = canary(length)
        await page.get_by_label(label).press_sequentially(
            words[name] + ("@voorbeeld.example" if name == "mail" else "")
        )
    await page.get_by_label("Ja, zelf gezien").check()
    words["key of the receipt"] = await page.locator("input[name=key]").first.input_value()


def search(profile: Profile, words: Words, attempts: Attempts, when: str) -> None:
    """Look for each of these words in every file."""
    assert len(list(profile.files())) > 20, "this is no profile"
    finds = profile.finds(words)
    print(finds)  # shown when the test fails
    found = {each.name for each in finds}
    for name in words:
        attempts.record(f"{name}, {when}", succeeded=name in found)


@pytest.mark.parametrize("way", WAYS if IS_LONG else _ALWAYS)
async def test_no_way_through_the_history_puts_a_report_on_the_disk(
    point: Point, tmp_path: Path, attempts: Attempts, way: str
) -> None:
    profile, words = Profile(tmp_path / "profile"), Words()
    async with profile.opened(point.url) as page:
        await fill(page, words)
        for move in WAYS[way]:
            await move(page)
    search(profile, words, attempts, way)


async def test_no_question_of_a_paged_form_comes_to_the_disk(
    point: Point, tmp_path: Path, attempts: Attempts
) -> None:
    profile, words = Profile(tmp_path / "profile"), {"story": canary()}
    async with profile.opened(point.url) as page:
        await begin(page, "anders", PAGED_TOWN)
        await press("Volgende")(page)
        await page.get_by_label("Vertel wat u zag").press_sequentially(words["story"])
        words["key of the receipt"] = await page.locator("input[name=key]").first.input_value()
        await press("Volgende")(page)
        for move in (away, press("Volgende"), again, back, there, again, forward):
            await move(page)
    search(profile, words, attempts, "one question a page")


async def test_a_mistyped_password_comes_not_to_the_disk(
    point: Point, tmp_path: Path, attempts: Attempts
) -> None:
    profile, words = Profile(tmp_path / "profile"), {"password": canary()}
    async with profile.opened(point.url) as page:
        await page.goto(f"/{TOWN}/aanmelden")
        await page.get_by_label("Inlognaam").fill("iemand")
        await page.get_by_label("Wachtwoord").fill(words["password"])
        await page.get_by_role("button", name="Aanmelden").click()
        await expect(page.locator("#error-summary")).to_be_visible()
        for move in (home, back, again, away, press("Aanmelden"), again, home):
            with suppress(Error):
                await move(page)
    search(profile, words, attempts, "sign-in")


async def test_what_staff_enter_comes_not_to_the_disk(
    point: Point, tmp_path: Path, attempts: Attempts
) -> None:
    profile, words = Profile(tmp_path / "profile"), Words()
    login = await point.gateway.person(Role.STAFF_ENTRY)
    async with profile.opened(point.url) as page:
        await begin_entry(page, TOWN, login)
        words["story"], words["pasted"] = canary(), canary()
        await page.locator("#field-description").press_sequentially(words["story"])
        await page.get_by_text("Een mail overnemen").click()
        await page.locator("#field-pasted").fill(words["pasted"])
        words["key of the receipt"] = await page.locator("input[name=key]").first.input_value()
        await press("Bekijk wat wij verbergen")(page)
        await at_rest(page)
        for move in (away, press("Opslaan"), again, there, back, forward, home, back, again):
            with suppress(Error):
                await move(page)
    search(profile, words, attempts, "entry")
