"""A thief of every database, folder, mail and partner's queue: when, and in which order, did people report?

What may not come of it: a moment finer than a quarter of an hour, an order within it, or a mail that belongs
to a report. The order in which rows lie in the files, and so come in a dump, is not tried: it tells. What
else does stands in `ADMITTED` of tests/support/clocks.py, and in docs/threat-model.md.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from casework import consumers as casework
from common.coarse import QUARTER, coarse
from common.db import Database
from common.flow import BY_TYPE, HEARD_BY, PARTNERS
from common.messaging.envelope import Envelope, encode
from common.messaging.handling import Dispatcher, Unprocessable
from common.messaging.waiting import WaitingRoom
from common.provision import DatabaseUrls
from common.sealing import encode as base64url
from notifier.consumers import handlers as notifier_handlers
from notifier.delivery.post import Post
from notifier.main import draw_of
from notifier.settings import NotifierSettings
from reporting import consumers as reporting
from sqlalchemy import text

from tests.support import intake as intake_support
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.casework import Desk as CaseworkDesk
from tests.support.casework import casework_desk, forms, handler
from tests.support.clocks import ALLOWED
from tests.support.databases import opened, service_database
from tests.support.hearing import as_sent
from tests.support.intake import intake_desk, report
from tests.support.intake_files import named, taken
from tests.support.mail import Catcher, catching
from tests.support.municipality import make_town
from tests.support.notifier import Reporter

_COUNT = 24 if IS_LONG else 6
_MOMENT = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?")
_UUID = re.compile(rb"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Loot:
    """What the thief has, and what they know of each report beforehand: when somebody sat at a screen."""

    intake: intake_support.Desk
    casework: CaseworkDesk
    databases: Mapping[str, Database]
    dispatchers: Mapping[str, Dispatcher]
    post: Post
    mail: Catcher
    urls: Mapping[str, str]
    partners: list[Envelope] = field(default_factory=list)
    seen: list[Envelope] = field(default_factory=list)  # everything that went over the broker

    async def settle(self) -> None:
        """Let every fact reach its hearers, as relay and consumers do, until nothing is left to say."""
        while moved := [each async for each in self._taken()]:
            for envelope in moved:
                self.seen.append(envelope)
                for hearer in HEARD_BY[BY_TYPE[envelope.type]]:
                    if hearer == PARTNERS:
                        self.partners.append(envelope)
                    elif hearer in self.dispatchers:
                        async with self.databases[hearer].flowing() as connection:
                            await self.dispatchers[hearer].apply(connection, [envelope])

    async def _taken(self) -> AsyncIterator[Envelope]:
        for database in self.databases.values():
            async with database.flowing() as connection:
                rows = await connection.execute(text("DELETE FROM outbox RETURNING body"))
                for row in rows.all():
                    yield as_sent(bytes(row.body))

    async def rows(self) -> Sequence[tuple[str, str, Mapping[str, Any]]]:
        """Every row of every table, as whoever took the disk or a dump reads it."""
        found = []
        for service, url in self.urls.items():
            connection = await asyncpg.connect(url)
            try:
                names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
                for (name,) in names:
                    rows = await connection.fetch(f'SELECT * FROM "{name}"')  # noqa: S608 -- from the catalogue
                    found += [(service, name, dict(row)) for row in rows]
            finally:
                await connection.close()
        return found

    @property
    def reports(self) -> Sequence[UUID]:
        """The reports in the order in which they came; what the thief wants to know."""
        received = [each for each in self.seen if each.type.endswith(".report-received.v1")]
        return [UUID(each.subject) for each in received]


@pytest.fixture
async def loot(backing: Backing, tmp_path: Path) -> AsyncIterator[Loot]:
    """Reports with a mail address and a file each, seconds apart; each was taken, and all mails have left."""
    urls = {name: await service_database(backing, name) for name in ("casework", "notifier", "reporting")}
    async with AsyncExitStack() as stack:
        intake = await stack.enter_async_context(intake_desk(backing, tmp_path))
        work = await stack.enter_async_context(casework_desk(urls["casework"], configured=False))
        databases = {
            name: await stack.enter_async_context(opened(urls[name])) for name in ("notifier", "reporting")
        }
        mail = stack.enter_context(catching())
        settings = NotifierSettings(
            database_web_url=urls["notifier"].web,
            database_flow_url=urls["notifier"].flow,
            broker_url="amqp://127.0.0.1:1/",
            notifier_private_key=base64url(intake_support.NOTIFIER.private),
            smtp_port=mail.port,
            smtp_security="none",
        )
        made = Loot(
            intake,
            work,
            {"intake": intake.database, "casework": work.database, **databases},
            {
                "casework": Dispatcher(casework.HANDLERS),
                "notifier": Dispatcher(notifier_handlers(draw_of(settings))),
                "reporting": Dispatcher(reporting.HANDLERS),
            },
            Post(databases["notifier"], settings),
            mail,
            {name: _as_administrator(backing, each) for name, each in _addresses(intake, urls).items()},
        )
        await _report_and_handle(made)
        yield made


def _addresses(intake: intake_support.Desk, urls: Mapping[str, DatabaseUrls]) -> dict[str, str]:
    own = intake.settings.database_flow_url.get_secret_value()
    return {"intake": own, **{name: each.flow for name, each in urls.items()}}


def _as_administrator(backing: Backing, url: str) -> str:
    return f"{backing.admin_url.rpartition('/')[0]}/{url.rpartition('/')[2]}"


async def _report_and_handle(loot: Loot) -> None:
    town = make_town().state
    for name in ("casework", "notifier", "reporting"):
        async with loot.databases[name].flowing() as connection:
            known = [each for each in (town, forms()) if name in HEARD_BY[type(each)]]
            await loot.dispatchers[name].apply(connection, [encode(each) for each in known])
    await loot.settle()
    loot.seen.clear()
    for number in range(_COUNT):
        file = await taken(loot.intake)
        body = report(attachments=named(file), contact={"mail": f"melder{number}@voorbeeld.example"})
        answer = await loot.intake.send(body)
        assert answer.status_code == 201, answer.text
        await loot.settle()
    who = handler()
    listed = (await loot.casework.get("/reports?limit=100", who)).json()["reports"]
    assert len(listed) == _COUNT
    for each in listed:
        taking = await loot.casework.post(f"/reports/{each['id']}/takings", who, {"version": each["version"]})
        assert taking.status_code == 201, taking.text
    await loot.settle()


async def _mailed(loot: Loot) -> None:
    async with loot.databases["notifier"].flowing() as connection:
        await connection.execute(text("UPDATE delivery SET due_at = coarse_now()"))
    while await loot.post.deliver_due():
        continue
    await loot.settle()


async def test_nobody_learns_when_or_in_which_order_people_reported(loot: Loot, attempts: Attempts) -> None:
    await _try_rounds(loot, attempts)
    await _mailed(loot)
    rows = await loot.rows()
    _try_moments(loot, rows, attempts)
    _try_ids(loot, rows, attempts)
    _try_numbers(loot, rows, attempts)
    _try_mails(loot, rows, attempts)
    _try_offers(loot, attempts)


Rows = Sequence[tuple[str, str, Mapping[str, Any]]]


async def _try_rounds(loot: Loot, attempts: Attempts) -> None:
    """Mails leave in the next quarter of an hour, all of a quarter together."""
    async with loot.databases["notifier"].flowing() as connection:
        waiting = (await connection.execute(text("SELECT created_at, due_at FROM delivery"))).all()
    assert len(waiting) > _COUNT
    assert len({row.due_at for row in waiting}) <= len({row.created_at for row in waiting})
    for row in waiting:
        into_next = row.due_at - row.created_at - QUARTER
        attempts.record(
            "the moment at which a mail leaves", succeeded=not timedelta(minutes=1) <= into_next < QUARTER
        )
    attempts.record("a mail before its round", succeeded=bool(await loot.post.deliver_due()))


def _try_moments(loot: Loot, rows: Rows, attempts: Attempts) -> None:
    for service, table, row in rows:
        for column, value in row.items():
            if f"{table}.{column}" not in ALLOWED[service]:  # those have their reasons, or a try of their own
                for moment in _moments(value):
                    attempts.record(f"a moment in {service}.{table}.{column}", succeeded=_is_fine(moment))
    for envelope in loot.seen:
        for moment in _moments(envelope.body):
            attempts.record(f"a moment in an event of {envelope.type}", succeeded=_is_fine(moment))
    for path in loot.intake.settings.files_folder.rglob("*"):
        moment = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        attempts.record(f"the time of a {'folder' if path.is_dir() else 'file'}", succeeded=_is_fine(moment))


def _try_ids(loot: Loot, rows: Rows, attempts: Attempts) -> None:
    """Ids of the versions 1, 6 and 7 hold the moment at which they were made."""
    for found in {each for _, _, row in rows for value in row.values() for each in _ids(value)}:
        attempts.record("an id that is not made by chance", succeeded=UUID(found).version != 4)
    for envelope in loot.seen:
        attempts.record("the id of an event", succeeded=envelope.event_id.version != 4)


def _try_numbers(loot: Loot, rows: Rows, attempts: Attempts) -> None:
    """A number beside reports that grows with them, whatever it is called."""
    numbered: dict[str, dict[UUID, set[int]]] = {}
    for service, table, row in rows:
        whose = row["id"] if table == "report" else row.get("report_id")
        for column, value in row.items():
            if isinstance(whose, UUID) and whose in loot.reports and type(value) is int:
                numbered.setdefault(f"{service}.{table}.{column}", {}).setdefault(whose, set()).add(value)
    for name, values in numbered.items():
        firsts = [min(values[each]) for each in loot.reports if each in values]
        grows = len(set(firsts)) == _COUNT and firsts in (sorted(firsts), sorted(firsts, reverse=True))
        attempts.record(f"the order of {name}", succeeded=grows)


def _try_mails(loot: Loot, rows: Rows, attempts: Attempts) -> None:
    """A mail server's log has Message-IDs; found again here, they would say whose report it was about."""
    kept = b"\n".join(_bytes(value) for _, _, row in rows for value in row.values())
    kept += b"\n".join(envelope.body for envelope in loot.seen)
    assert len(loot.mail.messages) >= _COUNT
    for message in loot.mail.messages:
        own = str(message["Message-ID"]).strip("<>").partition("@")[0]
        attempts.record("a Message-ID in a database or an event", succeeded=own.encode() in kept)
        attempts.record("a Message-ID that is not made by chance", succeeded=UUID(own).version != 4)


def _try_offers(loot: Loot, attempts: Attempts) -> None:
    assert len(loot.partners) == _COUNT
    for envelope in loot.partners:
        for moment in _moments(envelope.body):
            attempts.record("a moment in an offer", succeeded=_is_fine(moment))


async def test_what_follows_at_once_shows_no_border_between_quarters(
    backing: Backing, attempts: Attempts
) -> None:
    """A report before a quarter, and all that follows just after it: two times would tell of the border."""
    urls = {name: await service_database(backing, name) for name in ("casework", "notifier")}
    before = coarse(datetime.now(UTC)) - QUARTER
    async with casework_desk(urls["casework"]) as work, opened(urls["notifier"]) as notifier:
        told = len(await work.outbox())
        for _ in range(_COUNT):
            await work.hear(work.report(received_at=before, report_id=uuid4()))
        events = [as_sent(body) for _, body in (await work.outbox())[told:]]
        for envelope in events:
            told_moments = set(_moments(envelope.body)) - set(_due(envelope))
            attempts.record(f"the time of {envelope.type}", succeeded=told_moments != {before})
        heard = [each for each in events if "notifier" in HEARD_BY[BY_TYPE[each.type]]]
        async with notifier.flowing() as connection:
            notices = [each for each in heard if each.type.endswith("notice-due.v1")]
            await Dispatcher(notifier_handlers(lambda: 7)).apply(connection, notices)
            times = (await connection.execute(text("SELECT at FROM notice"))).scalars().all()
        async with work.database.flowing() as connection:
            lines = (await connection.execute(text("SELECT at FROM history"))).scalars().all()
            offers = (await connection.execute(text("SELECT offered_at FROM offer"))).scalars().all()
    for moment in (*times, *lines, *offers):
        attempts.record("the time of a notice, a line or an offer", succeeded=moment != before)


async def test_what_failed_and_is_kept_tells_no_more(backing: Backing, attempts: Attempts) -> None:
    """A parked message waits for a person, for days; its row stands beside the report that it is about."""
    urls = await service_database(backing, "notifier")
    async with opened(urls) as notifier:
        room = WaitingRoom(notifier, Dispatcher({}), retry_seconds=(5, 3600))
        event = Reporter().notice()
        async with notifier.flowing() as connection:
            await room.defer(connection, [encode(event)], error=Unprocessable("never"))
            await room.defer(connection, [encode(event)], error=RuntimeError("once more"))
            await room.put(connection, [encode(event)], error="redelivered")
            await connection.execute(text("UPDATE waiting SET attempt = 1 WHERE attempt = 0"))
        assert await room.try_one()  # nobody hears it here: it is tried again after an hour
        async with notifier.flowing() as connection:
            rows = (await connection.execute(text("SELECT * FROM waiting ORDER BY id"))).mappings().all()
        for row in rows:
            for column, value in row.items():
                is_soon = column == "due_at" and row["error"] == "RuntimeError"  # in some seconds; in flight
                for moment in () if is_soon else _moments(value):
                    attempts.record(f"a moment in waiting.{column}", succeeded=_is_fine(moment))
        numbers = [row["id"] for row in rows]
        attempts.record("a number of a message that grows", succeeded=max(numbers) < 2**20)


def _due(envelope: Envelope) -> Iterator[datetime]:
    """By when something is due is counted from the same quarter; it is no time of what happened."""
    due = json.loads(envelope.body)["data"].get("dueAt")
    if due is not None and not envelope.type.endswith("notice-due.v1"):
        yield datetime.fromisoformat(due)


def _moments(value: object) -> Iterator[datetime]:
    """Every moment in a value, also within text, bytes and JSON."""
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, date | UUID | int | float | bool) or value is None:
        return
    else:
        for found in _MOMENT.findall(_bytes(value)):
            moment = datetime.fromisoformat(found.decode())
            yield moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ids(value: object) -> set[str]:
    return {found.decode().lower() for found in _UUID.findall(_bytes(value))}


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return (json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)).encode()


def _is_fine(moment: datetime) -> bool:
    return moment.astimezone(UTC) != coarse(moment) or moment > datetime.now(UTC) + timedelta(days=400)
