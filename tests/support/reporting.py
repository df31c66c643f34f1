"""Reporting at work on a real database, fed with events and asked over HTTP."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import uvicorn
from common.auth import Identity, IdentitySigner, IdentityVerifier, generate_identity_key
from common.contracts.base import Event
from common.contracts.casework import (
    ReportClosed,
    ReportErased,
    ReportReopened,
    ReportRouted,
    ReportStatusChanged,
    ReportTaken,
)
from common.contracts.codes import Channel, Result, Role, Status, Urgency
from common.contracts.gateway import Department, MunicipalityConfigured, Neighbourhood
from common.contracts.intake import FormsConfigured, ReportCounted, SignalTypeState
from common.db import Database
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from local.servers import free_port
from reporting import store
from reporting.api import EXPORT_PATH, create_reporting_app
from reporting.consumers import HANDLERS
from reporting.copying import Exports
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.polling import wait_until

MANAGER = Identity("testdam", person=uuid4(), roles=frozenset({Role.PROCESS_MANAGER}))
HANDLER = replace(MANAGER, roles=frozenset({Role.HANDLER}))
KEY = Identity("testdam", key_name="bi-koppeling", roles=frozenset({Role.EXPORT}))


@dataclass
class Desk:
    """A served reporting with its own database."""

    database: Database
    exports: Exports
    url: str
    http: aiohttp.ClientSession
    signer: IdentitySigner
    web_url: str

    async def hear(self, events: Iterable[Event], batch: int = 100) -> None:
        """Apply events as the consumer does: inbox, tombstones, handlers, one commit a batch."""
        envelopes = [encode(event) for event in events]
        for start in range(0, len(envelopes), batch):
            async with self.database.flowing() as connection:
                await Dispatcher(HANDLERS).apply(connection, envelopes[start : start + batch])

    def get(self, path: str, caller: Identity | None = MANAGER, **headers: str) -> Any:
        """A request as the gateway passes it on."""
        token = {"Authorization": f"Bearer {self.signer.sign(caller, 'reporting')}"} if caller else {}
        return self.http.get(self.url + path, headers={**token, **headers})

    async def rows(self, query: str = "", caller: Identity = MANAGER) -> list[dict[str, str]]:
        """The exported rows under machine headers."""
        async with self.get(f"{EXPORT_PATH}?headers=en{query}", caller) as answer:
            body = await answer.text()
            assert answer.status == 200, body
        return list(csv.DictReader(io.StringIO(body, newline=""), strict=True))

    async def statistics(self, query: str = "?from=2026-01&to=2026-12", caller: Identity = MANAGER) -> Any:
        """The statistics."""
        async with self.get(f"/api/v1/statistics{query}", caller) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def law_holds(self) -> bool:
        """Whether the counts equal rows + erased."""
        async with self.database.flowing() as connection:
            return await store.differences(connection) == []

    async def one(self, statement: str) -> Any:
        """One value, read across municipalities."""
        async with self.database.flowing() as connection:
            return (await connection.execute(text(statement))).scalar_one()

    async def write(self, statement: str, value: str = "") -> None:
        """One statement across municipalities, with `value` where it says `:value`."""
        async with self.database.flowing() as connection:
            await connection.execute(text(statement), {"value": value} if ":value" in statement else {})

    async def mine(self, statement: str) -> Any:
        """One value, read as Testdam with the web role."""
        async with self.database.tenant("testdam") as connection:
            return (await connection.execute(text(statement))).scalar_one()


async def ready(server: uvicorn.Server) -> bool:
    return server.started


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    task = asyncio.create_task(server._serve())
    await wait_until(lambda: ready(server))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def reporting_desk(backing: Backing) -> AsyncIterator[Desk]:
    """Reporting with two forms, one of them restricted, and one municipality."""
    urls = await service_database(backing, "reporting")
    private, public = generate_identity_key()
    exports = Exports(urls.web, connections=8, seconds=60)
    async with opened(urls) as database:
        app = create_reporting_app(database, exports, IdentityVerifier("reporting", {"k1": public}))
        async with served(app) as url, aiohttp.ClientSession() as http:
            desk = Desk(database, exports, url, http, IdentitySigner("k1", private), urls.web)
            await desk.hear([forms(), municipality()])
            yield desk
        await exports.close()


def forms(version: int = 1, place: str = "testdam", drugs: str = "Drugs en dealen") -> FormsConfigured:
    types = (("drugs", drugs, False), ("wonen", "=Woonfraude", False), ("integriteit", "Integriteit", True))
    return FormsConfigured(
        municipality=place,
        version=version,
        signal_types=tuple(
            SignalTypeState(code=code, name=name, is_active=True, is_restricted=restricted, department="oov")
            for code, name, restricted in types
        ),
    )


def municipality(version: int = 1, name: str = "Openbare orde") -> MunicipalityConfigured:
    return MunicipalityConfigured(
        municipality="testdam",
        version=version,
        display_name="Testdam",
        text_in_clear=True,
        departments=(Department(code="oov", name=name), Department(code="wonen", name="Wonen")),
        catch_all_department="oov",
        partners=(),
        keys=(),
        neighbourhoods=(Neighbourhood(code="haven", name="=Havenkwartier"),),
    )


def counted(report_id: UUID, place: str = "testdam", **changes: Any) -> ReportCounted:
    fields = {
        "signal_type": "drugs",
        "is_restricted": False,
        "urgency": Urgency.NORMAL,
        "neighbourhood": "Centrum",
        "channel": Channel.FORM,
        "reporter_kind": "inwoner",
        "received_on": date(2026, 3, 30),
    }
    return ReportCounted(municipality=place, report_id=report_id, **{**fields, **changes})


def at(day: int, hour: int = 12) -> datetime:
    """A moment some days after 1 April 2026 (UTC)."""
    return datetime(2026, 4, 1, hour, tzinfo=UTC) + timedelta(days=day)


def life(
    report_id: UUID, place: str = "testdam", *, until: int = 9, shift: int = 0, **changes: Any
) -> list[Event]:
    """The first events of a report that is taken, closed, reopened, taken again and closed again."""
    about: dict[str, Any] = {"municipality": place, "report_id": report_id}
    rest = {"rule": "last", "rules_version": 1, "due_at": at(9), "routed_at": at(0)}
    events: list[Event] = [
        counted(report_id, place, **changes),
        ReportRouted(**about, version=1, department="oov", **rest),
        ReportTaken(**about, version=2, department="oov", taken_at=at(1 + shift)),
        ReportStatusChanged(**about, version=2, status=Status.ASSESSING, changed_at=at(1 + shift)),
        ReportClosed(**about, version=3, result=Result.RECORDED, closed_at=at(2 + shift)),
        ReportReopened(**about, version=4, reopened_at=at(40)),
        ReportTaken(**about, version=5, department="wonen", taken_at=at(41)),
        ReportStatusChanged(**about, version=5, status=Status.ASSESSING, changed_at=at(41)),
        ReportClosed(**about, version=6, result=Result.CARE, closed_at=at(42)),
    ]
    return events[:until]


def erased(report_id: UUID, place: str = "testdam") -> ReportErased:
    return ReportErased(
        municipality=place,
        report_id=report_id,
        reporter_handle=uuid4(),
        reason="retention",
        ground="bewaartermijn",
        erased_at=at(60),
    )
