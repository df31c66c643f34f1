"""A handler reads a report beside the form that its reporter saw, whatever the form became."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp import web
from common.auth import Identity, IdentityVerifier
from common.contracts.codes import Role
from common.errors import Unavailable
from gateway.pages.questions import FormsSource

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import PUBLIC_KEY, Running, Upstream, running_gateway
from tests.support.identities import staff


def _form(version: int) -> dict[str, object]:
    question = {
        "code": "geur",
        "label": f"Geur, versie {version}?",
        "kind": "keuze",
        "options": ["vaak"],
        "optionLabels": {"vaak": "Heel vaak"},
    }
    kind = {"code": "test", "name": "Test", "description": "Test.", "questions": [question]}
    return {"version": version, "signalType": kind, "generalQuestions": []}


async def _narrowed(request: web.Request) -> web.Response:
    """As intake: an API key is shown the types to which it is bound."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    who = IdentityVerifier("intake", {"k1": PUBLIC_KEY}).verify(token)
    types = [
        {"code": code, "name": code, "description": code}
        for code in ("hennepteelt", "drugslab")
        if who.signal_types is None or code in who.signal_types
    ]
    kinds = [who.reporter_kind] if who.reporter_kind else ["inwoner", "boa"]
    return web.json_response({"version": 1, "signalTypes": types, "reporterKinds": kinds})


@pytest_asyncio.fixture
async def running(backing: Backing) -> AsyncIterator[tuple[Running, list[str]]]:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        version = int(request.match_info["version"])
        return web.json_response(_form(version)) if version < 9 else web.json_response({}, status=404)

    app = web.Application()
    app.router.add_get("/api/v1/signal-types/test/versions/{version}", answer)
    app.router.add_get("/api/v1/signal-types", _narrowed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    urls = await service_database(backing, "gateway")
    intake_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with running_gateway(urls, Upstream("http://127.0.0.1:1"), intake_url=intake_url) as started:
            yield started, asked
    finally:
        await runner.cleanup()


async def test_each_version_is_asked_once_and_kept(running: tuple[Running, list[str]]) -> None:
    gateway, asked = running
    source = FormsSource(gateway.front.services)
    handler: Identity = staff(municipality="veldstad")
    for version in (1, 2, 1, 2, 1):
        found = await source.forms_then(handler, "test", version)
        kind = found.find("test")
        assert kind is not None
        assert kind.questions[0].label == f"Geur, versie {version}?"
        assert kind.questions[0].option_labels == {"vaak": "Heel vaak"}
    assert len(asked) == 2


async def test_a_version_that_cannot_be_read_is_no_reason_to_fail(
    running: tuple[Running, list[str]],
) -> None:
    gateway, _ = running
    with pytest.raises(Unavailable):
        await FormsSource(gateway.front.services).forms_then(staff(municipality="veldstad"), "test", 9)


@pytest.mark.parametrize("role", [Role.STAFF_ENTRY, Role.EXPORT])
async def test_what_a_bound_key_is_asked_is_shown_to_nobody_else(
    running: tuple[Running, list[str]], role: Role
) -> None:
    source = FormsSource(running[0].front.services)
    free = Identity("veldstad", key_name="vrij", roles=frozenset({role}))
    bound = replace(free, key_name="gebonden", signal_types=frozenset({"drugslab"}), reporter_kind="boa")
    others = (staff(municipality="veldstad"), Identity("veldstad"), free)
    for _ in range(2):
        narrow = await source.forms(bound)
        assert [each.code for each in narrow.signal_types] == ["drugslab"]
        assert narrow.reporter_kinds == ("boa",)
        for other in others:
            seen = await source.forms(other)
            assert [each.code for each in seen.signal_types] == ["hennepteelt", "drugslab"]
            assert seen.reporter_kinds == ("inwoner", "boa")
