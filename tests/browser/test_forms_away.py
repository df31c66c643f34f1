"""What a browser shows while nobody ever told the gateway what to ask: plain, and trying again."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from playwright.async_api import Browser, Page, expect

from tests.support.backing import Backing
from tests.support.browser import check_accessible, visiting
from tests.support.databases import service_database
from tests.support.gateway import PASSWORD, Running, Upstream, running_gateway

FORM, ENTRY = "/veldstad/melden", "/veldstad/invoeren"
STORY = "Een beller zag 's nachts busjes bij de loods."
#: As the page of an entry sends it that was open while the gateway started anew.
_SEND = """([path, fields]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: path });
    for (const [name, value] of Object.entries(fields))
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    document.body.append(form);
    form.submit();
}"""


@pytest_asyncio.fixture(scope="module")
async def alone(backing: Backing) -> AsyncIterator[Running]:
    """A gateway that no service ever answered."""
    urls = await service_database(backing, "gateway")
    async with running_gateway(urls, Upstream("http://127.0.0.1:1")) as gateway:
        yield gateway


async def sign_in(page: Page, gateway: Running, path: str) -> None:
    login = await gateway.person(Role.STAFF_ENTRY)
    await page.goto(path)
    await page.get_by_label("Inlognaam").fill(login)
    await page.get_by_label("Wachtwoord").fill(PASSWORD)
    await page.get_by_role("button", name="Aanmelden").click()


@pytest.mark.parametrize(("query", "again"), [("", "Probeer het opnieuw"), ("?taal=en", "Try again")])
async def test_the_form_says_what_to_do_and_asks_again(
    browser: Browser, alone: Running, query: str, again: str
) -> None:
    async with visiting(browser, alone.url) as (page, _):
        await page.goto(FORM + query)
        await check_accessible(page, f"forms-away{query[-2:]}")
        async with page.expect_response(lambda answer: answer.url.endswith(FORM + query)) as answered:
            await page.get_by_role("link", name=again).click()
        assert (await answered.value).status == 503


async def test_an_entry_is_not_lost(browser: Browser, alone: Running) -> None:
    async with visiting(browser, alone.url) as (page, _):
        await sign_in(page, alone, ENTRY)
        await expect(page.get_by_role("heading", level=1)).to_have_text("U kunt nu even niet invoeren")
        await check_accessible(page, "entry-away")
        fields = {"type": "hennepteelt", "description": STORY, "channel": "telefoon", "step": "send"}
        await page.evaluate(_SEND, [ENTRY, fields])
        title = page.get_by_role("heading", level=1)
        await expect(title).to_have_text("De melding is nog niet opgeslagen")
        await expect(page.get_by_text(STORY)).to_be_visible()
        await check_accessible(page, "entry-unsaved")
        await page.get_by_role("button", name="Probeer het opnieuw").click()
        await expect(title).to_have_text("De melding is nog niet opgeslagen")
        assert await page.locator("input[name=description]").input_value() == STORY
        assert await page.locator("input[name=channel]").input_value() == "telefoon"
