"""A handler with a program asks the reporter something else than colleagues read: neither takes it."""

from typing import Any
from uuid import uuid4

import pytest
from common.questions import committed
from common.sealing import Context, decode, encode, seal_text
from local.client import Caller
from local.system import System
from playwright.async_api import Browser, expect

from tests.browser.test_handling import at_desk, case_of
from tests.support.browser import visiting
from tests.support.desk import Reported, comes, front, open_mailbox, person, report, unlock
from tests.support.polling import wait_until

ASKED, COPY = "Wat is uw naam en uw adres?", "Welke kleur had de bakfiets?"
SECOND = "Hoe laat was dat?"
REFUSED, WARNING = "zij is niet te vertrouwen", "Dit is niet de vraag die de melder kreeg"


def ask(handler: Caller, reported: Reported, asked: str, copy: str, digest: str) -> None:
    """Ask with two texts and a digest, as no page of ours would."""
    shown = handler.call("GET", f"/api/v1/reports/{reported.id}").require(200)
    question_id = str(uuid4())
    context = Context(handler.municipality, "question", question_id, "reporter")
    subject = f"{reported.id}/{question_id}"
    sealed_copy = handler._sealed(copy, shown["key"], "question-copy", subject)
    body: dict[str, Any] = {
        "version": shown["version"],
        "questionId": question_id,
        "digest": digest,
        "sealedQuestion": encode(seal_text(asked, decode(shown["reporterPublicKey"]), context)),
        "sealedCopy": sealed_copy.model_dump(mode="json", by_alias=True),
    }
    handler.call("POST", f"/api/v1/reports/{reported.id}/questions", body).require(201)


def taken(whole: System) -> tuple[Caller, Reported]:
    """A report that a handler took, who asks by program."""
    handler, reported = front(whole).sign_in(person(whole, "noor")), report(whole)
    handler.take(reported.id, 1)
    return handler, reported


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("is_bare", [True, False], ids=["as it is", "with a line before it"])
async def test_a_reporter_is_not_asked_what_colleagues_do_not_read(
    browser: Browser, whole: System, script: bool, is_bare: bool
) -> None:
    handler, reported = taken(whole)
    said, digest = committed(COPY)
    ask(handler, reported, ASKED if is_bare else committed(ASKED)[0], said, digest)
    async with visiting(browser, whole.gateway_url, java_script_enabled=script) as (page, _):

        async def is_asked() -> bool:
            await open_mailbox(page, whole, reported.receipt)
            return await comes(page.locator(".v-asked:visible"))

        await wait_until(is_asked, seconds=60)
        await expect(page.locator(".v-asked:visible")).to_contain_text(REFUSED)
        await expect(page.get_by_label("Uw antwoord")).to_have_count(0)
        await expect(page.get_by_text(ASKED)).to_have_count(0)


async def test_a_colleague_is_warned_of_a_copy_that_the_reporter_did_not_get(
    browser: Browser, whole: System
) -> None:
    handler, reported = taken(whole)
    said, digest = committed(ASKED)
    ask(handler, reported, said, committed(COPY)[0], digest)
    handler.ask(reported.id, COPY)  # and an honest one
    async with at_desk(browser, whole, "amina") as (page, _):
        await page.goto(case_of(whole, reported))
        await unlock(page, person(whole, "amina").passphrase)
        await expect(page.locator("#questions [data-question]", has_text=WARNING)).to_have_count(1)
        await expect(page.locator("#questions [data-question]", has_text=COPY)).to_have_count(1)
        await expect(page.locator("#questions").get_by_text(ASKED)).to_have_count(0)
        await page.get_by_label("Stel een vraag").fill(SECOND)
        await page.get_by_role("button", name="Verstuur de vraag").click()
        await expect(page.locator("#questions [data-question]", has_text=SECOND)).to_have_count(1)

    async def is_read() -> bool:
        read = front(whole).read_mailbox(reported.receipt)["questions"]
        return SECOND in [question["text"] for question in read]

    await wait_until(is_read, seconds=60)
