"""The form and the entry page when intake never told what to ask: said plainly, and nothing lost."""

import re
from collections.abc import AsyncIterator
from html import unescape

import aiohttp
import pytest
import pytest_asyncio
from common.contracts.codes import Role

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.files import photo
from tests.support.gateway import Running, Upstream, running_gateway
from tests.support.reporting_point import reporting_point

HTML = {"Accept": "text/html"}
FORM, ENTRY = "/veldstad/melden", "/veldstad/invoeren"
NOBODY = "http://127.0.0.1:1"
STORY = "Een beller zag 's nachts <busjes> bij de loods."
FILLED = {
    "type": "hennepteelt",
    "description": STORY,
    "q-geur": "nee",
    "channel": "telefoon",
    "received_on": "2026-11-24",
    "received_at": "14:30",
    "pasted": "Beste gemeente,\n\nEr staan busjes.",
    "name": "Teun Dijkzicht",
}
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@pytest_asyncio.fixture(scope="module")
async def alone(backing: Backing) -> AsyncIterator[Running]:
    """A gateway that no service ever answered."""
    urls = await service_database(backing, "gateway")
    async with running_gateway(urls, Upstream(NOBODY)) as gateway:
        yield gateway


def whole_form(**more: str) -> aiohttp.FormData:
    """What staff filled in, with a photo and a mail."""
    form = aiohttp.FormData()
    for name, value in {**FILLED, **more}.items():
        form.add_field(name, value)
    form.add_field("files", photo(), filename="loods.jpg", content_type="image/jpeg")
    form.add_field("mail", b"Subject: x\n\ntekst", filename="x.eml", content_type="message/rfc822")
    return form


def hidden(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in _HIDDEN.findall(page)}


@pytest.mark.parametrize(
    ("language", "path", "said"),
    [
        ("nl", FORM, "U kunt nu even niet melden"),
        ("en", FORM, "You cannot report for a moment"),
        ("nl", ENTRY, "U kunt nu even niet invoeren"),
        ("en", ENTRY, "You cannot enter a report for a moment"),
    ],
)
async def test_a_form_that_was_never_told_says_what_to_do_meanwhile(
    alone: Running, language: str, path: str, said: str
) -> None:
    staff = await alone.signed_in(Role.STAFF_ENTRY)
    headers = {**HTML, **staff, "Cookie": f"{staff['Cookie']}; taal={language}"}
    async with alone.client.get(path, headers=headers) as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type) == (503, "text/html")
        assert int(answer.headers["Retry-After"]) > 0
    assert f'<html lang="{language}"' in page
    assert said in page
    assert 'href=""' in page  # the page itself, once more
    assert "112" in page


@pytest.mark.parametrize(("path", "code"), [(FORM, "forms-away"), (ENTRY, "entry-away")])
async def test_a_program_hears_the_same_as_a_problem(alone: Running, path: str, code: str) -> None:
    staff = await alone.signed_in(Role.STAFF_ENTRY)
    async with alone.client.get(path, headers={**staff, "Accept": "application/json"}) as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert (await answer.json())["code"] == code


@pytest.mark.parametrize("path", [FORM, ENTRY])
@pytest.mark.parametrize("has_files", [True, False])
async def test_what_was_filled_in_is_shown_and_carried_along(
    alone: Running, path: str, *, has_files: bool
) -> None:
    staff = await alone.signed_in(Role.STAFF_ENTRY)
    form = whole_form(step="check") if has_files else {**FILLED, "step": "check"}
    async with alone.client.post(path, data=form, headers={**HTML, **staff}) as answer:
        page = await answer.text()
        assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    lost = {"channel", "received_on", "received_at", "pasted"} if path == FORM else set()
    carried = hidden(page)
    assert {name: carried.get(name) for name in FILLED if name not in lost} == {
        name: value for name, value in FILLED.items() if name not in lost
    }
    assert "<busjes>" not in page
    assert "&lt;busjes&gt;" in page


async def test_an_entry_goes_on_where_it_was_when_the_questions_are_back(backing: Backing) -> None:
    async with reporting_point(backing) as point:
        staff = {**HTML, **await point.gateway.signed_in(Role.STAFF_ENTRY)}
        await point.intake.shut()
        async with point.gateway.client.post(ENTRY, data=whole_form(step="send"), headers=staff) as answer:
            carried = hidden(await answer.text())
        await point.intake.open()
        async with point.gateway.client.post(ENTRY, data={**carried, "step": "ask"}, headers=staff) as answer:
            page = await answer.text()
            assert answer.status == 200, page
        for text in (STORY, FILLED["pasted"], "14:30"):
            assert text in unescape(page)
        assert hidden(page)["key"] == carried["key"]
        assert await point.intake.count() == 0
