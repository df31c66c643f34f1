"""What a reporter does at the form."""

from common.receipt import parse_receipt
from playwright.async_api import Locator, Page, expect

from tests.support.desk import at_rest, check_and_send
from tests.support.gateway import PASSWORD

STORY = "Het ruikt al weken naar wiet bij de loods."


def group(page: Page, name: str) -> Locator:
    """The question with this label."""
    return page.get_by_role("group", name=name)


async def begin(page: Page, signal_type: str, place: str) -> None:
    """Choose what it is about, at the form of this municipality."""
    await page.goto(f"/{place}/melden")
    await page.locator(f"button[value={signal_type}]").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Melden:")
    await at_rest(page)


async def begin_entry(page: Page, place: str, login: str) -> None:
    """Sign in for a form that staff fill in for who rang them up, and choose what it is about."""
    await page.goto(f"/{place}/invoeren")
    await page.get_by_label("Inlognaam").fill(login)
    await page.get_by_label("Wachtwoord").fill(PASSWORD)
    await page.get_by_role("button", name="Aanmelden").click()
    await page.get_by_label("Waar gaat het over").select_option("anders")
    await page.get_by_label("Telefoon", exact=True).check()


async def fill_least(page: Page) -> None:
    """Answer what must be answered of the type `anders`."""
    await page.get_by_label("Vertel wat u zag").fill(STORY)
    await page.get_by_label("Wat viel u als eerste op?").fill("De geur.")
    await page.get_by_label("Ja, zelf gezien").check()


async def send(page: Page) -> str:
    """Check and send; the receipt, which must be a true one."""
    await check_and_send(page)
    return await receipt_on(page)


async def receipt_on(page: Page) -> str:
    """The receipt that the page shows, which must be a true one."""
    code = page.locator("#receipt")
    await expect(code).to_be_visible()
    return parse_receipt(await code.inner_text())


async def tab_to(page: Page, target: Locator, most: int = 200) -> None:
    """Press Tab until this has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"not reached by keyboard: {target}")
