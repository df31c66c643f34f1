"""Routes that take more than 1 MiB: piece by piece, in time, and a few at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from common.auth import Identity
from common.errors import AppError, Unavailable
from common.provision import DatabaseUrls
from gateway.bodies import TooSlowBody
from gateway.domain.routes import Route, RouteTable
from gateway.passthrough import Passthrough
from structlog.testing import capture_logs

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Running, running_gateway, running_upstream

_TABLE = RouteTable([Route("POST", "/api/v1/files", "intake", None, 4 * 1024 * 1024)])
_QUICK = {"upload_idle_seconds": 0.3, "upload_seconds": 1.0, "uploads_at_once": 1}


@pytest_asyncio.fixture(scope="module")
async def urls(backing: Backing) -> DatabaseUrls:
    """One database for this module."""
    return await service_database(backing, "gateway")


@pytest_asyncio.fixture
async def running(urls: DatabaseUrls) -> AsyncIterator[Running]:
    """A gateway that waits briefly and takes one upload at a time."""
    async with running_upstream() as upstream, running_gateway(urls, upstream, **_QUICK) as gateway:
        yield gateway


class Sender:
    """The browser's side of one upload."""

    def __init__(self, *parts: bytes, pause_seconds: float = 0.0, ends: bool = True) -> None:
        self._parts = list(parts)
        self._pause_seconds = pause_seconds
        self._ends = ends
        self.heard: list[Any] = []

    async def receive(self) -> Any:
        """The next piece, after a pause; nothing more after the last."""
        await asyncio.sleep(self._pause_seconds)
        if self._parts:
            body = self._parts.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self._parts) or not self._ends}
        return await asyncio.get_running_loop().create_future()

    async def send(self, message: Any) -> None:
        """Keep what the gateway says."""
        self.heard.append(message)


async def _upload(passing: Passthrough, sender: Sender, **more: Any) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/files",
        "query_string": b"",
        "headers": [(b"transfer-encoding", b"chunked")],
        **more,
    }
    async with asyncio.timeout(10):
        await passing(scope, sender.receive, sender.send)


async def test_a_large_body_arrives_whole(running: Running) -> None:
    parts = [bytes([number]) * 100_000 for number in range(30)]
    sender = Sender(*parts)
    await _upload(Passthrough(running.front, _TABLE), sender)
    assert sender.heard[0]["status"] == 201
    assert running.upstream.seen[-1]["digest"] == sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize(
    "sender",
    [
        pytest.param(Sender(b"a", ends=False), id="stalls"),
        pytest.param(Sender(*[b"a"] * 100, pause_seconds=0.1), id="drips"),
    ],
)
async def test_a_slow_upload_is_given_up(running: Running, sender: Sender) -> None:
    with capture_logs() as logged, pytest.raises(TooSlowBody):
        await _upload(Passthrough(running.front, _TABLE), sender)
    assert "service.away" not in [line["event"] for line in logged]  # it was not the service that failed


async def test_uploads_are_few_at_once_and_the_slow_give_way(running: Running) -> None:
    passing = Passthrough(running.front, _TABLE)
    quick = [b"a" * 20_000] * 30
    first = asyncio.create_task(_upload(passing, Sender(*quick, pause_seconds=0.02)))
    await asyncio.sleep(0.1)
    await _upload(passing, Sender(b"a"))  # waits for the place
    assert first.done()
    await first
    with contextlib.suppress(AppError):
        await _upload(passing, Sender(b"a", ends=False))
    await _upload(passing, Sender(b"a"))


async def test_an_upload_that_trickles_gives_its_place_away(urls: DatabaseUrls) -> None:
    patient = {"upload_idle_seconds": 30, "upload_seconds": 60, "uploads_at_once": 1}
    async with running_upstream() as upstream, running_gateway(urls, upstream, **patient) as running:
        passing = Passthrough(running.front, _TABLE)
        slow = asyncio.create_task(_upload(passing, Sender(*[b"a" * 100] * 300, pause_seconds=0.1)))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(4):
            await _upload(passing, Sender(b"a"))
        with pytest.raises(TooSlowBody):
            await slow


async def test_a_place_that_is_worked_on_is_given_to_nobody(running: Running) -> None:
    scope = {"client": ("192.0.2.0/24", 0)}
    async with running.front.uploads.place(scope, Identity("veldstad")) as stay:
        stay.settle()
        with pytest.raises(Unavailable) as refused:
            await _upload(Passthrough(running.front, _TABLE), Sender(b"a"))
        assert "Retry-After" in refused.value.headers
        async with running.front.uploads.place(scope, Identity("veldstad", key_name="melder")):
            pass  # who is known has a place of their own


async def test_intake_can_tell_networks_apart_and_learns_none(running: Running) -> None:
    passing = Passthrough(running.front, _TABLE)
    headers = [(b"transfer-encoding", b"chunked"), (b"network-mark", b"mine")]
    marks = []
    for address in ("192.0.2.7", "192.0.2.8", "198.51.100.7"):
        await _upload(passing, Sender(b"a"), client=(address, 0), headers=headers)
        marks.append(running.upstream.seen[-1]["headers"]["network-mark"])
    assert marks[0] == marks[1] != marks[2]
    assert len({*marks, "mine"}) == 3
    known = Identity("veldstad", person=uuid4())
    assert running.front.uploads.marked({"client": ("192.0.2.7", 0)}, known) == {}


async def test_of_reports_only_a_long_one_tells_from_which_network_it_came(running: Running) -> None:
    for path in ("reports", "anonymisations"):
        marks = []
        for length in (1_400, 1_600):
            body = {"description": "a" * length}
            async with running.client.post(
                f"/api/v1/{path}", json=body, headers={"Network-Mark": "mine"}
            ) as answer:
                await answer.read()
            marks.append(running.upstream.seen[-1]["headers"].get("network-mark"))
        assert marks[0] is None
        assert (
            marks[1]
            == running.front.uploads.marked({"client": ("127.0.0.1", 0)}, Identity("veldstad"))[
                "Network-Mark"
            ]
        )
