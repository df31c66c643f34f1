"""A municipality that takes reports by invitation: its form asks the code, and tells what became of it."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from common.errors import TooMuch

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Running, Upstream, running_gateway
from tests.unit.test_gateway_form import FORMS, KEY
from tests.unit.test_gateway_invitations import Clock

LONG = "Bij de loods staat vaak een busje. " * 50 + "Al weken."
FORM = {"key": KEY, "type": "test", "description": "Er klopt iets niet.", "reporter_kind": "inwoner"}
FIELD = 'id="field-invitation"'


FILES = {"maxCount": 3, "maxPhotoBytes": 1_000, "maxPdfBytes": 1_000, "mediaTypes": ["image/jpeg"]}


async def _forms(_: web.Request) -> web.Response:
    told = FORMS.model_dump(by_alias=True, mode="json")
    return web.json_response({**told, "whoMayReport": "invited", "files": FILES})


async def _file(request: web.Request) -> web.Response:
    await request.read()
    assert all(value.isprintable() for value in request.headers.values())
    if request.headers.get("Invitation-Code") != "GOEDE-CODE":
        return web.json_response({"code": "invitation-refused"}, status=403)
    errors = [{"message": f"Signal-Type is {request.headers['Signal-Type']!r}"}]
    return web.json_response({"code": "malformed", "errors": errors}, status=400)


async def _words(request: web.Request) -> web.Response:
    told = {"fields": [{"pointer": "/description", "spans": []}], "isDoubtful": False, "notFound": []}
    assert "invitation" not in await request.text()
    assert ("Network-Mark" in request.headers) == (LONG in await request.text())
    return web.json_response(told)


async def _report(request: web.Request) -> web.Response:
    code = request.headers.get("Invitation-Code")
    assert "invitation" not in await request.text()
    assert ("Network-Mark" in request.headers) == (LONG in await request.text())
    if code != "GOEDE-CODE":
        return web.json_response({"code": "invitation-refused"}, status=403)
    return web.json_response({"receipt": "A-B", "urgency": "normaal", "safetyTip": ""}, status=201)


@pytest_asyncio.fixture
async def running(backing: Backing) -> AsyncIterator[Running]:
    app = web.Application()
    app.router.add_get("/api/v1/signal-types", _forms)
    app.router.add_post("/api/v1/anonymisations", _words)
    app.router.add_post("/api/v1/reports", _report)
    app.router.add_post("/api/v1/attachments", _file)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    urls = await service_database(backing, "gateway")
    intake_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with running_gateway(urls, Upstream("http://127.0.0.1:1"), intake_url=intake_url) as started:
            yield started
    finally:
        await runner.cleanup()


async def post(running: Running, *, file: bytes | None = None, **fields: str) -> tuple[int, str]:
    data: Any = {**FORM, **fields}
    if file is not None:
        data = aiohttp.FormData(data)
        data.add_field("files", file, filename="foto.jpg", content_type="image/jpeg")
    headers = {"Accept": "text/html"}
    async with running.client.post("/veldstad/melden", data=data, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_the_code_is_asked_first_and_travels_as_a_header_only(running: Running) -> None:
    status, page = await post(running, step="ask")
    assert (status, FIELD in page) == (200, True)
    status, page = await post(running, step="check")
    assert (status, "Vul de code in" in page) == (400, True)
    status, page = await post(running, step="check", invitation=" GOEDE-CODE ")
    assert (status, "Controleer uw melding" in page) == (200, True)
    assert page.count("GOEDE-CODE") == 1, "carried along, and shown nowhere"
    status, page = await post(running, step="send", invitation=" GOEDE-CODE ")
    assert (status, 'id="receipt"' in page) == (201, True)


async def test_a_long_report_by_form_carries_the_mark_of_its_network(running: Running) -> None:
    for step, accepted in (("check", 200), ("send", 201)):
        status, _ = await post(running, step=step, invitation="GOEDE-CODE", description=LONG)
        assert status == accepted


async def test_a_code_that_does_not_work_is_told_at_its_field_and_nothing_is_lost(running: Running) -> None:
    for wrong in ("VERLOPEN", "é", "a\r\nX: y"):
        status, page = await post(running, step="send", invitation=wrong)
        assert status in {400, 403}
        assert 'href="#field-invitation"' in page
        assert "Er klopt iets niet." in page


async def test_what_cannot_stand_in_a_header_is_no_type_and_no_code(running: Running) -> None:
    status, page = await post(running, file=b"x", step="ask", type="te\nst", invitation="GOEDE-CODE")
    assert (status, "Kies" in page) == (400, True)
    status, page = await post(running, file=b"x", step="ask", invitation="GOEDE\r\nX: y")
    assert (status, "Er klopt iets niet." in page) == (400, True)
    status, page = await post(running, file=b"x", step="ask", invitation="GOEDE-CODE")
    assert (status, "Signal-Type is &#39;test&#39;" in page) == (400, True)


async def test_guessing_a_code_by_a_file_is_slowed_down_as_any_other(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(running.front.invitations, "_clock", clock)
    for _ in range(59):
        async with running.front.invitations.trying("127.0.0.1", "RADEN") as attempt:
            attempt.ends(403)
    await post(running, file=b"x", step="ask", invitation="RADEN")
    clock.now -= 5  # so that only the sixtieth guess makes the next one wait too long
    with pytest.raises(TooMuch):
        async with running.front.invitations.trying("127.0.0.1", "RADEN"):
            pass
    status, page = await post(running, file=b"x", step="ask", invitation="GOEDE-CODE")
    assert (status, "Signal-Type" in page) == (400, False), "no longer passed on for now"
