"""The command for failed messages: what it lists, and what it leaves out."""

import asyncio

import pytest
from common import commands
from common.contracts.intake import ReportCounted
from common.provision import DatabaseUrls
from common.settings import ServiceSettings
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import opened, service_database

_PARKED = text(
    """
    INSERT INTO waiting (event_id, spoken_by, type, municipality, subject, body, due_at, parked_at)
    VALUES (gen_random_uuid(), :sender, :what, :town, 's', '', coarse_now(), coarse_now())
    """
)


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
    await _waiting(urls, monkeypatch, "list")
    printed = capsys.readouterr().out
    assert said in printed
    assert printed.count("zandrecht") == 200


async def test_what_others_wrote_adds_no_line_and_passes_for_nobodys_word(
    backing: Backing, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = await service_database(backing, "reporting")
    forged = "x\n7\tnl.vermoeden.intake.report-counted.v1\tfrom intake\x1b[2J\u202e"
    kind = ReportCounted.event_type()
    async with opened(urls) as database, database.flowing() as connection:
        for sender, what, town in (
            ("", forged, forged),
            ("", kind, "a"),
            ("casework", kind, "b"),
            ("intake", kind, "c"),
        ):
            await connection.execute(_PARKED, {"sender": sender, "what": what, "town": town})
    await _waiting(urls, monkeypatch, "list")
    printed = capsys.readouterr().out
    assert printed.replace("\t", "").replace("\n", "").isprintable()
    lines = [line.split("\t") for line in printed.splitlines()]
    assert [len(line) for line in lines] == [7, 7, 7, 7, 1]
    assert sorted(line[2] for line in lines[:4]) == [
        "from casework, NOT VOUCHED FOR",
        "from intake",
        "from nobody, NOT VOUCHED FOR",
        "from nobody, NOT VOUCHED FOR",
    ]
    await _waiting(urls, monkeypatch, "replay")
    printed = capsys.readouterr().out
    assert printed.startswith("replay: 1 parked message(s).\n3 stay parked: nobody vouches for them.")


async def _waiting(urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    settings = ServiceSettings(
        database_web_url=urls.web, database_flow_url=urls.flow, broker_url="amqp://127.0.0.1:1/"
    )
    monkeypatch.setattr(ServiceSettings, "from_environment", lambda: settings)
    await asyncio.to_thread(commands.main, "reporting", ServiceSettings, _never, ["waiting", action])


async def _never(_settings: ServiceSettings) -> None:
    raise AssertionError("not asked to serve")
