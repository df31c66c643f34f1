"""What people do at the pages of the whole system: reporters with a receipt, handlers with a passphrase."""

from dataclasses import dataclass

from local.client import Caller
from local.demo import Person
from local.samples import lines_of, newest_line
from local.system import System
from playwright.async_api import Locator, Page, expect

CHECK, SEND = "Controleer mijn melding", "Verstuur mijn melding"
STORY = "Bij de loods van Ferdinand Quispelaar ruikt het al weken naar wiet."


@dataclass(frozen=True)
class Reported:
    """A report that was routed, and what its reporter keeps of it."""

    id: str
    receipt: str


def report(whole: System, story: str = STORY, neighbourhood: str = "Havenkwartier") -> Reported:
    """Send a report through the front door and wait until it is on the work list."""
    manager = front(whole).sign_in(person(whole, "amina"))
    known = set(lines_of(manager))
    answer = front(whole).report(
        {
            "signalType": "hennepteelt",
            "description": story,
            "answers": {"waargenomen": "zelf-waargenomen", "geur": "nee"},
            "neighbourhood": neighbourhood,
        }
    )
    return Reported(newest_line(manager, known)["id"], answer["receipt"])


def front(whole: System) -> Caller:
    """The front door as a program uses it."""
    return Caller(whole.gateway_url, whole.demo.first.code)


def person(whole: System, login: str) -> Person:
    """A demo account."""
    return whole.demo.first.person(login)


def path(whole: System, rest: str = "") -> str:
    """An address below the municipality."""
    return f"/{whole.demo.first.code}{rest}"


async def sign_in(page: Page, whole: System, login: str = "noor") -> None:
    """Sign in by the form, unless another page led there already."""
    who = person(whole, login)
    if "/aanmelden" not in page.url:
        await page.goto(path(whole, "/aanmelden"))
    await page.get_by_label("Inlognaam").fill(who.login)
    await page.get_by_label("Wachtwoord").fill(who.password)
    await page.get_by_role("button", name="Aanmelden").click()
    await expect(page.get_by_role("button", name="Afmelden")).to_be_visible()
    await at_rest(page)


async def at_rest(page: Page) -> None:
    """Wait until the scripts of a page that a button led to have run.

    They move what is below them: of a click that falls in between, the button hears nothing.
    """
    await page.wait_for_load_state("load")


async def check(page: Page) -> None:
    """Go from the questions to the check."""
    await page.get_by_role("button", name=CHECK).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Controleer uw melding")
    await at_rest(page)


async def check_and_send(page: Page) -> None:
    """Go from the questions to the receipt."""
    await check(page)
    await send(page)


async def send(page: Page) -> None:
    """Go from the check to the receipt."""
    await page.get_by_role("button", name=SEND).click()
    await expect(page.locator("#receipt")).to_be_visible()
    await at_rest(page)


async def unlock(page: Page, passphrase: str | None) -> None:
    """Open the sealed content with a passphrase; the page tells how it went."""
    await page.get_by_label("Uw wachtzin").fill(str(passphrase))
    await page.get_by_role("button", name="Open de melding").click()


async def open_mailbox(page: Page, whole: System, receipt: str) -> None:
    """Fill in a receipt at the mailbox."""
    await page.goto(path(whole, "/postvak"))
    await page.get_by_label("Uw code").fill(receipt)
    await page.get_by_role("button", name="Open mijn postvak").click()


async def comes(wanted: Locator, seconds: float = 3) -> bool:
    """Whether this is on the page, or comes soon: what is sealed is opened after the page around it."""
    try:
        await expect(wanted.first).to_be_visible(timeout=seconds * 1000)
    except AssertionError:
        return False
    return True
