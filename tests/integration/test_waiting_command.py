"""The command that lists failed messages says when it shows only the first of them."""

import asyncio

import pytest
from common import commands
from common.settings import ServiceSettings
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import opened, service_database


@pytest.mark.parametrize(("count", "said"), [(200, "200 message(s).\n"), (201, "there are more")])
async def test_a_listing_says_when_there_are_more(
    backing: Backing,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    said: str,
) -> None:
    urls = await service_database(backing, "reporting")
    async with opened(urls) as database, database.flowing() as connection:
        await connection.execute(
            text(
                """INSERT INTO waiting (event_id, type, municipality, subject, body, due_at)
                   SELECT gen_random_uuid(), 'x', 'zandrecht', 's', '', now()
                   FROM generate_series(1, :count)"""
            ),
            {"count": count},
        )
    settings = ServiceSettings(
        database_web_url=urls.web, database_flow_url=urls.flow, broker_url="amqp://127.0.0.1:1/"
    )
    monkeypatch.setattr(ServiceSettings, "from_environment", lambda: settings)
    await asyncio.to_thread(commands.main, "reporting", ServiceSettings, _never, ["waiting", "list"])
    printed = capsys.readouterr().out
    assert said in printed
    assert printed.count("zandrecht") == 200


async def _never(_settings: ServiceSettings) -> None:
    raise AssertionError("not asked to serve")
