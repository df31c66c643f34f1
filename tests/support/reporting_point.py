"""The public reporting point at work: a gateway with a real intake behind it, on real databases."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
from common.connections import Guard
from common.contracts.codes import FormLayout
from common.contracts.gateway import Neighbourhood
from common.db import Database
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from common.runtime import server_of
from common.sealing import encode as base64url
from common.sealing import generate_key_pair
from fastapi import FastAPI
from intake.actions import Intake, Municipalities
from intake.admission import Admission
from intake.consumers import handlers
from intake.domain import FormSet, Question, QuestionKind
from intake.editing import Editing
from intake.main import build_app, build_attachments, make_folders
from intake.offered import Offers
from intake.seed import load_seed
from intake.settings import IntakeSettings
from intake.signers import Signers
from intake.writer import Writer
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.gateway import PUBLIC_KEY, VOUCHER, Clock, Running, Upstream, running_gateway
from tests.support.municipality import make_town
from tests.support.polling import wait_until

TOWN = "veldstad"
PAGED_TOWN = "duinrade"  # asks one question a page, and has a list of neighbourhoods
_PAGED: dict[str, Any] = {
    "form_layout": FormLayout.ONE_PER_PAGE,
    "neighbourhoods": (Neighbourhood(code="haven", name="Havenkwartier"),),
}
#: A question that the seed data does not have: asked only after a certain answer.
CONDITIONAL = Question(
    code="geur_sinds",
    label="Sinds wanneer ruikt u het?",
    kind=QuestionKind.CHOICE,
    options=("deze-week", "langer"),
    is_required=True,
    show_when={"geur": "vaak"},
)


class Desk:
    """An intake that can be shut and opened, always at the same address."""

    def __init__(self, app: FastAPI, database: Database, clock: Clock) -> None:
        self._app, self.database, self.clock = app, database, clock
        self._port = 0
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it answers when it is open."""
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Answer requests."""
        server = self._server = server_of(self._app, "127.0.0.1", self._port, Guard())
        self._serving = asyncio.create_task(server._serve())

        async def is_started() -> bool:
            return server.started

        await wait_until(is_started, pause_seconds=0.01)
        self._port = server.servers[0].sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Answer nobody."""
        if self._server and self._serving:
            self._server.should_exit = True
            await self._serving
            self._server = self._serving = None

    async def count(self) -> int:
        """How many reports it keeps."""
        async with self.database.flowing() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM submission"))).scalar_one())


@dataclass
class Point:
    """The reporting point and what stands behind it."""

    gateway: Running
    intake: Desk

    @property
    def url(self) -> str:
        """Where a browser goes."""
        return self.gateway.url


@asynccontextmanager
async def reporting_point(backing: Backing, **settings: Any) -> AsyncIterator[Point]:
    """A gateway, with these settings, and an intake that answer on ports of their own."""
    urls = await service_database(backing, "gateway")
    async with (
        temporary_folder() as files_folder,
        running_intake(backing, files_folder) as intake,
        running_gateway(urls, Upstream("http://127.0.0.1:1"), intake_url=intake.url, **settings) as gateway,
    ):
        yield Point(gateway, intake)


@asynccontextmanager
async def temporary_folder() -> AsyncIterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="vermoeden-files-") as folder:
        yield Path(folder)


@asynccontextmanager
async def running_intake(backing: Backing, files_folder: Path) -> AsyncIterator[Desk]:
    """The real intake with the real questions and one more, knowing Veldstad."""
    urls = await service_database(backing, "intake")
    notifier = generate_key_pair()
    settings = IntakeSettings(
        database_web_url=urls.web,
        database_flow_url=urls.flow,
        broker_url="amqp://127.0.0.1:1/",
        identity_keys={"k1": PUBLIC_KEY},
        notifier_public_key=base64url(notifier.public),
        voucher_private_key=VOUCHER.private_key,
        files_folder=files_folder,
    )
    make_folders(settings)
    async with opened(urls) as database:
        forms = _forms()
        municipalities = Municipalities()
        attachments = build_attachments(settings, database)
        async with database.flowing() as connection:
            towns = make_town(TOWN), make_town(PAGED_TOWN, **_PAGED)
            events = [encode(town.state) for town in towns]
            signers = Signers(settings.own_key)
            await Dispatcher(handlers(forms, attachments, signers)).apply(connection, events)
            offers = Offers(forms, signers)
            municipalities.replace(await offers.read(connection))

        async def refresh() -> None:
            async with database.flowing() as again:
                municipalities.replace(await offers.read(again))

        writer = Writer(database, queue_size=64, batch=16, count=2)
        clock = Clock()
        intake = Intake(writer, municipalities, notifier.public, settings.own_key, attachments, clock=clock)
        editor = Editing(database, municipalities, forms, refresh=refresh)
        desk = Desk(build_app(settings, intake, editor, Admission(database, municipalities)), database, clock)
        stopping = asyncio.Event()
        writing = asyncio.create_task(writer.run(stopping))
        await desk.open()
        try:
            yield desk
        finally:
            await desk.shut()
            stopping.set()
            await writing


def _forms() -> FormSet:
    seed = load_seed()
    hemp = seed.signal_types["hennepteelt"]
    asked = replace(hemp, questions=(*hemp.questions, CONDITIONAL))
    return replace(seed, signal_types={**seed.signal_types, hemp.code: asked})
