"""An intake at work on a real database, without a broker, and what a test needs to look behind it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from common.contracts.base import Event
from common.db import Database
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from common.provision import DatabaseUrls
from common.sealing import encode as base64url
from common.sealing import generate_key_pair
from common.vouching import Signing, new_signing_key
from fastapi import FastAPI
from intake.actions import Intake, Municipalities
from intake.admission import Admission
from intake.attachments import Attachments
from intake.consumers import handlers
from intake.editing import Editing
from intake.main import build_app, build_attachments, file_limits_of, make_folders
from intake.offered import Offers
from intake.seed import load_seed
from intake.settings import IntakeSettings
from intake.signers import Signers
from intake.writer import Writer

from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.hearing import Hearing
from tests.support.identities import KEYS, anonymous, bearer
from tests.support.municipality import Town, make_town

NOTIFIER = generate_key_pair()
VOUCHER = Signing(new_signing_key())
NAME = "Willem Zwanenvliet"


@dataclass
class Desk(Hearing):
    """An intake at work, and what the test needs to look behind it."""

    client: httpx.AsyncClient
    database: Database
    town: Town
    dispatcher: Dispatcher
    settings: IntakeSettings
    writer: Writer
    attachments: Attachments
    municipalities: Municipalities
    offers: Offers
    signers: Signers
    editor: Editing
    app: FastAPI
    owner_url: str  # of its database, for what only an attacker does

    async def send(self, body: Any, *, key: str | None = None, **headers: str) -> httpx.Response:
        """Send a report, with a fresh key unless one is given."""
        sent = {
            "Idempotency-Key": key or secrets.token_urlsafe(24),
            **bearer("intake", anonymous()),
            **headers,
        }
        return await self.client.post("/api/v1/reports", json=body, headers=sent)

    async def send_file(
        self, content: bytes | AsyncIterator[bytes], media_type: str = "image/jpeg", **headers: str
    ) -> httpx.Response:
        """Send one file as it is."""
        sent = {
            "Content-Type": media_type,
            "Signal-Type": "hennepteelt",
            **bearer("intake", anonymous()),
            **headers,
        }
        return await self.client.post("/api/v1/attachments", content=content, headers=sent)

    async def hear(self, *events: Event) -> None:
        """Let intake hear events, and see what they changed."""
        await super().hear(*events)
        async with self.database.flowing() as connection:
            self.municipalities.replace(await self.offers.read(connection))


@asynccontextmanager
async def working(writer: Writer) -> AsyncIterator[None]:
    """The writer at work."""
    stopping = asyncio.Event()
    task = asyncio.create_task(writer.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


def settings_for(urls: DatabaseUrls, folder: Path, **changes: Any) -> IntakeSettings:
    """Settings of an intake under test."""
    values: dict[str, Any] = {
        "database_web_url": urls.web,
        "database_flow_url": urls.flow,
        "broker_url": "amqp://127.0.0.1:1/",
        "identity_keys": KEYS,
        "notifier_public_key": base64url(NOTIFIER.public),
        "voucher_private_key": VOUCHER.private_key,
        "files_folder": folder,
        **changes,
    }
    return IntakeSettings(**values)


@asynccontextmanager
async def intake_desk(backing: Backing, folder: Path, **changes: Any) -> AsyncIterator[Desk]:
    """An intake that knows Zandrecht and the towns of `make_town`, with its files below `folder`."""
    urls = await service_database(backing, "intake")
    settings = settings_for(urls, folder, **changes)
    make_folders(settings)
    async with opened(urls) as database:
        writer = Writer(database, queue_size=64, batch=16, count=2)
        municipalities, seed = Municipalities(), load_seed()
        signers = Signers(settings.own_key, settings.signers)
        offers = Offers(seed, signers)
        attachments = build_attachments(settings, database)
        dispatcher = Dispatcher(handlers(seed, attachments, signers))
        town, other = make_town(), make_town("polderdam")
        async with database.flowing() as connection:
            await dispatcher.apply(connection, [encode(town.state), encode(other.state)])
            municipalities.replace(await offers.read(connection))
        intake = Intake(
            writer,
            municipalities,
            NOTIFIER.public,
            settings.own_key,
            attachments,
            file_limits=file_limits_of(settings),
        )

        async def refresh() -> None:
            async with database.flowing() as connection:
                municipalities.replace(await offers.read(connection))

        editor = Editing(database, municipalities, seed, refresh=refresh)
        app = build_app(settings, intake, editor, Admission(database, municipalities))
        transport = httpx.ASGITransport(app)
        async with (
            working(writer),
            httpx.AsyncClient(transport=transport, base_url="http://t") as client,
        ):
            yield Desk(
                client,
                database,
                town,
                dispatcher,
                settings,
                writer,
                attachments,
                municipalities,
                offers,
                signers,
                editor,
                app,
                urls.owner,
            )


def report(**changes: Any) -> dict[str, Any]:
    """A valid report that names somebody."""
    body = {
        "signalType": "hennepteelt",
        "description": f"Het ruikt naar wiet bij {NAME}, bel 06-12345678.",
        "answers": {"waargenomen": "zelf-waargenomen", "geur": "vaak", "aanvoer": f"lampen van {NAME}"},
        "neighbourhood": "Havenkwartier",
        "contact": {"mail": "melder@voorbeeld.example"},
    }
    return {**body, **changes}
