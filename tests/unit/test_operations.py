"""What the operations port says while a part has trouble."""

import httpx
import pytest
from common.messaging.consumer import Consumer
from common.messaging.relay import Relay
from common.messaging.waiting import WaitingRoom
from common.operations import operations_app


class Part:
    """A part as the runtime knows it."""

    def __init__(self, name: str, trouble: str | None, *, is_background: bool = False) -> None:
        self.name, self.trouble, self.is_background = name, trouble, is_background


async def _answers(*parts: Part) -> dict[str, httpx.Response]:
    transport = httpx.ASGITransport(operations_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://operations") as client:
        return {path: await client.get(f"/{path}") for path in ("livez", "readyz", "servez", "metrics")}


async def test_without_trouble_all_is_well() -> None:
    found = await _answers(Part("writer", None))
    assert {each.status_code for each in found.values()} == {200}


async def test_a_broker_that_is_away_is_told_but_requests_are_still_served() -> None:
    found = await _answers(
        Part("relay", "no channel to the broker", is_background=True), Part("writer", None)
    )
    assert {path: each.status_code for path, each in found.items()} == {
        "livez": 200,
        "readyz": 503,
        "servez": 200,
        "metrics": 200,
    }
    assert found["readyz"].json()["troubles"] == {"relay": "no channel to the broker"}
    assert 'vermoeden_trouble{part="relay"} 1.0' in found["metrics"].text
    assert 'vermoeden_trouble{part="writer"} 0.0' in found["metrics"].text


async def test_trouble_that_stops_requests_is_told_to_who_sends_them() -> None:
    found = await _answers(Part("writer", "the queue is full"))
    assert found["servez"].status_code == 503
    assert found["servez"].json()["troubles"] == {"writer": "the queue is full"}


@pytest.mark.parametrize("part", [Relay, Consumer, WaitingRoom])
def test_messaging_is_in_the_background(part: type) -> None:
    assert part.is_background  # type: ignore[attr-defined]
