"""A municipality that takes reports by invitation: its form asks the code, and tells what became of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from aiohttp import web

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Running, Upstream, running_gateway
from tests.unit.test_gateway_form import FORMS, KEY

FORM = {"key": KEY, "type": "test", "description": "Er klopt iets niet.", "reporter_kind": "inwoner"}
FIELD = 'id="field-invitation"'


async def _forms(_: web.Request) -> web.Response:
    return web.json_response({**FORMS.model_dump(by_alias=True, mode="json"), "whoMayReport": "invited"})


async def _words(request: web.Request) -> web.Response:
    told = {"fields": [{"pointer": "/description", "spans": []}], "isDoubtful": False, "notFound": []}
    assert "invitation" not in await request.text()
    return web.json_response(told)


async def _report(request: web.Request) -> web.Response:
    code = request.headers.get("Invitation-Code")
    assert "invitation" not in await request.text()
    if code != "GOEDE-CODE":
        return web.json_response({"code": "invitation-refused"}, status=403)
    return web.json_response({"receipt": "A-B", "urgency": "normaal", "safetyTip": ""}, status=201)


@pytest_asyncio.fixture
async def running(backing: Backing) -> AsyncIterator[Running]:
    app = web.Application()
    app.router.add_get("/api/v1/signal-types", _forms)
    app.router.add_post("/api/v1/anonymisations", _words)
    app.router.add_post("/api/v1/reports", _report)
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


async def post(running: Running, **fields: str) -> tuple[int, str]:
    data: dict[str, Any] = {**FORM, **fields}
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


async def test_a_code_that_does_not_work_is_told_at_its_field_and_nothing_is_lost(running: Running) -> None:
    for wrong in ("VERLOPEN", "é", "a\r\nX: y"):
        status, page = await post(running, step="send", invitation=wrong)
        assert status in {400, 403}
        assert 'href="#field-invitation"' in page
        assert "Er klopt iets niet." in page
