"""A speaker and a hearer that do nothing but count: the messaging under test without any service's policy.

As a process: ``python -m tests.support.ledger speaker|hearer``, with a service's settings in the environment.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from alembic.migration import MigrationContext
from alembic.operations import Operations
from common.coarsening import coarsen_messaging
from common.contracts.codes import Channel, Urgency
from common.contracts.intake import ReportCounted
from common.db import Database, make_engine
from common.house import build_house
from common.log import configure_logging
from common.messaging import Delivery, Unprocessable, publish
from common.migration import allow_flow, create_messaging_tables, keep_speakers_apart, let_outbox_wait
from common.provision import DatabaseUrls, provide_database
from common.runtime import run, serve
from common.settings import ServiceSettings
from common.tls import Tls
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.applications import Starlette

from tests.support.backing import Backing
from tests.support.databases import PASSWORDS

SPEAKER, HEARER = "intake", "reporting"
KILLS, FAILS, NEVER, FLAKY = "kills", "fails", "never", "flaky"


@dataclass
class Flakiness:
    """Fails the first time it meets an event, then lets it through."""

    seen: set[UUID]

    async def record(self, connection: AsyncConnection, deliveries: Sequence[Delivery[Any]]) -> None:
        """Write one row for each event; what the signal type asks for happens instead."""
        for delivery in deliveries:
            kind = delivery.event.signal_type
            if kind == KILLS:
                os._exit(9)
            if kind == FAILS:
                raise RuntimeError("fails every time")
            if kind == NEVER:
                raise Unprocessable("never")
            if kind == FLAKY and delivery.event_id not in self.seen:
                self.seen.add(delivery.event_id)
                raise RuntimeError("fails once")
            await connection.execute(
                text("INSERT INTO effect (report_id) VALUES (:report_id)"),
                {"report_id": delivery.event.report_id},
            )


def fact(kind: str = "hennepteelt", report_id: UUID | None = None) -> ReportCounted:
    """A fact that intake may speak and reporting hears."""
    return ReportCounted(
        municipality="zandrecht",
        report_id=report_id or uuid4(),
        signal_type=kind,
        is_restricted=False,
        urgency=Urgency.NORMAL,
        channel=Channel.FORM,
        reporter_kind="inwoner",
        received_on=date(2026, 11, 23),
    )


async def speak(database: Database, *facts: ReportCounted) -> None:
    """Commit facts to the speaker's outbox."""
    async with database.flowing() as connection:
        await publish(connection, *facts)


async def effects(database: Database) -> list[UUID]:
    """The report ids that took effect, repeats included."""
    async with database.flowing() as connection:
        return list((await connection.execute(text("SELECT report_id FROM effect"))).scalars())


async def make_database(backing: Backing, service: str) -> DatabaseUrls:
    """A database with the messaging tables and a table of effects without any constraint."""
    return await make_database_at(backing.admin_url, service, Tls())


async def make_database_at(admin_url: str, service: str, tls: Tls) -> DatabaseUrls:
    """As above, on a server that is known by its administrator's address only."""
    name = f"ledger_{uuid4().hex[:12]}"
    urls = await provide_database(admin_url, service, PASSWORDS, database=name, tls=tls)
    engine = make_engine(urls.owner, tls)
    async with engine.begin() as connection:
        await connection.run_sync(_create_tables, service)
    await engine.dispose()
    return urls


def _create_tables(connection: Connection, service: str) -> None:
    op = Operations(MigrationContext.configure(connection))
    create_messaging_tables(op, service)
    let_outbox_wait(op)
    keep_speakers_apart(op)
    coarsen_messaging(op)
    op.execute("CREATE TABLE effect (report_id uuid NOT NULL)")
    allow_flow(op, service, ("effect",))


async def _serve(role: str) -> None:
    settings = ServiceSettings.from_environment()
    service = SPEAKER if role == "speaker" else HEARER
    handlers = {} if role == "speaker" else {ReportCounted: Flakiness(set()).record}
    house = build_house(service, settings, handlers)
    await serve(Starlette(), settings, house.parts, on_stop=house.close)


if __name__ == "__main__":
    configure_logging("ledger")
    run(lambda: _serve(sys.argv[1]))
