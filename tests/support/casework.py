"""Casework at work on a real database, fed with events and asked over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from casework.consumers import HANDLERS
from casework.main import build_app
from casework.settings import CaseworkSettings
from common.auth import Identity
from common.contracts.codes import Channel, KeyGroup, Role, Urgency
from common.contracts.intake import FormsConfigured, ReportReceived, SignalTypeState, Voucher
from common.db import Database
from common.messaging.handling import Dispatcher
from common.provision import DatabaseUrls
from common.sealing import Recipient, SealedContent, generate_key_pair, seal_content
from common.sealing import encode as base64url
from sqlalchemy import text

from tests.support.databases import opened
from tests.support.hearing import Hearing
from tests.support.identities import KEYS, bearer
from tests.support.municipality import Town, make_town

REPORTER = generate_key_pair()
PROSE = b"Het ruikt naar wiet bij de haven."


@dataclass
class Desk(Hearing):
    """A casework and everything a test needs around it."""

    client: httpx.AsyncClient
    database: Database
    town: Town
    dispatcher: Dispatcher = field(default_factory=lambda: Dispatcher(HANDLERS))

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        async with self.database.flowing() as connection:
            rows = await connection.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            return int(rows.scalar_one())

    async def get(self, path: str, who: Identity) -> httpx.Response:
        """GET under /api/v1 as this person."""
        return await self.client.get(f"/api/v1{path}", headers=bearer("casework", who))

    async def post(self, path: str, who: Identity, body: Any) -> httpx.Response:
        """POST under /api/v1 as this person."""
        return await self.client.post(f"/api/v1{path}", json=body, headers=bearer("casework", who))

    async def put(self, path: str, who: Identity, body: Any) -> httpx.Response:
        """PUT under /api/v1 as this person."""
        return await self.client.put(f"/api/v1{path}", json=body, headers=bearer("casework", who))

    async def taken(self, who: Identity, **changes: Any) -> ReportReceived:
        """A fresh report that this person took; it has version 2."""
        report = self.report(**changes)
        await self.hear(report)
        answer = await self.post(f"/reports/{report.report_id}/takings", who, {"version": 1})
        assert answer.status_code == 201, answer.text
        return report

    def sealed(self, compartment: str, subject: object, content: bytes = PROSE) -> SealedContent:
        """Content sealed to the general key, as a browser would."""
        return self._seal(self.town.state.municipality, KeyGroup.GENERAL, compartment, subject, content)

    def report(self, **changes: Any) -> ReportReceived:
        """An invented report of this municipality."""
        report_id: UUID = changes.pop("report_id", None) or uuid4()
        municipality = changes.get("municipality", self.town.state.municipality)
        group = KeyGroup.RESTRICTED if changes.get("is_restricted") else KeyGroup.GENERAL
        given: dict[str, Any] = {
            "municipality": municipality,
            "report_id": report_id,
            "signal_type": "hennepteelt",
            "forms_version": 1,
            "choice_answers": {"waargenomen": "zelf-waargenomen", "tekenen": ("geur", "licht")},
            "urgency": Urgency.NORMAL,
            "neighbourhood": "Havenkwartier",
            "received_at": datetime(2026, 11, 24, 9, 15, tzinfo=UTC),
            "channel": Channel.FORM,
            "reporter_kind": "inwoner",
            "is_traceable": False,
            "is_restricted": False,
            "anonymised_text": "Het ruikt naar wiet bij [PERSOON-1].",
            "sealed_content": self._seal(municipality, group, "content", report_id, PROSE),
            "sealed_identity": self._seal(municipality, KeyGroup.IDENTITY, "identity", report_id, b"{}"),
            "reporter_public_key": base64url(REPORTER.public),
            "voucher": Voucher(key_id="v1", verify_key="-", content_digest="-", signature="-"),
            "reporter_handle": uuid4(),
        }
        return ReportReceived(**{**given, **changes})

    def _seal(
        self, municipality: str, group: KeyGroup, compartment: str, subject: object, content: bytes
    ) -> SealedContent:
        recipient = Recipient(group.value, f"{group.value}-1", self.town.keys[group].public)
        return seal_content(
            content, [recipient], municipality=municipality, compartment=compartment, subject=str(subject)
        )


def forms(municipality: str = "zandrecht", *, version: int = 1) -> FormsConfigured:
    """Three signal types: two that the partner subscribes to, of which one is restricted."""
    return FormsConfigured(
        municipality=municipality,
        version=version,
        signal_types=(
            _kind("hennepteelt", "Hennepkwekerij", "vth", partners=("politie",)),
            _kind(
                "intimidatie-bestuur", "Intimidatie", "integriteit", partners=("politie",), restricted=True
            ),
            _kind("zorgfraude", "Zorgfraude", "bestaat-hier-niet"),
        ),
    )


def _kind(
    code: str, name: str, department: str, *, partners: tuple[str, ...] = (), restricted: bool = False
) -> SignalTypeState:
    return SignalTypeState(
        code=code,
        name=name,
        is_active=True,
        is_restricted=restricted,
        department=department,
        partners=partners,
    )


def handler(
    *departments: str,
    roles: tuple[Role, ...] = (Role.HANDLER,),
    groups: tuple[KeyGroup, ...] = (KeyGroup.GENERAL,),
    municipality: str = "zandrecht",
) -> Identity:
    """Somebody who works on reports."""
    return Identity(
        municipality,
        person=uuid4(),
        roles=frozenset(roles),
        departments=frozenset(departments or ("vth",)),
        key_groups=frozenset(group.value for group in groups),
    )


def manager(*groups: KeyGroup) -> Identity:
    """A process manager."""
    return handler("oov", roles=(Role.PROCESS_MANAGER,), groups=groups or (KeyGroup.GENERAL,))


@asynccontextmanager
async def casework_desk(urls: DatabaseUrls, *, configured: bool = True) -> AsyncIterator[Desk]:
    """Casework on this database; configured or not."""
    settings = CaseworkSettings(
        database_web_url=urls.web,
        database_flow_url=urls.flow,
        broker_url="amqp://127.0.0.1:1/",
        identity_keys=KEYS,
    )
    async with opened(urls) as database:
        transport = httpx.ASGITransport(build_app(settings, database))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            desk = Desk(client, database, make_town())
            if configured:
                await desk.hear(desk.town.state, forms())
            yield desk
