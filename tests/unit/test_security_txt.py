"""Where to report a weakness (RFC 9116), served without database or services."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from common.auth import generate_identity_key
from common.db import Database
from common.sealing import encode
from gateway.api import create_api
from gateway.main import build_front
from gateway.settings import GatewaySettings

NOWHERE = "postgresql://nobody@127.0.0.1:9/nothing"


async def _asked(contact: str | None) -> httpx.Response:
    settings = GatewaySettings(
        database_web_url=NOWHERE,
        database_flow_url=NOWHERE,
        broker_url="amqp://nobody@127.0.0.1:9/",
        identity_private_key=encode(generate_identity_key()[0]),
        voucher_keys={},
        security_contact=contact,
    )
    database = Database.from_settings(settings)
    try:
        app = create_api(build_front(settings, database))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
            return await client.get("/.well-known/security.txt")
    finally:
        await database.close()


async def test_the_contact_is_served_with_an_end_date_within_a_year() -> None:
    answer = await _asked("mailto:security@waterdam.example")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert lines["Contact"] == "mailto:security@waterdam.example"
    left = datetime.fromisoformat(lines["Expires"]) - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=366)


@pytest.mark.parametrize("contact", [None, ""])
async def test_without_a_contact_there_is_no_such_page(contact: str | None) -> None:
    assert (await _asked(contact)).status_code == 404
